//! All that is kept of a session, and its form as bytes.

use std::sync::Arc;

use super::bytes::{Reader, Writer};
use super::{Ledger, OwnerId, SessionClass, Timestamp, Touch};
use crate::{Error, ErrorKind, KeptSnapshot, Snapshot};

/// Which state of a record a writer has seen; compare-and-set is on it.
///
/// The data's revision alone would not do: an action that changes no data still writes its answer to the ledger, and
/// that write has to lose against a concurrent one too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// See [`SessionRecord::epoch`].
    pub epoch: u64,
    /// See [`SessionRecord::writes`].
    pub writes: u64,
}

/// One session, as stores keep it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SessionRecord {
    /// The session's id; a page's public name, worthless without its browser's cookie.
    pub id: Arc<str>,
    /// The name of the template that the session's page is rendered from.
    pub template: Arc<str>,
    /// The data.
    pub snapshot: KeptSnapshot,
    /// The number of the data: grows by one with each change of it.
    pub revision: u64,
    /// Changes when data that was not stored yet may have been lost, so that equal revisions may mean different data.
    pub epoch: u64,
    /// Grows by one with each [`update`](super::SessionStore::update), also with those that leave the data alone.
    pub writes: u64,
    /// The actions that have taken effect, and their answers.
    pub ledger: Ledger,
    /// The browser that the session is bound to.
    pub owner: Option<OwnerId>,
    /// The identity that its browser had before it rotated.
    pub previous_owner: Option<OwnerId>,
    /// Until when a page of that identity is told to come again, with its new one.
    pub previous_owner_until: Timestamp,
    /// The application's user, if it named one.
    pub user: Option<Arc<str>>,
    /// The version of the application's data types that wrote the data.
    pub data_version: u32,
    /// How often the session's token was refreshed; tokens of another generation are revoked.
    pub token_generation: u64,
    /// Until when a token of the generation before is accepted.
    pub previous_token_until: Timestamp,
    /// When the session was made.
    pub created: Timestamp,
    /// When it was last used.
    pub last_access: Timestamp,
    /// When it ends if it is not used.
    pub expires_at: Timestamp,
    /// When it ends even if it is used.
    pub absolute_expiry: Timestamp,
    /// How long it lives on after each use, in milliseconds.
    pub sliding_millis: u64,
    /// Whether its page has not joined yet.
    pub provisional: bool,
    /// Until when a page is taken to be connected. A node that has connections to a session of a shared store moves this
    /// on while it has, and back when the last one has ended, so that no other node evicts what it shows; after a crash
    /// it runs out by itself.
    ///
    /// It is one time for all nodes: where two nodes show one session, the first to lose its connections moves it back,
    /// and the other one moves it on again at its next cleaning. Until then the session, just used, is the last to go.
    pub connected_until: Timestamp,
}

impl SessionRecord {
    /// The version of the form of [`to_bytes`](Self::to_bytes).
    const FORMAT: u64 = 1;

    /// A record of a new session: revision 1, bound to nobody, ending a day after `now`.
    pub fn new(
        id: impl Into<Arc<str>>,
        template: impl Into<Arc<str>>,
        snapshot: impl Into<KeptSnapshot>,
        now: Timestamp,
    ) -> Self {
        const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);
        Self {
            id: id.into(),
            template: template.into(),
            snapshot: snapshot.into(),
            revision: 1,
            epoch: 0,
            writes: 1,
            ledger: Ledger::default(),
            owner: None,
            previous_owner: None,
            previous_owner_until: Timestamp::default(),
            user: None,
            data_version: 0,
            token_generation: 0,
            previous_token_until: Timestamp::default(),
            created: now,
            last_access: now,
            expires_at: now + DAY,
            absolute_expiry: now + DAY,
            sliding_millis: u64::try_from(DAY.as_millis()).unwrap_or(u64::MAX),
            provisional: false,
            connected_until: Timestamp::default(),
        }
    }

    /// What a compare-and-set on this state of the record has to expect.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        Stamp {
            epoch: self.epoch,
            writes: self.writes,
        }
    }

    /// Which sessions it is counted with.
    #[must_use]
    pub fn class(&self) -> SessionClass {
        if self.provisional {
            SessionClass::Provisional
        } else {
            SessionClass::Established
        }
    }

    /// When the session ends unless it is used: the earlier of its two expiries.
    #[must_use]
    pub fn deadline(&self) -> Timestamp {
        self.expires_at.min(self.absolute_expiry)
    }

    /// Since when nobody uses the session, or until when a page is taken to be connected: the later of the two. Sessions
    /// are evicted in this order, and those that are connected not at all.
    #[must_use]
    pub fn idle_since(&self) -> Timestamp {
        self.last_access.max(self.connected_until)
    }

    /// Moves the record's times as [`touch`](super::SessionStore::touch) does.
    pub fn touch(&mut self, touch: Touch) {
        self.last_access = self.last_access.max(touch.last_access);
        self.expires_at = self.expires_at.max(touch.expires_at);
        self.connected_until = touch.connected_until.unwrap_or(self.connected_until);
    }

    /// Whether the session's time is over at `now`.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.deadline() <= now
    }

    /// The record as bytes, for stores that keep bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.number(Self::FORMAT);
        out.text(&self.id);
        out.text(&self.template);
        out.bytes(&self.snapshot.encode());
        for number in [self.revision, self.epoch, self.writes] {
            out.number(number);
        }
        self.ledger.write(&mut out);
        out.optional_text(self.owner.as_ref().map(OwnerId::as_str));
        out.optional_text(self.previous_owner.as_ref().map(OwnerId::as_str));
        out.number(self.previous_owner_until.as_millis());
        out.optional_text(self.user.as_deref());
        out.number(self.data_version.into());
        out.number(self.token_generation);
        for time in [
            self.previous_token_until,
            self.created,
            self.last_access,
            self.expires_at,
            self.absolute_expiry,
        ] {
            out.number(time.as_millis());
        }
        out.number(self.sliding_millis);
        out.number(u64::from(self.provisional));
        out.number(self.connected_until.as_millis());
        out.finish()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Data`] when the bytes are not a record, or are one in a form that this version does not know.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let mut input = Reader::new(bytes);
        match input.number() {
            Some(Self::FORMAT) => {}
            Some(other) => {
                let message = format!(
                    "a stored session has form {other}, this version reads form {}",
                    Self::FORMAT
                );
                return Err(Error::new(ErrorKind::Data, message));
            }
            None => return Err(damaged()),
        }
        let id: Arc<str> = input.text().ok_or_else(damaged)?.into();
        let template = input.text().ok_or_else(damaged)?.into();
        let snapshot = Snapshot::decode(input.bytes().ok_or_else(damaged)?)?;
        Self::read_rest(&mut input, id, template, snapshot)
            .filter(|_| input.is_empty())
            .ok_or_else(damaged)
    }

    fn read_rest(
        input: &mut Reader<'_>,
        id: Arc<str>,
        template: Arc<str>,
        snapshot: Snapshot,
    ) -> Option<Self> {
        fn time(input: &mut Reader<'_>) -> Option<Timestamp> {
            input.number().map(Timestamp::from_millis)
        }
        fn owner(input: &mut Reader<'_>) -> Option<Option<OwnerId>> {
            match input.optional_text()? {
                Some(owner) => OwnerId::parse(owner).map(Some),
                None => Some(None),
            }
        }
        // The fields of a literal are read in the order in which they are written here.
        Some(Self {
            id,
            template,
            snapshot: snapshot.into(),
            revision: input.number()?,
            epoch: input.number()?,
            writes: input.number()?,
            ledger: Ledger::read(input)?,
            owner: owner(input)?,
            previous_owner: owner(input)?,
            previous_owner_until: time(input)?,
            user: input.optional_text()?.map(Into::into),
            data_version: u32::try_from(input.number()?).ok()?,
            token_generation: input.number()?,
            previous_token_until: time(input)?,
            created: time(input)?,
            last_access: time(input)?,
            expires_at: time(input)?,
            absolute_expiry: time(input)?,
            sliding_millis: input.number()?,
            provisional: input.flag()?,
            connected_until: time(input)?,
        })
    }
}

impl PartialEq for SessionRecord {
    /// Compares the data by its lossless encoding.
    fn eq(&self, other: &Self) -> bool {
        self.to_bytes() == other.to_bytes()
    }
}

fn damaged() -> Error {
    Error::new(ErrorKind::Data, "the bytes of a stored session are damaged")
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::super::{Answer, ClientId};
    use super::*;

    fn full_record() -> SessionRecord {
        let snapshot = Snapshot::of(&serde_json::json!({"name": "Zoë", "list": [1, 2.5, null]})).unwrap();
        let mut record = SessionRecord::new("id", "page.html", snapshot, Timestamp::from_millis(1 << 41));
        record.owner = Some(OwnerId::random().unwrap());
        record.previous_owner = Some(OwnerId::random().unwrap());
        record.previous_owner_until = Timestamp::from_millis(1 << 40);
        record.user = Some("ann".into());
        record.revision = u64::MAX;
        record.token_generation = 3;
        let client = ClientId::parse("c").unwrap();
        let json = RawValue::from_string("{\"a\":1}".to_owned()).unwrap();
        record.ledger.record(&client, 1, Answer::Done(Some(json.into())));
        record.ledger.record(
            &client,
            2,
            Answer::Failed {
                code: "failed".into(),
                text: "no".into(),
            },
        );
        record.ledger.record(&client, 3, Answer::Done(None));
        record
    }

    #[test]
    fn survives_the_way_through_bytes() {
        let record = full_record();
        let read = SessionRecord::from_bytes(&record.to_bytes()).unwrap();
        assert_eq!(read, record);
        assert_eq!(
            (read.ledger, read.owner, read.user),
            (record.ledger, record.owner, record.user)
        );
    }

    #[test]
    fn refuses_damaged_bytes_without_panicking() {
        let bytes = full_record().to_bytes();
        for length in 0..bytes.len() {
            assert_eq!(
                SessionRecord::from_bytes(&bytes[..length]).unwrap_err().kind(),
                ErrorKind::Data
            );
        }
        for position in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[position] = value;
                let _ = SessionRecord::from_bytes(&changed);
            }
        }
        let mut newer = bytes.clone();
        newer[0] = 2;
        assert!(
            SessionRecord::from_bytes(&newer)
                .unwrap_err()
                .message()
                .contains("form 2")
        );
    }
}
