//! Who may open a socket: pages of the same origin, and origins that the application allows.

use ::http::{HeaderMap, Uri, header, uri::Authority};

/// The rule by which sockets are admitted. The cookie alone would let any website that a person visits speak for them.
#[derive(Clone, Debug, Default)]
pub(crate) struct OriginPolicy {
    /// Origins allowed besides the page's own, as browsers write them: `https://example.com`.
    pub(crate) allowed: Vec<String>,
    /// The site is served over HTTPS (the cookie is Secure), so that a page of plain HTTP is not its own.
    pub(crate) secure: bool,
}

impl OriginPolicy {
    /// Checks the origin of a request.
    ///
    /// # Errors
    ///
    /// What is wrong with it and how an application would allow it.
    pub(crate) fn check(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), String> {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let (Some(origin), None) = (origins.next(), origins.next()) else {
            return Err("a socket is opened with one Origin header, which says what page opens it".into());
        };
        let Ok(origin) = origin.to_str() else {
            return Err("the Origin header is not ASCII".into());
        };
        if self
            .allowed
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(origin))
        {
            return Ok(());
        }
        let host = match (uri.authority(), headers.get(header::HOST)) {
            (Some(authority), _) => authority.clone(),
            (None, Some(host)) => Authority::try_from(host.as_bytes())
                .map_err(|_| "the Host header is not a host".to_owned())?,
            (None, None) => return Err("the request names no host to compare its Origin with".into()),
        };
        if self.same(origin, &host, uri) {
            return Ok(());
        }
        Err(format!(
            "the origin {origin:?} is not that of the host {:?}. Behind a proxy, let it pass the Host header on, or allow \
             the origin with .allow_origin(…); without HTTPS, see .insecure_cookies()",
            host.as_str(),
        ))
    }

    /// Checks the origin of a form. The browser's own word that it is same-origin is enough: under a strict referrer policy the
    /// `Origin` of a form is `null`.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(crate) fn check_form(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), String> {
        match headers.get("sec-fetch-site").map(::http::HeaderValue::as_bytes) {
            Some(b"same-origin") => Ok(()),
            Some(_) => Err("the browser says that the form is of another origin".into()),
            None => self.check(headers, uri),
        }
    }

    fn same(&self, origin: &str, host: &Authority, uri: &Uri) -> bool {
        let Some((scheme, authority)) = origin.split_once("://") else {
            return false;
        };
        let Ok(authority) = Authority::try_from(authority) else {
            return false;
        };
        let encrypted = match scheme {
            "https" => true,
            "http" => false,
            _ => return false,
        };
        // HTTP/1.1 does not say how a request came; HTTP/2 does.
        let known = uri.scheme_str().map(|scheme| matches!(scheme, "https" | "wss"));
        if known.is_some_and(|known| known != encrypted) {
            return false;
        }
        if self.secure && !encrypted && !is_loopback(authority.host()) {
            return false;
        }
        let default = if encrypted { 443 } else { 80 };
        authority.host().eq_ignore_ascii_case(host.host())
            && authority.port_u16().unwrap_or(default) == host.port_u16().unwrap_or(default)
    }
}

/// Browsers trust the machine that they run on without encryption.
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.to_ascii_lowercase().ends_with(".localhost")
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check(policy: &OriginPolicy, origin: Option<&str>, host: &str, uri: &str) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::try_from(origin).unwrap());
        }
        headers.insert(header::HOST, HeaderValue::try_from(host).unwrap());
        policy.check(&headers, &uri.parse().unwrap()).is_ok()
    }

    fn plain(origin: &str, host: &str) -> bool {
        check(&OriginPolicy::default(), Some(origin), host, "/ws")
    }

    fn secure(origin: &str, host: &str) -> bool {
        check(
            &OriginPolicy {
                secure: true,
                ..OriginPolicy::default()
            },
            Some(origin),
            host,
            "/ws",
        )
    }

    #[test]
    fn the_pages_own_origin_is_admitted() {
        assert!(plain("http://example.com", "example.com"));
        assert!(plain("http://example.com", "EXAMPLE.com:80"));
        assert!(plain("https://example.com", "example.com:443"));
        assert!(plain("http://127.0.0.1:3000", "127.0.0.1:3000"));
        assert!(plain("http://[::1]:3000", "[::1]:3000"));
        assert!(secure("https://example.com", "example.com"));
    }

    #[test]
    fn other_origins_are_not() {
        for origin in [
            "https://evil.example",
            "https://example.com.evil.example",
            "https://example.com:8443",
            "https://sub.example.com",
            "null",
            "",
            "file://",
            "ftp://example.com",
            "https://user@evil.example/example.com",
        ] {
            assert!(!plain(origin, "example.com"), "{origin}");
        }
        assert!(!check(&OriginPolicy::default(), None, "example.com", "/ws"));
    }

    #[test]
    fn a_secure_site_does_not_trust_its_pages_of_plain_http_except_on_this_machine() {
        assert!(!secure("http://example.com", "example.com"));
        assert!(secure("http://localhost:3000", "localhost:3000"));
        assert!(secure("http://127.0.0.1:3000", "127.0.0.1:3000"));
    }

    #[test]
    fn a_known_scheme_counts() {
        let policy = OriginPolicy::default();
        assert!(check(
            &policy,
            Some("https://example.com"),
            "ignored",
            "https://example.com/ws"
        ));
        assert!(!check(
            &policy,
            Some("http://example.com"),
            "ignored",
            "https://example.com/ws"
        ));
    }

    #[test]
    fn an_allowed_origin_is_admitted_whatever_the_host() {
        let policy = OriginPolicy {
            allowed: vec!["https://app.example".into()],
            secure: true,
        };
        assert!(check(
            &policy,
            Some("https://app.example"),
            "127.0.0.1:3000",
            "/ws"
        ));
        assert!(!check(
            &policy,
            Some("https://app.example.evil"),
            "127.0.0.1:3000",
            "/ws"
        ));
    }

    #[test]
    fn two_origins_are_refused() {
        let mut headers = HeaderMap::new();
        headers.append(header::ORIGIN, HeaderValue::from_static("https://example.com"));
        headers.append(header::ORIGIN, HeaderValue::from_static("https://example.com"));
        headers.insert(header::HOST, HeaderValue::from_static("example.com"));
        assert!(
            OriginPolicy::default()
                .check(&headers, &Uri::from_static("/ws"))
                .is_err()
        );
    }
}
