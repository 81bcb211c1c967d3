//! `Data<T>`: the page's data, to be read and changed by an action handler.

use std::{
    fmt,
    ops::{Deref, DerefMut},
};

use super::{
    context::{ActionContext, Slot},
    extract::{FromAction, Refusal, ViaData},
};

/// The page's data in an action handler. What the handler changes is committed, and sent to the page, when it returns
/// successfully; an error, a panic or a timeout leaves the data as it was.
///
/// The type must be that of the page. With another the handler does not compile: "`clear` is not an action handler of a page
/// whose data is `Counter`".
///
/// ```
/// use statetemplate_axum::{Data, Page};
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Counter { count: i64 }
/// async fn add(mut counter: Data<Counter>) {
///     counter.count += 1;
/// }
/// let page: Page<Counter> = Page::<Counter>::new("counter.html").action("add", add);
/// ```
///
/// ```compile_fail,E0277
/// use statetemplate_axum::{Data, Page};
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Counter { count: i64 }
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Chat { lines: Vec<String> }
/// async fn clear(mut chat: Data<Chat>) {
///     chat.lines.clear();
/// }
/// let page: Page<Counter> = Page::<Counter>::new("counter.html").action("clear", clear);
/// ```
pub struct Data<T> {
    value: Option<T>,
    slot: Slot<T>,
}

impl<T> Deref for Data<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("only `drop` takes the value out")
    }
}

impl<T> DerefMut for Data<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect("only `drop` takes the value out")
    }
}

impl<T> Drop for Data<T> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            self.slot.put(value);
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Data<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Data").field(&self.value).finish()
    }
}

impl<T: Send + 'static, S: Sync> FromAction<T, S, ViaData> for Data<T> {
    async fn from_action(context: &mut ActionContext<T>, _state: &S) -> Result<Self, Refusal> {
        match context.data.take() {
            Some(value) => Ok(Data {
                value: Some(value),
                slot: context.data.clone(),
            }),
            None => Err(Refusal::failed("the handler asks for its `Data` twice")),
        }
    }
}
