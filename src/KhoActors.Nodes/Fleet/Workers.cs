// The one place where nodes use threads: workers carry machines that share nothing, so the order in which they finish decides nothing.
#pragma warning disable RS0030 // Thread and Interlocked are what workers are made of; results are summed in any order and sorted afterwards.

namespace KhoActors.Nodes.Fleet;

/// <summary>Handles numbered pieces of work, one at a time.</summary>
/// <typeparam name="TResult">What it has at the end.</typeparam>
internal interface IWorker<out TResult> : IDisposable
{
    /// <summary>What it has done so far.</summary>
    TResult Result { get; }

    /// <summary>Handles one piece.</summary>
    /// <param name="number">Its number.</param>
    void Work(int number);
}

/// <summary>Distributes numbered pieces of work over threads.</summary>
internal static class Workers
{
    /// <summary>Runs all pieces and waits for them.</summary>
    /// <typeparam name="TResult">What each worker has at the end.</typeparam>
    /// <param name="workers">How many threads, at least 1; with 1 the calling thread works.</param>
    /// <param name="pieces">Pieces are 0 up to this.</param>
    /// <param name="create">Makes a worker, on its own thread.</param>
    /// <returns>The workers' results, in no particular order.</returns>
    /// <exception cref="AggregateException">Workers failed.</exception>
    public static IReadOnlyList<TResult> Run<TResult>(int workers, int pieces, Func<IWorker<TResult>> create)
    {
        TResult[] results = new TResult[workers];
        Exception?[] failures = new Exception?[workers];
        int next = -1;
        void Loop(int index)
        {
            try
            {
                using IWorker<TResult> worker = create();
                for (int piece = Interlocked.Increment(ref next); piece < pieces; piece = Interlocked.Increment(ref next))
                {
                    worker.Work(piece);
                }

                results[index] = worker.Result;
            }
            catch (Exception failure)
            {
                failures[index] = failure;
            }
        }

        Thread[] threads = new Thread[workers - 1];
        for (int i = 0; i < threads.Length; i++)
        {
            int index = i + 1;
            threads[i] = new Thread(() => Loop(index)) { IsBackground = true, Name = $"worker {index}" };
            threads[i].Start();
        }

        Loop(0);
        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        List<Exception> thrown = [.. failures.OfType<Exception>()];
        return thrown.Count == 0 ? results : throw new AggregateException(thrown);
    }
}
