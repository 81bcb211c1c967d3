//! PROTOCOL.md says what the code does: each frame, mark and code stands in both, and in the browser client's constants.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::value::RawValue;
use statetemplate_core::testing::Document;
use statetemplate_core::wire::{self, ClientFrame, EndReason, Statics};
use statetemplate_core::{ErrorKind, Plan, Snapshot, diff};

use crate::oracle::environment;

const PROTOCOL: &str = include_str!("../../../client-js/PROTOCOL.md");
const CLIENT: &str = include_str!("../../../client-js/src/wire.ts");

/// The part of the document below a heading.
fn section(heading: &str) -> &'static str {
    let (_, rest) = PROTOCOL.split_once(&format!("\n## {heading}\n")).unwrap();
    rest.split("\n## ").next().unwrap()
}

/// The code spans of the first cells of a section's tables.
fn spans(heading: &str) -> Vec<&'static str> {
    let rows = section(heading)
        .lines()
        .filter_map(|line| line.strip_prefix("| "));
    let cells = rows.filter_map(|row| row.split(" | ").next());
    cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect()
}

/// The letters that a section's frames begin with.
fn letters(heading: &str) -> BTreeSet<String> {
    let tags = spans(heading).into_iter().filter_map(|span| {
        let (letter, _) = span.strip_prefix("[\"")?.split_once('"')?;
        Some(letter.to_owned())
    });
    let letters: BTreeSet<String> = tags.collect();
    assert!(letters.len() >= 5, "{heading}: {letters:?}");
    letters
}

/// The values of one of the browser client's enums.
fn constants(name: &str) -> BTreeSet<String> {
    let (_, rest) = CLIENT.split_once(&format!("const enum {name} {{")).unwrap();
    let body = rest.split('}').next().unwrap();
    body.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_frames_of_clients_are_those_of_the_document() {
    let documented = letters("Client to server");
    let read: BTreeSet<String> = ('a'..='z')
        .chain('A'..='Z')
        .map(String::from)
        .filter(|letter| match wire::parse(&format!("[\"{letter}\"]")) {
            Ok(_) => true,
            Err(error) => !error.to_string().contains("kind of the frame is unknown"),
        })
        .collect();
    assert_eq!(read, documented);
    assert!(constants("ToServer").is_subset(&documented));
    let join = r#"["j","page","plan",1,"client",0,[],null,"deflate-raw"]"#;
    assert!(matches!(
        wire::parse(join),
        Ok(ClientFrame::Join { deflate: true, .. })
    ));
    assert!(PROTOCOL.contains(&format!("`\"{}\"`", wire::DEFLATE)));
}

#[test]
fn the_frames_of_the_server_are_those_of_the_document() {
    let env = environment(&[(
        "page.html",
        "<body><main>{% if a %}<p>{{ a }}</p>{% endif %}</main></body>",
    )]);
    let plan = Plan::compile(&env, "page.html").unwrap();
    let of = |a: &str| Snapshot::of(&serde_json::json!({ "a": a })).unwrap();
    let patch = diff(&plan, &of(""), &of("b")).unwrap();
    let value = RawValue::from_string("1".to_owned()).unwrap();
    let mut frames = vec![
        wire::joined(1, None),
        wire::answer(1, None),
        wire::error(1, "failed", "why"),
        wire::event("name", &value),
        wire::refresh(1, plan.hash(), "<p>"),
        wire::pong(),
        wire::end(EndReason::TryAgain, 1),
    ];
    frames.extend(wire::patch_frames(
        &plan,
        &mut Statics::new(&plan, &[]),
        1,
        &patch,
        Some((1, None)),
    ));
    let sent: BTreeSet<String> = frames
        .iter()
        .filter_map(|frame| frame.strip_prefix("[\"")?.split('"').next().map(str::to_owned))
        .collect();
    let documented = letters("Server to client");
    assert_eq!(sent, documented);
    assert!(constants("FromServer").is_subset(&documented));
    // The reference client reads each of them, and no other.
    for letter in ('a'..='z').map(String::from) {
        let error = Document::parse("<p>").unwrap().apply(&format!("[\"{letter}\"]"));
        let known = match error {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Protocol);
                frames
                    .iter()
                    .any(|frame| frame.starts_with(&format!("[\"{letter}\"")))
            }
        };
        assert_eq!(known, documented.contains(&letter), "{letter}");
    }
}

#[test]
fn the_marks_are_those_of_the_document() {
    let documented: BTreeSet<String> = spans("The annotated page")
        .into_iter()
        .filter_map(|span| Some(span.strip_prefix("<!")?.strip_suffix('>')?.to_owned()))
        .collect();
    assert_eq!(constants("Mark"), documented);
}

#[test]
fn reasons_and_codes_are_those_of_the_document() {
    let server = section("Server to client");
    for reason in [
        EndReason::SessionExpired,
        EndReason::SessionClosed,
        EndReason::SessionOutdated,
        EndReason::TryAgain,
    ] {
        assert!(server.contains(&format!("`{}`", reason.as_str())), "{reason:?}");
    }
    let (_, rest) = server.split_once("Codes: ").unwrap();
    let documented: BTreeSet<&str> = rest
        .split(" |")
        .next()
        .unwrap()
        .split('`')
        .skip(1)
        .step_by(2)
        .collect();
    let mut source = String::new();
    for part in ["src/session", "../statetemplate-axum/src"] {
        read_sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(part), &mut source);
    }
    for code in &documented {
        assert!(
            source.contains(&format!("\"{code}\"")),
            "no code says {code}, which is documented"
        );
    }
    let said = source.split("ActionError::new(").skip(1).filter_map(|rest| {
        let code = rest.trim_start().strip_prefix('"')?;
        code.split('"').next()
    });
    for code in said {
        assert!(documented.contains(code), "the code {code} is not documented");
    }
}

/// The source files of a folder, without their tests.
fn read_sources(folder: &Path, out: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "test" {
            read_sources(&path, out);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            let text = std::fs::read_to_string(&path).unwrap();
            out.push_str(text.split("#[cfg(test)]\nmod tests").next().unwrap());
        }
    }
}
