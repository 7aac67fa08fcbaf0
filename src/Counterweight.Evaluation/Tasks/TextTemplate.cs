using System.Text;
using Counterweight.Balancing;
using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Tasks;

/// <summary>Text with fields of a row in braces; doubled braces stand for themselves.</summary>
internal sealed class TextTemplate
{
    private readonly List<(string Text, bool IsField)> _parts = [];

    public TextTemplate(string where, string template)
    {
        var text = new StringBuilder();
        for (var i = 0; i < template.Length; i++)
        {
            var c = template[i];
            if (c is '{' or '}' && i + 1 < template.Length && template[i + 1] == c)
                text.Append(template[i++]);
            else if (c == '{' && template.IndexOf('}', i) is > 0 and var end && end > i + 1)
            {
                _parts.Add((text.ToString(), false));
                _parts.Add((template[(i + 1)..end], true));
                text.Clear();
                i = end;
            }
            else if (c is '{' or '}')
                throw new InvalidInputException(where, $"a stray {c} at character {i} of \"{template}\"",
                    "{field}, or {{ and }} for braces");
            else
                text.Append(c);
        }
        _parts.Add((text.ToString(), false));
    }

    public string Fill(JsonRow row) => string.Concat(_parts.Select(part => part.IsField ? row.Text(part.Text) : part.Text));
}
