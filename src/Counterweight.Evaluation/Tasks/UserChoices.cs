using System.Text.Json;
using Counterweight.Balancing;
using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Tasks;

/// <summary>The choices of a described task and which of them is right.</summary>
internal sealed class UserChoices
{
    private const string DefaultChoices = "choices";
    private static readonly ChoiceMetric[] KnownMetrics = [ChoiceMetric.Accuracy, ChoiceMetric.NormalizedAccuracy];
    private readonly string _path;
    private readonly string _gold;
    private readonly GoldForm _goldForm;
    private readonly string? _field;            // one field with a list, or
    private readonly TextTemplate[]? _templates; // a text for each choice

    public UserChoices(string path, UserTaskDescription description)
    {
        _path = path;
        (_gold, _goldForm) = (description.Gold ?? "gold", description.GoldForm ?? GoldForm.Index);
        _field = description.Choices is null ? DefaultChoices : description.Choices is { ValueKind: JsonValueKind.String } name ? name.GetString() : null;
        _templates = _field is null ? Templates(description.Choices!.Value) : null;
        Metrics = description.Metrics is null ? KnownMetrics : Array.ConvertAll(description.Metrics, Metric);
    }

    public ChoiceMetric[] Metrics { get; }

    public ChoiceDocument Document(JsonRow row, TextTemplate context)
    {
        var choices = _templates is null ? row.Texts(_field!) : Array.ConvertAll(_templates, template => template.Fill(row));
        if (choices.Length < 2)
            throw row.Invalid($"{choices.Length} choices", "two or more");
        return new ChoiceDocument(context.Fill(row), choices, Gold(row, choices));
    }

    private int Gold(JsonRow row, string[] choices)
    {
        if (_goldForm == GoldForm.Number)
            return row.Index(_gold, choices.Length, first: 1);
        if (_goldForm == GoldForm.Index)
            return choices.Length == 2 && row.Field(_gold).ValueKind is JsonValueKind.True or JsonValueKind.False
                ? (row.Flag(_gold) ? 1 : 0)
                : row.Index(_gold, choices.Length);
        var text = row.Text(_gold);
        var gold = _goldForm == GoldForm.Text ? Array.IndexOf(choices, text) : text.Length == 1 ? text[0] - 'A' : -1;
        return gold >= 0 && gold < choices.Length
            ? gold
            : throw row.Invalid($"\"{_gold}\": \"{text}\"", _goldForm == GoldForm.Text
                ? "one of the choices"
                : $"a letter from A to {(char)('A' + choices.Length - 1)}");
    }

    private TextTemplate[] Templates(JsonElement choices) =>
        choices.ValueKind == JsonValueKind.Array && choices.GetArrayLength() >= 2
            && choices.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String)
            ? [.. choices.EnumerateArray().Select(item => new TextTemplate(_path, item.GetString()!))]
            : throw new InvalidInputException(_path, $"\"choices\": {JsonRow.Shorten(choices)}", "the name of a field, or a list of two or more texts");

    private ChoiceMetric Metric(string name) => Array.Find(KnownMetrics, metric => metric.Name == name)
        ?? throw new InvalidInputException(_path, $"metric \"{name}\"", "acc or acc_norm");
}
