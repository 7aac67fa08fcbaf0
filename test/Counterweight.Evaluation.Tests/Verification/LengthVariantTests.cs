using Counterweight.Engine.Checkpoints;
using Counterweight.Engine.Layers;
using Counterweight.Engine.Models;
using Counterweight.Evaluation.Verification;

namespace Counterweight.Evaluation.Tests.Verification;

/// <summary>A text's logits are its own, to the bit: whatever it is run with, and in whatever pieces, up to lengths beyond those of the references.</summary>
public sealed class LengthVariantTests
{
    public static TheoryData<string> Folders() => [.. GoldenModels.Folders()];

    [Theory]
    [MemberData(nameof(Folders))]
    public void Three_texts_of_different_lengths_are_as_each_alone(string folder)
    {
        using var loaded = ModelRuns.OpenGolden(folder);
        var model = loaded.Model;
        int[][] texts = [Text(model, 41, 1), Text(model, 6, 2), Text(model, 23, 3)];
        float[] alone = [.. texts.SelectMany(text => ModelRuns.Logits(model, [text]))];
        ModelRuns.AssertSameBits(alone, ModelRuns.Logits(model, texts));
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_long_text_is_the_same_in_pieces_and_token_by_token(string folder)
    {
        using var loaded = ModelRuns.OpenGolden(folder);
        var model = loaded.Model;
        var text = Text(model, Math.Min(model.Shape.MaxPositions, 120), 4);
        var whole = InPieces(model, text, text.Length);
        ModelRuns.AssertSameBits(whole, InPieces(model, text, 32, 5, 1, 1, 17), "in pieces");
        ModelRuns.AssertSameBits(whole, InPieces(model, text, 1), "token by token");
    }

    /// <summary>What a verifier takes for padding is left out, wherever it stands.</summary>
    [Theory]
    [MemberData(nameof(Folders))]
    public void Padding_on_either_side_is_no_text(string folder)
    {
        using var loaded = ModelRuns.OpenGolden(folder);
        var model = loaded.Model;
        int[][] texts = [Text(model, 20, 5), Text(model, 12, 6), Text(model, 15, 7)];
        int[] before = [0, 8, 0];
        using var data = new TemporaryData();
        var file = data.Path("golden.safetensors");
        SafetensorsWriter.Write(file, model.Shape.DecoderStart is null ? PaddedDecoder(model, texts, before) : PaddedSource(model, texts, before));

        using var golden = SafetensorsFile.Open(file);
        var differences = new GoldenVerifier(model, golden, tolerance: 0).Verify();
        Assert.Contains(differences, difference => difference.Tensor is "padded.last_logits" or "logits");
        Assert.All(differences, difference => Assert.True(difference.Agrees, $"{difference}"));
    }

    /// <summary>Rows of 20 tokens, texts after so much padding.</summary>
    private static IEnumerable<TensorToWrite> PaddedDecoder(MoeModel model, int[][] texts, int[] before)
    {
        var vocabulary = model.Shape.Vocabulary;
        yield return Ids("input_ids", [texts[0]]);
        yield return TensorToWrite.FromFloats("logits", [1, texts[0].Length, vocabulary], ModelRuns.Logits(model, [texts[0]]));
        yield return Ids("padded.input_ids", [.. texts.Select((text, i) => Padded(text, before[i], 3))]);
        yield return Ids("padded.attention_mask", [.. texts.Select((text, i) => Padded([.. text.Select(_ => 1)], before[i], 0))]);
        yield return TensorToWrite.FromFloats("padded.last_logits", [texts.Length, vocabulary], texts.SelectMany(text => ModelRuns.Logits(model, [text])[^vocabulary..]).ToArray());
    }

    private static IEnumerable<TensorToWrite> PaddedSource(MoeModel model, int[][] texts, int[] before)
    {
        int[][] written = [.. texts.Select((_, i) => Text(model, 9, 20 + i))];
        yield return Ids("input_ids", [.. texts.Select((text, i) => Padded(text, before[i], 3))]);
        yield return Ids("attention_mask", [.. texts.Select((text, i) => Padded([.. text.Select(_ => 1)], before[i], 0))]);
        yield return Ids("decoder_input_ids", written);
        yield return TensorToWrite.FromFloats("logits", [texts.Length, 9, model.Shape.Vocabulary], texts.SelectMany((text, i) =>
            ModelRuns.Logits(model, 1, (batch, cache, _) => batch.Add(cache, text, written[i]))).ToArray());
    }

    private static int[] Padded(int[] row, int before, int padding) =>
        [.. Enumerable.Repeat(padding, before), .. row, .. Enumerable.Repeat(padding, 20 - before - row.Length)];

    private static TensorToWrite Ids(string name, int[][] rows) => TensorToWrite.FromBytes(
        name, DType.I64, [rows.Length, rows[0].Length], rows.SelectMany(row => row).SelectMany(id => BitConverter.GetBytes((long)id)).ToArray());

    private static int[] Text(MoeModel model, int length, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => random.Next(model.Shape.Vocabulary))];
    }

    /// <summary>Logits of a text that is run in pieces, the last size until it ends; an encoder reads a source of its own before.</summary>
    private static float[] InPieces(MoeModel model, int[] text, params int[] sizes)
    {
        using var cache = model.NewSequence();
        var batch = new Batch();
        var logits = new List<float>();
        for (var (done, piece) = (0, 0); done < text.Length; piece++)
        {
            var size = Math.Min(sizes[Math.Min(piece, sizes.Length - 1)], text.Length - done);
            batch.Clear();
            if (done == 0 && model.Shape.DecoderStart is not null)
                batch.Add(cache, Text(model, 70, 8), text.AsSpan(0, size));
            else
                batch.Add(cache, text.AsSpan(done, size));
            model.Forward(batch);
            logits.AddRange(ModelRuns.RowsOf(model, batch));
            done += size;
        }
        return [.. logits];
    }
}
