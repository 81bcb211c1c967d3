//! Extractors: how the arguments of an action handler are made.

use std::fmt;

use ::http::StatusCode;
use axum::{
    body::to_bytes,
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};

use super::context::{ActionContext, ActionId};
use crate::session::Session;

/// The longest text that reaches a client as the reason of a failure, in bytes.
const MAX_TEXT: usize = 1024;

/// Why an action was not carried out, as its client is told: a code of the protocol and a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    code: &'static str,
    text: String,
}

impl Refusal {
    /// The handler, or what it needs, failed (`failed`).
    pub fn failed(reason: impl fmt::Display) -> Self {
        Refusal::new("failed", reason)
    }

    /// The person may not do this (`refused`).
    pub fn refused(reason: impl fmt::Display) -> Self {
        Refusal::new("refused", reason)
    }

    /// The payload has not the shape that the handler asks for (`bad_payload`).
    pub fn bad_payload(reason: impl fmt::Display) -> Self {
        Refusal::new("bad_payload", reason)
    }

    pub(crate) fn new(code: &'static str, reason: impl fmt::Display) -> Self {
        let mut text = reason.to_string();
        if text.len() > MAX_TEXT {
            let end = (0..=MAX_TEXT)
                .rev()
                .find(|&end| text.is_char_boundary(end))
                .unwrap_or(0);
            text.truncate(end);
            text.push('…');
        }
        Refusal { code, text }
    }

    /// The code of the protocol: `failed`, `refused`, `bad_payload`, …
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The reason, as the client reads it.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.text)
    }
}

impl std::error::Error for Refusal {}

/// An argument of an action handler, in a page whose data is `T`, with the application state `S`.
///
/// Implemented by [`Data`](crate::Data), [`Payload`](crate::Payload), [`ActionId`], [`Session`], and every extractor of axum
/// that reads only the head of a request ([`FromRequestParts`]): `State`, `Extension`, `HeaderMap`, …, which see the request
/// that opened the socket. To write an extractor of your own, implement [`FromRequestParts`]. (`M` only keeps these
/// implementations apart.)
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of an action handler in a page whose data is `{T}`",
    label = "not an extractor for this page",
    note = "the page's data is taken with `Data<{T}>`; the data of another page is out of reach here",
    note = "other arguments are `Payload<…>`, `ActionId`, `Session<{T}>`, and axum's extractors that read no body, such as `State<…>`"
)]
pub trait FromAction<T, S, M>: Sized {
    /// Makes the argument.
    ///
    /// # Errors
    ///
    /// The reason why the action is not carried out; its client receives it.
    ///
    /// # Cancel safety
    ///
    /// An extraction that is dropped has changed nothing.
    fn from_action(
        context: &mut ActionContext<T>,
        state: &S,
    ) -> impl Future<Output = Result<Self, Refusal>> + Send;
}

/// Marks the extraction of the page's data.
#[derive(Debug)]
pub enum ViaData {}
/// Marks the extraction of the payload.
#[derive(Debug)]
pub enum ViaPayload {}
/// Marks the extraction of what names the action: its id and its session.
#[derive(Debug)]
pub enum ViaAction {}
/// Marks the extraction by axum's own extractors.
#[derive(Debug)]
pub enum ViaParts {}

impl<T: Send + 'static, S: Sync> FromAction<T, S, ViaAction> for ActionId {
    async fn from_action(context: &mut ActionContext<T>, _state: &S) -> Result<Self, Refusal> {
        Ok(context.id().clone())
    }
}

impl<T: Send + 'static, S: Sync> FromAction<T, S, ViaAction> for Session<T> {
    async fn from_action(context: &mut ActionContext<T>, _state: &S) -> Result<Self, Refusal> {
        Ok(context.session().clone())
    }
}

impl<T: Send + 'static, S: Send + Sync, E: FromRequestParts<S>> FromAction<T, S, ViaParts> for E {
    async fn from_action(context: &mut ActionContext<T>, state: &S) -> Result<Self, Refusal> {
        // The rejection itself need not be `Send`, so it becomes a response before the next await.
        let rejected = match E::from_request_parts(context.parts(), state).await {
            Ok(value) => return Ok(value),
            Err(rejection) => rejection.into_response(),
        };
        Err(refusal_of_response(rejected).await)
    }
}

/// An axum extractor refuses with a response; its client hears the text of it.
pub(crate) async fn refusal_of_response(response: Response) -> Refusal {
    let status = response.status();
    let text = match to_bytes(response.into_body(), MAX_TEXT).await {
        Ok(body) if !body.is_empty() => String::from_utf8_lossy(&body).into_owned(),
        _ => status.to_string(),
    };
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Refusal::refused(text),
        _ => Refusal::failed(text),
    }
}
