//! One key: derived from a secret, it seals bytes into text and opens what it sealed.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::fill_random;
use crate::{Error, ErrorKind};

/// Which key of a secret: each purpose has its own, so that no token opens as another type.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Browser,
    Session,
}

impl Purpose {
    fn info(self) -> &'static [u8] {
        match self {
            Self::Browser => b"statetemplate v1 browser token",
            Self::Session => b"statetemplate v1 session token",
        }
    }
}

/// The key id in front of a token. It is derived from the secret one way, so it tells which key, not what key.
pub(super) type KeyId = [u8; 8];

const KEY_ID: usize = 8;
/// Half of the nonce derives the token's own key, half is GCM's nonce (as in XAES-256-GCM), so that random nonces are
/// safe for any number of tokens; GCM's 96 bits alone would ask for a new secret after 2³² of them.
const SALT: usize = 12;
const NONCE: usize = 12;
const TAG: usize = 16;

/// The longest text that is looked at. The longest genuine token has about 300 characters.
pub(super) const MAX_TEXT: usize = 512;

/// A secret, as the keys for both purposes are derived from it.
pub(super) struct Secret {
    id: KeyId,
    /// HKDF's pseudo-random key; the configured secret itself is not kept.
    root: Zeroizing<[u8; 32]>,
}

impl Secret {
    pub(super) fn new(secret: &[u8]) -> Self {
        let (root, hkdf) = Hkdf::<Sha256>::extract(Some(b"statetemplate"), secret);
        let mut id = [0; KEY_ID];
        hkdf.expand(b"statetemplate v1 key id", &mut id)
            .expect("8 bytes are within what HKDF expands to");
        Self {
            id,
            root: Zeroizing::new(root.into()),
        }
    }

    pub(super) fn id(&self) -> KeyId {
        self.id
    }

    /// Seals `plain` as `key id ‖ salt ‖ nonce ‖ ciphertext ‖ tag`, the key id being authenticated too.
    pub(super) fn seal(&self, purpose: Purpose, plain: &[u8]) -> Result<String, Error> {
        let mut random = [0; SALT + NONCE];
        fill_random(&mut random)?;
        let (salt, nonce) = random.split_at(SALT);
        let sealed = self
            .cipher(purpose, salt)
            .encrypt(
                &gcm_nonce(nonce),
                Payload {
                    msg: plain,
                    aad: &self.id,
                },
            )
            .map_err(|_| Error::new(ErrorKind::Internal, "a token could not be sealed"))?;
        let mut bytes = Vec::with_capacity(KEY_ID + random.len() + sealed.len());
        bytes.extend_from_slice(&self.id);
        bytes.extend_from_slice(&random);
        bytes.extend_from_slice(&sealed);
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The plain bytes of what [`seal`](Self::seal) made for the same purpose, `None` for anything else.
    pub(super) fn open(&self, purpose: Purpose, sealed: &Sealed) -> Option<Zeroizing<Vec<u8>>> {
        let rest = &sealed.bytes[KEY_ID..];
        let (salt, rest) = rest.split_at(SALT);
        let (nonce, ciphertext) = rest.split_at(NONCE);
        self.cipher(purpose, salt)
            .decrypt(
                &gcm_nonce(nonce),
                Payload {
                    msg: ciphertext,
                    aad: &self.id,
                },
            )
            .ok()
            .map(Zeroizing::new)
    }

    fn cipher(&self, purpose: Purpose, salt: &[u8]) -> Aes256Gcm {
        let hkdf = Hkdf::<Sha256>::from_prk(&*self.root).expect("32 bytes are the length of an SHA-256 key");
        let mut key = Zeroizing::new([0; 32]);
        hkdf.expand_multi_info(&[purpose.info(), salt], &mut *key)
            .expect("32 bytes are within what HKDF expands to");
        Aes256Gcm::new((&*key).into())
    }
}

fn gcm_nonce(bytes: &[u8]) -> Nonce<aes_gcm::aead::consts::U12> {
    let mut nonce = [0; NONCE];
    nonce.copy_from_slice(bytes);
    nonce.into()
}

/// The bytes of a text that has the form of a token.
pub(super) struct Sealed {
    bytes: Vec<u8>,
}

impl Sealed {
    /// Reads the outer form; `None` when the text cannot be a token. The length is checked before anything is decoded.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_TEXT {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        (bytes.len() >= KEY_ID + SALT + NONCE + TAG).then_some(Self { bytes })
    }

    pub(super) fn key_id(&self) -> &[u8] {
        &self.bytes[..KEY_ID]
    }
}
