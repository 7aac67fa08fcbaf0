using System.Diagnostics.CodeAnalysis;

namespace Counterweight.Engine.Chat.Templates;

/// <summary>
/// Bounds what rendering may cost: every node that is evaluated and every character or item that is made counts. That bounds time and memory alike.
/// </summary>
internal sealed class WorkLimit(long limit)
{
    private long _done;

    /// <summary>Counts work that is about to be done.</summary>
    public void Charge(long work)
    {
        if ((_done += work) > limit)
            Refuse();
    }

    [DoesNotReturn]
    private void Refuse() => throw new TemplateFault($"more work than {limit} nodes, characters and items", "a template that ends sooner");
}
