using System.Text.Json;
using Counterweight.Balancing;
using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Tasks;

/// <summary>Makes the task of a description and turns the rows of its data into documents.</summary>
internal sealed class UserTaskReader
{
    private static readonly ChoiceMetric[] KnownMetrics = [ChoiceMetric.Accuracy, ChoiceMetric.NormalizedAccuracy];
    private readonly string _path;
    private readonly UserTaskDescription _description;
    private readonly TextTemplate _context;
    private readonly TextTemplate[]? _choices; // null: the choices are one field with a list

    public UserTaskReader(string path, UserTaskDescription description)
    {
        _path = path;
        _description = description;
        if (description.Task.Length == 0)
            throw new InvalidInputException(path, "\"task\": an empty text", "a name");
        if (description.Metrics.Length == 0)
            throw new InvalidInputException(path, "\"metrics\": an empty list", "acc or acc_norm or both");
        _context = new TextTemplate(path, description.Context);
        _choices = ChoiceTemplates();
    }

    public TaskEntry Task()
    {
        var name = _description.Task;
        if (_description.Category is not { } category)
            return Task(name, _ => Rows(_description.File).Select(Document));
        return new TaskGroup(name, _ =>
            [.. Rows(_description.File)
                .GroupBy(row => row.Text(category), Document)
                .Select(part => Task($"{name}_{part.Key.Replace(' ', '_')}", _ => part))]);
    }

    private MultipleChoiceTask Task(string name, Func<TaskData, IEnumerable<ChoiceDocument>> read) => new(name, read)
    {
        Description = _description.Description,
        TakesExamples = _description.FewShot,
        ChoiceMetrics = [.. _description.Metrics.Select(Metric)],
        ReadExamples = _description.ExamplesFile is { } file ? _ => Rows(file).Select(Document) : null,
    };

    private IEnumerable<JsonRow> Rows(string file) =>
        JsonRow.ReadLines(Path.Combine(Path.GetDirectoryName(Path.GetFullPath(_path))!, file));

    private ChoiceDocument Document(JsonRow row)
    {
        var choices = _choices is null
            ? row.Texts(_description.Choices.GetString()!)
            : Array.ConvertAll(_choices, template => template.Fill(row));
        if (choices.Length < 2)
            throw row.Invalid($"{choices.Length} choices", "two or more");
        return new ChoiceDocument(_context.Fill(row), choices, Gold(row, choices));
    }

    private int Gold(JsonRow row, string[] choices)
    {
        var field = _description.Gold;
        if (_description.GoldForm == GoldForm.Number)
            return row.Index(field, choices.Length, first: 1);
        if (_description.GoldForm == GoldForm.Index)
            return choices.Length == 2 && row.Field(field).ValueKind is JsonValueKind.True or JsonValueKind.False
                ? (row.Flag(field) ? 1 : 0)
                : row.Index(field, choices.Length);
        var text = row.Text(field);
        var gold = _description.GoldForm == GoldForm.Text ? Array.IndexOf(choices, text) : text.Length == 1 ? text[0] - 'A' : -1;
        return gold >= 0 && gold < choices.Length
            ? gold
            : throw row.Invalid($"\"{field}\": \"{text}\"", _description.GoldForm == GoldForm.Text
                ? "one of the choices"
                : $"a letter from A to {(char)('A' + choices.Length - 1)}");
    }

    private TextTemplate[]? ChoiceTemplates() => _description.Choices switch
    {
        { ValueKind: JsonValueKind.String } => null,
        { ValueKind: JsonValueKind.Array } list when list.GetArrayLength() >= 2
            && list.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String) =>
            [.. list.EnumerateArray().Select(item => new TextTemplate(_path, item.GetString()!))],
        var other => throw new InvalidInputException(_path, $"\"choices\": {JsonRow.Shorten(other)}",
            "the name of a field, or a list of two or more texts"),
    };

    private ChoiceMetric Metric(string name) => Array.Find(KnownMetrics, metric => metric.Name == name)
        ?? throw new InvalidInputException(_path, $"metric \"{name}\"", "acc or acc_norm");
}
