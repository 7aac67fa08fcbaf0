using Counterweight.Evaluation.Tasks;
using Counterweight.Tests;

namespace Counterweight.Evaluation.Tests.Tasks;

public sealed class GoldenRequestTests
{
    [Theory]
    [InlineData(252, "goldens", "eval", "requests.jsonl")]
    [InlineData(78, "goldens", "eval", "fewshot.jsonl")]
    [InlineData(500, "goldens", "models", "pocket-moe", "eval", "arc_easy.samples.jsonl")]
    [InlineData(1340, "goldens", "models", "pocket-moe", "eval", "blimp_all.samples.jsonl")]
    [InlineData(150, "goldens", "models", "pocket-moe", "eval", "boolq.samples.jsonl")]
    [InlineData(150, "goldens", "models", "pocket-moe", "eval", "hellaswag.samples.jsonl")]
    [InlineData(300, "goldens", "models", "pocket-moe", "eval", "mmlu_all.samples.jsonl")]
    [InlineData(500, "goldens", "models", "pocket-moe", "eval", "piqa.samples.jsonl")]
    [InlineData(150, "goldens", "models", "pocket-moe", "eval", "truthfulqa_mc1.samples.jsonl")]
    [InlineData(20, "goldens", "models", "pocket-moe", "eval", "wikitext.samples.jsonl")]
    [InlineData(500, "goldens", "models", "pocket-moe", "eval", "winogrande.samples.jsonl")]
    public void Requests_and_targets_are_the_references(int rows, params string[] file)
    {
        var compared = 0;
        foreach (var golden in GoldenRow.Read(file))
        {
            var document = golden.Document();
            var asked = document.Requests(CharacterTokenizer.Requests());
            Assert.Equal(golden.Texts, asked.Select(request => (request.Context, request.Continuation)));
            Assert.True(System.Text.Json.Nodes.JsonNode.DeepEquals(golden.Target, document.Target), golden.ToString());
            compared++;
        }
        Assert.Equal(rows, compared);
    }

    [Fact]
    public void Groups_have_all_their_sets()
    {
        Assert.Equal(57, TaskRegistry.Leaves(TaskRegistry.Find("mmlu", GoldenRow.Data), GoldenRow.Data).Count());
        Assert.Equal(67, TaskRegistry.Leaves(TaskRegistry.Find("blimp", GoldenRow.Data), GoldenRow.Data).Count());
    }

    [Theory]
    [InlineData("piqa", 1838)]
    [InlineData("hellaswag", 1000)]
    [InlineData("winogrande", 1267)]
    [InlineData("arc_easy", 570)]
    [InlineData("arc_challenge", 299)]
    [InlineData("openbookqa", 500)]
    [InlineData("openbookqa_test", 500)]
    [InlineData("boolq", 3270)]
    [InlineData("copa", 500)]
    [InlineData("copa_test", 500)]
    [InlineData("mmlu_all", 14042)]
    [InlineData("blimp_all", 13400)]
    [InlineData("truthfulqa_mc1", 817)]
    [InlineData("truthfulqa_mc2", 817)]
    [InlineData("wikitext", 62)]
    public void Every_row_of_the_data_is_read(string name, int documents)
    {
        var task = (EvaluationTask)TaskRegistry.Find(name, GoldenRow.Data);
        Assert.Equal(documents, task.Load(GoldenRow.Data, new TaskOptions(0, 1234, null)).Documents.Count);
    }

    [Fact]
    public void Bundled_sentence_pairs_are_a_task_for_each_category()
    {
        var data = new TaskData(null, Path.Combine(GoldenFiles.ProjectRoot, "texts", "evaluation"));
        var rows = File.ReadLines(data.Text("minimal-pairs.jsonl")).Count(line => line.Length > 0);
        var tasks = TaskRegistry.Leaves(TaskRegistry.Find("minimal_pairs", data), data).ToArray();
        Assert.True(tasks.Length > 1);
        Assert.Equal(rows, tasks.Sum(task => task.Load(data, new TaskOptions(0, 1234, null)).Documents.Count));
    }
}
