namespace Counterweight.Engine.Chat.Templates;

/// <summary>Why a template can't be parsed or rendered; the first node on its way out says where.</summary>
internal sealed class TemplateFault(string found, string expected, int position = -1) : Exception($"found {found}, expected {expected}")
{
    public string Found { get; } = found;

    public string Expected { get; } = expected;

    /// <summary>Offset in the template; -1: not known yet.</summary>
    public int Position { get; private set; } = position;

    /// <summary>For exception filters: notes the place where there is none yet, and lets the fault pass.</summary>
    public bool PassesThrough(int at)
    {
        if (Position < 0)
            Position = at;
        return false;
    }
}
