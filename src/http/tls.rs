//! TLS for https origins: one configuration for a run, and handshake errors in words.

use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::SingleCertAndKey;
use rustls::{AlertDescription, CertificateError, ClientConfig, InvalidMessage, RootCertStore};
use thiserror::Error;
use tokio_rustls::TlsConnector;

use crate::http::certificates::AcceptAll;
use crate::http::{ClientCertificate, Network, Origin, Version};

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

/// What a scenario says of TLS.
#[derive(Clone, Default)]
pub struct TlsOptions {
    /// Certificates of authorities that are trusted besides those of the system.
    pub authorities: Vec<CertificateDer<'static>>,
    /// Shown to servers that ask for one.
    pub client: Option<ClientCertificate>,
    /// Trust every server.
    pub insecure: bool,
    /// The name that the target's certificate must be for, and that it is asked for by; the host of its URL
    /// without one.
    pub server_name: Option<String>,
}

impl Tls {
    /// Trusts what the system trusts (or the certificates in `SSL_CERT_FILE`), besides what the options say.
    pub fn new(options: &TlsOptions, version: Version) -> Result<Tls, TlsSetupError> {
        if options.insecure {
            return Tls::build(RootCertStore::empty(), options, version);
        }
        let mut roots = match native_roots() {
            Ok(roots) => roots,
            // With an authority of its own, a scenario can do without those of the system.
            Err(_) if !options.authorities.is_empty() => RootCertStore::empty(),
            Err(error) => return Err(error),
        };
        add(&mut roots, options.authorities.iter().cloned())?;
        Tls::build(roots, options, version)
    }

    /// Trusts these certificates and no others, and speaks HTTP/1.1.
    pub fn with_roots<'a>(
        certificates: impl IntoIterator<Item = CertificateDer<'a>>,
    ) -> Result<Tls, TlsSetupError> {
        let mut roots = RootCertStore::empty();
        add(&mut roots, certificates)?;
        Tls::build(roots, &TlsOptions::default(), Version::Http1)
    }

    fn build(roots: RootCertStore, options: &TlsOptions, version: Version) -> Result<Tls, TlsSetupError> {
        let provider = provider();
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsSetupError::Setup(error.to_string()))?;
        let builder = if options.insecure {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(AcceptAll(provider)))
        } else {
            builder.with_root_certificates(roots)
        };
        let mut config = match &options.client {
            Some(client) => {
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(client.pair())))
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = match version {
            Version::Http1 => vec![HTTP_1.to_vec()],
            Version::Http2 => vec![HTTP_2.to_vec()],
            Version::Auto => vec![HTTP_2.to_vec(), HTTP_1.to_vec()],
        };
        Ok(Tls { connector: TlsConnector::from(Arc::new(config)) })
    }

    pub(crate) fn connector(&self) -> &TlsConnector {
        &self.connector
    }
}

/// The names of the versions in a TLS handshake.
pub(crate) const HTTP_1: &[u8] = b"http/1.1";
pub(crate) const HTTP_2: &[u8] = b"h2";

pub(crate) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider())))
}

/// What the system trusts; read once per process.
fn native_roots() -> Result<RootCertStore, TlsSetupError> {
    static NATIVE: OnceLock<Result<RootCertStore, TlsSetupError>> = OnceLock::new();
    let roots = NATIVE.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        // Systems carry certificates that cannot be read; one that can is enough to go on.
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            let words: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
            return Err(TlsSetupError::NoRoots(words.join("; ")));
        }
        Ok(roots)
    });
    roots.clone()
}

fn add<'a>(
    roots: &mut RootCertStore,
    certificates: impl IntoIterator<Item = CertificateDer<'a>>,
) -> Result<(), TlsSetupError> {
    for certificate in certificates {
        roots.add(certificate.into_owned()).map_err(|error| TlsSetupError::BadRoot(error.to_string()))?;
    }
    Ok(())
}

impl std::fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsOptions")
            .field("authorities", &self.authorities.len())
            .field("client", &self.client.is_some())
            .field("insecure", &self.insecure)
            .field("server_name", &self.server_name)
            .finish()
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

/// Whether a certificate can be for this name.
pub fn is_server_name(name: &str) -> bool {
    ServerName::try_from(name).is_ok()
}

/// The name that the server's certificate must be for.
pub(crate) fn server_name(origin: &Origin, network: &Network) -> Option<ServerName<'static>> {
    match (network.server_name(origin), origin.address()) {
        (Some(name), _) => ServerName::try_from(name.to_owned()).ok(),
        (None, Some(address)) => Some(ServerName::from(address)),
        (None, None) => ServerName::try_from(origin.host().to_owned()).ok(),
    }
}

/// What went wrong in a handshake, for people.
pub(crate) fn in_words(error: &rustls::Error, origin: &Origin, network: &Network) -> String {
    let host = network.server_name(origin).unwrap_or(origin.host());
    match error {
        rustls::Error::InvalidCertificate(error) => certificate_in_words(error, host),
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            format!("the server does not speak TLS on port {}: is it http:// there?", origin.port())
        }
        rustls::Error::AlertReceived(alert) => alert_in_words(*alert),
        rustls::Error::PeerIncompatible(_) => {
            format!("the server and this client have no TLS version or cipher in common ({error})")
        }
        other => other.to_string(),
    }
}

/// What a server said as it ended a connection: in the handshake, or just after it, when it has looked at the
/// client's certificate.
pub(crate) fn alert_in_words(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::CertificateRequired => {
            "the server wants a client certificate: name one with `http: { tls: { client_cert: … } }`"
                .to_owned()
        }
        AlertDescription::UnknownCA => {
            "the server does not know the authority of the client certificate".to_owned()
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::AccessDenied => {
            format!("the server does not accept the client certificate: {alert:?}")
        }
        AlertDescription::NoApplicationProtocol => {
            "the server does not speak this version of HTTP over TLS: `http: { version: … }` says which"
                .to_owned()
        }
        alert => format!("the server ended the TLS connection: {alert:?}"),
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
            "the certificate is signed by an unknown authority: name its PEM file with `http: { tls: { ca: … } }`, or \
             in SSL_CERT_FILE, to trust it"
                .to_owned()
        }
        CertificateError::BadSignature => {
            "the certificate is not signed by the authority it names: was that made anew under its old name?"
                .to_owned()
        }
        CertificateError::Revoked => "the certificate was revoked".to_owned(),
        // That is what `openssl req -x509` makes where nothing else is said.
        other if other.to_string().contains("CaUsedAsEndEntity") => {
            "the certificate is that of an authority, and none for a server: make one with \
             `basicConstraints=CA:FALSE`, or trust every server with `http: { tls: { insecure: true } }`"
                .to_owned()
        }
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
