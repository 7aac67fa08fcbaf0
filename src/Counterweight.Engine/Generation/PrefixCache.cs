using Counterweight.Engine.Layers;

namespace Counterweight.Engine.Generation;

/// <summary>
/// Pages of keys and values by the tokens that they and all pages before them stand for: a tree whose edges are the 64 tokens of a page
/// (Zheng et al. 2023, "SGLang", section 3). The page that was unused for longest goes first, and never before those that follow it.
/// </summary>
internal sealed class PrefixCache(KvPagePool pool) : IDisposable
{
    private readonly Node _root = new(null, [], null);
    private readonly LinkedList<Node> _byUse = []; // least recently used first
    private readonly List<KvPage> _found = [];

    /// <summary>The pages that stand for the beginning of a text, leaving at least its last token to be computed; valid until the next call.</summary>
    public IReadOnlyList<KvPage> Find(ReadOnlySpan<int> tokens)
    {
        _found.Clear();
        var node = _root;
        for (var at = 0; at + KvLayout.PageTokens < tokens.Length && node.Child(PageOf(tokens, at)) is { } next; at += KvLayout.PageTokens)
        {
            _found.Add(next.Page!);
            node = next;
        }
        Touch(node);
        return _found;
    }

    /// <summary>Keeps the full pages of a text, all of whose positions are stored.</summary>
    public void Add(ReadOnlySpan<int> tokens, KvSequence cache)
    {
        var node = _root;
        var full = tokens.Length / KvLayout.PageTokens * KvLayout.PageTokens;
        var pages = cache.Pages(full);
        for (var at = 0; at < full; at += KvLayout.PageTokens)
        {
            var edge = PageOf(tokens, at);
            node = node.Child(edge) ?? Append(node, edge, pages[at / KvLayout.PageTokens]);
        }
        Touch(node);
    }

    /// <summary>Gives up the page that nobody else holds and that was unused for longest; false if there is none.</summary>
    public bool Evict()
    {
        for (var place = _byUse.First; place is not null; place = place.Next)
            if (place.Value is { IsLeaf: true, Page.Holders: 1 } node)
            {
                Remove(node);
                return true;
            }
        return false;
    }

    public void Dispose()
    {
        foreach (var node in _byUse)
            pool.Return(node.Page!);
        _byUse.Clear();
    }

    private Node Append(Node parent, ReadOnlySpan<int> edge, KvPage page)
    {
        pool.Share(page);
        var node = new Node(parent, edge.ToArray(), page);
        parent.Add(node);
        node.Place = _byUse.AddLast(node);
        return node;
    }

    private void Remove(Node node)
    {
        node.Parent!.Remove(node);
        _byUse.Remove(node.Place!);
        pool.Return(node.Page!);
    }

    /// <summary>Later pages first, so that they are given up before those that they follow.</summary>
    private void Touch(Node node)
    {
        for (; node.Parent is not null; node = node.Parent)
        {
            _byUse.Remove(node.Place!);
            _byUse.AddLast(node.Place!);
        }
    }

    private static ReadOnlySpan<int> PageOf(ReadOnlySpan<int> tokens, int at) => tokens.Slice(at, KvLayout.PageTokens);

    /// <summary>A page behind its parent's.</summary>
    private sealed class Node(Node? parent, int[] edge, KvPage? page)
    {
        private readonly Dictionary<int, List<Node>> _children = []; // by hash of the edge

        public Node? Parent => parent;

        public KvPage? Page => page;

        public LinkedListNode<Node>? Place { get; set; }

        public bool IsLeaf => _children.Count == 0;

        public Node? Child(ReadOnlySpan<int> tokens)
        {
            if (_children.TryGetValue(Hash(tokens), out var alike))
                foreach (var child in alike)
                    if (child.Edge.AsSpan().SequenceEqual(tokens))
                        return child;
            return null;
        }

        public void Add(Node child)
        {
            var hash = Hash(child.Edge);
            if (!_children.TryGetValue(hash, out var alike))
                _children.Add(hash, alike = []);
            alike.Add(child);
        }

        public void Remove(Node child)
        {
            var hash = Hash(child.Edge);
            _children[hash].Remove(child);
            if (_children[hash].Count == 0)
                _children.Remove(hash);
        }

        private int[] Edge => edge;

        private static int Hash(ReadOnlySpan<int> tokens)
        {
            var hash = new HashCode();
            hash.AddBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(tokens));
            return hash.ToHashCode();
        }
    }
}
