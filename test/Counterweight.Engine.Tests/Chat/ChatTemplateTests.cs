using System.Text.Json.Nodes;
using Counterweight.Balancing;
using Counterweight.Engine.Chat;
using Counterweight.Tests;

namespace Counterweight.Engine.Tests.Chat;

public sealed class ChatTemplateTests
{
    private static readonly DateTimeOffset Now = new(2025, 3, 7, 9, 5, 2, TimeSpan.Zero);

    private static readonly JsonArray Cases = JsonNode.Parse(
        File.ReadAllText(Path.Combine(GoldenFiles.ProjectRoot, "test", "Counterweight.Engine.Tests", "Chat", "jinja-cases.json")))!.AsArray();

    public static TheoryData<int, string> CaseNames => new(Cases.Select((item, i) => (i, item!["template"]!.GetValue<string>())));

    /// <summary>The expected texts are those of Jinja2 3.1.6 with transformers' settings.</summary>
    [Theory]
    [MemberData(nameof(CaseNames))]
    public void Renders_what_Jinja2_renders(int index, string template) => Assert.Equal(
        Cases[index]!["expected"]!.GetValue<string>(),
        ChatTemplate.Parse(template, "t").Render(Cases[index]!["variables"]!.DeepClone().AsObject(), Now));

    [Theory]
    [InlineData("line\n  {{ 1 + }}", "t, line 2, column 10: found '}}', expected an expression")]
    [InlineData("{% if x %}\nend", "t, line 2, column 4: found the end of the template, expected {% elif %} or {% else %} or {% endif %}")]
    [InlineData("{{ 'a", "t, line 1, column 4: found a string without an end, expected '")]
    [InlineData("{% include 'file' %}", "line 1, column 4: found the tag include")]
    [InlineData("{% break %}", "found the tag break, expected it inside a loop")]
    [InlineData("{{ (1] }}", "line 1, column 6: found ']', expected ')'")]
    public void What_is_malformed_is_refused_with_its_place(string template, string message) =>
        Assert.Contains(message, Assert.Throws<InvalidInputException>(() => ChatTemplate.Parse(template, "t")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("\n {{ messages.x.y }}", "line 2, column 15: found 'x' of a list, which isn't there")]
    [InlineData("{{ raise_exception('roles must alternate') }}", "t, line 1, column 19: found roles must alternate, expected messages that the template takes")]
    [InlineData("{{ 1 // 0 }}", "line 1, column 6: found a division by zero")]
    [InlineData("{{ 9223372036854775807 + 1 }}", "beyond 64 bits")]
    [InlineData("{{ 'a' + 1 }}", "found a string + an integer, expected two numbers")]
    [InlineData("{{ messages.append(1) }}", "found 'append' of a list, which isn't there")]
    [InlineData("{{ ''.__class__.mro() }}", "found '__class__' of a string, which isn't there")]
    [InlineData("{{ 1 | nothing }}", "line 1, column 8: found the filter nothing, expected a known filter")]
    public void What_fails_in_rendering_is_refused_with_its_place(string template, string message) =>
        Assert.Contains(message, Refusal(template).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("{{ 'abcdefgh' * 1000000000 }}")]
    [InlineData("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}")]
    [InlineData("{% set ns = namespace(x='ab') %}{% for a in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}")]
    [InlineData("{% set ns = namespace(x=[1]) %}{% for a in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}")]
    [InlineData("{% set ns = namespace(x=[1]) %}{% for a in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x | tojson }}")]
    [InlineData("{{ 'a' | center(100000000000) }}")]
    [InlineData("{{ range(1000000) }}")]
    public void What_never_ends_or_grows_without_bounds_is_stopped(string template) => Refusal(template);

    [Fact]
    public void Endless_recursion_and_nesting_are_stopped()
    {
        Assert.Contains("nesting", Refusal("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}").Message, StringComparison.Ordinal);
        Assert.Throws<InvalidInputException>(() => ChatTemplate.Parse("{{ " + new string('(', 200_000), "t"));
    }

    private static InvalidInputException Refusal(string template) =>
        Assert.Throws<InvalidInputException>(() => ChatTemplate.Parse(template, "t").Render(new JsonObject { ["messages"] = new JsonArray() }, Now));
}
