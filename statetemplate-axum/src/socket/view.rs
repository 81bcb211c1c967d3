//! What one page shows, as far as the server knows, and what would bring it up to date.

use std::{collections::VecDeque, sync::Arc};

use serde_json::value::RawValue;
use statetemplate_core::{Error, Session, Version, wire, wire::Statics};

use crate::context::Context;

/// With this many patches unacknowledged, pushes wait: the page is slower than its data.
const MAX_UNACKNOWLEDGED: usize = 8;

/// The answer to an action, with the number of the action.
pub(super) type Answer<'a> = (u64, Option<&'a RawValue>);

/// The server's view of one page: the version that it shows once all frames have arrived, the statics it holds, and what it
/// has not acknowledged.
///
/// This is all that a connection remembers, and it is bounded: a page that is slow or stalled costs these few versions,
/// however much its data changes meanwhile, and the one difference shown → current brings it up to date.
pub(super) struct View {
    context: Arc<Context>,
    session: Session,
    statics: Statics,
    /// The versions that the page may show, oldest first: the last one that it has acknowledged, and those sent since.
    sent: VecDeque<Version>,
    shown: Version,
}

impl View {
    pub(super) fn new(context: Arc<Context>, session: Session, statics: Statics, shown: Version) -> Self {
        View {
            context,
            session,
            statics,
            sent: VecDeque::from([shown.clone()]),
            shown,
        }
    }

    /// Whether the page can take another push.
    pub(super) fn is_ready(&self) -> bool {
        self.sent.len() <= MAX_UNACKNOWLEDGED
    }

    /// The frames that bring the page to the session's newest version, and the answer with them: a patch, or the whole page
    /// where the template cannot be followed.
    ///
    /// # Errors
    ///
    /// When the template fails on the data; the page still shows what it showed.
    pub(super) fn catch_up(&mut self, answer: Option<Answer<'_>>) -> Result<Vec<String>, Error> {
        let (current, patch) = self.session.patch_from(&self.shown)?;
        let answer_alone = || answer.map(|(number, value)| wire::answer(number, value));
        if patch.is_empty() {
            // What the page shows is what `current` looks like, but it goes on calling it by the older revision.
            if let Some(last) = self.sent.back_mut() {
                // Not kept beside the data that the session has now.
                last.snapshot = current.snapshot.clone();
            }
            self.shown.snapshot = current.snapshot;
            return Ok(answer_alone().into_iter().collect());
        }
        if patch.is_refresh() {
            // An answer comes after the change that it belongs to.
            let refresh = self.refresh_to(&current)?;
            return Ok([refresh].into_iter().chain(answer_alone()).collect());
        }
        self.note_sent(&current);
        Ok(wire::patch_frames(
            self.session.plan(),
            &mut self.statics,
            current.revision,
            &patch,
            answer,
        ))
    }

    /// The frame that shows the page anew, at the session's newest version.
    ///
    /// # Errors
    ///
    /// When the template fails on the data; the page still shows what it showed.
    pub(super) fn refresh(&mut self) -> Result<String, Error> {
        let current = self.session.version();
        self.refresh_to(&current)
    }

    fn refresh_to(&mut self, current: &Version) -> Result<String, Error> {
        let plan = self.session.plan();
        let plan_name = current.page_plan(plan);
        let shown = (plan_name.as_str(), current.revision);
        let head = self.context.client_element(self.session.id(), plan, shown, false);
        let html = plan.render(&current.snapshot.get(), &head)?;
        let frame = wire::refresh(current.revision, &plan_name, &html);
        self.note_sent(current);
        Ok(frame)
    }

    /// The page has lost its statics: each is sent again when it is needed.
    pub(super) fn forget_statics(&mut self) {
        self.statics = Statics::new(self.session.plan(), &[]);
    }

    fn note_sent(&mut self, version: &Version) {
        self.shown = version.clone();
        // The answers to its own actions reach a page even while it acknowledges nothing: then the last place is reused,
        // so that such a page costs no more than one that is slow.
        if self.sent.len() > MAX_UNACKNOWLEDGED + 1 {
            self.sent.pop_back();
        }
        self.sent.push_back(version.clone());
    }

    /// Notes that the page has applied everything up to `revision`.
    pub(super) fn acknowledge(&mut self, revision: u64) {
        while self.sent.get(1).is_some_and(|next| next.revision <= revision) {
            self.sent.pop_front();
        }
    }

    /// The versions that the page may show, for when it comes back.
    pub(super) fn into_sent(self) -> VecDeque<Version> {
        self.sent
    }
}
