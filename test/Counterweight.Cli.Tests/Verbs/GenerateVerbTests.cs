using System.Text.Json;
using Counterweight.Engine.Tokenization;
using Counterweight.Tests;

namespace Counterweight.Cli.Tests.Verbs;

public sealed class GenerateVerbTests
{
    private static readonly string Model = Path.Combine(GoldenFiles.ProjectRoot, "models", "pocket-moe");

    [Fact]
    public async Task Prints_the_text_of_the_ids_and_nothing_else()
    {
        using var folder = new TemporaryFolder();
        var result = await CliResult.Of("generate", Model, "--prompt", "The river", "--max-tokens", "12", "--json", folder["g.json"]);
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("12 new tokens", result.Error);

        var text = folder.Json("g.json").GetProperty("texts")[0];
        var tokenizer = Tokenizer.Load(Path.Combine(Model, "tokenizer.json"));
        Assert.Equal(tokenizer.Encode("The river"), Ids(text, "promptIds"));
        Assert.Equal(12, Ids(text, "ids").Length);
        Assert.Equal("length", text.GetProperty("finishReason").GetString());
        Assert.Equal(tokenizer.Decode(Ids(text, "ids")), text.GetProperty("text").GetString());
        Assert.Equal(text.GetProperty("text").GetString() + "\n", result.Output);
    }

    [Fact]
    public async Task A_batch_continues_each_prompt_as_it_would_be_alone()
    {
        string[] prompts = ["The river", "def main():", "2 + 2 ="];
        using var folder = new TemporaryFolder();
        var together = await Texts(folder, [.. prompts.SelectMany(prompt => new[] { "--prompt", prompt })]);
        for (var i = 0; i < prompts.Length; i++)
            Assert.Equal(Ids((await Texts(folder, "--prompt", prompts[i]))[0], "ids"), Ids(together[i], "ids"));
    }

    [Fact]
    public async Task Sampling_follows_its_seed()
    {
        using var folder = new TemporaryFolder();
        async Task<int[]> Sample(string seed) => Ids((await Texts(folder, "--prompt", "The river", "--top-p", "0.95", "--seed", seed))[0], "ids");
        var first = await Sample("3");
        Assert.Equal(first, await Sample("3"));
        Assert.NotEqual(first, await Sample("4"));
        Assert.NotEqual(first, Ids((await Texts(folder, "--prompt", "The river"))[0], "ids"));
    }

    [Fact]
    public async Task A_conversation_is_written_as_the_template_says()
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder["t.jinja"], "{{ eos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if loud is true %}!{% endif %}assistant:");
        var texts = await Texts(folder, "--chat", "--chat-template", folder["t.jinja"], "--template-option", "loud=true", "--system", "Be brief.", "--prompt", "Hello", "--prompt", "And then?");
        Assert.Equal("<|endoftext|>system: Be brief.\nuser: Hello\n!assistant:", texts[0].GetProperty("prompt").GetString());
        Assert.Equal($"<|endoftext|>system: Be brief.\nuser: Hello\nassistant: {texts[0].GetProperty("text").GetString()}\nuser: And then?\n!assistant:",
            texts[1].GetProperty("prompt").GetString());
        var tokenizer = Tokenizer.Load(Path.Combine(Model, "tokenizer.json"));
        Assert.Equal(tokenizer.IdOf("<|endoftext|>"), Ids(texts[1], "promptIds")[0]);
        Assert.Equal(tokenizer.Encode(texts[1].GetProperty("prompt").GetString()!, addSpecialTokens: false), Ids(texts[1], "promptIds"));
    }

    [Fact]
    public async Task A_conversation_needs_a_template() =>
        (await CliResult.Of("generate", Model, "--chat", "--prompt", "Hello")).Refused(1, "no chat template");

    [Fact]
    public async Task Without_a_conversation_there_is_a_prompt_and_no_system_message()
    {
        (await CliResult.Of("generate", Model)).Refused(2, "--prompt: found nothing, expected a text to continue, or --chat");
        (await CliResult.Of("generate", Model, "--prompt", "a", "--system", "b")).Refused(2, "--system: found it without --chat");
    }

    [Theory]
    [InlineData(2, "--temperature", "-1", "--temperature: found -1, expected 0 to 100")]
    [InlineData(2, "--top-p", "0", "--top-p: found 0, expected above 0 to 1")]
    [InlineData(2, "--max-tokens", "0", "--max-tokens: found 0, expected 1 or more")]
    [InlineData(1, "--prompt", "", "prompt 1: found 0 tokens, expected 1 to 511")]
    [InlineData(1, "--plan", "no-such-plan.json", "no-such-plan.json")]
    public async Task What_cannot_be_done_is_refused(int exitCode, string option, string value, string message) =>
        (await CliResult.Of("generate", Model, "--prompt", "The river", option, value)).Refused(exitCode, message);

    private static async Task<JsonElement> Texts(TemporaryFolder folder, params string[] options)
    {
        Assert.Equal(0, (await CliResult.Of(["generate", Model, "--max-tokens", "10", "--json", folder["g.json"], .. options])).ExitCode);
        return folder.Json("g.json").GetProperty("texts");
    }

    private static int[] Ids(JsonElement text, string name) => [.. text.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];
}
