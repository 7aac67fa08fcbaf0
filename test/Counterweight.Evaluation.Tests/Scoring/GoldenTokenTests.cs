using System.Text.Json.Nodes;

namespace Counterweight.Evaluation.Tests.Scoring;

/// <summary>With the bundled model's tokenizer, each request has the reference's tokens in the context, continuation and windows.</summary>
public sealed class GoldenTokenTests(PocketModel pocket) : IClassFixture<PocketModel>
{
    [Theory]
    [InlineData("goldens", "eval", "requests.jsonl")]
    [InlineData("goldens", "eval", "fewshot.jsonl")]
    [InlineData("goldens", "models", "pocket-moe", "eval", "arc_easy.samples.jsonl")]
    [InlineData("goldens", "models", "pocket-moe", "eval", "blimp_all.samples.jsonl")]
    [InlineData("goldens", "models", "pocket-moe", "eval", "boolq.samples.jsonl")]
    [InlineData("goldens", "models", "pocket-moe", "eval", "piqa.samples.jsonl")]
    [InlineData("goldens", "models", "pocket-moe", "eval", "wikitext.samples.jsonl")]
    [InlineData("goldens", "models", "pocket-moe", "eval", "winogrande.samples.jsonl")]
    public void Token_counts_are_the_references(params string[] file)
    {
        var requests = pocket.Requests;
        foreach (var golden in GoldenRow.Read(file))
            foreach (var (expected, asked) in golden.Requests.Zip(golden.Document().Requests(requests)))
            {
                var counts = expected.ContainsKey("tokens")
                    ? (0, Count(expected, "tokens"), 0, Count(expected, "windows"))
                    : (Count(expected, "context_tokens"), Count(expected, "continuation_tokens"), Count(expected, "dropped_tokens"), 1);
                Assert.Equal(counts, (asked.ContextTokens, asked.ContinuationTokens, asked.DroppedTokens, asked.Windows.Count));
            }
    }

    [Fact]
    public void Prompts_to_continue_are_the_references()
    {
        var (requests, compared) = (pocket.Requests, 0);
        foreach (var golden in GoldenRow.ReadGenerations())
        {
            var document = golden.Document();
            var asked = Assert.Single(document.Requests(requests));
            Assert.Equal(golden.Context, asked.Context);
            Assert.Equal(golden.Stops, asked.Generation!.Stops);
            Assert.Equal(golden.Tokens, (asked.ContextTokens, asked.DroppedTokens));
            Assert.Equal(asked.ContextTokens - asked.DroppedTokens, asked.Generation.Prompt.Length);
            Assert.True(JsonNode.DeepEquals(golden.Target, document.Target), golden.ToString());
            compared++;
        }
        Assert.Equal(48, compared);
    }

    private static int Count(JsonObject request, string name) => (int)request[name]!;
}
