//! `Payload<P>`: what the client sent along with its action.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    context::ActionContext,
    extract::{FromAction, Refusal, ViaPayload},
    lenient,
};

/// What the client sent along with its action, decoded as a `P`.
///
/// Decoding is lenient, because attributes and form fields are text:
///
/// - a text is read as a number, or as a boolean (`true`/`on`/`yes`/`1`, `false`/`off`/`no`/`0`), where one is asked for;
/// - an empty text is `None` in an `Option` of a number or boolean;
/// - an object with a single entry is read as that entry where a number, boolean, text or plain enum is asked for, so that
///   `st-value-by="1"` reaches a `Payload<i64>`;
/// - a single value is read as a sequence of one, as a form with one chosen option sends it;
/// - an empty object, which is what an action without data carries, is `()`, and `None` in an `Option` of a number, boolean
///   or text.
///
/// (Types that serde buffers before it decodes them, `#[serde(flatten)]` and `#[serde(untagged)]`, are read as they are.)
///
/// What does not fit is refused with `bad_payload` and the path of the field, and the handler does not run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payload<P>(pub P);

impl<T: Send + 'static, S: Sync, P: DeserializeOwned> FromAction<T, S, ViaPayload> for Payload<P> {
    async fn from_action(context: &mut ActionContext<T>, _state: &S) -> Result<Self, Refusal> {
        let value: Value = serde_json::from_str(context.payload()).map_err(Refusal::bad_payload)?;
        lenient::decode(&value).map(Payload).map_err(Refusal::bad_payload)
    }
}
