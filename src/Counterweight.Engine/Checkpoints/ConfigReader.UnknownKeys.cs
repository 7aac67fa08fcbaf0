using System.Text.Json;

namespace Counterweight.Engine.Checkpoints;

public sealed partial class ConfigReader
{
    // What packaging, training and generation record, and inference on a given text doesn't depend on.
    private static readonly HashSet<string> HarmlessKeys = new(StringComparer.Ordinal)
    {
        "_name_or_path", "architectures", "auto_map", "dtype", "model_type", "torch_dtype", "transformers_version",
        "bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id",
        "initializer_factor", "initializer_range", "pretraining_tp", "use_cache",
        "output_attentions", "output_hidden_states", "return_dict",
        "attention_dropout", "classifier_dropout", "dropout", "dropout_rate", "embd_pdrop", "hidden_dropout", "resid_pdrop",
        "aux_loss_alpha", "output_router_logits", "router_aux_loss_coef", "router_z_loss_coef", "seq_aux",
    };

    /// <summary>
    /// The keys with a value that no getter asked for, nested ones as <c>rope_scaling.factor</c>, in ordinal order: settings that a
    /// caller should warn of by name. Call it after everything is read.
    /// </summary>
    /// <param name="harmless">Keys that don't matter here, beyond those of packaging and training that never do.</param>
    public IReadOnlyList<string> UnknownKeys(params ReadOnlySpan<string> harmless)
    {
        if (_isDerived)
            return []; // whoever put the settings together has looked at what they come from
        var unknown = new List<string>();
        foreach (var property in _object.EnumerateObject())
            if (property.Value.ValueKind != JsonValueKind.Null && !_asked.Contains(property.Name)
                && !HarmlessKeys.Contains(property.Name) && !harmless.Contains(property.Name))
                unknown.Add(_prefix + property.Name);
        foreach (var nested in _nested.Values)
            unknown.AddRange(nested.UnknownKeys(harmless));
        unknown.Sort(StringComparer.Ordinal);
        return unknown;
    }
}
