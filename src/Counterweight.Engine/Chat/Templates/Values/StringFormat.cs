using System.Globalization;
using System.Text;

namespace Counterweight.Engine.Chat.Templates.Values;

/// <summary>Python's two ways of filling values into a string, without widths and other details that templates don't use.</summary>
internal static class StringFormat
{
    /// <summary><c>"{} {name}".format(…)</c>.</summary>
    public static string Braces(string format, Arguments arguments)
    {
        var (text, next) = (new StringBuilder(), 0);
        for (var i = 0; i < format.Length; i++)
        {
            var c = format[i];
            if (c is '{' or '}' && i + 1 < format.Length && format[i + 1] == c)
                text.Append(format[i++]);
            else if (c == '{')
            {
                var end = format.IndexOf('}', i);
                if (end < 0)
                    throw new TemplateFault("a { without }", "both in a format");
                var value = TemplateText.Of(Field(format[(i + 1)..end], arguments, ref next), arguments.Work);
                text.Append(value);
                i = end;
            }
            else
                text.Append(c);
        }
        return text.ToString();
    }

    /// <summary><c>"%s %d" % (…)</c>.</summary>
    public static string Percent(string format, IReadOnlyList<object?> values, WorkLimit work)
    {
        var (text, next) = (new StringBuilder(), 0);
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                text.Append(format[i]);
                continue;
            }
            var directive = new Directive(format, ref i);
            var value = directive.Kind == '%' ? "%" : directive.Format(next < values.Count
                ? values[next++]
                : throw new TemplateFault($"{values.Count} values", "one for each % of the format"), work);
            text.Append(value);
        }
        return next == values.Count ? text.ToString() : throw new TemplateFault($"{values.Count} values", $"{next}, one for each % of the format");
    }

    private static object? Field(string name, Arguments arguments, ref int next)
    {
        if (name.Length == 0)
            return arguments.Require(next++, "");
        if (int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var index))
            return arguments.Require(index, "");
        return arguments.Named.TryGetValue(name, out var value)
            ? value
            : throw new TemplateFault($"the field {{{name}}}", "{}, {0} or {name} without details");
    }

    /// <summary>One % and what follows: flags, width, precision and kind.</summary>
    private readonly struct Directive
    {
        private const int MaxWidth = 1000;

        private readonly bool _isLeft, _isZeroed;
        private readonly int _width;
        private readonly int _precision = -1;

        public Directive(string format, ref int at)
        {
            for (at++; at < format.Length && format[at] is '-' or '0' or '+' or ' ' or '#'; at++)
            {
                _isLeft |= format[at] == '-';
                _isZeroed |= format[at] == '0';
            }
            _width = Number(format, ref at);
            if (at < format.Length && format[at] == '.')
            {
                at++;
                _precision = Number(format, ref at);
            }
            Kind = at < format.Length ? format[at] : throw new TemplateFault("a % at the end of a format", "%s, %d, %f or %%");
        }

        public char Kind { get; }

        public string Format(object? value, WorkLimit work)
        {
            work.Charge(Weights.Of(value) + _width + Math.Max(0, _precision));
            var text = Kind switch
            {
                's' => TemplateText.Of(value),
                'r' => TemplateText.Of(new TemplateList([value]))[1..^1],
                'd' or 'i' or 'u' => ((long)Math.Truncate(Numbers.ToDouble(value))).ToString(CultureInfo.InvariantCulture),
                'f' or 'F' => Numbers.ToDouble(value).ToString($"F{(_precision < 0 ? 6 : _precision)}", CultureInfo.InvariantCulture),
                'x' => Numbers.ToInteger(value).ToString("x", CultureInfo.InvariantCulture),
                _ => throw new TemplateFault($"%{Kind}", "%s, %r, %d, %f, %x or %%"),
            };
            if (Kind == 's' && _precision >= 0)
                text = text[..CodePoints.OffsetOf(text, _precision)];
            return _isLeft ? text.PadRight(_width) : _isZeroed && Kind != 's' ? text.PadLeft(_width, '0') : text.PadLeft(_width);
        }

        private static int Number(string format, ref int at)
        {
            var number = 0;
            for (; at < format.Length && char.IsAsciiDigit(format[at]); at++)
                number = Math.Min(number * 10 + format[at] - '0', MaxWidth);
            return number;
        }
    }
}
