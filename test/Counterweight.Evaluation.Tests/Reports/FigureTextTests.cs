using System.Globalization;
using Counterweight.Evaluation.Reports;

namespace Counterweight.Evaluation.Tests.Reports;

public sealed class FigureTextTests
{
    [Theory]
    [InlineData(1.58, "1.58x lower")]
    [InlineData(0.5, "2.00x higher")]
    [InlineData(0.999, "no change")]
    [InlineData(double.NaN, "n/a")]
    public void Ratios_say_which_way_it_went(double ratio, string text) => Assert.Equal(text, FigureText.TimesLower(ratio));

    [Theory]
    [InlineData(999, "999 B")]
    [InlineData(14_155_776, "14.16 MB")]
    [InlineData(3.1e9, "3.10 GB")]
    public void Bytes_are_decimal(double bytes, string text) => Assert.Equal(text, FigureText.Bytes(bytes));

    [Theory]
    [InlineData(1.0021, "+0.21 %")]
    [InlineData(0.998, "-0.20 %")]
    [InlineData(1.00001, "0.00 %")]
    public void Relative_changes_carry_their_sign(double ratio, string text) => Assert.Equal(text, FigureText.RelativeChange(ratio));

    [Fact]
    public void The_machine_s_culture_changes_nothing()
    {
        var culture = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        (culture.NumberFormat.NumberDecimalSeparator, culture.NumberFormat.NumberGroupSeparator) = (",", ".");
        var previous = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = culture;
        try
        {
            Assert.Equal("12,345", FigureText.Count(12345));
            Assert.Equal("-0.20 ± 0.15 pp", FigureText.Points(PairedDifference.Normal(-0.002, 0.0015)));
        }
        finally
        {
            CultureInfo.CurrentCulture = previous;
        }
    }
}
