namespace KhoActors.Subsystems.Memory;

/// <summary>What a pageblock is kept for (enum migratetype, include/linux/mmzone.h; only the types that KHO can tell apart).</summary>
public enum MigrateType : byte
{
    /// <summary>MIGRATE_UNMOVABLE: kernel objects.</summary>
    Unmovable,

    /// <summary>MIGRATE_MOVABLE: user memory and page cache; the type of every pageblock that nothing else was said about.</summary>
    Movable,

    /// <summary>MIGRATE_CMA: scratch memory. Only movable allocations may sit there, and the type never changes by stealing.</summary>
    Cma,
}
