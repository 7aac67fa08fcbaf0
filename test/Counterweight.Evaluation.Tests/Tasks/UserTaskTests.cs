using Counterweight.Balancing;
using Counterweight.Evaluation.Scoring;
using Counterweight.Evaluation.Tasks;

namespace Counterweight.Evaluation.Tests.Tasks;

public sealed class UserTaskTests
{
    [Fact]
    public void Defaults_read_context_choices_and_gold()
    {
        using var folder = new TemporaryData();
        folder.Write("data.jsonl", """{"context":"Water is","choices":["wet","dry","blue"],"gold":2}""");
        var document = Assert.Single(Documents(folder, """{"task":"mine","file":"data.jsonl"}"""));
        Assert.Equal([("Water is", " wet"), ("Water is", " dry"), ("Water is", " blue")], Texts(document));
        Assert.Equal(2, (int)document.Target);
    }

    [Fact]
    public void Templates_fill_in_fields_and_keep_doubled_braces()
    {
        using var folder = new TemporaryData();
        folder.Write("data.jsonl", """{"q":{"stem":"Why"},"a":"yes","b":"no","label":"2"}""");
        var document = Assert.Single(Documents(folder, """
            {"task":"mine","file":"data.jsonl","description":"Answer.\n\n","context":"{{x}} {q.stem}?","choices":["{a}","{b}!"],
             "gold":"label","goldForm":"number"}
            """));
        Assert.Equal([("Answer.\n\n{x} Why?", " yes"), ("Answer.\n\n{x} Why?", " no!")], Texts(document));
        Assert.Equal(1, (int)document.Target);
    }

    [Theory]
    [InlineData("index", "1", 1)]
    [InlineData("index", "true", 1)]
    [InlineData("index", "false", 0)]
    [InlineData("number", "1", 0)]
    [InlineData("letter", "\"B\"", 1)]
    [InlineData("text", "\"no\"", 1)]
    public void Gold_comes_in_every_form(string form, string gold, int expected)
    {
        using var folder = new TemporaryData();
        folder.Write("data.jsonl", $$"""{"context":"c","choices":["yes","no"],"gold":{{gold}}}""");
        Assert.Equal(expected, (int)Documents(folder, $$"""{"task":"t","file":"data.jsonl","goldForm":"{{form}}"}""")[0].Target);
    }

    [Theory]
    [InlineData("index", "2")]
    [InlineData("number", "0")]
    [InlineData("number", "true")]
    [InlineData("letter", "\"C\"")]
    [InlineData("letter", "\"\u00e9\"")]
    [InlineData("text", "\"maybe\"")]
    public void Gold_that_names_no_choice_is_refused(string form, string gold)
    {
        using var folder = new TemporaryData();
        var data = folder.Write("data.jsonl", $$"""{"context":"c","choices":["yes","no"],"gold":{{gold}}}""");
        var description = $$"""{"task":"t","file":"data.jsonl","goldForm":"{{form}}"}""";
        var error = Assert.Throws<InvalidInputException>(() => Documents(folder, description));
        Assert.Equal($"{data}:1", error.Where);
    }

    [Fact]
    public void Categories_become_tasks_of_a_group()
    {
        using var folder = new TemporaryData();
        folder.Write("data.jsonl", """
            {"context":"c1","choices":["a","b"],"gold":0,"kind":"first kind"}
            {"context":"c2","choices":["a","b"],"gold":0,"kind":"second"}
            {"context":"c3","choices":["a","b"],"gold":0,"kind":"first kind"}
            """);
        var group = TaskRegistry.Find(folder.Write("t.json", """{"task":"t","file":"data.jsonl","category":"kind"}"""), folder.Data);
        var tasks = TaskRegistry.Leaves(group, folder.Data).ToArray();
        Assert.Equal(["t_first_kind", "t_second"], tasks.Select(task => task.Name));
        Assert.Equal(2, tasks[0].Load(folder.Data, new TaskOptions(0, 1, null)).Documents.Count);
    }

    [Fact]
    public void Examples_come_from_their_own_file_in_order()
    {
        using var folder = new TemporaryData();
        folder.Write("data.jsonl", """{"context":"Q3:","choices":["a","b"],"gold":0}""");
        folder.Write("train.jsonl", """
            {"context":"Q1:","choices":["a","b"],"gold":1}
            {"context":"Q2:","choices":["a","b"],"gold":0}
            {"context":"unused","choices":["a","b"],"gold":0}
            """);
        var documents = Documents(
            folder, """{"task":"t","file":"data.jsonl","examplesFile":"train.jsonl","description":"D\n"}""", fewShot: 2);
        Assert.Equal("D\nQ1: b\n\nQ2: a\n\nQ3:", Texts(documents[0])[0].Context);
    }

    [Fact]
    public void Answers_are_written_filtered_and_matched()
    {
        using var folder = new TemporaryData();
        folder.Write("data.jsonl", """
            {"q":"1+1","a":"2"}
            {"q":"2+2","a":"4"}
            """);
        var task = (EvaluationTask)TaskRegistry.Find(folder.Write("task.json", """
            {"task":"sums","file":"data.jsonl","outputType":"generate_until","context":"{q}=","target":"{a}","until":["\n",";"],"maxTokens":7,
             "filters":[{"name":"last","regex":"\\d+","takeLast":true},{"name":"first","regex":"(\\d+)"}],"ignore":["\\s"],"ignoreCase":true,
             "metrics":["exact_match","rouge1"]}
            """), folder.Data);
        Assert.Equal(["exact_match,last", "rouge1,last", "exact_match,first", "rouge1,first"], task.Metrics.Select(metric => metric.Name));
        var loaded = task.Load(folder.Data, new TaskOptions(1, 1234, null));
        var request = Assert.Single(loaded.Documents[0].Requests(CharacterTokenizer.Requests()));
        Assert.Equal("2+2= 4\n\n1+1=", request.Context);
        Assert.Equal((7, "\n ;"), (request.Generation!.MaxTokens, string.Join(' ', request.Generation.Stops)));
        var answered = new RequestResult(request.Context, "", 0, true, 0, 0, 0, 0) { Response = "is 3 or 2" };
        Assert.Equal([1, 100, 0, 0], loaded.Documents[0].Judge([answered]).Select(metric => metric.Value));
    }

    [Fact]
    public void Completions_and_whole_texts_are_scored()
    {
        using var folder = new TemporaryData();
        folder.Write("data.jsonl", """{"context":"Roses are","target":"red","text":"All of it."}""");
        var completion = Assert.Single(Documents(folder, """{"task":"t","file":"data.jsonl","outputType":"loglikelihood"}"""));
        Assert.Equal([("Roses are", " red")], Texts(completion));
        var text = Assert.Single(Documents(folder, """{"task":"t","file":"data.jsonl","outputType":"loglikelihood_rolling"}"""));
        Assert.Equal([(null, "All of it.")], Texts(text));
    }

    [Theory]
    [InlineData("""{"task":"t","file":"data.jsonl","outputType":"generate_until","choices":"c"}""", "choices")]
    [InlineData("""{"task":"t","file":"data.jsonl","outputType":"generate_until","metrics":["acc"]}""", "acc")]
    [InlineData("""{"task":"t","file":"data.jsonl","outputType":"generate_until","ignore":["("]}""", "(")]
    [InlineData("""{"task":"t","file":"data.jsonl","outputType":"generate_until","maxTokens":0}""", "maxTokens")]
    [InlineData("""{"task":"t","file":"data.jsonl","outputType":"generate_until","until":[""]}""", "until")]
    [InlineData("""{"task":"t","file":"data.jsonl","outputType":"loglikelihood","until":["x"]}""", "until")]
    [InlineData("""{"task":"t","file":"data.jsonl","outputType":"loglikelihood_rolling","target":"x"}""", "target")]
    [InlineData("""{"task":"t","file":"data.jsonl","outputType":"essay"}""", "outputType")]
    [InlineData("""{"file":"data.jsonl"}""", "task")]
    [InlineData("""{"task":"t","file":"data.jsonl","chocies":"x"}""", "chocies")]
    [InlineData("""{"task":"t","file":"data.jsonl","context":"{q"}""", "stray {")]
    [InlineData("""{"task":"t","file":"data.jsonl","context":"{}"}""", "stray {")]
    [InlineData("""{"task":"t","file":"data.jsonl","choices":["{a}"]}""", "choices")]
    [InlineData("""{"task":"t","file":"data.jsonl","choices":7}""", "choices")]
    [InlineData("""{"task":"t","file":"data.jsonl","metrics":["f1"]}""", "f1")]
    [InlineData("""{"task":"t","file":"data.jsonl","metrics":[]}""", "metrics")]
    [InlineData("""{"task":"","file":"data.jsonl"}""", "empty")]
    [InlineData("""{"task":"t","file":"data.jsonl","goldForm":"roman"}""", "goldForm")]
    [InlineData("""{"task":"t","file":"data.jsonl","context":null}""", "context")]
    [InlineData("null", "null")]
    public void Unfit_description_is_refused(string description, string found)
    {
        using var folder = new TemporaryData();
        folder.Write("data.jsonl", """{"context":"c","choices":["a","b"],"gold":0}""");
        var error = Assert.Throws<InvalidInputException>(() => Documents(folder, description));
        Assert.StartsWith(folder.Path("task.json"), error.Where, StringComparison.Ordinal);
        Assert.Contains(found, error.Found, StringComparison.Ordinal);
    }

    private static IReadOnlyList<TaskDocument> Documents(TemporaryData folder, string description, int fewShot = 0)
    {
        var task = (EvaluationTask)TaskRegistry.Find(folder.Write("task.json", description), folder.Data);
        return task.Load(folder.Data, new TaskOptions(fewShot, 1234, null)).Documents;
    }

    private static (string? Context, string Continuation)[] Texts(TaskDocument document) =>
        [.. document.Requests(CharacterTokenizer.Requests()).Select(request => (request.Context, request.Continuation))];
}
