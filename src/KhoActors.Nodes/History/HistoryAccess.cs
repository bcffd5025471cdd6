namespace KhoActors.Nodes.History;

/// <summary>What a history is opened for.</summary>
public enum HistoryAccess
{
    /// <summary>To read: it must be there, and nothing in it changes.</summary>
    Read,

    /// <summary>To read and write: it must be there. A history of an older format is brought up to date.</summary>
    Write,

    /// <summary>As <see cref="Write"/>; when there is none, it is made.</summary>
    Create,
}
