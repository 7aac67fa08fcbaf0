using Counterweight.Engine.Kernels;
using CsCheck;

namespace Counterweight.Engine.Tests.Kernels;

public class HugePagesTests
{
    [Fact]
    public void PiecesAreZeroApartFromEachOtherAndOutliveTheirNeighbours()
    {
        // Up to three stretches' worth in all, each piece larger or smaller than a page.
        Gen.Select(Gen.Long[0, 1 << 23], Gen.Bool).Array[1, 12].Sample(steps =>
        {
            var held = new List<(AlignedBuffer Buffer, byte Mark)>();
            try
            {
                foreach (var (bytes, returns) in steps)
                {
                    var buffer = AlignedBuffer.ForWeights(bytes);
                    Assert.Equal(0, Address(buffer) % 64);
                    Assert.Equal(-1, buffer.AsSpan<byte>().IndexOfAnyExcept((byte)0));
                    held.Add((buffer, (byte)(held.Count + 1)));
                    buffer.AsSpan<byte>().Fill(held[^1].Mark);
                    if (returns)
                    {
                        held[0].Buffer.Dispose();
                        held.RemoveAt(0);
                    }
                    foreach (var (other, mark) in held)
                        Assert.Equal(-1, other.AsSpan<byte>().IndexOfAnyExcept(mark));
                }
            }
            finally
            {
                held.ForEach(piece => piece.Buffer.Dispose());
            }
        }, iter: 20);
    }

    private static unsafe nint Address(AlignedBuffer buffer) => (nint)buffer.Pointer;
}
