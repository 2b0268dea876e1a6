//! TLS for https origins: one configuration per process, and handshake errors in words.

use std::sync::{Arc, OnceLock};

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{AlertDescription, CertificateError, ClientConfig, InvalidMessage, RootCertStore};
use thiserror::Error;
use tokio_rustls::TlsConnector;

use crate::http::Origin;

/// What connections to https origins are made with. Cloning is cheap, and all clones share their sessions, so
/// a connection that is opened again resumes.
#[derive(Clone)]
pub struct Tls {
    connector: TlsConnector,
}

/// Why TLS cannot be used at all: nothing that the target has done.
#[derive(Debug, Clone, Error)]
pub enum TlsSetupError {
    #[error(
        "no root certificate was found to check servers against ({0}): install the system's CA certificates, \
         or name a PEM file in SSL_CERT_FILE"
    )]
    NoRoots(String),
    #[error("a root certificate cannot be used: {0}")]
    BadRoot(String),
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

impl Tls {
    /// Trusts what the system trusts, or the certificates in `SSL_CERT_FILE`. Made once per process.
    pub fn native() -> Result<Tls, TlsSetupError> {
        static NATIVE: OnceLock<Result<Tls, TlsSetupError>> = OnceLock::new();
        NATIVE
            .get_or_init(|| {
                let found = rustls_native_certs::load_native_certs();
                let mut roots = RootCertStore::empty();
                // Systems carry certificates that cannot be read; one that can is enough to go on.
                roots.add_parsable_certificates(found.certs);
                if roots.is_empty() {
                    let words: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
                    return Err(TlsSetupError::NoRoots(words.join("; ")));
                }
                Tls::build(roots)
            })
            .clone()
    }

    /// Trusts these certificates and no others.
    pub fn with_roots<'a>(
        certificates: impl IntoIterator<Item = CertificateDer<'a>>,
    ) -> Result<Tls, TlsSetupError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates {
            roots.add(certificate.into_owned()).map_err(|error| TlsSetupError::BadRoot(error.to_string()))?;
        }
        Tls::build(roots)
    }

    fn build(roots: RootCertStore) -> Result<Tls, TlsSetupError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsSetupError::Setup(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Tls { connector: TlsConnector::from(Arc::new(config)) })
    }

    pub(crate) fn connector(&self) -> &TlsConnector {
        &self.connector
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

/// The name that the server's certificate must be for.
pub(crate) fn server_name(origin: &Origin) -> Option<ServerName<'static>> {
    match origin.address() {
        Some(address) => Some(ServerName::from(address)),
        None => ServerName::try_from(origin.host().to_owned()).ok(),
    }
}

/// What went wrong in a handshake, for people.
pub(crate) fn in_words(error: &rustls::Error, origin: &Origin) -> String {
    let host = origin.host();
    match error {
        rustls::Error::InvalidCertificate(error) => certificate_in_words(error, host),
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            format!("the server does not speak TLS on port {}: is it http:// there?", origin.port())
        }
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "the server wants a client certificate".to_owned()
        }
        rustls::Error::AlertReceived(alert) => format!("the server ended the TLS handshake: {alert:?}"),
        rustls::Error::PeerIncompatible(_) => {
            format!("the server and this client have no TLS version or cipher in common ({error})")
        }
        rustls::Error::NoApplicationProtocol => "the server does not speak HTTP/1.1 over TLS".to_owned(),
        other => other.to_string(),
    }
}

fn certificate_in_words(error: &CertificateError, host: &str) -> String {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "the certificate expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate is not valid yet".to_owned()
        }
        CertificateError::NotValidForNameContext { presented, .. } if !presented.is_empty() => {
            let names: Vec<&str> = presented.iter().map(|name| plain_name(name)).collect();
            format!("the certificate is for {}, not {host}", names.join(", "))
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("the certificate is not for {host}")
        }
        CertificateError::UnknownIssuer => {
            "the certificate is signed by an unknown authority: name its PEM file in SSL_CERT_FILE to trust it"
                .to_owned()
        }
        CertificateError::BadSignature => {
            "the certificate is not signed by the authority it names: was that made anew under its old name?"
                .to_owned()
        }
        CertificateError::Revoked => "the certificate was revoked".to_owned(),
        other => format!("the certificate is not accepted: {other}"),
    }
}

/// rustls writes a name with its kind around it: `DnsName("a.example")`.
fn plain_name(presented: &str) -> &str {
    let inside = presented.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inside.unwrap_or(presented).trim_matches('"')
}

/// Whether bytes are the start of a TLS record (an alert or a handshake) and no HTTP.
pub(crate) fn is_record(bytes: &[u8]) -> bool {
    matches!(bytes, [0x15 | 0x16, 0x03, ..])
}
