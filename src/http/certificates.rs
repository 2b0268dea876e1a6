//! Certificates and keys as PEM files hold them, and the check of servers' certificates that accepts all.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, RootCertStore, SignatureScheme};
use thiserror::Error;

/// Why the text of a PEM file is of no use. The text of each says what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PemError {
    #[error("there is no certificate in it: a PEM file has `-----BEGIN CERTIFICATE-----`")]
    NoCertificate,
    #[error("there is no private key in it: a PEM file has `-----BEGIN PRIVATE KEY-----`")]
    NoKey,
    #[error("its key is encrypted: write it without a password, with `openssl pkey -in KEY -out PLAIN`")]
    EncryptedKey,
    #[error("it is broken: {0}")]
    Broken(String),
    #[error("a certificate in it cannot be used: {0}")]
    BadCertificate(String),
    #[error("the key cannot be used: {0}")]
    BadKey(String),
    #[error("the key is not that of the certificate: name the key that was made with it")]
    Mismatch,
}

/// A certificate and its key, shown to servers that ask for one.
#[derive(Debug, Clone)]
pub struct ClientCertificate(Arc<CertifiedKey>);

impl ClientCertificate {
    /// `certificates` is the client's own and those between it and its authority; `key` may be the same file.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<ClientCertificate, PemError> {
        let chain = certificates_from_pem(certificates)?;
        let key = super::tls::provider().key_provider.load_private_key(key_from_pem(key)?);
        let key = key.map_err(|error| PemError::BadKey(error.to_string()))?;
        // Looked for in the bytes, as certificates of version 1 are fine to show and are not read here.
        let is_in = |certificate: &[u8], key: &[u8]| certificate.windows(key.len()).any(|part| part == key);
        if let (Some(public), Some(own)) = (key.public_key(), chain.first())
            && !is_in(own, &public)
        {
            return Err(PemError::Mismatch);
        }
        Ok(ClientCertificate(Arc::new(CertifiedKey::new(chain, key))))
    }

    pub(crate) fn pair(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0)
    }
}

/// The certificates of authorities in a PEM file; never none.
pub fn authorities_from_pem(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let found = certificates_from_pem(text)?;
    let mut roots = RootCertStore::empty();
    for certificate in &found {
        let added = roots.add(certificate.clone());
        added.map_err(|error| PemError::BadCertificate(error.to_string()))?;
    }
    Ok(found)
}

/// All certificates of a PEM file; never none.
fn certificates_from_pem(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    match found {
        Ok(found) if found.is_empty() => Err(PemError::NoCertificate),
        Ok(found) => Ok(found),
        Err(error) => Err(PemError::Broken(error.to_string())),
    }
}

fn key_from_pem(text: &[u8]) -> Result<PrivateKeyDer<'static>, PemError> {
    let encrypted = [b"BEGIN ENCRYPTED PRIVATE KEY".as_slice(), b"Proc-Type: 4,ENCRYPTED"];
    if encrypted.iter().any(|mark| text.windows(mark.len()).any(|part| part == *mark)) {
        return Err(PemError::EncryptedKey);
    }
    PrivateKeyDer::from_pem_slice(text).map_err(|error| match error {
        pem::Error::NoItemsFound => PemError::NoKey,
        error => PemError::Broken(error.to_string()),
    })
}

/// Takes every certificate for good, whoever signed it and whomever it is for.
#[derive(Debug)]
pub(crate) struct AcceptAll(pub(crate) Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAll {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};

    fn pair() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec!["client".to_owned()]).unwrap().self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn refused(certificate: &str, key: &str) -> PemError {
        ClientCertificate::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_certificate_and_its_key_in_two_files_or_one() {
        let (certificate, key) = pair();
        ClientCertificate::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
        let both = format!("{key}\n{certificate}");
        ClientCertificate::from_pem(both.as_bytes(), both.as_bytes()).unwrap();
        let two = format!("{certificate}{certificate}");
        assert_eq!(certificates_from_pem(two.as_bytes()).unwrap().len(), 2);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let (certificate, key) = pair();
        assert_eq!(refused(&certificate, &pair().1), PemError::Mismatch);
        assert_eq!(refused(&key, &key), PemError::NoCertificate);
        assert_eq!(refused(&certificate, &certificate), PemError::NoKey);
        assert_eq!(refused("", ""), PemError::NoCertificate);
        let encrypted = key.replace("BEGIN PRIVATE", "BEGIN ENCRYPTED PRIVATE");
        assert_eq!(refused(&certificate, &encrypted), PemError::EncryptedKey);
        let broken = certificate.replace("MII", "!!!");
        assert!(matches!(refused(&broken, &key), PemError::Broken(_)));
        let empty = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(refused(empty, &key), PemError::Mismatch);
        let authority = authorities_from_pem(empty.as_bytes()).unwrap_err();
        assert!(matches!(authority, PemError::BadCertificate(_)), "{authority:?}");
    }
}
