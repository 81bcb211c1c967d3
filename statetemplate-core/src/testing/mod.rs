//! The reference client: a parsed document that applies the protocol's frames, stricter than a browser.

mod apply;
mod fill;
mod forms;
mod html;
mod page;
mod path;
mod select;
mod statics;
mod update;

use std::collections::BTreeMap;
use std::fmt;

use markup5ever_rcdom::Handle;
use serde_json::Value;

use self::forms::Typed;
use self::page::Instance;
use self::statics::Held;
use crate::{Error, ErrorKind, Update};

/// A page as a browser holds it, for tests: it is parsed, indexed and patched as `client-js/PROTOCOL.md` says.
///
/// It is an oracle, so what a browser would shrug off is an error here: an unknown slot, a change that does not fit its
/// slot, statics that were not sent, an order that names a row twice.
///
/// # Examples
///
/// ```
/// use statetemplate_core::testing::Document;
///
/// let mut page = Document::parse("<p st=.>5</p>")?;
/// page.apply(r#"[8,{"0":"6"}]"#)?;
/// assert_eq!(page.text("p"), Some("6".into()));
/// assert_eq!(page.revision(), 8);
/// # Ok::<(), statetemplate_core::Error>(())
/// ```
pub struct Document {
    root: Handle,
    instance: Instance,
    held: Held,
    client: ClientScript,
    revision: u64,
    typed: Typed,
}

/// What the page's own script element says about its session; empty where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientScript {
    /// `data-page`: the id of the page's session.
    pub page: Option<String>,
    /// `data-plan`: the hash of the plan that rendered the page.
    pub plan: Option<String>,
    /// `data-revision`: the revision that the page shows.
    pub revision: Option<u64>,
    /// `data-ws`: the path of the socket, where it is not `/ws`.
    pub socket: Option<String>,
    /// `data-scope`: the name under which a tab keeps its session of this page, where it outlives the page.
    pub scope: Option<String>,
    /// `data-kept`: the page shows a session that its tab is taken to have.
    pub kept: bool,
}

/// What a server frame meant, in the order in which it happened. More kinds may be added.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The join was accepted; the page counts as showing this revision.
    Joined(u64),
    /// The join was accepted, and the page belongs to this session instead of the one that it named; a refresh follows.
    Moved(String),
    /// A patch was applied; the page shows this revision.
    Patched(u64),
    /// An action was answered.
    Answer {
        /// The action's number.
        number: u64,
        /// What its handler returned, `None` when nothing.
        value: Option<Value>,
    },
    /// An action failed.
    Failed {
        /// The action's number.
        number: u64,
        /// One of the protocol's codes.
        code: String,
        /// For people.
        text: String,
    },
    /// An event for the page's scripts.
    Pushed {
        /// Its name.
        name: String,
        /// Its data.
        data: Value,
    },
    /// Statics of these fragments arrived.
    Statics(Vec<String>),
    /// The whole page was replaced.
    Refreshed {
        /// The revision that it shows now.
        revision: u64,
        /// The hash of the plan that rendered it.
        plan: String,
    },
    /// The server ends the connection.
    Ended {
        /// `session_expired`, `session_closed` or `try_again`.
        reason: String,
        /// After how many milliseconds to connect again.
        milliseconds: u64,
    },
}

impl Document {
    /// Parses an annotated page and finds its slots.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Protocol`] when the marks do not fit together; the message says which.
    pub fn parse(html: &str) -> Result<Document, Error> {
        let root = html::parse_document(html);
        let client = client_script(&root)?;
        let revision = client.revision.unwrap_or(0);
        let instance = page::index(&root)?;
        Ok(Document {
            root,
            instance,
            held: Held::default(),
            client,
            revision,
            typed: Typed::default(),
        })
    }

    /// Applies one server frame.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Protocol`] when the frame is malformed or does not fit the page; the message says what and where. The
    /// document may then be changed in part, and is good for nothing but looking at.
    pub fn apply(&mut self, frame: &str) -> Result<Vec<Event>, Error> {
        apply::frame(self, frame).map_err(|why| {
            Error::new(
                ErrorKind::Protocol,
                format!("{why}, in the frame {}", excerpt(frame)),
            )
        })
    }

    /// Applies one server frame that came deflated, as a binary message.
    ///
    /// # Errors
    ///
    /// As [`apply`](Document::apply), and when the bytes are no deflated frame.
    pub fn apply_deflated(&mut self, bytes: &[u8]) -> Result<Vec<Event>, Error> {
        self.apply(&inflate(bytes)?)
    }

    /// Applies one [`Update`], as a client of another transport than the wire would.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Protocol`] when the update does not fit the page; the message says why. The document may then be changed
    /// in part.
    pub fn apply_update(&mut self, update: &Update) -> Result<(), Error> {
        update::apply(self, update).map_err(|why| {
            Error::new(
                ErrorKind::Protocol,
                format!(
                    "{why}, in update {} of \"{}\"",
                    update.sequence_number, update.fragment_id
                ),
            )
        })
    }

    /// The revision that the page shows: that of the last join, patch or refresh, at first that of its script element.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// What the page's script element says about its session.
    #[must_use]
    pub fn client(&self) -> &ClientScript {
        &self.client
    }

    /// The hashes of the statics held, in order, as a join names them.
    #[must_use]
    pub fn statics(&self) -> Vec<String> {
        self.held.hashes()
    }

    /// The document as normalised HTML: marks and the client's own script element left out, adjacent texts merged,
    /// attributes sorted. Two documents that look alike are equal as strings.
    #[must_use]
    pub fn html(&self) -> String {
        html::normalised(&self.root)
    }

    /// The normalised HTML of the children of the first element that `selector` finds.
    ///
    /// # Panics
    ///
    /// When the selector is malformed.
    #[must_use]
    pub fn inner_html(&self, selector: &str) -> Option<String> {
        self.find(selector).map(|element| html::normalised(&element))
    }

    /// The same normalisation of a page that was just rendered, annotated or not.
    #[must_use]
    pub fn normalise(html: &str) -> String {
        html::normalised(&html::parse_document(html))
    }

    /// All text inside the first element that `selector` finds, as `textContent` gives it.
    ///
    /// # Panics
    ///
    /// When the selector is malformed.
    #[must_use]
    pub fn text(&self, selector: &str) -> Option<String> {
        self.find(selector).map(|element| html::text_of(&element))
    }

    /// An attribute of the first element that `selector` finds.
    ///
    /// # Panics
    ///
    /// When the selector is malformed.
    #[must_use]
    pub fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        html::attribute(&self.find(selector)?, name)
    }

    /// The elements that `selector` finds, in document order.
    ///
    /// A selector is `tag`, `#id`, `.class`, `[attribute]` and `[attribute=value]` in any combination, with spaces for
    /// descendants: `#tasks li.done input[type=checkbox]`.
    ///
    /// # Panics
    ///
    /// When the selector is malformed: a test that selects nothing by mistake would pass for the wrong reason.
    #[must_use]
    pub fn elements(&self, selector: &str) -> Vec<Element> {
        select::all(&self.root, selector)
            .iter()
            .map(Element::of)
            .collect()
    }

    /// The action that `event` (`click`, `submit`, `change`, `input`, …) on the first element that `selector` finds
    /// sends, with its payload; `None` when there is no such element or nobody listens.
    ///
    /// The event bubbles: the element's nearest ancestor with `st-EVENT` decides the name. The payload is an object of
    /// the `st-value-*` attributes, with the form's successful controls for `submit`, and the field's own value for
    /// `change` and `input`.
    ///
    /// # Panics
    ///
    /// When the selector is malformed.
    #[must_use]
    pub fn action_of(&self, selector: &str, event: &str) -> Option<(String, Value)> {
        forms::action(&self.find(selector)?, event, &self.typed)
    }

    /// Puts text into a field, as a person would type it; for a `select` it chooses the option of that value.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Protocol`] when there is no such field.
    ///
    /// # Panics
    ///
    /// When the selector is malformed.
    pub fn fill(&mut self, selector: &str, text: &str) -> Result<(), Error> {
        let field = self.field(selector, &["input", "textarea", "select"])?;
        self.typed.fill(&field, text);
        Ok(())
    }

    /// Checks or unchecks a checkbox or a radio button, as a person would.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Protocol`] when there is no such field.
    ///
    /// # Panics
    ///
    /// When the selector is malformed.
    pub fn check(&mut self, selector: &str, checked: bool) -> Result<(), Error> {
        let field = self.field(selector, &["input"])?;
        self.typed.check(&self.root, &field, checked);
        Ok(())
    }

    fn field(&self, selector: &str, tags: &[&str]) -> Result<Handle, Error> {
        let missing = || {
            Error::new(
                ErrorKind::Protocol,
                format!("the page has no {selector:?} to fill in"),
            )
        };
        let element = self.find(selector).ok_or_else(missing)?;
        match html::tag(&element) {
            Some(tag) if tags.contains(&tag) => Ok(element),
            tag => Err(Error::new(
                ErrorKind::Protocol,
                format!(
                    "{selector:?} is a <{}>, not one of {tags:?}",
                    tag.unwrap_or_default()
                ),
            )),
        }
    }

    fn find(&self, selector: &str) -> Option<Handle> {
        select::all(&self.root, selector).into_iter().next()
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("revision", &self.revision)
            .field("html", &self.html())
            .finish()
    }
}

/// The text of a frame that came deflated, as a binary message.
///
/// # Errors
///
/// [`ErrorKind::Protocol`] when the bytes are no deflated frame, or more than any frame has once they are inflated.
pub fn inflate(bytes: &[u8]) -> Result<String, Error> {
    crate::wire::inflate(bytes).map_err(|why| Error::new(ErrorKind::Protocol, why))
}

/// What a test sees of an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    tag: String,
    attributes: BTreeMap<String, String>,
    text: String,
}

impl Element {
    fn of(handle: &Handle) -> Element {
        Element {
            tag: html::tag(handle).unwrap_or_default().to_owned(),
            attributes: html::attributes(handle).collect(),
            text: html::text_of(handle),
        }
    }

    /// Its name, in lower case for HTML.
    #[must_use]
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// All text inside.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}

fn client_script(root: &Handle) -> Result<ClientScript, Error> {
    let Some(script) = html::client_script(root) else {
        return Ok(ClientScript::default());
    };
    let read = |name| html::attribute(&script, name);
    let revision = match read("data-revision") {
        Some(text) => Some(text.parse().map_err(|_| {
            Error::new(
                ErrorKind::Protocol,
                format!("the page's data-revision is {text:?}, not a number"),
            )
        })?),
        None => None,
    };
    Ok(ClientScript {
        page: read("data-page"),
        plan: read("data-plan"),
        revision,
        socket: read("data-ws"),
        scope: read("data-scope"),
        kept: read("data-kept").is_some(),
    })
}

fn excerpt(frame: &str) -> String {
    match frame.char_indices().nth(200) {
        Some((at, _)) => format!("{} … ({} bytes)", &frame[..at], frame.len()),
        None => frame.to_owned(),
    }
}
