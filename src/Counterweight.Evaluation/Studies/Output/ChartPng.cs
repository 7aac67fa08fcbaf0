using SkiaSharp;
using Svg.Skia;
using Svg.Skia.TypefaceProviders;

namespace Counterweight.Evaluation.Studies.Output;

/// <summary>An SVG picture as PNG, in twice its size. The letters come from a font of the machine.</summary>
internal static class ChartPng
{
    private const float Scale = 2;

    private static readonly Lazy<SKTypeface?> Font = new(FindFont);

    /// <summary>Whether the machine has a font: pictures without letters are not worth writing.</summary>
    public static bool CanWrite => Font.Value is not null;

    public static void Write(Stream stream, string svg)
    {
        using var drawing = new SKSvg();
        drawing.Settings.TypefaceProviders = [new OneFont(Font.Value!)];
        var picture = drawing.FromSvg(svg) ?? throw new InvalidOperationException("the picture is no SVG");
        picture.ToImage(stream, SKColors.White, SKEncodedImageFormat.Png, 100, Scale, Scale, SKColorType.Rgba8888, SKAlphaType.Premul, SKColorSpace.CreateSrgb());
    }

    // Without fontconfig Skia finds no fonts by itself.
    private static SKTypeface? FindFont()
    {
        string[] folders =
        [
            "/usr/share/fonts", "/usr/local/share/fonts", "/System/Library/Fonts", "/Library/Fonts",
            Environment.GetFolderPath(Environment.SpecialFolder.Fonts),
        ];
        string[] preferred = ["DejaVuSans", "LiberationSans-Regular", "NotoSans-Regular", "arial", "Arial", "Helvetica", "segoeui"];
        var files = folders.Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*.tt?", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true }))
            .Order(StringComparer.Ordinal).ToArray();
        return preferred.Select(name => files.FirstOrDefault(file => Path.GetFileNameWithoutExtension(file) == name))
            .Concat(files).OfType<string>().Select(file => SKTypeface.FromFile(file)).FirstOrDefault(font => font is not null);
    }

    private sealed class OneFont(SKTypeface font) : ITypefaceProvider
    {
        public SKTypeface? FromFamilyName(string fontFamily, SKFontStyleWeight fontWeight, SKFontStyleWidth fontWidth, SKFontStyleSlant fontStyle) => font;
    }
}
