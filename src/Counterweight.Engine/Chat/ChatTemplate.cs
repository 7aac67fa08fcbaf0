using System.Text.Json;
using System.Text.Json.Nodes;
using Counterweight.Balancing;
using Counterweight.Engine.Chat.Templates;
using Counterweight.Engine.Chat.Templates.Statements;
using Counterweight.Engine.Chat.Templates.Values;

namespace Counterweight.Engine.Chat;

/// <summary>
/// A chat template: Jinja as transformers renders it (Jinja2 3.1, <c>trim_blocks</c>, <c>lstrip_blocks</c>, loop controls, an immutable
/// sandbox). A template sees nothing but the variables that it is given, and what it may cost is bounded.
/// </summary>
public sealed class ChatTemplate
{
    private const int MaxCharacters = 1 << 20;

    // Published templates with tools cost some thousand nodes, and go through each text a few times.
    private const long FreeWork = 5_000_000, WorkPerCharacter = 64;

    private readonly string _source;
    private readonly string _name;
    private readonly Body _body;

    private ChatTemplate(string source, string name)
    {
        (_source, _name) = (source, name);
        _body = Guard(() => TemplateParser.Parse(source));
    }

    /// <summary>Parses a template.</summary>
    /// <param name="source">The template, at most 2^20 characters.</param>
    /// <param name="name">What messages call it: a file, with the key in it.</param>
    /// <exception cref="InvalidInputException">It is too long or malformed, or uses what chat templates may not: names line and column.</exception>
    public static ChatTemplate Parse(string source, string name)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (source.Length > MaxCharacters)
            throw new InvalidInputException(name, $"{source.Length} characters", $"a template of at most {MaxCharacters}");
        source = source.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        // Jinja takes the last newline as the end of the file, not as text.
        return new ChatTemplate(source.EndsWith('\n') ? source[..^1] : source, name);
    }

    /// <summary>Renders the template.</summary>
    /// <param name="variables">What it sees: <c>messages</c>, <c>add_generation_prompt</c>, <c>tools</c>, special tokens and options.</param>
    /// <param name="now">What <c>strftime_now</c> gives; null: the clock.</param>
    /// <exception cref="InvalidInputException">The template refuses the variables, or costs too much: names line and column.</exception>
    public string Render(JsonObject variables, DateTimeOffset? now = null)
    {
        ArgumentNullException.ThrowIfNull(variables);
        return Guard(() =>
        {
            var input = JsonSerializer.SerializeToElement(variables);
            var rendering = new Rendering(FreeWork + WorkPerCharacter * input.GetRawText().Length, now ?? DateTimeOffset.Now);
            var globals = new Scope(rendering);
            Globals.AddTo(globals);
            foreach (var variable in input.EnumerateObject())
                globals[variable.Name] = JsonText.Read(variable.Value);
            _body.Execute(globals.Nested());
            return rendering.Output.ToString();
        });
    }

    private T Guard<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (TemplateFault fault)
        {
            var before = _source.AsSpan(0, Math.Max(0, fault.Position));
            throw new InvalidInputException(
                $"{_name}, line {before.Count('\n') + 1}, column {before.Length - before.LastIndexOf('\n')}", fault.Found, fault.Expected, fault);
        }
        catch (InsufficientExecutionStackException e)
        {
            throw new InvalidInputException(_name, "too deep nesting", "less of it", e);
        }
    }
}
