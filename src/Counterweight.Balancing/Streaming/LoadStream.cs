using Counterweight.Balancing.Loads;

namespace Counterweight.Balancing.Streaming;

/// <summary>A stretch of a stream in which traffic does not change on purpose.</summary>
/// <param name="Name">What comes, for example a domain.</param>
/// <param name="Windows">Its windows, at least one.</param>
public sealed record StreamSegment(string Name, IReadOnlyList<ExpertLoads> Windows);

/// <summary>Traffic in the order in which it is served.</summary>
/// <param name="Name">What is particular about it, for example <c>adversarial</c>.</param>
/// <param name="Segments">Its segments, at least one.</param>
public sealed record LoadStream(string Name, IReadOnlyList<StreamSegment> Segments);
