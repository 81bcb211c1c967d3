//! The public model of an update.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::store::Timestamp;

/// One change of a page.
///
/// # Addresses
///
/// `fragment_id`, `target_id` and the keys of the maps are addresses: the numbers by which `client-js/PROTOCOL.md` counts
/// the slots of an annotated page, in document order within each fragment. `"page"` is the whole page, `"15"` its slot 15,
/// `"15.0"` slot 0 of the branch that slot 15 shows, `"15.0[50]"` row 50 of the list that stands there, `"15.0[50].1"`
/// that row's slot 1, and `"20.else.0"` slot 0 of the `else` of list 20. All counting starts at 0.
///
/// # How updates are applied
///
/// In the order of their `sequence_number`; an address means the page as the updates before have left it. All HTML is
/// annotated, as that of [`Plan::render`](crate::Plan::render) is. A row's HTML starts with the row's mark; the HTML of a
/// branch or of a list is what stands between its marks.
///
/// # Examples
///
/// ```
/// use statetemplate_core::{OptimizationLevel, Plan, Snapshot, Update, diff};
///
/// let mut env = minijinja::Environment::new();
/// env.add_template("counter.html", "<p>Count: {{ count }}</p>")?;
/// let plan = Plan::compile(&env, "counter.html")?;
/// let old = Snapshot::of(&serde_json::json!({"count": 1}))?;
/// let new = old.next(&serde_json::json!({"count": 2}))?;
///
/// let patch = diff(&plan, &old, &new)?;
/// let updates = Update::from_patch(&plan, &patch, &old, &new, OptimizationLevel::Maximal, &mut 0)?;
/// assert_eq!(updates.len(), 1);
/// assert_eq!(updates[0].fragment_id, "page");
/// assert_eq!(updates[0].content.text_nodes["0"], "Count: 2");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Update {
    /// What changes: the page, a branch, a list or a row.
    pub fragment_id: String,
    /// What to do with it.
    pub action: UpdateAction,
    /// The row that says where, for `insertAfter`, `insertBefore` and `move`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_id: Option<String>,
    /// The HTML that comes in; `None` when only parts of the fragment change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// How much of the fragment the update touches.
    pub kind: UpdateKind,
    /// Texts, attributes and regions that change.
    #[serde(default, skip_serializing_if = "Content::is_empty")]
    pub content: Content,
    /// Classes and styles that change, at [`OptimizationLevel::Maximal`].
    #[serde(default, skip_serializing_if = "Styling::is_empty")]
    pub styling: Styling,
    /// Attributes that come and go.
    #[serde(default, skip_serializing_if = "Structure::is_empty")]
    pub structure: Structure,
    /// Grows by one with each update.
    pub sequence_number: u64,
    /// The first 16 bytes of the SHA-256 of the fragment's HTML after the update, base64url without padding: a receiver
    /// that has a fragment of this hash needs no update. For rows that come in it is the hash of their HTML.
    pub content_hash: String,
    /// How many bytes fewer this says than the fragment as a whole would take, 0 when it is not fewer.
    pub bytes_saved: u64,
    /// When the update was made; milliseconds since 1970-01-01 UTC in serialised form.
    #[serde(with = "millis")]
    pub timestamp: Timestamp,
}

/// What an [`Update`] does. This enum is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum UpdateAction {
    /// The fragment becomes `html`, or without it what `content`, `styling` and `structure` say.
    Replace,
    /// The rows in `html` go to the end of the list `fragment_id`.
    Append,
    /// The rows in `html` go to the start of the list `fragment_id`.
    Prepend,
    /// The row goes away; a branch or a list becomes empty.
    Remove,
    /// The rows in `html` go right after the row `target_id` of the list `fragment_id`.
    InsertAfter,
    /// The rows in `html` go right before the row `target_id` of the list `fragment_id`.
    InsertBefore,
    /// The row `fragment_id` goes right before the row `target_id` (as both stand before the move), to the end of the list
    /// without one.
    Move,
}

/// How much of its fragment an [`Update`] touches. This enum is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpdateKind {
    /// The whole fragment, as HTML.
    Full,
    /// Texts, attribute values and regions only.
    Content,
    /// Branches, rows, or attributes that come and go.
    Structural,
    /// Parts of several kinds, or differences of classes and styles.
    Incremental,
    /// Nothing: the page shows the new data already.
    NoOp,
}

/// How fine updates get; each level includes those before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizationLevel {
    /// Each fragment (the page, a branch, a row) in which something changed is sent whole, as HTML; a list whose rows
    /// come, go or move as well.
    None,
    /// Texts, attributes and regions are sent alone.
    Content,
    /// Rows are inserted, removed and moved.
    Structural,
    /// Classes and styles are sent as differences.
    #[default]
    Maximal,
}

/// Texts, attributes and regions of a fragment that change, by the address of their slot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Content {
    /// The new text of a text node.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub text_nodes: BTreeMap<String, String>,
    /// The new value of an attribute, by its name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, BTreeMap<String, String>>,
    /// The new HTML of a region.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub inner_html: BTreeMap<String, String>,
}

/// Classes and styles of a fragment's elements that change, by the address of the attribute's slot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Styling {
    /// Classes that the element gets.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub class_additions: BTreeMap<String, Vec<String>>,
    /// Classes that the element loses.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub class_removals: BTreeMap<String, Vec<String>>,
    /// Properties of the element's `style` to set, and (`None`) to remove.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub inline_styles: BTreeMap<String, BTreeMap<String, Option<String>>>,
}

/// Attributes of a fragment's elements that come and go, by the address of their tag's slot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Structure {
    /// Attributes to set, and (`None`) to remove.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, BTreeMap<String, Option<String>>>,
}

impl Content {
    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text_nodes.is_empty() && self.attributes.is_empty() && self.inner_html.is_empty()
    }
}

impl Styling {
    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.class_additions.is_empty() && self.class_removals.is_empty() && self.inline_styles.is_empty()
    }
}

impl Structure {
    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }
}

/// A timestamp as its milliseconds.
mod millis {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::store::Timestamp;

    pub(super) fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(time.as_millis())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        u64::deserialize(deserializer).map(Timestamp::from_millis)
    }
}
