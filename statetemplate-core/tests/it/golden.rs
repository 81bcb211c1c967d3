//! The protocol's golden files, run by the reference client.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;
use statetemplate_core::{testing::Document, wire};

/// One golden file; `client-js/golden/README.md` describes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    name: String,
    page: String,
    frames: Vec<Value>,
    html: Vec<String>,
}

fn golden_files() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../client-js/golden");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    files
}

/// The body of a page, normalised.
fn body(document: &Document) -> String {
    document.inner_html("body").expect("each parsed page has a body")
}

#[test]
fn golden_files_hold_for_the_reference_client() {
    let files = golden_files();
    assert!(files.len() >= 15, "only {} golden files were found", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let golden: Golden = serde_json::from_str(&std::fs::read_to_string(&file).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let name = format!("{} ({})", file.file_name().unwrap().display(), golden.name);
        assert_eq!(golden.frames.len(), golden.html.len(), "{name}");
        let mut document = Document::parse(&golden.page).unwrap_or_else(|error| panic!("{name}: {error}"));
        for (at, (frame, html)) in golden.frames.iter().zip(&golden.html).enumerate() {
            // Every other frame comes deflated if it is long enough.
            let text = frame.to_string();
            let applied = match wire::deflate(&text) {
                Some(bytes) if at % 2 == 1 => document.apply_deflated(&bytes),
                _ => document.apply(&text),
            };
            if let Err(error) = applied {
                wrong.push(format!("{name}, frame {at}: {error}"));
                break;
            }
            let (expected, shown) = (body(&Document::parse(html).unwrap()), body(&document));
            if shown != expected {
                wrong.push(format!(
                    "{name}, frame {at}\n  shows    {shown}\n  expected {expected}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_browser_would_shrug_off_what_the_reference_client_refuses() {
    let page = "<body><p st=\".\">a</p><!i><!/><ul><!l><!r><li st=\".\">1</li><!r><li st=\".\">2</li><!/></ul></body>";
    for (frame, why) in [
        (r#"{"0":"x"}"#, "is a JSON array"),
        ("[]", "not empty"),
        (r#"[2,{"9":"x"}]"#, "no slot 9"),
        (r#"[2,{"00":"x"}]"#, "no slot 00"),
        (r#"[2,{"0":null}]"#, "not a string"),
        (r#"[2,{"1":[7,["x"]]}]"#, "no statics were sent for fragment 7"),
        (r#"[2,{"1":0}]"#, "nothing is shown already"),
        (r#"[2,{"1":{"0":"x"}}]"#, "nothing is"),
        (r#"[2,{"2":{"5":{"0":"x"}}}]"#, "no row 5"),
        (r#"[2,{"2":[[0,1,0,1]]}]"#, "twice"),
        (r#"[2,{"2":[[0,3]]}]"#, "leaves the 2 rows"),
        (r#"[2,{"2":[[1,-3]]}]"#, "leaves the 2 rows"),
        (r#"[2,{"2":[[0,18446744073709551615]]}]"#, "no count"),
        (r#"[2,{"2":[[["x"],0,2]]}]"#, "names no fragment"),
        (r#"["s",{"1":"unheard"}]"#, "not held"),
        (r#"["z"]"#, "no frame"),
    ] {
        let mut document = Document::parse(page).unwrap();
        let error = document.apply(frame).unwrap_err().to_string();
        assert!(error.contains(why), "{frame}: {error}");
    }
    let mut document = Document::parse(page).unwrap();
    document.apply(r#"[5,{"0":"x"}]"#).unwrap();
    let error = document.apply(r#"[4,{"0":"y"}]"#).unwrap_err().to_string();
    assert!(error.contains("revision 4 is older than 5"), "{error}");
}
