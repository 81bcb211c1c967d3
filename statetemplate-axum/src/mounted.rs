//! A page with its state: what a socket calls, whatever the page's data type is.

use std::{any::TypeId, sync::Arc};

use ::http::request::Parts;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use statetemplate_core::{ActionError, ActionOutcome, Error, Scope, store::ClientId};

use crate::{
    action::{ActionContext, ActionId, Attempt, AuthorizeHook, Refusal, Slot},
    page::{Action, BoxFuture, Page},
    session::Session,
};

/// One attempt of a client at an action.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) session: statetemplate_core::Session,
    pub(crate) client: ClientId,
    pub(crate) number: u64,
    pub(crate) action: Arc<str>,
    pub(crate) payload: Arc<RawValue>,
    pub(crate) request: Arc<Parts>,
    pub(crate) authorize: Option<AuthorizeHook>,
}

impl Call {
    fn id(&self) -> ActionId {
        ActionId::new(self.session.id().into(), self.client.as_str().into(), self.number)
    }

    fn attempt(&self) -> Attempt {
        Attempt {
            template: self.session.plan().name().into(),
            action: self.action.clone(),
            payload: self.payload.clone(),
            id: self.id(),
            session_id: self.session.id().into(),
            user: self.session.user(),
            request: self.request.clone(),
        }
    }
}

/// A page, its data type erased.
pub(crate) trait MountedPage: Send + Sync + 'static {
    fn template(&self) -> &str;
    fn data(&self) -> TypeId;
    fn data_name(&self) -> &'static str;
    fn scope(&self) -> Scope;
    /// Whether the page's frames may be deflated.
    fn compression(&self) -> bool;
    /// Carries an action out, or answers it from the ledger when it was carried out before.
    fn act(&self, call: Call) -> BoxFuture<Result<ActionOutcome, Error>>;
    /// Brings data of another build into the form of this one; data that cannot be read ends the session.
    fn upgrade(&self, session: statetemplate_core::Session) -> BoxFuture<Result<bool, Error>>;
    /// The background task of a session whose page has connected.
    fn on_connect(&self, session: statetemplate_core::Session) -> Option<BoxFuture<()>>;
}

/// A page that waits for its state.
pub(crate) trait UnmountedPage<S>: Send + Sync {
    fn mount(self: Box<Self>, state: S) -> Arc<dyn MountedPage>;
}

impl<T, S> UnmountedPage<S> for Page<T, S>
where
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
    S: Clone + Send + Sync + 'static,
{
    fn mount(self: Box<Self>, state: S) -> Arc<dyn MountedPage> {
        Arc::new(WithState { page: *self, state })
    }
}

struct WithState<T, S> {
    page: Page<T, S>,
    state: S,
}

impl<T, S> MountedPage for WithState<T, S>
where
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
    S: Clone + Send + Sync + 'static,
{
    fn template(&self) -> &str {
        &self.page.template
    }

    fn data(&self) -> TypeId {
        TypeId::of::<T>()
    }

    fn data_name(&self) -> &'static str {
        std::any::type_name::<T>()
    }

    fn scope(&self) -> Scope {
        self.page.scope
    }

    fn compression(&self) -> bool {
        self.page.compression
    }

    fn act(&self, call: Call) -> BoxFuture<Result<ActionOutcome, Error>> {
        let Some(action) = self.page.actions.get(&*call.action).cloned() else {
            return Box::pin(async move {
                let name: String = call.action.chars().take(64).collect();
                let error = ActionError::new("unknown_action", format!("this page has no action {name:?}"));
                call.session.refuse(&call.client, call.number, error).await
            });
        };
        let state = self.state.clone();
        Box::pin(async move {
            let (session, client, number) = (call.session.clone(), call.client.clone(), call.number);
            session
                .act(&client, number, |data: T| {
                    run(call.clone(), action.clone(), state.clone(), data)
                })
                .await
        })
    }

    fn upgrade(&self, session: statetemplate_core::Session) -> BoxFuture<Result<bool, Error>> {
        Box::pin(async move { session.upgrade::<T>().await })
    }

    fn on_connect(&self, session: statetemplate_core::Session) -> Option<BoxFuture<()>> {
        self.page
            .on_connect
            .as_ref()
            .map(|task| task(Session::new(session)))
    }
}

/// One run of a handler on the session's data.
async fn run<T, S>(
    call: Call,
    action: Action<T, S>,
    state: S,
    data: T,
) -> Result<(T, Option<Box<RawValue>>), ActionError> {
    if let Some(hook) = &call.authorize {
        hook(call.attempt()).await.map_err(|refusal| told(&refusal))?;
    }
    let slot = Slot::new(data);
    let session = Session::new(call.session.clone());
    let context = ActionContext::new(
        slot.clone(),
        call.payload.clone(),
        call.id(),
        session,
        call.request.clone(),
    );
    let answer = action(context, state).await.map_err(|refusal| told(&refusal))?;
    match slot.take() {
        Some(data) => Ok((data, answer)),
        None => {
            tracing::error!(
                action = &*call.action,
                "an action handler did not give its data back: `Data` must not be kept beyond the handler's end"
            );
            Err(ActionError::failed("the action failed"))
        }
    }
}

fn told(refusal: &Refusal) -> ActionError {
    ActionError::new(refusal.code(), refusal.text())
}
