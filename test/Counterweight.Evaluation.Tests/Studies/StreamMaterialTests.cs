using Counterweight.Engine.Calibration;
using Counterweight.Evaluation.Studies.Streaming;

namespace Counterweight.Evaluation.Tests.Studies;

public sealed class StreamMaterialTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(16)]
    [InlineData(100)]
    public void Units_hold_the_text_in_order_cut_at_the_ends_of_documents(int unitTokens)
    {
        var text = new TokenText("numbers", [[.. Enumerable.Range(0, 30)], [.. Enumerable.Range(30, 3)], [.. Enumerable.Range(33, 77)]]);
        var units = StreamMaterial.Cut(text, unitTokens).ToArray();
        Assert.Equal(110 / unitTokens, units.Length);
        Assert.All(units, unit => Assert.Equal(unitTokens, unit.Sum(piece => piece.Length)));
        Assert.Equal(Enumerable.Range(0, units.Length * unitTokens), units.SelectMany(unit => unit).SelectMany(piece => piece));
        Assert.All(units.SelectMany(unit => unit), piece => Assert.True(piece[0] is 0 or 30 or 33 || !piece.Skip(1).Any(token => token is 30 or 33)));
    }
}
