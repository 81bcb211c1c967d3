//! Any bytes from a client or a store: frames, tokens, snapshots and records are read or refused, and never panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use statetemplate_core::store::{SessionRecord, Timestamp};
use statetemplate_core::wire::{self, ClientFrame};
use statetemplate_core::{BrowserToken, Keyring, SessionToken, Snapshot};

fuzz_target!(|input: &[u8]| {
    // The first byte says what the rest claims to be.
    let Some((kind, bytes)) = input.split_first() else {
        return;
    };
    match kind {
        b's' => {
            if let Ok(snapshot) = Snapshot::decode(bytes) {
                let again = Snapshot::decode(&snapshot.encode()).expect("what was encoded can be decoded");
                assert_eq!(again.encode(), snapshot.encode());
            }
        }
        b'r' => {
            if let Ok(record) = SessionRecord::from_bytes(bytes) {
                let again =
                    SessionRecord::from_bytes(&record.to_bytes()).expect("what was written can be read");
                assert_eq!(again.to_bytes(), record.to_bytes());
            }
        }
        b't' => {
            let Ok(text) = std::str::from_utf8(bytes) else {
                return;
            };
            let keys = Keyring::new(&[7; 32]).expect("32 bytes are a key");
            assert!(
                keys.open_session(&SessionToken::from(text), Timestamp::default())
                    .is_err()
            );
            assert!(
                keys.open_browser(&BrowserToken::from(text), Timestamp::default())
                    .is_err()
            );
        }
        _ => {
            let Ok(text) = std::str::from_utf8(bytes) else {
                return;
            };
            match wire::parse(text) {
                Ok(ClientFrame::Join {
                    page,
                    plan,
                    client,
                    statics,
                    ..
                }) => {
                    // What a join names is kept as long as its connection.
                    assert!([page, plan, client].iter().all(|name| name.len() <= 256));
                    assert!(statics.len() <= 4096);
                }
                Ok(ClientFrame::Action { number, name, .. }) => assert!(number > 0 && name.len() <= 256),
                Ok(_) | Err(_) => {}
            }
        }
    }
});
