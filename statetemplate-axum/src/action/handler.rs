//! Which functions are action handlers.

use std::pin::Pin;

use serde_json::value::RawValue;

use super::{
    context::ActionContext,
    extract::{FromAction, Refusal},
    outcome::IntoOutcome,
};

/// What a handler's run comes to: the answer, if any, or the reason of its failure.
pub(crate) type Outcome = Result<Option<Box<RawValue>>, Refusal>;

/// An action handler: an async function of up to ten extractors ([`FromAction`]) that returns an [`IntoOutcome`].
///
/// `T` is the page's data and `S` the application state. (`A` only keeps functions of different arguments apart.)
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an action handler of a page whose data is `{T}`",
    label = "not an action handler of this page",
    note = "the page's data is taken with `Data<{T}>`; `Data` of another type, or a `Session` of another, belongs to another page",
    note = "a handler is an `async fn` of at most ten arguments: `Data<{T}>`, `Payload<…>`, `ActionId`, `Session<{T}>`, and axum's extractors that read no body, such as `State<…>`",
    note = "it returns `()`, `Answer<…>`, or a `Result` of these with an error that implements `Display`, and its future is `Send`"
)]
pub trait Handler<T, S, A>: Clone + Send + Sync + 'static {
    /// Runs the handler for one action.
    ///
    /// # Cancel safety
    ///
    /// A run that is dropped commits nothing; what the function did outside the page's data stays done.
    fn call(self, context: ActionContext<T>, state: S) -> Pin<Box<dyn Future<Output = Outcome> + Send>>;
}

macro_rules! handler {
    ($($mark:ident $argument:ident),*) => {
        #[allow(non_snake_case, unused_mut, unused_variables)]
        impl<F, Fut, R, T, S, $($mark, $argument,)*> Handler<T, S, ($($mark, $argument,)*)> for F
        where
            F: FnOnce($($argument),*) -> Fut + Clone + Send + Sync + 'static,
            Fut: Future<Output = R> + Send,
            R: IntoOutcome,
            T: Send + 'static,
            S: Send + Sync + 'static,
            $($argument: FromAction<T, S, $mark> + Send,)*
        {
            fn call(
                self,
                mut context: ActionContext<T>,
                state: S,
            ) -> Pin<Box<dyn Future<Output = Outcome> + Send>> {
                Box::pin(async move {
                    $(let $argument = $argument::from_action(&mut context, &state).await?;)*
                    self($($argument),*).await.into_outcome()
                })
            }
        }
    };
}

handler!();
handler!(M1 A1);
handler!(M1 A1, M2 A2);
handler!(M1 A1, M2 A2, M3 A3);
handler!(M1 A1, M2 A2, M3 A3, M4 A4);
handler!(M1 A1, M2 A2, M3 A3, M4 A4, M5 A5);
handler!(M1 A1, M2 A2, M3 A3, M4 A4, M5 A5, M6 A6);
handler!(M1 A1, M2 A2, M3 A3, M4 A4, M5 A5, M6 A6, M7 A7);
handler!(M1 A1, M2 A2, M3 A3, M4 A4, M5 A5, M6 A6, M7 A7, M8 A8);
handler!(M1 A1, M2 A2, M3 A3, M4 A4, M5 A5, M6 A6, M7 A7, M8 A8, M9 A9);
handler!(M1 A1, M2 A2, M3 A3, M4 A4, M5 A5, M6 A6, M7 A7, M8 A8, M9 A9, M10 A10);
