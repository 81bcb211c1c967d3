//! What a store says of itself.

use serde::Serialize;

use super::CircuitState;

/// Numbers of a store at one moment, for an exporter: part of [`MetricsSnapshot`](crate::MetricsSnapshot). All are zero for a
/// store that has nothing to tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StoreMetrics {
    /// Whether a [`ResilientStore`](super::ResilientStore) asks its primary.
    pub circuit: CircuitState,
    /// How often its circuit has opened.
    pub circuit_opened: u64,
    /// Sessions and deletions that the primary does not have now. If this process ends they are lost.
    pub sessions_unwritten: u64,
    /// Calls that were answered from memory.
    pub calls_from_memory: u64,
    /// Calls that were refused because the primary is down.
    pub calls_refused: u64,
    /// Sessions that were written back.
    pub sessions_written_back: u64,
    /// Sessions whose changes were given up, because the primary had moved on or lost them.
    pub write_back_conflicts: u64,
}
