namespace Counterweight.Bench.Peer;

/// <summary>A model with random weights: what its work costs depends on its sizes alone.</summary>
/// <param name="Name">The name on the command line and in tables.</param>
/// <param name="Architecture">GGUF's <c>general.architecture</c>: <c>qwen3moe</c>, or <c>deepseek</c> where there are shared experts.</param>
/// <param name="Hidden">Width of the residual stream.</param>
/// <param name="Layers">Layers, all of them with experts.</param>
/// <param name="Experts">Logical experts of a layer.</param>
/// <param name="TopK">Experts of a token.</param>
/// <param name="ExpertWidth">Width inside an expert.</param>
/// <param name="SharedExperts">Experts that every token goes through.</param>
/// <param name="Heads">Query heads.</param>
/// <param name="KvHeads">Key and value heads.</param>
/// <param name="HeadWidth">Width of a head.</param>
/// <param name="Vocabulary">Number of token ids.</param>
internal sealed record PeerModel(
    string Name, string Architecture, int Hidden, int Layers, int Experts, int TopK, int ExpertWidth, int SharedExperts, int Heads, int KvHeads,
    int HeadWidth, int Vocabulary)
{
    public const int ContextLength = 4096;

    public static readonly PeerModel[] All =
    [
        new("A", "qwen3moe", 512, 8, 32, 4, 256, 0, 8, 4, 64, 8192),
        new("B", "qwen3moe", 1024, 12, 64, 8, 512, 0, 16, 4, 64, 32768),
        new("C", "deepseek", 2048, 16, 64, 6, 1408, 2, 16, 16, 128, 32768),
    ];

    public long ExpertWeights => 3L * Hidden * ExpertWidth;

    private long AttentionWeights => (long)Hidden * HeadWidth * 2 * (Heads + KvHeads);

    /// <summary>Weights that a token is multiplied with, the head included.</summary>
    public long ActiveWeights => Layers * (AttentionWeights + (TopK + SharedExperts) * ExpertWeights + (long)Hidden * Experts) + (long)Hidden * Vocabulary;

    /// <summary>The same without the head, which a prompt needs for its last token only.</summary>
    public long ActiveWeightsOfPrompt => ActiveWeights - (long)Hidden * Vocabulary;
}
