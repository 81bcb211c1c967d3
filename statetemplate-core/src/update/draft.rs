//! Updates on their way: what they say, then their numbers, hashes and savings.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::{Content, Structure, Styling, Update, UpdateAction, UpdateKind};
use crate::store::Timestamp;

/// The updates made so far.
pub(super) struct Made<'m> {
    pub(super) sequence: &'m mut u64,
    pub(super) at: Timestamp,
    pub(super) updates: Vec<Update>,
}

/// What an update says, before it is numbered.
pub(super) struct Draft {
    pub(super) fragment_id: String,
    pub(super) action: UpdateAction,
    pub(super) target_id: Option<String>,
    pub(super) html: Option<String>,
    pub(super) kind: UpdateKind,
    pub(super) content: Content,
    pub(super) styling: Styling,
    pub(super) structure: Structure,
}

impl Draft {
    pub(super) fn new(fragment_id: &str, action: UpdateAction) -> Self {
        Draft {
            fragment_id: fragment_id.to_owned(),
            action,
            target_id: None,
            html: None,
            kind: UpdateKind::Structural,
            content: Content::default(),
            styling: Styling::default(),
            structure: Structure::default(),
        }
    }

    pub(super) fn full(fragment_id: &str, html: String) -> Self {
        Draft {
            html: Some(html),
            kind: UpdateKind::Full,
            ..Draft::new(fragment_id, UpdateAction::Replace)
        }
    }

    /// The bytes of what the update says.
    fn size(&self) -> usize {
        let parts = serde_json::to_string(&(&self.content, &self.styling, &self.structure));
        match &self.html {
            Some(html) => html.len(),
            None if self.content.is_empty() && self.styling.is_empty() && self.structure.is_empty() => 0,
            None => parts.map_or(0, |json| json.len()),
        }
    }
}

impl Made<'_> {
    /// Numbers an update of a fragment that is `whole` after it.
    pub(super) fn push(&mut self, draft: Draft, whole: &str) {
        *self.sequence += 1;
        let saved = whole.len().saturating_sub(draft.size());
        self.updates.push(Update {
            sequence_number: *self.sequence,
            content_hash: URL_SAFE_NO_PAD.encode(&Sha256::digest(whole.as_bytes())[..16]),
            bytes_saved: u64::try_from(saved).unwrap_or(u64::MAX),
            timestamp: self.at,
            fragment_id: draft.fragment_id,
            action: draft.action,
            target_id: draft.target_id,
            html: draft.html,
            kind: draft.kind,
            content: draft.content,
            styling: draft.styling,
            structure: draft.structure,
        });
    }
}
