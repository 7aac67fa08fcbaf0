using Counterweight.Engine.Calibration;
using Counterweight.Engine.Tests.Models;
using CsCheck;

namespace Counterweight.Engine.Tests.Calibration;

public class CalibrationTextTests
{
    [Fact]
    public void ASampleKeepsToItsBudgetAndToItsSeed() =>
        Gen.Select(Gen.Int[1, 60].Array[1, 12].Array[1, 4], Gen.Int[20, 400], Gen.ULong).Sample((lengths, budget, seed) =>
        {
            // Every token says where it comes from.
            var texts = lengths.Select((sequences, t) => new TokenText($"{t}", [.. sequences.Select((length, s) => Enumerable.Range(0, length).Select(i => (t * 100 + s) * 100 + i).ToArray())])).ToArray();
            var sample = CalibrationText.Sample(texts, budget, seed);
            Assert.Equal(sample.Select(text => text.Sequences), CalibrationText.Sample(texts, budget, seed).Select(text => text.Sequences));
            Assert.Equal(texts.Select(text => text.Name), sample.Select(text => text.Name));
            var total = texts.Sum(text => text.Tokens);
            Assert.InRange(sample.Sum(text => text.Tokens), Math.Min(total, budget - texts.Length), Math.Min(total, budget + texts.Length));
            for (var t = 0; t < texts.Length; t++)
            {
                Assert.Equal(texts[t].Tokens * Math.Min(1.0, (double)budget / total), sample[t].Tokens, 1.0);
                Assert.Equal(sample[t].Tokens, sample[t].Sequences.SelectMany(sequence => sequence).Distinct().Count());
                foreach (var sequence in sample[t].Sequences)
                    Assert.Equal(texts[t].Sequences[sequence[0] / 100 % 100].Take(sequence.Length), sequence);
            }
        });

    [Fact]
    public void AnotherSeedDrawsOtherSequences()
    {
        TokenText[] texts = [new("one", [.. Enumerable.Range(0, 50).Select(i => new[] { i, i })])];
        var samples = Enumerable.Range(0, 10).Select(seed => string.Join(' ', CalibrationText.Sample(texts, 20, (ulong)seed)[0].Sequences.Select(sequence => sequence[0])));
        Assert.Equal(10, samples.Distinct().Count());
    }

    [Fact]
    public void FilesAreCutIntoDocumentsAndPieces()
    {
        using var test = TestModel.Pocket();
        using var folder = new Checkpoints.TemporaryFolder();
        var file = folder.Write("two.txt", "One short text.\n<|endoftext|>\n" + string.Join(' ', Enumerable.Repeat("word", 300)));
        var tokenizer = test.Loaded.Tokenizer;
        var text = Assert.Single(CalibrationText.Read([file], tokenizer, 0, maxLength: 64));
        Assert.Equal("two", text.Name);
        Assert.Equal([0, .. tokenizer.Encode("One short text.", false)], text.Sequences[0]);
        Assert.All(text.Sequences, sequence => Assert.InRange(sequence.Length, 1, 64));
        Assert.Equal([0, .. tokenizer.Encode(string.Join(' ', Enumerable.Repeat("word", 300)), false)], text.Sequences.Skip(1).SelectMany(sequence => sequence));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(500)]
    [InlineData(3000)]
    public void TheModelWritesExactlySoManyTokens(int tokens)
    {
        using var test = TestModel.Open();
        var text = Assert.Single(SelfSampling.Run(test.Model, tokens, seed: 4));
        Assert.Equal(tokens, text.Tokens);
        Assert.All(text.Sequences, sequence =>
        {
            Assert.Equal(test.Model.Shape.EosTokens[0], sequence[0]);
            Assert.InRange(sequence.Length, 1, test.Model.Shape.MaxPositions);
            Assert.All(sequence, token => Assert.InRange(token, 0, test.Model.Shape.Vocabulary - 1));
        });
        Assert.Equal(text.Sequences, SelfSampling.Run(test.Model, tokens, seed: 4)[0].Sequences);
        if (tokens > 1)
            Assert.NotEqual(text.Sequences, SelfSampling.Run(test.Model, tokens, seed: 5)[0].Sequences);
    }
}
