using Counterweight.Balancing;
using Counterweight.Engine.Tokenization;
using Counterweight.Evaluation.Scoring;
using Counterweight.Tests;

namespace Counterweight.Evaluation.Tests.Scoring;

public sealed class TextPerplexityTests
{
    [Fact]
    public void Documents_are_what_stands_between_separators()
    {
        using var folder = new TemporaryData();
        var path = folder.Write("text.txt", "one\n\n two\n<|endoftext|>\n\n<|endoftext|>\r\nthree <|endoftext|>\n<|endoftext|>\n");
        Assert.Equal(["one\n\n two", "three <|endoftext|>"], TextDocuments.Read(path));
        Assert.Throws<InvalidInputException>(() => TextDocuments.Read(folder.Write("empty.txt", "\n<|endoftext|>\n ")));
    }

    [Fact]
    public void Held_out_texts_are_split_at_every_separator()
    {
        foreach (var path in Directory.GetFiles(GoldenFiles.Shared("data", "heldout"), "*.txt"))
        {
            var separators = File.ReadLines(path).Count(line => line == TextDocuments.Separator);
            Assert.Equal(separators + 1, TextDocuments.Read(path).Count);
        }
    }

    [Fact]
    public void Uniform_model_has_the_size_of_its_vocabulary_as_perplexity()
    {
        using var folder = new TemporaryData();
        string[] files = [folder.Write("a.txt", "aé\n<|endoftext|>\nlonger than a window\n"), folder.Write("b.txt", "xyz")];
        var scorer = new UniformScorer(vocabulary: 50, maxLength: 8);
        var result = new TextPerplexity(scorer, CharacterTokenizer.Requests(8))
            .Measure(files, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal([(2L, 3L), (20L, 20L)], result.Files[0].Documents.Select(document => (document.Tokens, document.Bytes)));
        Assert.Equal((25, 26), (result.Total.Tokens, result.Total.Bytes));
        Assert.Equal(50, result.Total.Perplexity, 1e-9);
        Assert.Equal(50, result.Files[1].Total.Perplexity, 1e-9);
        Assert.Equal(Math.Log(50), result.Total.NatsPerToken, 1e-12);
        Assert.Equal(Math.Pow(50, 25 / 26.0), result.Total.BytePerplexity, 1e-9);
    }

    [Fact]
    public void Token_limit_keeps_whole_documents_of_each_file()
    {
        using var folder = new TemporaryData();
        const string text = "abcde\n<|endoftext|>\nfghij\n<|endoftext|>\nklmno";
        string[] files = [folder.Write("a.txt", text), folder.Write("b.txt", text)];
        var result = new TextPerplexity(new UniformScorer(50, 8), CharacterTokenizer.Requests(8)).Measure(files, maxTokensPerFile: 6,
            cancellation: TestContext.Current.CancellationToken);
        Assert.Equal([2, 2], result.Files.Select(file => file.Documents.Count));
    }

    [Fact]
    public void Model_without_a_finite_answer_is_named_with_the_document()
    {
        using var folder = new TemporaryData();
        var path = folder.Write("a.txt", "abc");
        var perplexity = new TextPerplexity(new UniformScorer(double.NaN, 8), CharacterTokenizer.Requests(8));
        var error = Assert.Throws<InvalidInputException>(() =>
            perplexity.Measure([path], cancellation: TestContext.Current.CancellationToken));
        Assert.Contains(path, error.Where, StringComparison.Ordinal);
    }

    private sealed class UniformScorer(double vocabulary, int maxLength) : ITokenScorer
    {
        public int MaxLength => maxLength;

        public TokenScore[] Score(
            IReadOnlyList<TokenRequest> requests, Action<int>? scored = null, CancellationToken cancellation = default)
        {
            Assert.All(requests, request => Assert.InRange(request.Input.Length, request.Targets.Length, maxLength));
            return [.. requests.Select(request => new TokenScore(-request.Targets.Length * Math.Log(vocabulary), false))];
        }
    }
}
