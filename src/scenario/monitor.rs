//! What of the target is watched while the load runs, as a test has it: sources, and the gauges they have.
//! Reading them is for later, when there is something to read.

mod selector;

pub(crate) use selector::quoted;
pub use selector::{Selector, SelectorError};

/// Something whose resources are looked at once a second.
#[derive(Debug, Clone, PartialEq)]
pub struct Watch {
    /// As reports and the filter `of=` of thresholds name it; unique in a test.
    pub name: String,
    pub kind: WatchKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum WatchKind {
    /// The bundled service, which the program starts itself.
    Bundled,
    /// The container that the program starts its target in.
    Started,
    /// A process on this machine, by `/proc`.
    Process(ProcessId),
    /// A container of the Docker engine of this machine, by its name or id.
    Container(String),
    /// An endpoint that tells its figures in the text format of Prometheus.
    Prometheus(Endpoint),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessId {
    Pid(u32),
    /// Whoever listens on this port of TCP; several processes that share it are taken together.
    Port(u16),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// A path of the target, beginning with `/`, or a whole URL.
    pub url: String,
    /// At least one.
    pub series: Vec<ChosenSeries>,
}

/// One figure that is taken of an endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct ChosenSeries {
    /// As reports and thresholds name it; unique in a test.
    pub name: String,
    pub selector: Selector,
    pub taken_as: TakenAs,
}

/// What is taken of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenAs {
    /// As it is.
    Value,
    /// By how much it grew, per second.
    Rate,
}

/// A figure of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gauge {
    /// Processor time per second: a share of what it may use where a limit is known, else of one core.
    Cpu,
    /// Of the periods in which it wanted to run, those in which it used up its limit.
    Throttled,
    /// Memory that it holds, in bytes: resident, of a container without what the system could take back.
    Memory,
    /// Open file descriptors.
    Descriptors,
    Threads,
    /// Bytes per second over the network.
    Received,
    /// Bytes per second over the network.
    Sent,
    /// One of [`Endpoint::series`].
    Series(u16),
}

impl Gauge {
    /// Those that have a metric of their own.
    pub const NAMED: [Gauge; 7] = [
        Gauge::Cpu,
        Gauge::Throttled,
        Gauge::Memory,
        Gauge::Descriptors,
        Gauge::Threads,
        Gauge::Received,
        Gauge::Sent,
    ];

    /// The metric of thresholds; results name it without `target_`.
    pub const fn metric(self) -> &'static str {
        match self {
            Gauge::Cpu => "target_cpu",
            Gauge::Throttled => "target_throttled",
            Gauge::Memory => "target_memory",
            Gauge::Descriptors => "target_descriptors",
            Gauge::Threads => "target_threads",
            Gauge::Received => "target_received",
            Gauge::Sent => "target_sent",
            Gauge::Series(_) => "target",
        }
    }
}

impl Watch {
    /// Whether it tells this figure.
    pub fn has(&self, gauge: Gauge) -> bool {
        match &self.kind {
            WatchKind::Bundled | WatchKind::Process(_) => {
                matches!(gauge, Gauge::Cpu | Gauge::Memory | Gauge::Descriptors | Gauge::Threads)
            }
            WatchKind::Container(_) | WatchKind::Started => {
                !matches!(gauge, Gauge::Descriptors | Gauge::Series(_))
            }
            WatchKind::Prometheus(endpoint) => match gauge {
                Gauge::Series(place) => usize::from(place) < endpoint.series.len(),
                _ => false,
            },
        }
    }

    /// The series of an endpoint; none of others.
    pub fn series(&self) -> &[ChosenSeries] {
        match &self.kind {
            WatchKind::Prometheus(endpoint) => &endpoint.series,
            _ => &[],
        }
    }

    /// The series that a gauge is.
    pub fn chosen(&self, gauge: Gauge) -> Option<&ChosenSeries> {
        match gauge {
            Gauge::Series(place) => self.series().get(usize::from(place)),
            _ => None,
        }
    }

    /// What results call a gauge of it.
    pub fn name_of(&self, gauge: Gauge) -> &str {
        match self.chosen(gauge) {
            Some(series) => &series.name,
            None => gauge.metric().trim_start_matches("target_"),
        }
    }
}
