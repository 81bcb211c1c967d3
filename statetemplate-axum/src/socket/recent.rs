//! The versions that pages showed when their sockets ended: a page that comes back soon receives a patch.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use statetemplate_core::{Version, store::ClientId};
use tokio::time::Instant;

/// How long the versions of a page are kept.
const KEPT_FOR: Duration = Duration::from_secs(120);
/// Of how many pages versions are kept; beyond that the oldest are forgotten, and their pages receive a refresh.
const MAX_PAGES: usize = 4096;

/// What pages showed when their sockets ended, by the document's client id.
///
/// Keeping a version costs what differs from the session's data, for most pages nothing.
#[derive(Default)]
pub(crate) struct Recent(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    pages: HashMap<ClientId, Page>,
    /// The order in which pages left; a page that has returned since is passed over.
    order: VecDeque<(Instant, ClientId)>,
}

impl Kept {
    fn forget_old(&mut self, now: Instant) {
        while let Some(&(left, _)) = self.order.front() {
            if self.order.len() <= MAX_PAGES && now.duration_since(left) < KEPT_FOR {
                break;
            }
            if let Some((left, client)) = self.order.pop_front()
                && self.pages.get(&client).is_some_and(|page| page.left == left)
            {
                self.pages.remove(&client);
            }
        }
    }
}

struct Page {
    session: Box<str>,
    left: Instant,
    versions: VecDeque<Version>,
}

impl Recent {
    /// Keeps what a page may show.
    pub(super) fn keep(&self, session: &str, client: ClientId, versions: VecDeque<Version>) {
        let left = Instant::now();
        let mut kept = self.kept();
        kept.order.push_back((left, client.clone()));
        let page = Page {
            session: session.into(),
            left,
            versions,
        };
        kept.pages.insert(client, page);
        kept.forget_old(left);
    }

    /// The version `revision` that a returning page shows, if it is still known and comparable with `current`.
    pub(super) fn take(
        &self,
        session: &str,
        client: &ClientId,
        revision: u64,
        current: &Version,
    ) -> Option<Version> {
        let mut kept = self.kept();
        kept.forget_old(Instant::now());
        // A client id is the page's own choice: it must not reach what another session's page showed.
        if kept
            .pages
            .get(client)
            .is_none_or(|page| *page.session != *session)
        {
            return None;
        }
        let page = kept.pages.remove(client)?;
        page.versions
            .into_iter()
            .find(|version| version.revision == revision && version.epoch == current.epoch)
    }

    /// Every change under this lock is whole, so a poisoned lock is taken as it is.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use statetemplate_core::Snapshot;

    use super::*;

    fn version(revision: u64) -> Version {
        Version {
            snapshot: Snapshot::of(&revision).unwrap().into(),
            revision,
            epoch: 0,
        }
    }

    fn client(name: &str) -> ClientId {
        ClientId::parse(name).unwrap()
    }

    fn take(recent: &Recent, session: &str, name: &str, revision: u64) -> Option<u64> {
        recent
            .take(session, &client(name), revision, &version(9))
            .map(|version| version.revision)
    }

    #[test]
    fn a_page_finds_any_version_that_it_may_show_once() {
        let recent = Recent::default();
        recent.keep("s", client("a"), VecDeque::from([version(3), version(5)]));
        recent.keep("s", client("b"), VecDeque::from([version(3)]));
        assert_eq!(take(&recent, "s", "a", 3), Some(3));
        assert_eq!(take(&recent, "s", "a", 3), None, "it is connected again");
        assert_eq!(take(&recent, "s", "b", 4), None, "that was never sent");
    }

    #[test]
    fn the_name_of_a_client_opens_no_other_session() {
        let recent = Recent::default();
        recent.keep("mine", client("a"), VecDeque::from([version(1)]));
        assert_eq!(take(&recent, "theirs", "a", 1), None);
        assert_eq!(
            take(&recent, "mine", "a", 1),
            Some(1),
            "and a try takes nothing away"
        );
    }

    #[test]
    fn a_revision_of_another_epoch_is_not_the_same() {
        let recent = Recent::default();
        recent.keep("s", client("a"), VecDeque::from([version(1)]));
        let later = Version {
            epoch: 1,
            ..version(2)
        };
        assert!(recent.take("s", &client("a"), 1, &later).is_none());
    }

    #[test]
    fn only_so_many_pages_are_remembered() {
        let recent = Recent::default();
        for number in 0..MAX_PAGES + 10 {
            recent.keep("s", client(&format!("c{number}")), VecDeque::from([version(1)]));
        }
        assert_eq!(recent.kept().pages.len(), MAX_PAGES);
        assert_eq!(take(&recent, "s", "c0", 1), None);
        // One page that comes and goes does not push the others out.
        for _ in 0..3 {
            recent.keep("s", client("c100"), VecDeque::from([version(1)]));
        }
        assert!(recent.kept().order.len() <= MAX_PAGES);
    }
}
