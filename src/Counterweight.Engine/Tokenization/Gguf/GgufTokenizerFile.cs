using System.Text.Encodings.Web;
using System.Text.Json;
using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Checkpoints.Gguf;

namespace Counterweight.Engine.Tokenization.Gguf;

/// <summary>
/// Writes what the metadata of a GGUF file says of its tokenizer as the <c>tokenizer.json</c> that it came from, so that both kinds of
/// files are read, and checked, in one way. What the metadata has no key for (Unicode normal forms) is left out.
/// </summary>
internal sealed class GgufTokenizerFile
{
    private const string Prefix = "tokenizer.ggml.";
    private const char WordStart = '\u2581'; // ▁, SentencePiece's space

    private readonly GgufMetadata _metadata;
    private readonly Utf8JsonWriter _json;
    private readonly string[] _tokens;
    private readonly long[] _types;

    private GgufTokenizerFile(GgufMetadata metadata, Utf8JsonWriter json)
    {
        (_metadata, _json) = (metadata, json);
        _tokens = metadata.Strings($"{Prefix}tokens");
        _types = metadata.Integers($"{Prefix}token_type", [.. Enumerable.Repeat((long)TokenType.Normal, _tokens.Length)]);
        if (_types.Length != _tokens.Length)
            throw metadata.Refuse($"{Prefix}token_type", $"{_tokens.Length} types, as many as tokens");
    }

    private enum TokenType
    {
        Normal = 1,
        Unknown = 2,
        Control = 3,
        UserDefined = 4,
        Unused = 5,
        Byte = 6,
    }

    /// <summary>Whether the file has a tokenizer.</summary>
    public static bool IsIn(GgufMetadata metadata) => metadata.String($"{Prefix}model", "none") is not ("none" or "no_vocab");

    /// <summary>The <c>tokenizer.json</c>, UTF-8.</summary>
    /// <exception cref="Balancing.InvalidInputException">The file has no tokenizer, contradicts itself, or names a kind that isn't supported.</exception>
    public static byte[] Make(GgufMetadata metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            var model = metadata.String($"{Prefix}model");
            if (model is not ("gpt2" or "llama"))
                throw metadata.Refuse($"{Prefix}model", "gpt2 or llama");
            var file = new GgufTokenizerFile(metadata, json);
            json.WriteStartObject();
            json.WriteString("version", "1.0");
            file.WriteAddedTokens();
            if (model == "gpt2")
                file.WriteByteLevel();
            else
                file.WriteSentencePiece();
            json.WriteEndObject();
        }
        return buffer.ToArray();
    }

    private void WriteAddedTokens()
    {
        _json.WriteStartArray("added_tokens");
        for (var id = 0; id < _tokens.Length; id++)
            if (TypeOf(id) is TokenType.Control or TokenType.UserDefined or TokenType.Unknown && _tokens[id].Length > 0)
            {
                _json.WriteStartObject();
                _json.WriteNumber("id", id);
                _json.WriteString("content", _tokens[id]);
                _json.WriteBoolean("normalized", false);
                _json.WriteBoolean("special", TypeOf(id) != TokenType.UserDefined);
                _json.WriteEndObject();
            }
        _json.WriteEndArray();
    }

    /// <summary>Byte-level BPE: merges stand in the file, the pre-tokenizer is named.</summary>
    private void WriteByteLevel()
    {
        var preTokenizer = GgufPreTokenizer.Of(_metadata);
        preTokenizer.Write(_json);
        WriteEnds(addBos: preTokenizer.AddsBos);
        _json.WriteStartObject("decoder");
        _json.WriteString("type", "ByteLevel");
        _json.WriteEndObject();
        _json.WriteStartObject("model");
        _json.WriteString("type", "BPE");
        _json.WriteBoolean("ignore_merges", preTokenizer.IgnoresMerges);
        WriteVocabulary(type => type is TokenType.Normal or TokenType.Byte);
        _json.WriteStartArray("merges");
        foreach (var merge in _metadata.Strings($"{Prefix}merges"))
        {
            // The first space behind the first character: a token may be a space in vocabularies that spell no bytes.
            var space = merge.Length > 1 ? merge.IndexOf(' ', 1) : -1;
            if (space < 0)
                throw _metadata.Refuse($"{Prefix}merges", $"two tokens with a space between in {InputText.Quoted(merge)}");
            WritePair(merge[..space], merge[(space + 1)..]);
        }
        _json.WriteEndArray();
        _json.WriteEndObject();
    }

    /// <summary>SentencePiece BPE: pieces merge by their scores, unknown characters become bytes.</summary>
    private void WriteSentencePiece()
    {
        if (_metadata.Bool($"{Prefix}remove_extra_whitespaces", false))
            throw _metadata.Refuse($"{Prefix}remove_extra_whitespaces", "false");
        var addsSpace = _metadata.Bool($"{Prefix}add_space_prefix", true);
        WriteSpaces(addsSpace);
        WriteEnds(addBos: true);
        _json.WriteStartObject("model");
        _json.WriteString("type", "BPE");
        WriteUnknown();
        _json.WriteBoolean("fuse_unk", true);
        _json.WriteBoolean("byte_fallback", _types.Count(type => type == (long)TokenType.Byte) == 256);
        WriteVocabulary(type => type is TokenType.Normal or TokenType.Byte or TokenType.Unknown);
        WriteMergesByScore();
        _json.WriteEndObject();
    }

    private void WriteSpaces(bool addsSpace)
    {
        _json.WriteStartObject("normalizer");
        _json.WriteString("type", "Sequence");
        _json.WriteStartArray("normalizers");
        if (addsSpace)
            WriteStep("Prepend", () => _json.WriteString("prepend", $"{WordStart}"));
        WriteStep("Replace", () => WriteReplacement(" ", $"{WordStart}"));
        _json.WriteEndArray();
        _json.WriteEndObject();
        _json.WriteStartObject("decoder");
        _json.WriteString("type", "Sequence");
        _json.WriteStartArray("decoders");
        WriteStep("Replace", () => WriteReplacement($"{WordStart}", " "));
        WriteStep("ByteFallback", () => { });
        WriteStep("Fuse", () => { });
        if (addsSpace)
            WriteStep("Strip", () =>
            {
                _json.WriteString("content", " ");
                _json.WriteNumber("start", 1);
                _json.WriteNumber("stop", 0);
            });
        _json.WriteEndArray();
        _json.WriteEndObject();
    }

    private void WriteReplacement(string pattern, string content)
    {
        _json.WriteStartObject("pattern");
        _json.WriteString("String", pattern);
        _json.WriteEndObject();
        _json.WriteString("content", content);
    }

    private void WriteStep(string type, Action parameters)
    {
        _json.WriteStartObject();
        _json.WriteString("type", type);
        parameters();
        _json.WriteEndObject();
    }

    private void WriteUnknown()
    {
        var id = _metadata.Integer($"{Prefix}unknown_token_id", 0);
        if (id >= 0 && id < _tokens.Length)
            _json.WriteString("unk_token", _tokens[id]);
    }

    /// <summary>Every way to put a piece together from two others, the highest score first; of equal ones the longest left part.</summary>
    private void WriteMergesByScore()
    {
        var scores = _metadata.Numbers($"{Prefix}scores");
        if (scores.Length != _tokens.Length)
            throw _metadata.Refuse($"{Prefix}scores", $"{_tokens.Length} scores, as many as tokens");
        var pieces = new HashSet<string>(StringComparer.Ordinal);
        for (var id = 0; id < _tokens.Length; id++)
            if (TypeOf(id) == TokenType.Normal)
                pieces.Add(_tokens[id]);
        var known = pieces.GetAlternateLookup<ReadOnlySpan<char>>();
        var merges = new List<(string Piece, int Left, double Score)>();
        for (var id = 0; id < _tokens.Length; id++)
            for (var left = 1; TypeOf(id) == TokenType.Normal && left < _tokens[id].Length; left++)
                if (known.Contains(_tokens[id].AsSpan(0, left)) && known.Contains(_tokens[id].AsSpan(left)))
                    merges.Add((_tokens[id], left, scores[id]));
        _json.WriteStartArray("merges");
        foreach (var (piece, left, _) in merges.OrderByDescending(merge => merge.Score).ThenByDescending(merge => merge.Left))
            WritePair(piece[..left], piece[left..]);
        _json.WriteEndArray();
    }

    private void WritePair(string left, string right)
    {
        _json.WriteStartArray();
        _json.WriteStringValue(left);
        _json.WriteStringValue(right);
        _json.WriteEndArray();
    }

    private void WriteVocabulary(Func<TokenType, bool> isOfModel)
    {
        _json.WriteStartObject("vocab");
        for (var id = 0; id < _tokens.Length; id++)
            if (isOfModel(TypeOf(id)))
                _json.WriteNumber(_tokens[id], id);
        _json.WriteEndObject();
    }

    /// <summary>The tokens before and behind a text.</summary>
    private void WriteEnds(bool addBos)
    {
        var (before, after) = (EndToken("bos", addBos), EndToken("eos", false));
        if (before is null && after is null)
            return;
        _json.WriteStartObject("post_processor");
        _json.WriteString("type", "TemplateProcessing");
        _json.WriteStartArray("single");
        WriteSpecial(before);
        _json.WriteStartObject();
        _json.WriteStartObject("Sequence");
        _json.WriteString("id", "A");
        _json.WriteEndObject();
        _json.WriteEndObject();
        WriteSpecial(after);
        _json.WriteEndArray();
        _json.WriteStartObject("special_tokens");
        foreach (var id in new[] { before, after }.OfType<int>().Distinct())
        {
            _json.WriteStartObject($"{id}");
            _json.WriteStartArray("ids");
            _json.WriteNumberValue(id);
            _json.WriteEndArray();
            _json.WriteEndObject();
        }
        _json.WriteEndObject();
        _json.WriteEndObject();
    }

    private void WriteSpecial(int? id)
    {
        if (id is null)
            return;
        _json.WriteStartObject();
        _json.WriteStartObject("SpecialToken");
        _json.WriteString("id", $"{id}");
        _json.WriteEndObject();
        _json.WriteEndObject();
    }

    private int? EndToken(string name, bool fallback)
    {
        var key = $"{Prefix}{name}_token_id";
        if (!_metadata.Bool($"{Prefix}add_{name}_token", fallback) || !_metadata.Has(key))
            return null;
        var id = _metadata.Integer(key);
        return id >= 0 && id < _tokens.Length ? (int)id : throw _metadata.Refuse(key, $"an id below the {_tokens.Length} tokens");
    }

    private TokenType TypeOf(int id) => (TokenType)_types[id];
}
