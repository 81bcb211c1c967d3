//! The scripts that run inside of Redis, each as a whole.

use std::sync::LazyLock;

use fred::bytes_utils::Str;
use fred::util::{sha1_hash, static_str};

/// A script, and the hash that Redis knows it by.
pub(super) struct Script {
    pub(super) text: Str,
    pub(super) hash: Str,
}

impl Script {
    fn new(text: &'static str) -> Self {
        Self {
            text: static_str(text),
            hash: sha1_hash(text).into(),
        }
    }
}

macro_rules! script {
    ($name:ident, $file:literal) => {
        pub(super) static $name: LazyLock<Script> = LazyLock::new(|| {
            Script::new(concat!(
                include_str!("lua/shared.lua"),
                include_str!(concat!("lua/", $file, ".lua"))
            ))
        });
    };
}

script!(WRITE, "write");
script!(TOUCH, "touch");
script!(REMOVE, "remove");
script!(CLAIM, "claim");
script!(CONFIRM, "confirm");
