//! Short names for exact content: of a page's templates, of a fragment's statics.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::PlanOptions;
use super::source::Sources;

/// Of all that decides what a plan is.
pub(super) fn hash_of(sources: &Sources, template: &str, options: &PlanOptions) -> String {
    let mut text = format!(
        "{}\0{}\0{template}\0",
        env!("CARGO_PKG_VERSION"),
        options.build_id()
    );
    for source in sources.iter() {
        let _ = write!(text, "{}\0{}\0", source.name, source.text);
    }
    // They decide which slots there are.
    for name in options.names() {
        let _ = write!(text, "{name}\0");
    }
    short_hash(text.as_bytes())
}

/// 72 bits of SHA-256, as 12 characters.
pub(super) fn short_hash(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(bytes)[..9])
}
