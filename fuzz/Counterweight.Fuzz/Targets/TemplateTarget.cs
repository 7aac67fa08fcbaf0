using System.Text;
using System.Text.Json.Nodes;
using Counterweight.Balancing;
using Counterweight.Engine.Chat;

namespace Counterweight.Fuzz.Targets;

/// <summary>Parses a chat template and renders a conversation with it.</summary>
internal sealed class TemplateTarget : FuzzTarget
{
    private const string Variables = """
        {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi \ud83d\ude00 <b>"},
         {"role": "assistant", "content": null, "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": {"a": 1, "b": [1.5, true]}}}]},
         {"role": "tool", "content": "21"}], "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
         "add_generation_prompt": true, "bos_token": "<s>", "eos_token": "</s>", "n": 3}
        """;

    protected override void Read(byte[] input)
    {
        if (!System.Text.Unicode.Utf8.IsValid(input))
            throw new InvalidInputException("template", "bytes that are not UTF-8", "a template");
        ChatTemplate.Parse(Encoding.UTF8.GetString(input), "template").Render(JsonNode.Parse(Variables)!.AsObject(), DateTimeOffset.UnixEpoch);
    }

    // Loops may work up to their own limit, whatever the length of the template.
    protected override long AllocationLimit(long inputBytes) => 8L << 30;
}
