using System.Numerics.Tensors;

namespace Counterweight.Engine.Layers;

/// <summary>
/// T5's relative position bias (Raffel et al. 2020, section 2.1): each head adds a learned number to a score, by how far the key lies from the query. Near distances
/// have a bucket each, farther ones share buckets that grow with the logarithm, and all beyond the largest distance are alike.
/// </summary>
internal sealed class RelativeBias
{
    private readonly float[][] _byDistance; // [heads][2 · limit + 1], from −limit on
    private readonly int _limit;

    /// <summary>Spreads the buckets over the distances.</summary>
    /// <param name="table">[buckets, heads].</param>
    /// <param name="heads">Heads.</param>
    /// <param name="maxDistance">From here on all distances are alike.</param>
    /// <param name="bothWays">Whether keys may lie behind the query, which takes half of the buckets.</param>
    public RelativeBias(float[] table, int heads, int maxDistance, bool bothWays)
    {
        _limit = maxDistance;
        var buckets = Enumerable.Range(-maxDistance, 2 * maxDistance + 1).Select(distance => Bucket(distance, table.Length / heads, maxDistance, bothWays)).ToArray();
        _byDistance = [.. Enumerable.Range(0, heads).Select(head => Array.ConvertAll(buckets, bucket => table[bucket * heads + head]))];
    }

    /// <summary>Adds the bias of consecutive keys.</summary>
    /// <param name="scores">Scores of the keys from <paramref name="firstKey"/> on.</param>
    /// <param name="head">The head.</param>
    /// <param name="firstKey">Position of the first key.</param>
    /// <param name="position">Position of the query.</param>
    public void AddTo(Span<float> scores, int head, int firstKey, int position)
    {
        ReadOnlySpan<float> biases = _byDistance[head];
        var first = firstKey - position;
        var near = Math.Clamp(-_limit - first, 0, scores.Length);
        var far = Math.Clamp(_limit + 1 - first, near, scores.Length);
        TensorPrimitives.Add(scores[..near], biases[0], scores[..near]);
        TensorPrimitives.Add(scores[near..far], biases.Slice(Math.Clamp(first + near + _limit, 0, biases.Length), far - near), scores[near..far]);
        TensorPrimitives.Add(scores[far..], biases[^1], scores[far..]);
    }

    /// <summary>The bucket of a key that lies <paramref name="distance"/> positions behind the query; single precision, as in the reference.</summary>
    internal static int Bucket(int distance, int buckets, int maxDistance, bool bothWays)
    {
        var first = 0;
        if (bothWays)
        {
            buckets /= 2;
            first = distance > 0 ? buckets : 0;
            distance = Math.Abs(distance);
        }
        else
        {
            distance = Math.Max(-distance, 0);
        }
        var exact = buckets / 2;
        if (distance < exact)
            return first + distance;
        var share = MathF.Log(distance / (float)exact) / (float)Math.Log(maxDistance / (double)exact);
        return first + Math.Min(exact + (int)(share * (buckets - exact)), buckets - 1);
    }
}
