namespace Counterweight.Engine.Quantization.Formats;

/// <summary>A format whose rows can be decoded one by one, in stretches that end on multiples of <see cref="Stretch"/> inputs.</summary>
public abstract unsafe class RowFormat : StoredFormat
{
    /// <summary>Inputs that are decoded at once: the longest block that any format has, and little enough for 16 rows of floats to stay in the L1 cache.</summary>
    protected const int Stretch = 256;

    /// <summary>Writes the weights [firstInput, firstInput + count) of a row.</summary>
    /// <param name="codes">The matrix.</param>
    /// <param name="row">Row.</param>
    /// <param name="firstInput">A multiple of <see cref="Stretch"/>.</param>
    /// <param name="count">At most <see cref="Stretch"/>; fewer only at the end of the row.</param>
    /// <param name="values">Receives them.</param>
    protected abstract void DecodeStretch(in StoredCodes codes, int row, int firstInput, int count, float* values);

    /// <inheritdoc/>
    public sealed override void DecodeRow(in StoredCodes codes, int row, float* values)
    {
        for (var first = 0; first < codes.Inputs; first += Stretch)
            DecodeStretch(codes, row, first, Math.Min(Stretch, codes.Inputs - first), values + first);
    }

    /// <inheritdoc/>
    public sealed override void Decode(in StoredCodes codes, float* weights)
    {
        for (var row = 0; row < codes.Outputs; row++)
            DecodeRow(codes, row, weights + (long)row * codes.Inputs);
    }

    /// <inheritdoc/>
    public sealed override void DecodePanel(in StoredCodes codes, int panel, float* widened)
    {
        var rows = stackalloc float[PanelWidth * Stretch];
        var firstRow = panel * PanelWidth;
        var count = Math.Min(PanelWidth, codes.Outputs - firstRow);
        if (count < PanelWidth)
            new Span<float>(rows + count * Stretch, (PanelWidth - count) * Stretch).Clear();
        for (var first = 0; first < codes.Inputs; first += Stretch)
        {
            var length = Math.Min(Stretch, codes.Inputs - first);
            for (var r = 0; r < count; r++)
                DecodeStretch(codes, firstRow + r, first, length, rows + r * Stretch);
            PanelTranspose.ToPanel(rows, Stretch, length, widened + (nint)first * PanelWidth);
        }
    }
}
