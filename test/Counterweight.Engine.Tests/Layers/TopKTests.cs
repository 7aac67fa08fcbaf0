using Counterweight.Engine.Layers;
using CsCheck;

namespace Counterweight.Engine.Tests.Layers;

public class TopKTests
{
    [Fact]
    public void LargestFirstAndTiesToTheLowerIndex() =>
        Gen.Int[-4, 4].Select(value => value / 4f).Array[1, 40].SelectMany(values => Gen.Int[1, values.Length].Select(k => (values, k))).Sample((values, k) =>
        {
            var ids = new int[k];
            var largest = new float[k];
            TopK.Select(values, ids, largest);
            Assert.Equal(Enumerable.Range(0, values.Length).OrderByDescending(i => values[i]).ThenBy(i => i).Take(k), ids);
            Assert.Equal(ids.Select(i => values[i]), largest);
        });
}
