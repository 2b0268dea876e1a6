//! What of the target is watched while the load runs, as a test has it: sources, and the gauges they have.
//! Reading them is for later, when there is something to read.

/// Something whose resources are looked at once a second.
#[derive(Debug, Clone, PartialEq)]
pub struct Watch {
    /// As reports and the filter `of=` of thresholds name it.
    pub name: String,
    pub kind: WatchKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum WatchKind {
    /// The bundled service, which the program starts itself.
    Bundled,
}

/// A figure of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gauge {
    /// Processor time per second: a share of what it may use where a limit is known, else of one core.
    Cpu,
    /// Of the periods in which it wanted to run, those in which it used up its limit.
    Throttled,
    /// Resident memory, in bytes.
    Memory,
    /// Open file descriptors.
    Descriptors,
    Threads,
    /// Bytes per second over the network.
    Received,
    /// Bytes per second over the network.
    Sent,
}

impl Gauge {
    /// As results name it; thresholds put `target_` before it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Gauge::Cpu => "cpu",
            Gauge::Throttled => "throttled",
            Gauge::Memory => "memory",
            Gauge::Descriptors => "descriptors",
            Gauge::Threads => "threads",
            Gauge::Received => "received",
            Gauge::Sent => "sent",
        }
    }
}
