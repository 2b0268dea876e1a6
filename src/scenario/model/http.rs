//! What holds for all requests of a file, or of one of its scenarios.

use crate::http::NetworkOptions;

/// What holds for all requests of a file, or of one of its scenarios.
#[derive(Debug, Clone)]
pub struct Http {
    pub network: NetworkOptions,
    pub connections: Connections,
    /// Whether each user keeps the cookies it is given.
    pub cookies: bool,
}

impl Default for Http {
    fn default() -> Self {
        Http { network: NetworkOptions::default(), connections: Connections::default(), cookies: true }
    }
}

/// How users come by their connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Connections {
    /// Each keeps its own. In the open model an arrival takes over that of a user who is done.
    #[default]
    PerUser,
    /// Each iteration connects anew.
    Fresh,
    /// The users of a worker share a pool: one is lent for a request, and then anybody's.
    Shared,
}

impl Connections {
    /// The word of the scenario language.
    pub const fn as_str(self) -> &'static str {
        match self {
            Connections::PerUser => "per-user",
            Connections::Fresh => "fresh",
            Connections::Shared => "shared",
        }
    }
}
