namespace Counterweight.Engine.Models;

/// <summary>What the configuration class of a family has where a file lacks the key. Sizes without a meaningful default are required.</summary>
internal sealed record ConfigDefaults
{
    /// <summary><c>rope_theta</c>.</summary>
    public double Theta { get; init; } = 10000;

    /// <summary>The epsilon of norms.</summary>
    public double Epsilon { get; init; } = 1e-6;

    /// <summary><c>num_key_value_heads</c>; null: as many as query heads.</summary>
    public int? KvHeads { get; init; }

    /// <summary><c>head_dim</c>; null: the hidden size over the heads.</summary>
    public int? HeadDim { get; init; }

    /// <summary><c>tie_word_embeddings</c>.</summary>
    public bool TiedEmbeddings { get; init; }
}
