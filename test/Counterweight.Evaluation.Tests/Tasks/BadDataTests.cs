using Counterweight.Balancing;
using Counterweight.Evaluation.Tasks;

namespace Counterweight.Evaluation.Tests.Tasks;

public sealed class BadDataTests
{
    private const string Piqa = """{"goal":"g","sol1":"a","sol2":"b"}""";

    [Theory]
    [InlineData("boolq", "boolq/val.jsonl",
        "{\"passage\":\"p\",\"question\":\"q\",\"label\":true}\n\n{\"passage\":\"p\",\"question\":\"q\"}", 3, "label")]
    [InlineData("boolq", "boolq/val.jsonl", """{"passage":"p","question":"q","label":1}""", 1, "true or false")]
    [InlineData("boolq", "boolq/val.jsonl", """{"passage":"","question":"q","label":true}""", 1, "text")]
    [InlineData("boolq", "boolq/val.jsonl", """{"passage":"p",""", 1, "JSON")]
    [InlineData("boolq", "boolq/val.jsonl", "[1]", 1, "JSON object")]
    [InlineData("boolq", "boolq/val.jsonl", "{\"passage\":\"\\ud800\",\"question\":\"q\",\"label\":true}", 1, "Unicode")]
    [InlineData("hellaswag", "hellaswag/hellaswag_val_first1000.jsonl",
        """{"activity_label":"a","ctx":"c","endings":["x","y"],"label":2}""", 1, "from 0 to 1")]
    [InlineData("hellaswag", "hellaswag/hellaswag_val_first1000.jsonl",
        """{"activity_label":"a","ctx":"c","endings":"x","label":0}""", 1, "list")]
    [InlineData("winogrande", "winogrande/dev.jsonl", """{"sentence":"no gap","option1":"a","option2":"b","answer":"1"}""", 1, "'_'")]
    [InlineData("winogrande", "winogrande/dev.jsonl",
        """{"sentence":"a _ b","option1":"a","option2":"b","answer":"0"}""", 1, "from 1 to 2")]
    [InlineData("arc_easy", "arc/ARC-Easy-Dev.jsonl",
        """{"question":{"stem":"s","choices":[{"text":"t","label":"A"}]},"answerKey":"B"}""", 1, "one of A")]
    [InlineData("openbookqa", "openbookqa/dev.tsv",
        "ID\tQuestion Stem\tChoices\tComplete Question\tAnswer Key\n1\tq\t(A) a (B) b (C) c\tx\tA\n", 2, "(D) text")]
    [InlineData("openbookqa", "openbookqa/dev.tsv", "ID\tStem\tChoices\tComplete Question\tAnswer Key\n", 1, "Question Stem")]
    [InlineData("mmlu_virology", "mmlu/test/virology_test.csv", "\"a\n\nb\",1,2,3,4,A\nq,1,2,3,A\n", 4, "6 cells")]
    [InlineData("mmlu_virology", "mmlu/test/virology_test.csv", "q,1,2,3,4,E\n", 1, "from A to D")]
    [InlineData("mmlu_virology", "mmlu/test/virology_test.csv", "q,1,2,3,4,A\nq,1 \"x\",2,3,4,A\n", 2, "quotes")]
    [InlineData("copa", "copa/copa-dev.xml",
        "<copa-corpus>\n<item asks-for=\"cause\" most-plausible-alternative=\"1\"><p>P.</p><a1>A.</a1></item></copa-corpus>", 2, "<a2>")]
    [InlineData("copa", "copa/copa-dev.xml", "<copa-corpus>\n<item", 2, "COPA")]
    [InlineData("minimal_pairs", "minimal-pairs.jsonl", """{"category":"c","good":"g"}""", 1, "bad")]
    public void Bad_row_is_named_by_file_and_line(string task, string file, string text, int line, string expected)
    {
        using var folder = new TemporaryData();
        var path = folder.Write(file, text);
        var error = Assert.Throws<InvalidInputException>(() => Load(task, folder.Data));
        Assert.Equal($"{path}:{line}", error.Where);
        Assert.Contains(expected, error.Expected, StringComparison.Ordinal);
        Assert.NotEmpty(error.Found);
    }

    [Fact]
    public void Labels_must_be_as_many_as_rows()
    {
        using var folder = new TemporaryData();
        folder.Write("piqa/valid.jsonl", $"{Piqa}\n{Piqa}\n");
        var labels = folder.Write("piqa/valid-labels.lst", "0\n");
        var error = Assert.Throws<InvalidInputException>(() => Load("piqa", folder.Data));
        Assert.Equal((labels, "1 labels"), (error.Where, error.Found));
        folder.Write("piqa/valid-labels.lst", "0\n2\n");
        Assert.Equal($"{labels}:2", Assert.Throws<InvalidInputException>(() => Load("piqa", folder.Data)).Where);
    }

    [Fact]
    public void Missing_files_and_folders_are_named()
    {
        using var folder = new TemporaryData();
        Assert.Equal(folder.Path("boolq/val.jsonl"), Assert.Throws<InvalidInputException>(() => Load("boolq", folder.Data)).Where);
        var error = Assert.Throws<InvalidInputException>(() => Load("boolq", new TaskData(null)));
        Assert.Contains("folder", error.Found, StringComparison.Ordinal);
        Directory.CreateDirectory(folder.Path("blimp"));
        Assert.Equal(folder.Path("blimp"), Assert.Throws<InvalidInputException>(() => Load("blimp", folder.Data)).Where);
    }

    [Fact]
    public void Text_that_is_not_UTF8_is_refused()
    {
        using var folder = new TemporaryData();
        var path = folder.Write("boolq/val.jsonl", "");
        File.WriteAllBytes(path, [(byte)'{', (byte)'"', 0xff]);
        Assert.Equal($"{path}: byte 2", Assert.Throws<InvalidInputException>(() => Load("boolq", folder.Data)).Where);
    }

    [Fact]
    public void Unknown_task_is_answered_with_the_known_ones()
    {
        var error = Assert.Throws<InvalidInputException>(() => TaskRegistry.Find("hellaswamp", new TaskData(null)));
        Assert.Contains("hellaswag", error.Expected, StringComparison.Ordinal);
    }

    [Fact]
    public void More_examples_than_the_data_has_are_refused()
    {
        using var folder = new TemporaryData();
        folder.Write("piqa/valid.jsonl", $"{Piqa}\n{Piqa}\n");
        folder.Write("piqa/valid-labels.lst", "0\n1\n");
        var task = (EvaluationTask)TaskRegistry.Find("piqa", folder.Data);
        Assert.Throws<InvalidInputException>(() => task.Load(folder.Data, new TaskOptions(FewShot: 2, 1234, null)));
        Assert.Equal(2, task.Load(folder.Data, new TaskOptions(FewShot: 1, 1234, null)).Documents.Count);
    }

    private static void Load(string name, TaskData data)
    {
        foreach (var task in TaskRegistry.Leaves(TaskRegistry.Find(name, data), data))
            task.Load(data, new TaskOptions(0, 1234, null));
    }
}
