//! What can be set on a renderer, with its defaults.

use std::time::Duration;

use crate::OptimizationLevel;

/// The settings of a [`Renderer`](crate::Renderer), as [`RendererBuilder`](crate::RendererBuilder) made them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// How long a session lives on after its last use. Default 24 hours.
    pub expiration: Duration,
    /// How long a session lives at most. Default 30 days.
    pub absolute_expiration: Duration,
    /// How many sessions there may be, provisional ones apart. Default 10 000.
    pub max_sessions: usize,
    /// How long a session waits for its page to join. Default 2 minutes.
    pub provisional_expiration: Duration,
    /// How many sessions may wait for their page to join. Default 10 000.
    pub max_provisional_sessions: usize,
    /// How often expired sessions are removed; more often where an expiry is shorter. Default 5 minutes.
    pub cleanup_interval: Duration,
    /// After how long without a change a session in memory hibernates, at the latest after twice as long. Default 30 seconds.
    pub hibernation_delay: Duration,
    /// How long pushes gather before a connection sends them. Default 10 ms.
    pub batching_delay: Duration,
    /// How fine the updates are that [`Session::updates`](crate::Session::updates) yields. Default maximal.
    pub optimization_level: OptimizationLevel,
    /// How long an action handler may run. Default 30 seconds.
    pub handler_timeout: Duration,
    /// How long making a session may take. Default 30 seconds.
    pub creation_timeout: Duration,
    /// How long one call to the store may take. Default 10 seconds.
    pub store_timeout: Duration,
    /// How long a refreshed token is still accepted. Default 10 seconds.
    pub token_grace: Duration,
    /// How long a browser keeps its identity; half of that time after it was sealed, a response renews it. Default
    /// 30 days, so that no session outlives the identity that it is bound to.
    pub browser_expiration: Duration,
    /// How long a change may wait in memory before it is stored. Default: it is stored before anyone hears of it.
    pub write_behind: Option<Duration>,
    /// The version of the application's data types. Default 0.
    pub data_version: u32,
}

impl Default for Config {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const DAY: u64 = 24 * 60 * MINUTE;
        Self {
            expiration: Duration::from_secs(DAY),
            absolute_expiration: Duration::from_secs(30 * DAY),
            max_sessions: 10_000,
            provisional_expiration: Duration::from_secs(2 * MINUTE),
            max_provisional_sessions: 10_000,
            cleanup_interval: Duration::from_secs(5 * MINUTE),
            hibernation_delay: Duration::from_secs(30),
            batching_delay: Duration::from_millis(10),
            optimization_level: OptimizationLevel::default(),
            handler_timeout: Duration::from_secs(30),
            creation_timeout: Duration::from_secs(30),
            store_timeout: Duration::from_secs(10),
            token_grace: Duration::from_secs(10),
            browser_expiration: Duration::from_secs(30 * DAY),
            write_behind: None,
            data_version: 0,
        }
    }
}
