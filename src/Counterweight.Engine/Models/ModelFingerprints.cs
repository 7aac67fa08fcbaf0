using System.Security.Cryptography;
using Counterweight.Balancing.Plans;
using Counterweight.Engine.Checkpoints;

namespace Counterweight.Engine.Models;

internal static class ModelFingerprints
{
    /// <summary>Hashes the routers: they are what a plan's loads come from, and no plan changes them.</summary>
    public static ModelFingerprint Of(ModelShape shape, IReadOnlyList<TensorView> routers)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var router in routers)
            hash.AppendData(router.Bytes);
        return new ModelFingerprint(shape.ModelType, shape.MoeLayers, shape.Experts, shape.TopK, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }
}
