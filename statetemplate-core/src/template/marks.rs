//! Marks between the values that a program prints: which value starts where, in one string for all of them.
//!
//! To print everything into one string and cut it apart costs a fraction of capturing each value for itself. The data
//! must not be able to forge a mark, so each one starts with 96 random bits of this process, which nobody sees: what is
//! printed between marks is cut out before anything leaves the engine.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::machinery::intern;
use crate::{Error, ErrorKind};

/// What starts at a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// One of several instances that a program prints.
    Row,
    /// The value of a hole.
    Hole,
    /// The number of the fragment that a branch shows, before its values; `-` for nothing.
    Arm,
    /// The rows of a list, each at a [`Mark::Row`], up to an [`Mark::End`].
    List,
    End,
}

impl Mark {
    const ALL: [Mark; 5] = [Mark::Row, Mark::Hole, Mark::Arm, Mark::List, Mark::End];

    fn letter(self) -> u8 {
        match self {
            Mark::Row => b'r',
            Mark::Hole => b'h',
            Mark::Arm => b'a',
            Mark::List => b'l',
            Mark::End => b'e',
        }
    }

    fn of(letter: u8) -> Option<Mark> {
        Mark::ALL.into_iter().find(|mark| mark.letter() == letter)
    }

    /// The mark as a program prints it.
    pub(super) fn text(self) -> &'static str {
        static TEXTS: OnceLock<[&'static str; 5]> = OnceLock::new();
        let texts = TEXTS.get_or_init(|| {
            Mark::ALL.map(|mark| intern(&format!("{}{}", prefix(), char::from(mark.letter()))))
        });
        texts[Mark::ALL.iter().position(|mark| *mark == self).unwrap_or(0)]
    }
}

/// What all marks start with: a character that data rarely has, for the search, and what it can't guess.
static PREFIX: OnceLock<String> = OnceLock::new();

/// Makes the marks of this process, if that is not done yet. No program is compiled before.
pub(super) fn prepare() -> Result<(), Error> {
    let mut secret = [0; 12];
    getrandom::fill(&mut secret).map_err(|error| {
        Error::new(
            ErrorKind::Internal,
            "the operating system gives no random bytes, which updates need",
        )
        .with_source(error)
    })?;
    PREFIX.get_or_init(|| format!("\0{}", URL_SAFE_NO_PAD.encode(secret)));
    Ok(())
}

fn prefix() -> &'static str {
    PREFIX
        .get()
        .expect("each plan prepares the marks before it compiles a program that prints them")
}

/// Cuts what a program printed at its marks.
#[derive(Debug, Clone)]
pub(crate) struct Cutter<'t> {
    text: &'t str,
    prefix: &'static [u8],
    /// Where what follows the next mark starts; nothing after the last one.
    next: Option<(Mark, usize)>,
}

/// One mark with what stands between it and the next: a range of the text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    pub(crate) mark: Mark,
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Whether any character in it means something in HTML, or is changed by a parser.
    pub(crate) special: bool,
}

impl<'t> Cutter<'t> {
    /// What stands in front of the first mark is passed over.
    pub(crate) fn new(text: &'t str) -> Self {
        let mut cutter = Cutter {
            text,
            prefix: prefix().as_bytes(),
            next: None,
        };
        cutter.advance(0);
        cutter
    }

    /// Goes on to the next mark; returns where the text in front of it ends, and whether it is special.
    fn advance(&mut self, from: usize) -> (usize, bool) {
        let bytes = self.text.as_bytes();
        let mut special = false;
        let mut at = from;
        while let Some(found) = bytes[at..].iter().position(|byte| SPECIAL[usize::from(*byte)]) {
            at += found;
            if bytes[at] == 0
                && let Some(rest) = bytes[at..].strip_prefix(self.prefix)
                && let Some(mark) = rest.first().and_then(|letter| Mark::of(*letter))
            {
                self.next = Some((mark, at + self.prefix.len() + 1));
                return (at, special);
            }
            special = true;
            at += 1;
        }
        self.next = None;
        (bytes.len(), special)
    }

    /// The kind of the next mark.
    pub(crate) fn peek(&self) -> Option<Mark> {
        self.next.map(|(mark, _)| mark)
    }
}

/// The bytes at which a text between marks may need a closer look.
const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    special[0] = true;
    special[b'\r' as usize] = true;
    special[b'&' as usize] = true;
    special[b'<' as usize] = true;
    special
};

impl Iterator for Cutter<'_> {
    type Item = Cut;

    fn next(&mut self) -> Option<Cut> {
        let (mark, start) = self.next?;
        let (end, special) = self.advance(start);
        Some(Cut {
            mark,
            start,
            end,
            special,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_its_marks_and_nowhere_else() {
        prepare().unwrap();
        let text = format!(
            "{}{}a\0b{}{}",
            Mark::Row.text(),
            Mark::Hole.text(),
            Mark::Hole.text(),
            Mark::Arm.text()
        );
        let cuts: Vec<(Mark, &str)> = Cutter::new(&text)
            .map(|cut| (cut.mark, &text[cut.start..cut.end]))
            .collect();
        assert_eq!(
            cuts,
            [
                (Mark::Row, ""),
                (Mark::Hole, "a\0b"),
                (Mark::Hole, ""),
                (Mark::Arm, "")
            ]
        );
    }

    #[test]
    fn data_that_knows_the_form_of_a_mark_cannot_forge_one() {
        prepare().unwrap();
        let forged = format!("\0{}h", "0".repeat(16));
        let text = format!("{}{forged}", Mark::Hole.text());
        assert_eq!(Cutter::new(&text).count(), 1);
    }
}
