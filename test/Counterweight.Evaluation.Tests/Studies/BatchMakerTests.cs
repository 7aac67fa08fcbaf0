using Counterweight.Evaluation.Studies.BatchSize;

namespace Counterweight.Evaluation.Tests.Studies;

public sealed class BatchMakerTests
{
    private const int Decoded = 3;
    private static readonly int[] Lengths = [5, 9, 2, 7, 4];
    private static readonly BatchMaker Maker = new(Lengths, Decoded);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void Batches_have_their_size_and_no_token_twice(int size)
    {
        foreach (var kind in BatchKind.All.Where(kind => !kind.Padded))
        {
            var batches = Maker.Make(kind, [0, 1, 2, 3, 4], size, new Random(1));
            Assert.All(batches, batch => Assert.Equal(size, batch.Length));
            var tokens = batches.SelectMany(batch => batch).SelectMany(run => Enumerable.Range(run.First, run.Tokens).Select(token => (run.Sequence, token))).ToArray();
            Assert.Distinct(tokens);
            Assert.NotEmpty(tokens);
        }
    }

    [Fact]
    public void Decoding_steps_have_one_new_token_of_each_sequence()
    {
        var batches = Maker.Make(BatchKind.All.Single(kind => kind.Phase == "decode"), [0, 1, 2, 3, 4], 2, new Random(1));
        Assert.Equal(2 * Decoded, batches.Count);
        Assert.All(batches.SelectMany(batch => batch), run => Assert.InRange(run.First, Lengths[run.Sequence], Lengths[run.Sequence] + Decoded - 1));
        Assert.All(batches.SelectMany(batch => batch), run => Assert.Equal(1, run.Tokens));
    }

    [Fact]
    public void Padding_fills_up_to_the_longest_of_the_batch_and_one_prompt_needs_none()
    {
        var padded = BatchKind.All.Single(kind => kind.Padded);
        Assert.All(Maker.Make(padded, [0, 1, 2, 3, 4], 1, new Random(1)), batch => Assert.Equal(Lengths[batch[0].Sequence], batch[0].Tokens));
        Assert.All(Maker.Make(padded, [0, 1, 2, 3, 4], 5, new Random(1)).Single(), run => Assert.Equal(9, run.Tokens));
    }
}
