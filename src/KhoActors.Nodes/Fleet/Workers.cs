// The one place where nodes use threads: workers carry machines that share nothing, so the order in which they finish decides nothing.
#pragma warning disable RS0030 // Thread and Interlocked are what workers are made of; results are summed in any order and sorted afterwards.

namespace KhoActors.Nodes.Fleet;

/// <summary>Handles numbered pieces of work, one at a time.</summary>
internal interface IWorker
{
    /// <summary>Handles one piece.</summary>
    /// <param name="number">Its number.</param>
    void Work(int number);
}

/// <summary>Distributes numbered pieces of work over threads.</summary>
internal static class Workers
{
    /// <summary>Runs all pieces and waits for them: one thread a worker, the first of them the caller's.</summary>
    /// <param name="workers">At least one.</param>
    /// <param name="pieces">Pieces are 0 up to this.</param>
    /// <exception cref="AggregateException">Workers failed.</exception>
    public static void Run(IReadOnlyList<IWorker> workers, int pieces)
    {
        Exception?[] failures = new Exception?[workers.Count];
        int next = -1;
        void Loop(int index)
        {
            try
            {
                for (int piece = Interlocked.Increment(ref next); piece < pieces; piece = Interlocked.Increment(ref next))
                {
                    workers[index].Work(piece);
                }
            }
            catch (Exception failure)
            {
                failures[index] = failure;
            }
        }

        Thread[] threads = new Thread[workers.Count - 1];
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
        if (thrown.Count != 0)
        {
            throw new AggregateException(thrown);
        }
    }
}
