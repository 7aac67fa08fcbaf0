namespace Counterweight.Engine.Chat.Templates.Values;

/// <summary>Arithmetic on integers, floats and booleans, as in Python; integers beyond 64 bits are refused.</summary>
internal static class Numbers
{
    private const string NoNumbers = "two numbers";

    public static bool IsInteger(object? value) => value is long or bool;

    public static bool Is(object? value) => value is long or bool or double;

    public static double ToDouble(object? value) => value switch
    {
        long number => number,
        bool flag => flag ? 1 : 0,
        double number => number,
        Undefined undefined => throw undefined.Fault(),
        _ => throw new TemplateFault(TemplateText.Kind(value), "a number"),
    };

    public static long ToInteger(object? value) => value switch
    {
        long number => number,
        bool flag => flag ? 1 : 0,
        Undefined undefined => throw undefined.Fault(),
        _ => throw new TemplateFault(TemplateText.Kind(value), "an integer"),
    };

    public static bool TryCompare(object? left, object? right, out int order)
    {
        order = 0;
        if (!Is(left) || !Is(right))
            return false;
        if (IsInteger(left) && IsInteger(right))
            order = ToInteger(left).CompareTo(ToInteger(right));
        else
            order = ToDouble(left).CompareTo(ToDouble(right));
        return true;
    }

    public static object Apply(string operation, object? left, object? right)
    {
        foreach (var side in new[] { left, right })
            if (side is Undefined undefined)
                throw undefined.Fault();
        if (!Is(left) || !Is(right))
            throw new TemplateFault($"{TemplateText.Kind(left)} {operation} {TemplateText.Kind(right)}", NoNumbers);
        try
        {
            return IsInteger(left) && IsInteger(right) && operation != "/"
                ? OfIntegers(operation, ToInteger(left), ToInteger(right))
                : OfFloats(operation, ToDouble(left), ToDouble(right));
        }
        catch (OverflowException)
        {
            throw new TemplateFault($"a result of {operation} beyond 64 bits", "a smaller one");
        }
    }

    private static object OfIntegers(string operation, long a, long b) => operation switch
    {
        "+" => (object)checked(a + b),
        "-" => checked(a - b),
        "*" => checked(a * b),
        "//" => FloorQuotient(a, NotZero(b)),
        "%" => (NotZero(b) == -1 ? 0L : a - checked(FloorQuotient(a, b) * b)),
        "**" => b < 0 ? (object)Math.Pow(a, b) : Power(a, b),
        _ => throw new InvalidOperationException(operation),
    };

    private static double OfFloats(string operation, double a, double b) => operation switch
    {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" => a / NotZero(b),
        "//" => Math.Floor(a / NotZero(b)),
        "%" => a - Math.Floor(a / NotZero(b)) * b,
        "**" => Math.Pow(a, b),
        _ => throw new InvalidOperationException(operation),
    };

    private static long FloorQuotient(long a, long b)
    {
        var quotient = checked(a / b);
        return a % b != 0 && a < 0 != b < 0 ? quotient - 1 : quotient;
    }

    private static long Power(long a, long b)
    {
        if (a is 0 or 1 or -1)
            return b == 0 ? 1 : a == -1 && b % 2 == 0 ? 1 : a;
        var result = 1L;
        for (; b > 0; b--)
            result = checked(result * a);
        return result;
    }

    private static long NotZero(long value) => value != 0 ? value : throw new TemplateFault("a division by zero", "another divisor");

    private static double NotZero(double value) => value != 0 ? value : throw new TemplateFault("a division by zero", "another divisor");
}
