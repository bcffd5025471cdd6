using Microsoft.Win32.SafeHandles;

namespace KhoActors.Nodes.History;

/// <summary>
/// A run, or some machines of it, in one file that needs nothing else: <c>kho replay machine.khist</c> runs it on another computer. The
/// same bytes on every computer. Each part has a checksum and the whole has a SHA-256, so that no damage goes unseen and what is
/// undamaged stays readable. Described byte by byte in docs/histories.md.
/// </summary>
public sealed class HistoryFile : IDisposable
{
    /// <summary>How such files are named.</summary>
    public const string Extension = ".khist";

    // Nobody else writes the same file until it has its name: it is renamed while it is open, which Windows must be told.
    private static readonly FileShare ShareWhileWriting = OperatingSystem.IsWindows() ? FileShare.Delete : FileShare.None;

    private readonly SafeFileHandle _handle;
    private readonly string _path;

    private HistoryFile(SafeFileHandle handle, string path)
    {
        _handle = handle;
        _path = path;
        Run = new HistoryFileReader(handle, path).ReadRun();
    }

    /// <summary>The first bytes: what no text has, the name, and line ends that a transfer as text would change.</summary>
    internal static ReadOnlySpan<byte> Magic => [0x89, (byte)'K', (byte)'H', (byte)'I', (byte)'S', (byte)'T', (byte)'\r', (byte)'\n'];

    /// <summary>The run as it was when the file was written. Sums and digest are those of all its machines.</summary>
    public StoredRun Run { get; }

    /// <summary>Whether a word of the command line means a history file: by its name, or because the file of this name begins as one.</summary>
    /// <param name="path">The word.</param>
    /// <returns>Whether <see cref="Open"/> should be asked.</returns>
    public static bool Recognise(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (path.EndsWith(Extension, StringComparison.OrdinalIgnoreCase))
        {
            return true;
        }

        try
        {
            if (File.Exists(path) && !HasBytes(path))
            {
                return false;
            }

            using SafeFileHandle handle = File.OpenHandle(path);
            Span<byte> first = stackalloc byte[Magic.Length];
            return RandomAccess.Read(handle, first, 0) == first.Length && first.SequenceEqual(Magic);
        }
        catch (Exception unreadable) when (IsUnavailable(unreadable))
        {
            return false;
        }
    }

    /// <summary>Writes a file: to a name of its own first, so that <paramref name="path"/> never holds half of it.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="run">The run.</param>
    /// <param name="slices">The records to keep, by machines and generations.</param>
    /// <param name="overwrite">Whether a file of this name is replaced.</param>
    /// <exception cref="HistoryUnavailableException">There is a file already, or it cannot be written. What was there is unchanged.</exception>
    public static void Write(string path, StoredRun run, IEnumerable<StoredSlice> slices, bool overwrite = false)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(slices);
        if (!overwrite && Path.Exists(path))
        {
            throw Exists(path);
        }

        string partial = path + ".partial";
        try
        {
            using FileStream stream = new(partial, FileMode.Create, FileAccess.Write, ShareWhileWriting);
            try
            {
                WriteTo(stream, run, slices);
                stream.Flush(flushToDisk: true);
                File.Move(partial, path, overwrite);
            }
            catch
            {
                File.Delete(partial);
                throw;
            }
        }
        catch (Exception failure) when (IsUnavailable(failure))
        {
            throw !overwrite && Path.Exists(path) ? Exists(path) : new HistoryUnavailableException($"{path}: cannot be written: {failure.Message}", failure);
        }
    }

    /// <summary>Opens a file and reads which run it is of.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The file; to be disposed.</returns>
    /// <exception cref="HistoryUnavailableException">It is not there, or cannot be read.</exception>
    /// <exception cref="HistoryDamageException">It is no history file, or its first part is damaged.</exception>
    public static HistoryFile Open(string path)
    {
        SafeFileHandle? handle = null;
        try
        {
            if (File.Exists(path) && !HasBytes(path))
            {
                throw new HistoryDamageException($"{path}: no history file: it has 0 bytes");
            }

            handle = File.OpenHandle(path);
            return new HistoryFile(handle, path);
        }
        catch (Exception failure) when (IsUnavailable(failure))
        {
            handle?.Dispose();
            throw new HistoryUnavailableException($"{path}: cannot be read: {failure.Message}", failure);
        }
        catch
        {
            handle?.Dispose();
            throw;
        }
    }

    /// <summary>The records, by machines and generations, one in memory at a time; the whole is checked when the last was read.</summary>
    /// <param name="damage">
    /// Called for each thing that is wrong, with the sentence that names it, and reading goes on behind it; null throws instead.
    /// </param>
    /// <returns>The records, not yet decoded.</returns>
    /// <exception cref="HistoryDamageException">Something is damaged, and nobody is there to be told.</exception>
    /// <exception cref="HistoryUnavailableException">The file can no longer be read.</exception>
    public IEnumerable<StoredSlice> ReadSlices(Action<string>? damage = null) => new HistoryFileReader(_handle, _path).ReadSlices(damage);

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    /// <summary>Whether the system refused, as opposed to what is stored being wrong.</summary>
    internal static bool IsUnavailable(Exception failure) =>
        failure is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException { ParamName: "path" };

    // A pipe has none either, and opening one waits for whoever writes into it.
    private static bool HasBytes(string path)
    {
        FileInfo file = new(path);
        return (file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file).Length > 0;
    }

    private static HistoryUnavailableException Exists(string path) => new($"{path}: there is such a file already, and it is kept");

    private static void WriteTo(Stream target, StoredRun run, IEnumerable<StoredSlice> slices)
    {
        using HistoryFileWriter writer = new(target);
        writer.Begin(run);
        foreach (StoredSlice slice in slices)
        {
            writer.Add(slice);
        }

        writer.End();
    }
}
