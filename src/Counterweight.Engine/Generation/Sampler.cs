using System.Numerics.Tensors;

namespace Counterweight.Engine.Generation;

/// <summary>Draws the tokens of one sequence. Allocates only when made.</summary>
public sealed class Sampler
{
    private readonly SamplingOptions _options;
    private readonly Random _random;
    private readonly bool[] _seen; // [vocabulary]
    private readonly float[] _keys;
    private readonly int[] _candidates;

    /// <summary>A sampler for a vocabulary; options are checked.</summary>
    public Sampler(SamplingOptions options, int vocabulary)
    {
        options.Validate();
        _options = options;
        _random = new Random((int)(options.Seed ^ (options.Seed >> 32)));
        _seen = new bool[vocabulary];
        _keys = new float[vocabulary];
        _candidates = new int[vocabulary];
    }

    /// <summary>Tells of tokens that the sequence holds, for the repetition penalty.</summary>
    public void Accept(ReadOnlySpan<int> tokens)
    {
        foreach (var token in tokens)
            _seen[token] = true;
    }

    /// <summary>The next token; <paramref name="logits"/> [vocabulary] are changed.</summary>
    public int Next(Span<float> logits)
    {
        if (_options.RepetitionPenalty != 1)
            Penalise(logits);
        if (_options.Temperature == 0)
            return TensorPrimitives.IndexOfMax(logits);
        var count = Filter(logits);
        var probabilities = _keys.AsSpan(0, count);
        var draw = _random.NextDouble() * TensorPrimitives.Sum<float>(probabilities);
        for (var i = 0; i < count - 1; i++)
        {
            draw -= probabilities[i];
            if (draw < 0)
                return _candidates[i];
        }
        return _candidates[count - 1];
    }

    private void Penalise(Span<float> logits)
    {
        var penalty = (float)_options.RepetitionPenalty;
        for (var token = 0; token < logits.Length; token++)
            if (_seen[token])
                logits[token] = logits[token] > 0 ? logits[token] / penalty : logits[token] * penalty;
    }

    /// <summary>Leaves the candidates with their (unnormalised) probabilities in front, most probable first where an option needs the order.</summary>
    private int Filter(Span<float> logits)
    {
        var max = TensorPrimitives.Max<float>(logits);
        var scale = (float)(1 / _options.Temperature);
        for (var token = 0; token < logits.Length; token++)
        {
            _keys[token] = (logits[token] - max) * scale;
            _candidates[token] = token;
        }
        var count = logits.Length;
        TensorPrimitives.Exp(_keys, _keys);
        if (_options.TopK == 0 && _options.TopP == 1 && _options.MinP == 0)
            return count;
        // Sorting negated keys puts the most probable first without a comparer.
        TensorPrimitives.Negate(_keys, _keys);
        _keys.AsSpan().Sort(_candidates.AsSpan());
        TensorPrimitives.Negate(_keys, _keys);
        if (_options.TopK > 0)
            count = Math.Min(count, _options.TopK);
        if (_options.TopP < 1)
            count = Nucleus(count);
        if (_options.MinP > 0)
            count = AtLeast(count, (float)_options.MinP * _keys[0]);
        return count;
    }

    private int Nucleus(int count)
    {
        var wanted = _options.TopP * TensorPrimitives.Sum<float>(_keys.AsSpan(0, count));
        var sum = 0.0;
        for (var i = 0; i < count; i++)
        {
            sum += _keys[i];
            if (sum >= wanted)
                return i + 1;
        }
        return count;
    }

    private int AtLeast(int count, float threshold)
    {
        while (count > 1 && _keys[count - 1] < threshold)
            count--;
        return count;
    }
}
