using System.Text;
using Counterweight.Engine.Chat.Templates.Values;

namespace Counterweight.Engine.Chat.Templates;

/// <summary>What one rendering shares.</summary>
internal sealed class Rendering(long workLimit, DateTimeOffset now)
{
    public WorkLimit Work { get; } = new(workLimit);

    /// <summary>What <c>strftime_now</c> formats.</summary>
    public DateTimeOffset Now { get; } = now;

    /// <summary>Where text goes at the moment.</summary>
    public StringBuilder Output { get; private set; } = new();

    public void Write(string text)
    {
        Work.Charge(text.Length);
        Output.Append(text);
    }

    /// <summary>What a piece of the template writes, as a string.</summary>
    public string Capture(Action write)
    {
        var outer = Output;
        Output = new StringBuilder();
        try
        {
            write();
            return Output.ToString();
        }
        finally
        {
            Output = outer;
        }
    }
}

/// <summary>Names and their values: those set here, then those of the scope around.</summary>
internal sealed class Scope(Rendering rendering, Scope? around = null)
{
    private readonly Dictionary<string, object?> _values = new(StringComparer.Ordinal);

    public Rendering Rendering { get; } = rendering;

    public object? this[string name]
    {
        get
        {
            for (var scope = this; scope is not null; scope = scope.Around)
                if (scope._values.TryGetValue(name, out var value))
                    return value;
            return new Undefined($"'{name}'");
        }
        set => _values[name] = value;
    }

    private Scope? Around { get; } = around;

    public Scope Nested() => new(Rendering, this);
}
