//! A record as a row: its bytes, and beside them the columns that are asked for.

use super::super::{SessionCount, SessionRecord, Stamp, Timestamp, Touch};
use crate::Error;

/// What is written for a record.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) owner: Option<String>,
    pub(super) user: Option<String>,
    pub(super) provisional: bool,
    pub(super) stamp: Stamp,
    pub(super) last_access: i64,
    pub(super) expires_at: i64,
    pub(super) absolute_expiry: i64,
    pub(super) connected_until: i64,
    pub(super) record: Vec<u8>,
}

impl Row {
    pub(super) fn of(record: &SessionRecord) -> Self {
        Self {
            id: record.id.as_ref().to_owned(),
            owner: record.owner.as_ref().map(|owner| owner.as_str().to_owned()),
            user: record.user.as_deref().map(str::to_owned),
            provisional: record.provisional,
            stamp: record.stamp(),
            last_access: time(record.last_access),
            expires_at: time(record.expires_at),
            absolute_expiry: time(record.absolute_expiry),
            connected_until: time(record.connected_until),
            record: record.to_bytes(),
        }
    }
}

/// What is read for a record: a touch moves these times on, and leaves the bytes alone.
pub(super) struct Stored {
    pub(super) last_access: i64,
    pub(super) expires_at: i64,
    pub(super) connected_until: i64,
    pub(super) record: Vec<u8>,
}

impl Stored {
    pub(super) fn into_record(self) -> Result<SessionRecord, Error> {
        let mut record = SessionRecord::from_bytes(&self.record)?;
        record.last_access = timestamp(self.last_access);
        record.expires_at = timestamp(self.expires_at);
        record.connected_until = timestamp(self.connected_until);
        Ok(record)
    }
}

/// The times of a touch, as columns have them.
pub(super) struct Times {
    pub(super) last_access: i64,
    pub(super) expires_at: i64,
    pub(super) connected_until: Option<i64>,
}

impl From<Touch> for Times {
    fn from(touch: Touch) -> Self {
        Self {
            last_access: time(touch.last_access),
            expires_at: time(touch.expires_at),
            connected_until: touch.connected_until.map(time),
        }
    }
}

/// How many sessions there are, as the columns have it.
pub(super) fn counted(established: i64, provisional: i64) -> SessionCount {
    let number = |column| usize::try_from(column).unwrap_or_default();
    SessionCount {
        established: number(established),
        provisional: number(provisional),
    }
}

/// A time as a column has it. SQL has no unsigned numbers: what is beyond 2⁶³ milliseconds, in the year 292 million, is
/// the end of time.
pub(super) fn time(timestamp: Timestamp) -> i64 {
    i64::try_from(timestamp.as_millis()).unwrap_or(i64::MAX)
}

fn timestamp(time: i64) -> Timestamp {
    match u64::try_from(time) {
        Ok(millis) if time < i64::MAX => Timestamp::from_millis(millis),
        Ok(_) => Timestamp::MAX,
        Err(_) => Timestamp::default(),
    }
}

/// Any 64 bits as a column has them. Stamps are compared for equality only, so that the sign means nothing.
pub(super) fn bits(number: u64) -> i64 {
    i64::from_ne_bytes(number.to_ne_bytes())
}

/// Numbers of rows.
pub(super) fn limit(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Snapshot;

    #[test]
    fn times_survive_up_to_the_end_of_time() {
        for millis in [0, 1, 1_795_000_000_000, i64::MAX as u64 - 1, u64::MAX] {
            let before = Timestamp::from_millis(millis);
            assert_eq!(timestamp(time(before)), before);
        }
        assert_eq!(timestamp(time(Timestamp::from_millis(1 << 63))), Timestamp::MAX);
        // Nobody writes such a time; whoever did so by hand gets the oldest one.
        assert_eq!(timestamp(-1), Timestamp::default());
    }

    #[test]
    fn the_columns_win_over_the_times_in_the_bytes() {
        let now = Timestamp::from_millis(1_000);
        let record = SessionRecord::new("a", "page.html", Snapshot::of(&1).unwrap(), now);
        let stored = Stored {
            last_access: 2_000,
            expires_at: i64::MAX,
            connected_until: 3_000,
            record: Row::of(&record).record,
        };
        let read = stored.into_record().unwrap();
        assert_eq!(read.last_access, Timestamp::from_millis(2_000));
        assert_eq!(read.expires_at, Timestamp::MAX);
        assert_eq!(read.connected_until, Timestamp::from_millis(3_000));
        assert_eq!(read.absolute_expiry, record.absolute_expiry);
    }
}
