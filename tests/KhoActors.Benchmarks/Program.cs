using BenchmarkDotNet.Running;

BenchmarkSwitcher.FromAssembly(typeof(KhoActors.Benchmarks.RadixTreeBenchmarks).Assembly).Run(args);
