//! The address of a Redis: what to connect to, and how to name it without its password.

use std::sync::Arc;

use fred::rustls::pki_types::CertificateDer;
use fred::rustls::pki_types::pem::PemObject;
use fred::rustls::{ClientConfig, RootCertStore, crypto};
use fred::rustls_native_certs::load_native_certs;
use fred::types::RespVersion;
use fred::types::config::{Config, TlsConfig};

use crate::{Error, ErrorKind};

/// A Redis to connect to.
pub(super) struct Address {
    pub(super) config: Config,
    /// Scheme and servers, for people: no user, no password.
    pub(super) shown: String,
}

impl Address {
    /// Reads an address; `roots` are certificates (PEM) to trust beside those of the system.
    pub(super) fn parse(url: &str, roots: &[Vec<u8>]) -> Result<Self, Error> {
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| invalid("it has no scheme, such as redis://"))?;
        // The library would make a TLS configuration of its own, which panics where the application has chosen none of
        // several cryptographic libraries.
        let (plain, is_tls) = match scheme {
            "redis" | "redis-cluster" | "redis-sentinel" => (scheme, false),
            "rediss" => ("redis", true),
            "rediss-cluster" => ("redis-cluster", true),
            "rediss-sentinel" => ("redis-sentinel", true),
            other => {
                let schemes = "redis, redis-cluster or redis-sentinel, or with TLS rediss, rediss-cluster or rediss-sentinel";
                return Err(invalid(&format!("the scheme {other:?} is none of {schemes}")));
            }
        };
        let mut config = Config::from_url(&format!("{plain}://{rest}"))
            .map_err(|error| invalid("it cannot be read").with_source(error))?;
        config.version = RespVersion::RESP3;
        if is_tls {
            config.tls = Some(tls(roots)?);
        }
        let hosts: Vec<_> = config.server.hosts().iter().map(ToString::to_string).collect();
        let shown = format!("{scheme}://{}", hosts.join(","));
        Ok(Self { config, shown })
    }
}

fn tls(roots: &[Vec<u8>]) -> Result<TlsConfig, Error> {
    let mut store = RootCertStore::empty();
    // A certificate of the system that cannot be read is one that is not trusted.
    store.add_parsable_certificates(load_native_certs().certs);
    for pem in roots {
        for certificate in CertificateDer::pem_slice_iter(pem) {
            certificate
                .map_err(|error| error.to_string())
                .and_then(|certificate| store.add(certificate).map_err(|error| error.to_string()))
                .map_err(|error| {
                    Error::new(
                        ErrorKind::Configuration,
                        format!("a root certificate for Redis cannot be read: {error}"),
                    )
                })?;
        }
    }
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| {
            Error::new(ErrorKind::Internal, "TLS for Redis cannot be set up").with_source(error)
        })?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(fred::types::config::TlsConnector::from(config).into())
}

/// The address itself is left out of the message: it may hold a password.
fn invalid(why: &str) -> Error {
    Error::new(ErrorKind::Configuration, format!("the address of Redis: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_servers_and_never_the_password() {
        for (url, shown) in [
            ("redis://ann:secret@localhost:7000/2", "redis://localhost:7000"),
            ("redis://:secret@localhost", "redis://localhost:6379"),
            ("rediss://ann:secret@redis.test", "rediss://redis.test:6379"),
            (
                "redis-cluster://ann:secret@a.test:1?node=b.test:2",
                "redis-cluster://b.test:2,a.test:1",
            ),
            (
                "redis-sentinel://ann:secret@a.test:1/0?sentinelServiceName=main",
                "redis-sentinel://a.test:1",
            ),
        ] {
            assert_eq!(Address::parse(url, &[]).unwrap().shown, shown);
        }
        for url in [
            "secret",
            "http://ann:secret@localhost",
            "redis://ann:secret@:/",
            "redis://ann:secret@localhost:port",
        ] {
            let error = Address::parse(url, &[]).map(drop).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(!format!("{error:#} {error:?}").contains("secret"), "{error:#}");
        }
    }
}
