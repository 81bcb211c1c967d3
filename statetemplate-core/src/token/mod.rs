//! Sealed tokens: what a browser holds instead of a session's id or state.
//!
//! A token is opaque to its holder: AES-256-GCM over the id, the times and the generation, under a key derived from the
//! application's secret. Browser and session tokens are two types under two keys; neither opens as the other.

mod identity;
mod keyring;
mod seal;
mod types;

pub use identity::BrowserIdentity;
pub use keyring::Keyring;
pub use types::{BrowserClaims, BrowserToken, SessionClaims, SessionToken};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::{Error, ErrorKind};

/// A fresh random id: 160 bits in 27 URL-safe characters.
pub(crate) fn random_id() -> Result<String, Error> {
    let mut bytes = [0; 20];
    fill_random(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// A random number other than 0.
pub(crate) fn random_number() -> Result<u64, Error> {
    let mut bytes = [0; 8];
    fill_random(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes).max(1))
}

fn fill_random(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes).map_err(|error| {
        Error::new(ErrorKind::Internal, "the system gives no random numbers").with_source(error)
    })
}
