//! Chance, where nodes must not do the same at the same moment.

use super::Timestamp;

/// From a half to one: what a pause is multiplied with.
pub(super) fn random_share() -> f64 {
    let random = getrandom::u32().unwrap_or_default();
    0.5 + f64::from(random) / f64::from(u32::MAX) / 2.0
}

/// A number that no other node has, and not this one again.
pub(super) fn random_number() -> u64 {
    // Where the system has no random numbers no session can be made either; the time is as good as can be.
    getrandom::u64().unwrap_or_else(|_| Timestamp::now().as_millis())
}
