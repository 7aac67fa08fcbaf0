using System.Security.Cryptography;
using Counterweight.Balancing;

namespace Counterweight.Evaluation.Balance;

/// <summary>Text files as inputs: names, hashes, and that calibration never sees what is evaluated on.</summary>
internal static class TextFiles
{
    public static void CheckApart(IReadOnlyList<string> calibration, IReadOnlyList<string> evaluation)
    {
        Check("--eval-text", evaluation);
        var calibrated = calibration.ToLookup(Hash);
        foreach (var file in evaluation)
            if (calibrated[Hash(file)].FirstOrDefault() is { } same)
                throw new InvalidInputException(file, $"the same text as calibration file {same}", "evaluation text that calibration never sees");
    }

    /// <summary>Refuses no files, missing files, and files of one name.</summary>
    public static void Check(string option, IReadOnlyList<string> files)
    {
        if (files.Count == 0)
            throw new InvalidInputException(option, "no file", "at least one text file");
        foreach (var file in files)
            if (!File.Exists(file))
                throw new InvalidInputException(file, "no file", "a text file");
        foreach (var name in files.GroupBy(NameOf).Where(group => group.Count() > 1))
            throw new InvalidInputException(option, $"two files named {name.Key}", "different names, which stand for the files in what is written");
    }

    /// <summary>Lower-case hex SHA-256 of the content.</summary>
    public static string Hash(string file)
    {
        using var stream = File.OpenRead(file);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    /// <summary>What a file is called in reports.</summary>
    public static string NameOf(string file) => Path.GetFileNameWithoutExtension(file);
}
