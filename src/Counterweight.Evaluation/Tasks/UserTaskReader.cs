using Counterweight.Balancing;
using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Tasks;

/// <summary>Makes the task of a description and turns the rows of its data into documents.</summary>
internal sealed class UserTaskReader
{
    private readonly string _path;
    private readonly UserTaskDescription _description;
    private readonly TextTemplate _context;

    public UserTaskReader(string path, UserTaskDescription description)
    {
        _path = path;
        _description = description;
        if (description.Task.Length == 0)
            throw new InvalidInputException(path, "\"task\": an empty text", "a name");
        if (description.Metrics is [])
            throw new InvalidInputException(path, "\"metrics\": an empty list", "one or more metrics");
        _context = new TextTemplate(path, description.Context);
    }

    public TaskEntry Task()
    {
        var type = _description.OutputType;
        Refuse(type != OutputType.MultipleChoice, ("choices", _description.Choices), ("gold", _description.Gold), ("goldForm", _description.GoldForm));
        Refuse(type is OutputType.MultipleChoice or OutputType.Rolling, ("target", _description.Target));
        Refuse(type != OutputType.Rolling, ("text", _description.Text));
        Refuse(type is OutputType.LogLikelihood or OutputType.Rolling, ("metrics", _description.Metrics));
        Refuse(type != OutputType.Generation, ("until", _description.Until), ("maxTokens", _description.MaxTokens), ("filters", _description.Filters),
            ("ignore", _description.Ignore), ("ignoreCase", _description.IgnoreCase));
        return type switch
        {
            OutputType.MultipleChoice => Choices(),
            OutputType.LogLikelihood => Completions(),
            OutputType.Rolling => Texts(),
            _ => Answers(),
        };
    }

    private TaskEntry Choices()
    {
        var choices = new UserChoices(_path, _description);
        ChoiceDocument Document(JsonRow row) => choices.Document(row, _context);
        return Entry(Document, (name, read) => new MultipleChoiceTask(name, read)
        {
            Description = _description.Description,
            TakesExamples = _description.FewShot,
            ReadExamples = ExamplesBy(Document),
            ChoiceMetrics = choices.Metrics,
        });
    }

    private TaskEntry Completions()
    {
        var target = new TextTemplate(_path, _description.Target ?? "{target}");
        CompletionDocument Document(JsonRow row)
        {
            var (context, answer) = (_context.Fill(row), ChoiceDocument.Delimiter + target.Fill(row));
            return new CompletionDocument(context, answer) { Example = context + answer };
        }
        return Entry(Document, (name, read) => new CompletionTask(name, read)
        {
            Description = _description.Description,
            TakesExamples = _description.FewShot,
            ReadExamples = ExamplesBy(Document),
        });
    }

    private TaskEntry Texts()
    {
        var text = new TextTemplate(_path, _description.Text ?? "{text}");
        return Entry(row => RollingDocument.AsItIs(text.Fill(row)), (name, read) => new RollingTask(name, read));
    }

    private TaskEntry Answers()
    {
        var answers = new UserAnswers(_path, _description);
        GenerationDocument Document(JsonRow row) => new(_context.Fill(row), answers.Target.Fill(row));
        return Entry(Document, (name, read) => new GenerationTask(name, read)
        {
            Description = _description.Description,
            TakesExamples = _description.FewShot,
            ReadExamples = ExamplesBy(Document),
            Stops = answers.Stops,
            MaxTokens = answers.MaxTokens,
            Filters = answers.Filters,
            MetricNames = answers.MetricNames,
            Judge = answers.Judge,
        });
    }

    private TaskEntry Entry<T>(Func<JsonRow, T> document, Func<string, Func<TaskData, IEnumerable<T>>, EvaluationTask> task)
    {
        var name = _description.Task;
        if (_description.Category is not { } category)
            return task(name, _ => Rows(_description.File).Select(document));
        return new TaskGroup(name, _ =>
            [.. Rows(_description.File)
                .GroupBy(row => row.Text(category), document)
                .Select(part => task($"{name}_{part.Key.Replace(' ', '_')}", _ => part))]);
    }

    private Func<TaskData, IEnumerable<T>>? ExamplesBy<T>(Func<JsonRow, T> document) =>
        _description.ExamplesFile is { } file ? _ => Rows(file).Select(document) : null;

    private IEnumerable<JsonRow> Rows(string file) =>
        JsonRow.ReadLines(Path.Combine(Path.GetDirectoryName(Path.GetFullPath(_path))!, file));

    private void Refuse(bool refused, params ReadOnlySpan<(string Field, object? Value)> fields)
    {
        foreach (var (field, value) in fields)
            if (refused && value is not null)
                throw new InvalidInputException(_path, $"\"{field}\"", $"no such field in a task of type {_description.OutputType}");
    }
}
