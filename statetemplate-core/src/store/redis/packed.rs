//! A record as Redis keeps it: its numbers apart, for the scripts, and its bytes, compressed when they are many.

use fred::bytes::Bytes;

use crate::store::{SessionRecord, Stamp, Timestamp};
use crate::{Error, ErrorKind};

/// Below this many bytes compressing saves next to nothing.
const WORTH_COMPRESSING: usize = 512;
/// LZ4 makes of one byte at most this many: bytes that claim more are damaged, and nothing is allocated for them.
const MAX_RATIO: usize = 255;

const PLAIN: u8 = 0;
const LZ4: u8 = 1;

/// A record's bytes. LZ4 takes a tenth of deflate's time for a quarter more bytes, and each commit pays for it.
pub(super) fn pack(record: &SessionRecord, compress: bool) -> Bytes {
    let plain = record.to_bytes();
    let mut packed = Vec::new();
    if compress && plain.len() >= WORTH_COMPRESSING {
        packed.push(LZ4);
        packed.extend(lz4_flex::compress_prepend_size(&plain));
    }
    if packed.is_empty() || packed.len() > plain.len() {
        packed.clear();
        packed.push(PLAIN);
        packed.extend(plain);
    }
    packed.into()
}

/// Reads what [`pack`] and [`numbers`] made.
pub(super) fn unpack(packed: &[u8], numbers: &str) -> Result<SessionRecord, Error> {
    let (form, bytes) = packed.split_first().ok_or_else(damaged)?;
    let mut record = match *form {
        PLAIN => SessionRecord::from_bytes(bytes)?,
        LZ4 => {
            let claimed = bytes.first_chunk::<4>().ok_or_else(damaged)?;
            let claimed = usize::try_from(u32::from_le_bytes(*claimed)).map_err(|_| damaged())?;
            if claimed > bytes.len().saturating_mul(MAX_RATIO) {
                return Err(damaged());
            }
            let plain =
                lz4_flex::decompress_size_prepended(bytes).map_err(|error| damaged().with_source(error))?;
            SessionRecord::from_bytes(&plain)?
        }
        other => {
            let message =
                format!("a stored session is packed in form {other}, which this version does not know");
            return Err(Error::new(ErrorKind::Data, message));
        }
    };
    // Touching moves these and leaves the bytes alone.
    record.last_access = time(numbers, 2)?;
    record.expires_at = time(numbers, 3)?;
    record.connected_until = time(numbers, 5)?;
    Ok(record)
}

/// The numbers of a record that scripts compare, and its class.
pub(super) fn numbers(record: &SessionRecord) -> String {
    let mut numbers = stamp(record.stamp());
    for moment in [
        record.last_access,
        record.expires_at,
        record.absolute_expiry,
        record.connected_until,
    ] {
        numbers.push_str(&digits(moment.as_millis()));
    }
    numbers.push(if record.provisional { 'p' } else { 'e' });
    numbers
}

/// A stamp as [`numbers`] begins.
pub(super) fn stamp(stamp: Stamp) -> String {
    digits(stamp.epoch) + &digits(stamp.writes)
}

/// A number with as many digits as the largest has, so that numbers compare as texts.
pub(super) fn digits(number: u64) -> String {
    format!("{number:020}")
}

fn time(numbers: &str, index: usize) -> Result<Timestamp, Error> {
    let digits = numbers.get(index * 20..(index + 1) * 20);
    let number = digits.and_then(|digits| digits.parse().ok());
    number.map(Timestamp::from_millis).ok_or_else(damaged)
}

fn damaged() -> Error {
    Error::new(ErrorKind::Data, "the bytes of a stored session are damaged")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Snapshot;

    fn record(text: &str) -> SessionRecord {
        let mut record = SessionRecord::new("id", "page.html", Snapshot::of(text).unwrap(), Timestamp::now());
        record.epoch = u64::MAX;
        record.absolute_expiry = Timestamp::MAX;
        record
    }

    #[test]
    fn a_record_comes_back_compressed_or_not() {
        for (text, form) in [("short", PLAIN), ("long ".repeat(1000).as_str(), LZ4)] {
            let record = record(text);
            let packed = pack(&record, true);
            assert_eq!(packed[0], form);
            assert_eq!(unpack(&packed, &numbers(&record)).unwrap(), record);
            let packed = pack(&record, false);
            assert_eq!(packed[0], PLAIN);
            assert_eq!(unpack(&packed, &numbers(&record)).unwrap(), record);
        }
    }

    #[test]
    fn touched_times_are_taken_from_the_numbers() {
        let mut record = record("short");
        let packed = pack(&record, true);
        record.connected_until = Timestamp::from_millis(5);
        record.last_access = Timestamp::MAX;
        assert_eq!(unpack(&packed, &numbers(&record)).unwrap(), record);
    }

    #[test]
    fn damaged_bytes_are_an_error() {
        let record = record(&"long ".repeat(1000));
        let (packed, numbers) = (pack(&record, true), numbers(&record));
        for length in 0..packed.len() {
            assert_eq!(
                unpack(&packed[..length], &numbers).unwrap_err().kind(),
                ErrorKind::Data
            );
        }
        let mut forged = packed.to_vec();
        forged[1..5].fill(0xff);
        assert_eq!(unpack(&forged, &numbers).unwrap_err().kind(), ErrorKind::Data);
        assert_eq!(
            unpack(&packed, &numbers[..100]).unwrap_err().kind(),
            ErrorKind::Data
        );
        assert_eq!(unpack(&[9, 9], &numbers).unwrap_err().kind(), ErrorKind::Data);
    }
}
