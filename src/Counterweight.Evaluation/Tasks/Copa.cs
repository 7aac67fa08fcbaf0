using System.Xml;
using System.Xml.Linq;
using Counterweight.Balancing;
using Counterweight.Engine.Tokenization;
using Counterweight.Evaluation.Tasks.Data;

namespace Counterweight.Evaluation.Tasks;

/// <summary>Causes and effects in everyday life. Roemmele et al., "Choice of Plausible Alternatives", 2011.</summary>
internal static class Copa
{
    public static MultipleChoiceTask Dev { get; } = Task("copa", "copa-dev.xml");

    public static MultipleChoiceTask Test { get; } = Task("copa_test", "copa-test.xml");

    private static MultipleChoiceTask Task(string name, string file) =>
        new(name, data => Read(data.Benchmark("copa", file))) { TargetIsText = true };

    private static IEnumerable<ChoiceDocument> Read(string path) => Load(path).Elements("item").Select(item =>
    {
        var premise = PythonText.Trim(Child(path, item, "p"))[..^1];
        var connector = Attribute(path, item, "asks-for", "cause", "effect") == 0 ? "because" : "therefore";
        // Alternatives keep a space of their own behind the delimiter, as the reference has it.
        string[] alternatives = [" " + LowerFirst(Child(path, item, "a1")), " " + LowerFirst(Child(path, item, "a2"))];
        return new ChoiceDocument($"{premise} {connector}", alternatives, Attribute(path, item, "most-plausible-alternative", "1", "2"));
    });

    private static XElement Load(string path)
    {
        // The file names a DTD that is not part of the data.
        var settings = new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore, XmlResolver = null };
        try
        {
            using var reader = XmlReader.Create(new StringReader(Utf8File.ReadText(path)), settings);
            return XDocument.Load(reader, LoadOptions.SetLineInfo).Root!;
        }
        catch (XmlException bad)
        {
            throw new InvalidInputException($"{path}:{bad.LineNumber}", $"no valid XML ({bad.Message})", "a COPA corpus", bad);
        }
    }

    private static string Child(string path, XElement item, string name) =>
        item.Element(name)?.Value is { Length: > 0 } text ? text : throw Invalid(path, item, $"no <{name}>", $"a text <{name}>");

    private static int Attribute(string path, XElement item, string name, params string[] values) =>
        Array.IndexOf(values, item.Attribute(name)?.Value) is >= 0 and var index
            ? index
            : throw Invalid(path, item, $"{name} \"{item.Attribute(name)?.Value}\"", string.Join(" or ", values));

    private static string LowerFirst(string text) => char.ToLowerInvariant(text[0]) + text[1..];

    private static InvalidInputException Invalid(string path, IXmlLineInfo item, string found, string expected) =>
        new($"{path}:{item.LineNumber}", found, expected);
}
