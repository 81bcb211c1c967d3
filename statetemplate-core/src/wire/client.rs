//! The frames that a client sends.

use serde_json::value::RawValue;

use super::deflate::DEFLATE;
use crate::{Error, ErrorKind};

/// A frame from a client.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientFrame {
    /// The first frame of a connection.
    Join {
        /// The page's own random id.
        page: String,
        /// The hash of the plan that the page was rendered with; empty when the client wants a refresh.
        plan: String,
        /// The revision that the page shows.
        revision: u64,
        /// The id of the client's document.
        client: String,
        /// The highest action whose answer, and all before it, have arrived.
        last_answer: u64,
        /// The hashes of the statics that the client holds.
        statics: Vec<String>,
        /// The session that the tab had on this page before.
        earlier: Option<String>,
        /// Whether the client inflates binary frames.
        deflate: bool,
    },
    /// An action.
    Action {
        /// Its number, from 1 on.
        number: u64,
        /// Its name.
        name: String,
        /// What it carries, as it was sent; `{}` when it carries nothing.
        payload: Box<RawValue>,
    },
    /// Everything up to this revision was applied.
    Applied {
        /// The revision.
        revision: u64,
    },
    /// The answers up to this action have arrived.
    Answered {
        /// The action's number.
        number: u64,
    },
    /// The client lacks the statics of a fragment.
    MissingStatics {
        /// The fragment's number.
        fragment: u64,
    },
    /// A question whether anything comes through; also allowed before the join.
    Ping,
}

/// The most hashes that a join may list.
const MAX_HASHES: usize = 4096;
/// The longest name, id or hash.
const MAX_NAME: usize = 256;

/// Reads a client's frame.
///
/// # Errors
/// [`ErrorKind::Protocol`] with what is wrong with the frame.
pub fn parse(text: &str) -> Result<ClientFrame, Error> {
    let parts: Vec<&RawValue> = serde_json::from_str(text)
        .map_err(|error| malformed("a frame is a JSON array").with_source(error))?;
    let Some(first) = parts.first() else {
        return Err(malformed("a frame is not empty"));
    };
    let Ok(tag) = serde_json::from_str::<String>(first.get()) else {
        let number = number(&parts, 0, "an action's number")?;
        let name = name(&parts, 1, "an action's name")?;
        if number == 0 {
            return Err(malformed("actions are numbered from 1 on"));
        }
        let payload = match parts.get(2) {
            Some(payload) => (*payload).to_owned(),
            None => RawValue::from_string("{}".to_owned()).expect("an empty object is JSON"),
        };
        return Ok(ClientFrame::Action {
            number,
            name,
            payload,
        });
    };
    match tag.as_str() {
        "j" => {
            let statics = parts.get(6).map_or("[]", |list| list.get());
            let statics: Vec<String> = serde_json::from_str(statics).map_err(|error| {
                malformed("the statics of a join are a list of hashes").with_source(error)
            })?;
            if statics.len() > MAX_HASHES || statics.iter().any(|hash| hash.len() > MAX_NAME) {
                return Err(malformed("the join lists too many statics"));
            }
            Ok(ClientFrame::Join {
                page: name(&parts, 1, "the page of a join")?,
                plan: name(&parts, 2, "the plan of a join")?,
                revision: number(&parts, 3, "the revision of a join")?,
                client: name(&parts, 4, "the client of a join")?,
                last_answer: number(&parts, 5, "the last answer of a join")?,
                statics,
                earlier: match parts.get(7) {
                    Some(part) if part.get() != "null" => {
                        Some(name(&parts, 7, "the earlier session of a join")?)
                    }
                    _ => None,
                },
                // Another encoding, or none: its frames are text.
                deflate: parts
                    .get(8)
                    .and_then(|part| serde_json::from_str::<&str>(part.get()).ok())
                    .is_some_and(|name| name == DEFLATE),
            })
        }
        "a" => Ok(ClientFrame::Applied {
            revision: number(&parts, 1, "an applied revision")?,
        }),
        "k" => Ok(ClientFrame::Answered {
            number: number(&parts, 1, "the number of an answer")?,
        }),
        "c" => Ok(ClientFrame::MissingStatics {
            fragment: number(&parts, 1, "the number of a fragment")?,
        }),
        "p" => Ok(ClientFrame::Ping),
        _ => Err(malformed("the kind of the frame is unknown")),
    }
}

fn number(parts: &[&RawValue], at: usize, what: &str) -> Result<u64, Error> {
    let part = parts
        .get(at)
        .ok_or_else(|| malformed(&format!("{what} is missing")))?;
    serde_json::from_str(part.get())
        .map_err(|error| malformed(&format!("{what} is a whole number")).with_source(error))
}

fn name(parts: &[&RawValue], at: usize, what: &str) -> Result<String, Error> {
    let part = parts
        .get(at)
        .ok_or_else(|| malformed(&format!("{what} is missing")))?;
    let text: String = serde_json::from_str(part.get())
        .map_err(|error| malformed(&format!("{what} is a string")).with_source(error))?;
    if text.len() > MAX_NAME {
        Err(malformed(&format!("{what} is longer than {MAX_NAME} bytes")))
    } else {
        Ok(text)
    }
}

fn malformed(what: &str) -> Error {
    Error::new(
        ErrorKind::Protocol,
        format!("the client's frame is malformed: {what}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_of_a_client_is_read() {
        let join = parse(r#"["j","page","plan",3,"client",7,["h1","h2"]]"#).unwrap();
        assert!(
            matches!(join, ClientFrame::Join { revision: 3, last_answer: 7, ref statics, .. } if statics.len() == 2)
        );
        for (last, expected) in [
            ("", false),
            (r#","deflate-raw""#, true),
            (r#","zstd""#, false),
            (",null", false),
        ] {
            let join = parse(&format!(r#"["j","page","plan",3,"client",7,[],null{last}]"#)).unwrap();
            assert!(
                matches!(join, ClientFrame::Join { deflate, .. } if deflate == expected),
                "{last}"
            );
        }
        let action = parse(r#"[5,"add",{"by":1}]"#).unwrap();
        assert!(
            matches!(action, ClientFrame::Action { number: 5, ref payload, .. } if payload.get() == r#"{"by":1}"#)
        );
        let bare = parse(r#"[6,"reset"]"#).unwrap();
        assert!(matches!(bare, ClientFrame::Action { number: 6, ref payload, .. } if payload.get() == "{}"));
        assert!(matches!(
            parse(r#"["a",58]"#),
            Ok(ClientFrame::Applied { revision: 58 })
        ));
        assert!(matches!(
            parse(r#"["k",2]"#),
            Ok(ClientFrame::Answered { number: 2 })
        ));
        assert!(matches!(
            parse(r#"["c",4]"#),
            Ok(ClientFrame::MissingStatics { fragment: 4 })
        ));
        assert!(matches!(parse(r#"["p"]"#), Ok(ClientFrame::Ping)));
    }

    #[test]
    fn malformed_frames_say_what_is_wrong() {
        for (frame, words) in [
            ("", "a JSON array"),
            ("{}", "a JSON array"),
            ("[]", "not empty"),
            (r#"["z"]"#, "kind of the frame"),
            (r#"[0,"add"]"#, "from 1 on"),
            (r#"[-1,"add"]"#, "whole number"),
            (r#"[1]"#, "name is missing"),
            (r#"[1,2]"#, "name is a string"),
            (r#"["a","x"]"#, "whole number"),
            (r#"["j","p"]"#, "plan of a join is missing"),
            (r#"["j","p","q",1,"c",0,[1]]"#, "list of hashes"),
        ] {
            let error = parse(frame).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol);
            assert!(error.to_string().contains(words), "{frame}: {error}");
        }
        assert!(parse(&format!(r#"[1,"{}"]"#, "x".repeat(300))).is_err());
    }
}
