//! The keyring: seals with the newest key, opens with any it holds.

use std::fmt;

use zeroize::Zeroizing;

use super::fill_random;
use super::identity::BrowserIdentity;
use super::seal::{Purpose, Sealed, Secret};
use super::types::{BrowserClaims, BrowserToken, SessionClaims, SessionToken};
use crate::store::Timestamp;
use crate::{Error, ErrorKind};

/// The application's keys for tokens.
///
/// To rotate a key, start all nodes with the new secret as the *previous* one, then with the new secret first and the
/// old one as previous; drop the old one when the tokens it sealed have run out.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use statetemplate_core::{Keyring, store::Timestamp};
///
/// let old = Keyring::new(b"an old secret of at least 32 bytes")?;
/// let new = Keyring::new(b"a new secret of at least 32 bytes!")?.with_previous(b"an old secret of at least 32 bytes")?;
///
/// let now = Timestamp::now();
/// let token = old.seal_session("session-1", 0, now, now + Duration::from_secs(60))?;
/// assert_eq!(new.open_session(&token, now)?.id(), "session-1");
/// # Ok::<(), statetemplate_core::Error>(())
/// ```
pub struct Keyring {
    newest: Secret,
    previous: Vec<Secret>,
}

impl Keyring {
    /// The least length of a secret, in bytes.
    pub const MIN_SECRET: usize = 32;

    /// A keyring with one secret of at least 32 bytes from a random source, not a passphrase.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when the secret is shorter.
    pub fn new(secret: &[u8]) -> Result<Self, Error> {
        Ok(Self {
            newest: checked(secret)?,
            previous: Vec::new(),
        })
    }

    /// Adds a secret whose tokens are still accepted, though none are sealed with it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when the secret is shorter than 32 bytes.
    pub fn with_previous(mut self, secret: &[u8]) -> Result<Self, Error> {
        self.previous.push(checked(secret)?);
        Ok(self)
    }

    /// A keyring whose secret nobody knows: its tokens end with the process.
    pub(crate) fn random() -> Result<Self, Error> {
        let mut secret = Zeroizing::new([0; Self::MIN_SECRET]);
        fill_random(&mut *secret)?;
        Self::new(&*secret)
    }

    /// Seals the right to the session `id`, valid until `expires`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSessionId`] when `id` is longer than 128 bytes, [`ErrorKind::Internal`] when the system has no
    /// random numbers.
    pub fn seal_session(
        &self,
        id: &str,
        generation: u64,
        issued: Timestamp,
        expires: Timestamp,
    ) -> Result<SessionToken, Error> {
        self.seal(Purpose::Session, id, generation, issued, expires)
            .map(SessionToken::from)
    }

    /// Opens a session token.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidToken`] when this keyring did not seal it as a session token,
    /// [`ErrorKind::SessionExpired`] when it ran out before `now`.
    pub fn open_session(&self, token: &SessionToken, now: Timestamp) -> Result<SessionClaims, Error> {
        let Claims {
            id,
            issued,
            expires,
            generation,
        } = self.open(Purpose::Session, token.as_str(), now)?;
        Ok(SessionClaims {
            id,
            issued,
            expires,
            generation,
        })
    }

    /// Seals the identity of a browser, valid until `expires`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Internal`] when the system has no random numbers.
    pub fn seal_browser(
        &self,
        identity: &BrowserIdentity,
        issued: Timestamp,
        expires: Timestamp,
    ) -> Result<BrowserToken, Error> {
        self.seal(Purpose::Browser, &identity.to_text(), 0, issued, expires)
            .map(BrowserToken::from)
    }

    /// Opens a browser token.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidToken`] when this keyring did not seal it as a browser token,
    /// [`ErrorKind::SessionExpired`] when it ran out before `now`.
    pub fn open_browser(&self, token: &BrowserToken, now: Timestamp) -> Result<BrowserClaims, Error> {
        let Claims {
            id, issued, expires, ..
        } = self.open(Purpose::Browser, token.as_str(), now)?;
        let identity = BrowserIdentity::parse(&id).ok_or_else(|| invalid("its identity is malformed"))?;
        Ok(BrowserClaims {
            identity,
            issued,
            expires,
        })
    }

    fn seal(
        &self,
        purpose: Purpose,
        id: &str,
        generation: u64,
        issued: Timestamp,
        expires: Timestamp,
    ) -> Result<String, Error> {
        if id.len() > MAX_ID {
            return Err(Error::new(
                ErrorKind::InvalidSessionId,
                "an id in a token has at most 128 bytes",
            ));
        }
        let mut plain = Zeroizing::new(Vec::with_capacity(24 + id.len()));
        for number in [issued.as_millis(), expires.as_millis(), generation] {
            plain.extend_from_slice(&number.to_le_bytes());
        }
        plain.extend_from_slice(id.as_bytes());
        self.newest.seal(purpose, &plain)
    }

    fn open(&self, purpose: Purpose, text: &str, now: Timestamp) -> Result<Claims, Error> {
        let sealed = Sealed::parse(text).ok_or_else(|| invalid("it does not have the form of one"))?;
        let secret = std::iter::once(&self.newest)
            .chain(&self.previous)
            .find(|secret| secret.id() == sealed.key_id())
            .ok_or_else(|| invalid("it was sealed with a key that is not in use"))?;
        let plain = secret
            .open(purpose, &sealed)
            .ok_or_else(|| invalid("it was changed, or is a token of another type"))?;
        let claims = Claims::read(&plain).ok_or_else(|| invalid("its content is malformed"))?;
        if claims.expires <= now {
            return Err(Error::new(ErrorKind::SessionExpired, "the token has run out"));
        }
        Ok(claims)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("keys", &(1 + self.previous.len()))
            .finish_non_exhaustive()
    }
}

const MAX_ID: usize = 128;

struct Claims {
    id: String,
    issued: Timestamp,
    expires: Timestamp,
    generation: u64,
}

impl Claims {
    fn read(plain: &[u8]) -> Option<Self> {
        let (issued, rest) = plain.split_first_chunk()?;
        let (expires, rest) = rest.split_first_chunk()?;
        let (generation, id) = rest.split_first_chunk()?;
        Some(Self {
            id: std::str::from_utf8(id)
                .ok()
                .filter(|id| id.len() <= MAX_ID)?
                .to_owned(),
            issued: Timestamp::from_millis(u64::from_le_bytes(*issued)),
            expires: Timestamp::from_millis(u64::from_le_bytes(*expires)),
            generation: u64::from_le_bytes(*generation),
        })
    }
}

fn checked(secret: &[u8]) -> Result<Secret, Error> {
    if secret.len() < Keyring::MIN_SECRET {
        let message = format!(
            "a signing key needs at least {} bytes, this one has {}",
            Keyring::MIN_SECRET,
            secret.len()
        );
        return Err(Error::new(ErrorKind::Configuration, message));
    }
    Ok(Secret::new(secret))
}

fn invalid(why: &'static str) -> Error {
    Error::new(ErrorKind::InvalidToken, why)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const A: &[u8] = b"the first secret, 32 bytes long.";
    const B: &[u8] = b"the second secret is longer than 32 bytes";
    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn later() -> Timestamp {
        NOW + Duration::from_secs(60)
    }

    fn kind<T: fmt::Debug>(result: Result<T, Error>) -> ErrorKind {
        result.unwrap_err().kind()
    }

    #[test]
    fn opens_what_it_sealed() {
        let keys = Keyring::new(A).unwrap();
        let token = keys.seal_session("abc", 7, NOW, later()).unwrap();
        let claims = keys.open_session(&token, NOW).unwrap();
        assert_eq!((claims.id(), claims.generation()), ("abc", 7));
        assert_eq!((claims.issued(), claims.expires()), (NOW, later()));
        let owner = BrowserIdentity::random().unwrap();
        let token = keys.seal_browser(&owner, NOW, later()).unwrap();
        assert_eq!(keys.open_browser(&token, NOW).unwrap().identity(), &owner);
        assert!(token.as_str().len() < super::super::seal::MAX_TEXT);
    }

    #[test]
    fn refuses_a_token_with_any_character_changed() {
        let keys = Keyring::new(A).unwrap();
        let token = keys.seal_session("abc", 0, NOW, later()).unwrap();
        let text = token.as_str().as_bytes();
        for position in 0..text.len() {
            for other in *b"AZaz09-_+/=. \0" {
                if text[position] == other {
                    continue;
                }
                let mut changed = text.to_vec();
                changed[position] = other;
                let changed = SessionToken::from(String::from_utf8(changed).unwrap());
                assert_eq!(
                    kind(keys.open_session(&changed, NOW)),
                    ErrorKind::InvalidToken,
                    "at {position}"
                );
            }
        }
    }

    #[test]
    fn refuses_a_token_with_any_bit_flipped_or_cut_short() {
        use base64::Engine as _;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let keys = Keyring::new(A).unwrap();
        let bytes = URL_SAFE_NO_PAD
            .decode(keys.seal_session("abc", 0, NOW, later()).unwrap().as_str())
            .unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = SessionToken::from(URL_SAFE_NO_PAD.encode(changed));
            assert_eq!(
                kind(keys.open_session(&changed, NOW)),
                ErrorKind::InvalidToken,
                "bit {bit}"
            );
        }
        for length in 0..bytes.len() {
            let cut = SessionToken::from(URL_SAFE_NO_PAD.encode(&bytes[..length]));
            assert_eq!(
                kind(keys.open_session(&cut, NOW)),
                ErrorKind::InvalidToken,
                "length {length}"
            );
        }
    }

    #[test]
    fn refuses_text_that_is_too_long_before_decoding_it() {
        let keys = Keyring::new(A).unwrap();
        let long = SessionToken::from("A".repeat(10 << 20));
        assert_eq!(kind(keys.open_session(&long, NOW)), ErrorKind::InvalidToken);
    }

    #[test]
    fn refuses_a_token_of_another_key() {
        let token = Keyring::new(B)
            .unwrap()
            .seal_session("abc", 0, NOW, later())
            .unwrap();
        assert_eq!(
            kind(Keyring::new(A).unwrap().open_session(&token, NOW)),
            ErrorKind::InvalidToken
        );
    }

    #[test]
    fn opens_tokens_of_a_previous_key_and_seals_with_the_newest() {
        let old = Keyring::new(A).unwrap();
        let both = Keyring::new(B).unwrap().with_previous(A).unwrap();
        let before = old.seal_session("abc", 0, NOW, later()).unwrap();
        assert_eq!(both.open_session(&before, NOW).unwrap().id(), "abc");
        let after = both.seal_session("abc", 0, NOW, later()).unwrap();
        assert_eq!(kind(old.open_session(&after, NOW)), ErrorKind::InvalidToken);
        assert!(Keyring::new(B).unwrap().open_session(&after, NOW).is_ok());
    }

    #[test]
    fn refuses_a_token_from_its_expiry_on() {
        let keys = Keyring::new(A).unwrap();
        let token = keys.seal_session("abc", 0, NOW, later()).unwrap();
        assert!(
            keys.open_session(&token, NOW + Duration::from_millis(59_999))
                .is_ok()
        );
        assert_eq!(
            kind(keys.open_session(&token, later())),
            ErrorKind::SessionExpired
        );
    }

    #[test]
    fn a_token_of_one_type_never_opens_as_the_other() {
        let keys = Keyring::new(A).unwrap();
        let owner = BrowserIdentity::random().unwrap();
        let browser = keys.seal_browser(&owner, NOW, later()).unwrap();
        let session = keys
            .seal_session(owner.owner().as_str(), 0, NOW, later())
            .unwrap();
        let browser = SessionToken::from(browser.as_str());
        let session = BrowserToken::from(session.as_str());
        assert_eq!(kind(keys.open_session(&browser, NOW)), ErrorKind::InvalidToken);
        assert_eq!(kind(keys.open_browser(&session, NOW)), ErrorKind::InvalidToken);
    }

    #[test]
    fn refuses_short_secrets() {
        assert_eq!(kind(Keyring::new(&A[..31])), ErrorKind::Configuration);
        assert_eq!(
            kind(Keyring::new(A).unwrap().with_previous(&[0; 31])),
            ErrorKind::Configuration
        );
    }

    #[test]
    fn debug_output_holds_no_secret_and_no_token() {
        let keys = Keyring::new(A).unwrap();
        let token = keys.seal_session("abc", 0, NOW, later()).unwrap();
        let printed = format!("{keys:?} {token:?}");
        assert!(!printed.contains(token.as_str()));
        assert!(!printed.contains("secret,"));
    }

    #[test]
    fn equal_claims_give_different_tokens() {
        let keys = Keyring::new(A).unwrap();
        let tokens: std::collections::HashSet<_> = (0..100)
            .map(|_| keys.seal_session("abc", 0, NOW, later()).unwrap().to_string())
            .collect();
        assert_eq!(tokens.len(), 100);
    }

    #[test]
    fn knows_when_half_of_a_browser_tokens_life_is_over() {
        let keys = Keyring::new(A).unwrap();
        let token = keys
            .seal_browser(&BrowserIdentity::random().unwrap(), NOW, later())
            .unwrap();
        let claims = keys.open_browser(&token, NOW).unwrap();
        assert!(!claims.past_half_life(NOW + Duration::from_secs(29)));
        assert!(claims.past_half_life(NOW + Duration::from_secs(30)));
    }
}
