using System.Security.Cryptography;
using System.Text;

namespace Counterweight.Evaluation.Scoring;

/// <summary>SHA-256 of what a sample was made from, in hexadecimal, as lm-evaluation-harness logs them. Documents are known by their place and requests, not by their original row.</summary>
internal static class SampleHashes
{
    public static string OfDocument(SampleResult sample) =>
        Of(string.Join('\n', sample.Requests.Select(request => $"{request.Context}\n{request.Continuation}").Prepend($"{sample.Task} {sample.Id}")));

    /// <summary>The context of the first request; for a whole text, the text.</summary>
    public static string OfPrompt(SampleResult sample) => Of(sample.Requests[0].Context ?? sample.Requests[0].Continuation);

    public static string OfTarget(SampleResult sample) => Of(sample.Target.ToString());

    public static string OfTask(IEnumerable<SampleResult> samples) =>
        Of(string.Concat(samples.Select(sample => OfDocument(sample) + OfPrompt(sample) + OfTarget(sample))));

    private static string Of(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
