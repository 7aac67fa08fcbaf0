using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Tests.Tasks;

public sealed class PythonTextTests
{
    [Theory]
    [InlineData(" a b\u001c\u0085\u3000\n", " a b")]
    [InlineData("a\u200b ", "a\u200b")] // a zero-width space is no white space
    [InlineData(" \t", "")]
    [InlineData("", "")]
    public void White_space_is_cut_from_the_end(string text, string expected) => Assert.Equal(expected, PythonText.TrimEnd(text));

    [Fact]
    public void White_space_is_cut_from_both_ends() => Assert.Equal("a b", PythonText.Trim("\u001f\u00a0a b\u2028"));

    [Theory]
    [InlineData("", 0)]
    [InlineData("aé😀", 3)]
    [InlineData("👩‍👩‍👧", 5)]
    public void Length_counts_code_points(string text, int expected) => Assert.Equal(expected, PythonText.CodePoints(text));

    [Theory]
    [InlineData("one two", 2)]
    [InlineData(" one \n two ", 4)]
    [InlineData("", 1)]
    [InlineData("a\u001db", 2)]
    public void Words_are_the_parts_between_white_space(string text, int expected) => Assert.Equal(expected, PythonText.Words(text));
}
