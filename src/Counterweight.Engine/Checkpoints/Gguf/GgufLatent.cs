using Counterweight.Balancing;

namespace Counterweight.Engine.Checkpoints.Gguf;

/// <summary>The projection out of the latent, which newer files have as one matrix for keys, transposed, and one for values.</summary>
internal static unsafe class GgufLatent
{
    /// <summary>
    /// Makes <c>kv_b_proj</c> [heads · (plain + value), latent] in F32: of each head its keys' rows, then its values'. A block of the
    /// keys lies across rows, so blocks cannot stay.
    /// </summary>
    /// <param name="name">Its name.</param>
    /// <param name="keys">[heads, latent, plain].</param>
    /// <param name="values">[heads, value, latent].</param>
    public static GgufPart KeysAndValues(string name, GgufTensor keys, GgufTensor values)
    {
        if (keys.Shape.Count != 3 || values.Shape.Count != 3 || keys.Shape[0] != values.Shape[0] || keys.Shape[1] != values.Shape[2])
            throw new InvalidInputException($"{keys.File}, tensor {InputText.Quoted(keys.Name)}", $"shape {InputText.Shape<long>([.. keys.Shape])}",
                $"one that fits {values.Name} {InputText.Shape<long>([.. values.Shape])}");
        var (heads, latent, plain, value) = (keys.Shape[0], keys.Shape[1], keys.Shape[2], values.Shape[1]);
        var elements = heads * (plain + value) * latent;
        var type = GgmlType.Of(0)!;
        var memory = new MadeMemory(keys.File, type.BytesOf(elements), target => Write((float*)target, Floats(keys), Floats(values), ((int)heads, (int)latent, (int)plain, (int)value)));
        return new GgufPart(name, type, [heads * (plain + value), latent], memory, 0);
    }

    private static void Write(float* target, float[] keys, float[] values, (int Heads, int Latent, int Plain, int Value) size)
    {
        for (var head = 0; head < size.Heads; head++)
        {
            var of = keys.AsSpan(head * size.Latent * size.Plain, size.Latent * size.Plain);
            for (var p = 0; p < size.Plain; p++, target += size.Latent)
                for (var i = 0; i < size.Latent; i++)
                    target[i] = of[i * size.Plain + p];
            values.AsSpan(head * size.Value * size.Latent, size.Value * size.Latent).CopyTo(new Span<float>(target, size.Value * size.Latent));
            target += (nint)size.Value * size.Latent;
        }
    }

    private static float[] Floats(GgufTensor tensor)
    {
        if (!tensor.Type.IsBlocks)
            return GgufPart.Of(tensor.Name, tensor).View().ToFloats();
        var values = new float[checked((int)tensor.Elements)];
        tensor.Type.Decode(tensor.Pointer, values);
        return values;
    }
}
