//! What all clients of a run went through, added up and checked against the stored data.

use std::{fmt, time::Duration};

use crate::{Client, Outcome, journal::Journal};

/// The sums of a run, to be printed at its end.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Clients that were checked.
    pub clients: u64,
    /// Actions that were answered.
    pub answered: u64,
    /// Actions that failed.
    pub failed: u64,
    /// Connections made.
    pub connections: u64,
    /// Actions sent more than once.
    pub repeated: u64,
    /// Pages that were replaced as a whole.
    pub refreshes: u64,
    /// The longest time that any client waited for an answer.
    pub longest_gap: Duration,
}

impl Report {
    /// Checks one client against what is stored: each answered action took effect once and in order, nothing else did, the
    /// answers said so, and the page shows it.
    ///
    /// # Panics
    ///
    /// When any of this does not hold.
    pub fn check(&mut self, client: &Client, stored: &Journal) {
        let session = client.session();
        let Outcome {
            answered,
            failed,
            connections,
            repeated,
            refreshes,
            longest_gap,
            ended,
        } = client.outcome();
        assert_eq!(*ended, None, "session {session} ended");
        let numbers: Vec<u64> = answered.keys().copied().collect();
        assert_eq!(
            stored.entries, numbers,
            "session {session}: what is stored (left) is not what was answered (right); failed: {failed:?}"
        );
        assert_eq!(stored.count, numbers.len() as u64, "session {session}");
        let counts: Vec<u64> = answered.values().filter_map(serde_json::Value::as_u64).collect();
        let expected: Vec<u64> = (1..=stored.count).collect();
        assert_eq!(counts, expected, "session {session}: the answers");
        assert_eq!(
            client.html(),
            stored.page(),
            "session {session}: the page is not a fresh render"
        );
        self.clients += 1;
        self.answered += numbers.len() as u64;
        self.failed += failed.len() as u64;
        self.connections += connections;
        self.repeated += repeated;
        self.refreshes += refreshes;
        self.longest_gap = self.longest_gap.max(*longest_gap);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report {
            clients,
            answered,
            failed,
            connections,
            repeated,
            refreshes,
            longest_gap,
        } = self;
        write!(
            f,
            "{clients} clients: {answered} actions answered, each once; {failed} failed; {connections} connections, \
             {repeated} actions sent again, {refreshes} refreshes, longest wait {longest_gap:.1?}"
        )
    }
}
