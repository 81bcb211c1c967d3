//! Which build of the application this is, unless it says so itself.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// The identity of the running executable: of its content in a release build, so that all nodes with the same file agree; of
/// its size and time of writing in a debug build, where hashing a few hundred megabytes would be felt at each start.
pub(super) fn of_this_executable() -> String {
    let id = std::env::current_exe().and_then(|path| {
        if cfg!(debug_assertions) {
            of_writing(&path)
        } else {
            of_content(&path)
        }
    });
    id.unwrap_or_else(|error| {
        tracing::warn!(
            "the executable cannot be read ({error}), so that pages of another build are not told apart: set a build_id"
        );
        String::new()
    })
}

fn of_content(path: &Path) -> io::Result<String> {
    let mut file = BufReader::with_capacity(64 * 1024, File::open(path)?);
    let mut hash = Sha256::new();
    loop {
        let bytes = file.fill_buf()?;
        if bytes.is_empty() {
            break;
        }
        hash.update(bytes);
        let length = bytes.len();
        file.consume(length);
    }
    Ok(URL_SAFE_NO_PAD.encode(&hash.finalize()[..9]))
}

fn of_writing(path: &Path) -> io::Result<String> {
    let file = path.metadata()?;
    let written = file.modified()?.duration_since(std::time::UNIX_EPOCH);
    Ok(format!(
        "{}-{}",
        file.len(),
        written.unwrap_or_default().as_nanos()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_executable_has_the_same_id_and_another_file_has_another() {
        assert_eq!(of_this_executable(), of_this_executable());
        assert!(!of_this_executable().is_empty());
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let other = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs");
        assert_eq!(of_content(&source).unwrap(), of_content(&source).unwrap());
        assert_ne!(of_content(&source).unwrap(), of_content(&other).unwrap());
        assert_ne!(of_writing(&source).unwrap(), of_writing(&other).unwrap());
    }
}
