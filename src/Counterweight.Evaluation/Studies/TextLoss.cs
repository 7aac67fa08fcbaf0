using Counterweight.Engine.Calibration;
using Counterweight.Engine.Models;
using Counterweight.Evaluation.Scoring;

namespace Counterweight.Evaluation.Studies;

/// <summary>The loss of a model on sequences of tokens, one after the other, for comparing changes of the model in pairs.</summary>
internal sealed class TextLoss
{
    private readonly TokenRequest[] _requests;

    /// <summary>Sequences of texts as a model of this shape is asked for them; those of one token have nothing to predict.</summary>
    public TextLoss(ModelShape shape, IReadOnlyList<TokenText> texts)
    {
        var sequences = texts.SelectMany(text => text.Sequences.Where(sequence => sequence.Length > 1).Select(sequence => (text.Name, sequence))).ToArray();
        _requests = Array.ConvertAll(sequences, entry => RollingWindows.Whole(entry.sequence, shape.DecoderStart is not null));
        Domains = Array.ConvertAll(sequences, entry => entry.Name);
    }

    /// <summary>The text of each sequence.</summary>
    public IReadOnlyList<string> Domains { get; }

    /// <summary>Predicted tokens.</summary>
    public int Tokens => _requests.Sum(request => request.Targets.Length);

    /// <summary>Negative log-probability of each sequence.</summary>
    public TextNats[] Measure(ModelScorer scorer, CancellationToken cancellation) =>
        [.. scorer.Score(_requests, cancellation: cancellation).Zip(_requests, (score, request) => new TextNats(request.Targets.Length, 0, -score.LogLikelihood))];

    /// <summary>Removes experts from layers while <paramref name="work"/> runs.</summary>
    /// <param name="model">The model.</param>
    /// <param name="removed">The expert that each MoE layer loses; −1 for none, [MoE layers].</param>
    /// <param name="work">What to do meanwhile.</param>
    public static T Without<T>(MoeModel model, IReadOnlyList<int> removed, Func<T> work)
    {
        try
        {
            for (var l = 0; l < removed.Count; l++)
                model.Banks[l].Removed = removed[l] < 0 ? null : new HashSet<int> { removed[l] };
            return work();
        }
        finally
        {
            foreach (var bank in model.Banks)
                bank.Removed = null;
        }
    }
}
