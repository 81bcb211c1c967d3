//! Long frames, deflated: each alone, so that nothing of one shows in the length of another.

use std::io::Write;

use flate2::{Compression, write::DeflateEncoder};

/// The name of raw deflate in a join, as browsers' `DecompressionStream` has it.
pub const DEFLATE: &str = "deflate-raw";

/// Shorter frames go as text. What deflating them saves, at most 70 bytes, is lost in the packet that carries it, while
/// inflating takes a browser longer than applying them.
const SHORTEST: usize = 256;
/// Longer frames go as text, so that a client need not inflate more than this, and a server need not work on one frame for
/// more than some 35 ms.
const LONGEST: usize = 4 << 20;
/// From here to the highest level, the workload's frames get 0.1 % shorter and take up to 1.4 times as long.
const LEVEL: u32 = 6;

/// The raw deflate of a frame, where that is worth sending in its place.
///
/// The compressor lives for this frame alone: to make one takes about a microsecond, and one that were kept would hold the
/// last page's text.
#[must_use]
pub fn deflate(frame: &str) -> Option<Vec<u8>> {
    if !(SHORTEST..=LONGEST).contains(&frame.len()) {
        return None;
    }
    let mut encoder = DeflateEncoder::new(Vec::with_capacity(frame.len() / 4), Compression::new(LEVEL));
    encoder.write_all(frame.as_bytes()).ok()?;
    let deflated = encoder.finish().ok()?;
    (deflated.len() < frame.len()).then_some(deflated)
}

/// The text of a deflated frame, as a client reads it.
///
/// # Errors
///
/// What is wrong with the bytes: they are no raw deflate, end too early or too late, are longer than any frame, or no text.
#[cfg(feature = "test")]
pub(crate) fn inflate(bytes: &[u8]) -> Result<String, String> {
    use std::io::Read;

    let mut text = Vec::new();
    let mut decoder = flate2::bufread::DeflateDecoder::new(bytes);
    let limit = LONGEST as u64 + 1;
    decoder
        .by_ref()
        .take(limit)
        .read_to_end(&mut text)
        .map_err(|error| format!("a binary frame is raw deflate, but {error}"))?;
    if text.len() > LONGEST {
        return Err(format!("a frame has at most {LONGEST} bytes once it is inflated"));
    }
    if !decoder.into_inner().is_empty() {
        return Err("bytes stand behind the deflated frame".to_owned());
    }
    String::from_utf8(text).map_err(|error| format!("a frame is text, but {error}"))
}

#[cfg(all(test, feature = "test"))]
mod tests {
    use super::*;

    #[test]
    fn long_frames_come_back_as_they_were() {
        for length in [SHORTEST, 1000, 100_000, LONGEST] {
            let frame = "[1,{\"0\":\"é\"}]".repeat(length / 14) + &" ".repeat(length % 14);
            let deflated = deflate(&frame).unwrap();
            assert!(deflated.len() < frame.len());
            assert_eq!(inflate(&deflated).unwrap(), frame);
        }
    }

    #[test]
    fn what_is_too_short_or_too_long_goes_as_text() {
        assert_eq!(deflate(&"x".repeat(SHORTEST - 1)), None);
        assert_eq!(deflate(&"x".repeat(LONGEST + 1)), None);
    }

    #[test]
    fn what_is_no_deflated_frame_is_refused() {
        let good = deflate(&"[1,{}]".repeat(100)).unwrap();
        for (bytes, why) in [
            (&b"not deflated"[..], "raw deflate"),
            (&good[..good.len() - 1], "raw deflate"),
            (&[&good[..], b"!"].concat(), "stand behind"),
        ] {
            let error = inflate(bytes).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        let mut bomb = DeflateEncoder::new(Vec::new(), Compression::new(9));
        bomb.write_all(&vec![b' '; LONGEST + 1]).unwrap();
        assert!(inflate(&bomb.finish().unwrap()).unwrap_err().contains("at most"));
        let mut bytes = DeflateEncoder::new(Vec::new(), Compression::new(9));
        bytes.write_all(&[0xff; 300]).unwrap();
        assert!(inflate(&bytes.finish().unwrap()).unwrap_err().contains("is text"));
    }
}
