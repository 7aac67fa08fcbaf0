using System.Text.RegularExpressions;

namespace Counterweight.Engine.Checkpoints.Quantized;

/// <summary>How compressed-tensors stores codes.</summary>
internal enum CompressedForm
{
    /// <summary><c>weight_packed</c>: integers in words.</summary>
    PackedIntegers,

    /// <summary><c>weight</c> in I8.</summary>
    SignedBytes,

    /// <summary><c>weight</c> in F8_E4M3.</summary>
    Floats,

    /// <summary><c>weight_packed</c>: NVFP4.</summary>
    SmallFloats,
}

/// <summary>One of the <c>config_groups</c> of a compressed-tensors checkpoint.</summary>
/// <param name="Form">How codes are stored.</param>
/// <param name="Bits">Bits of a code.</param>
/// <param name="GroupSize">Inputs of a group; 0 for whole rows.</param>
/// <param name="IsSymmetric">Whether there are no zero points.</param>
/// <param name="HasIndex">Whether groups were formed in another order than that of the inputs.</param>
/// <param name="Block">Rows and columns of a block of 8-bit floats; null for none.</param>
/// <param name="Targets">Modules: <c>Linear</c> for all, a name or its end, or <c>re:</c> and a regular expression for its beginning.</param>
internal sealed record CompressedScheme(
    CompressedForm Form, int Bits, int GroupSize, bool IsSymmetric, bool HasIndex, (int Rows, int Columns)? Block, string[] Targets)
{
    private const string Everything = "Linear", RegexMark = "re:";

    private readonly Regex[] _patterns =
        [.. Targets.Where(target => target.StartsWith(RegexMark, StringComparison.Ordinal)).Select(target => ModulePattern.Of(target[RegexMark.Length..]))];

    /// <summary>Whether a target names the module.</summary>
    public bool Names(string module) =>
        Targets.Any(target => module == target || module.EndsWith("." + target, StringComparison.Ordinal)) || _patterns.Any(pattern => pattern.IsMatch(module));

    /// <summary>Whether a target means all modules.</summary>
    public bool IsForAll => Targets.Contains(Everything);
}
