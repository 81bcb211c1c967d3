//! The cookie that names a browser: how it is read, written and renewed.

use std::time::Duration;

use ::http::{HeaderMap, HeaderValue, header};
use cookie::{Cookie, SameSite};

/// The name of the cookie unless the application sets another. `__Host-` makes browsers insist on `Secure` and `Path=/`,
/// and keeps sibling domains from planting a cookie of this name.
pub(crate) const DEFAULT_NAME: &str = "__Host-session_token";
/// The same for plain HTTP, where browsers refuse the prefix.
pub(crate) const INSECURE_NAME: &str = "session_token";

/// The cookie in which a page that is left tells the next page of its tab which session it had: written by the client, good
/// for a few seconds and one page, and worth nothing without the browser's own cookie.
pub(crate) const TAB: &str = "statetemplate_tab";

/// The value of the first cookie of this name.
pub(crate) fn find(headers: &HeaderMap, name: &str) -> Option<String> {
    pairs(headers).find_map(|(key, value)| (key == name).then(|| value.to_owned()))
}

/// The cookies of a request: names and values. A header that is not ASCII holds some other cookie that is not; ours are
/// base64url.
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let headers = headers.get_all(header::COOKIE).into_iter();
    headers
        .flat_map(|header| header.as_bytes().split(|&byte| byte == b';'))
        .filter_map(|pair| std::str::from_utf8(pair).ok()?.split_once('='))
        .map(|(name, value)| (name.trim(), value.trim().trim_matches('"')))
}

/// How the cookie is called and protected.
#[derive(Clone, Debug)]
pub(crate) struct CookiePolicy {
    pub(crate) name: String,
    pub(crate) secure: bool,
}

/// What a request's `Cookie` headers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Presented {
    /// No cookie of the name.
    Nothing,
    /// One cookie; whether it can be trusted is not known yet.
    One(String),
    /// Two cookies of the name: one of them is somebody else's, and there is no telling which.
    Several,
}

impl CookiePolicy {
    /// Why this policy cannot work in any browser, if so.
    pub(crate) fn fault(&self) -> Option<String> {
        let name = &self.name;
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) {
            return Some(format!("the cookie name {name:?} is not one that HTTP allows"));
        }
        let prefixed = ["__host-", "__secure-"]
            .iter()
            .any(|prefix| name.to_ascii_lowercase().starts_with(prefix));
        if prefixed && !self.secure {
            return Some(format!(
                "browsers refuse the cookie {name} without Secure: choose a name without the prefix for plain HTTP"
            ));
        }
        None
    }

    /// The same for the cookie that leads back after a form was sent.
    pub(crate) fn return_cookie(&self) -> Self {
        CookiePolicy {
            name: format!("{}_return", self.name),
            secure: self.secure,
        }
    }

    /// Reads the cookie of a request.
    pub(crate) fn read(&self, headers: &HeaderMap) -> Presented {
        let mut found = Presented::Nothing;
        for (name, value) in pairs(headers) {
            if name != self.name {
                continue;
            }
            if found != Presented::Nothing {
                return Presented::Several;
            }
            found = Presented::One(value.to_owned());
        }
        found
    }

    /// The `Set-Cookie` header that gives the browser `token`.
    pub(crate) fn header(&self, token: &str, max_age: Duration) -> Option<HeaderValue> {
        let max_age = cookie::time::Duration::try_from(max_age).unwrap_or(cookie::time::Duration::MAX);
        let cookie = Cookie::build((self.name.as_str(), token))
            .http_only(true)
            .secure(self.secure)
            .same_site(SameSite::Strict)
            .path("/")
            .max_age(max_age)
            .build();
        let mut header = HeaderValue::try_from(cookie.to_string()).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}

/// The `Set-Cookie` header that takes the word of a tab's last page back.
pub(crate) fn forget_tab() -> HeaderValue {
    HeaderValue::from_static("statetemplate_tab=; Max-Age=0; Path=/; SameSite=Strict")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> CookiePolicy {
        CookiePolicy {
            name: DEFAULT_NAME.into(),
            secure: true,
        }
    }

    fn headers(cookies: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(header::COOKIE, HeaderValue::try_from(*cookie).unwrap());
        }
        headers
    }

    #[test]
    fn reads_the_one_cookie_of_the_name_among_others() {
        let presented = policy().read(&headers(&["theme=dark; __Host-session_token=abc; x", "lang=de"]));
        assert_eq!(presented, Presented::One("abc".into()));
        assert_eq!(
            policy().read(&headers(&["session_token=abc"])),
            Presented::Nothing
        );
        assert_eq!(policy().read(&HeaderMap::new()), Presented::Nothing);
    }

    #[test]
    fn two_cookies_of_the_name_are_seen_in_one_header_and_in_two() {
        let one = headers(&["__Host-session_token=a; __Host-session_token=a"]);
        let two = headers(&["__Host-session_token=a", "__Host-session_token=b"]);
        assert_eq!(policy().read(&one), Presented::Several);
        assert_eq!(policy().read(&two), Presented::Several);
    }

    #[test]
    fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let header = policy().header("abc", Duration::from_secs(86_400)).unwrap();
        let text = "__Host-session_token=abc; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=86400";
        assert_eq!(header.to_str().unwrap(), text);
        assert!(header.is_sensitive());
    }

    #[test]
    fn a_policy_that_no_browser_would_obey_is_a_fault() {
        assert_eq!(policy().fault(), None);
        let plain = CookiePolicy {
            secure: false,
            ..policy()
        };
        assert!(plain.fault().unwrap().contains("without Secure"));
        let spaced = CookiePolicy {
            name: "my cookie".into(),
            ..policy()
        };
        assert!(spaced.fault().unwrap().contains("not one that HTTP allows"));
    }
}
