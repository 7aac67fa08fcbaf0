namespace Counterweight.Balancing;

/// <summary>A file, argument or plan that can't be used: says where, what was found and what was expected.</summary>
public sealed class InvalidInputException : Exception
{
    /// <summary>The file (with a position where there is one) or option that is at fault.</summary>
    public string Where { get; }

    /// <summary>What stands there.</summary>
    public string Found { get; }

    /// <summary>What should stand there.</summary>
    public string Expected { get; }

    /// <summary>Makes the message <c>where: found …, expected …</c>.</summary>
    public InvalidInputException(string where, string found, string expected, Exception? inner = null)
        : base($"{where}: found {found}, expected {expected}", inner)
    {
        Where = where;
        Found = found;
        Expected = expected;
    }
}
