//! A small server behind TLS, and the authority that signs its certificate.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{HandshakeKind, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// Whoever signs the servers' certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Authority {
        Authority::named("An Authority")
    }

    pub(crate) fn named(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    /// Its certificate as a file that `SSL_CERT_FILE` may name.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate of a client and its key, as PEM files.
    pub(crate) fn client(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    /// A server whose certificate is for `name`, changed as `change` says.
    pub(crate) fn server(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Secure {
        Secure::start(self.config(name, change, None))
    }

    /// As [`Authority::server`]; it knows the clients of `authority` only.
    pub(crate) fn server_for_clients(&self, name: &str, authority: &Authority) -> Secure {
        Secure::start(self.config(name, |_| {}, Some(authority)))
    }

    /// What a server of this authority is made with; it speaks HTTP/2 and HTTP/1.1.
    pub(crate) fn config(
        &self,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
        clients: Option<&Authority>,
    ) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.certificate()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let mut config = builder
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

/// Answers every request with `ok`. After `/bye` it closes the connection; after `/cut` too, with an answer
/// whose end that close would be, and without TLS's goodbye.
pub(crate) struct Secure {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    requests: AtomicUsize,
    resumed: AtomicUsize,
}

impl Secure {
    pub(crate) fn start(config: Arc<ServerConfig>) -> Secure {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (config, shared) = (Arc::clone(&config), Arc::clone(&theirs));
                thread::spawn(move || {
                    let session = ServerConnection::new(config).unwrap();
                    let mut stream = StreamOwned::new(session, stream);
                    let mut part = [0; 16 * 1024];
                    while let Ok(count) = stream.read(&mut part) {
                        if count == 0 {
                            break;
                        }
                        shared.requests.fetch_add(1, Ordering::SeqCst);
                        if stream.conn.handshake_kind() == Some(HandshakeKind::Resumed) {
                            shared.resumed.fetch_add(1, Ordering::SeqCst);
                        }
                        let request = String::from_utf8_lossy(&part[..count]);
                        let answer: &[u8] = match &request {
                            it if it.contains(" /cut ") => b"HTTP/1.1 200 OK\r\n\r\nok",
                            _ => b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
                        };
                        let ends = request.contains(" /cut ") || request.contains(" /bye ");
                        if stream.write_all(answer).is_err() || ends {
                            break;
                        }
                    }
                });
            }
        });
        Secure { address, shared }
    }

    /// Requests that came so far, all of them small.
    pub(crate) fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Those of them that came over a resumed session.
    pub(crate) fn resumed(&self) -> usize {
        self.shared.resumed.load(Ordering::SeqCst)
    }

    pub(crate) fn url(&self, host: &str) -> String {
        format!("https://{host}:{}", self.address.port())
    }
}
