//! Whom the client trusts: the public authorities, those of `relay.ca`, and a certificate that stands in that file
//! itself.
//!
//! `openssl req -x509` makes certificates that are marked as authorities, and `webpki` refuses to talk to an
//! authority. Such a certificate is pinned instead: the relay has to show exactly that one, byte for byte, and to
//! prove that it has the key. Name and dates do not matter then; the owner has named the certificate, not its name.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::config::RelayConfig;
use crate::fault::Fault;

/// Everything that is needed to begin TLS with one relay.
pub struct Trust {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Trust {
    /// Reads the certificate file, if one is set.
    ///
    /// # Errors
    /// `Operator` when the file is no PEM file of certificates, or the relay's name cannot be one of TLS.
    pub fn new(config: &RelayConfig) -> Result<Self, Fault> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let fault = |error: &dyn std::fmt::Display| Fault::operator(format!("{}: {error}", config.name()));
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let pinned = own_certificates(config, &mut roots)?;
        let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let authorities = authorities.build().map_err(|error| fault(&error))?;
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| fault(&error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Verifier { authorities, pinned }))
            .with_no_client_auth();
        let name = ServerName::try_from(config.host.clone()).map_err(|error| fault(&error))?;
        Ok(Self { config: Arc::new(client), name })
    }

    /// A connection that has not shaken hands yet.
    ///
    /// # Errors
    /// When rustls cannot make one.
    pub fn connection(&self) -> Result<ClientConnection, rustls::Error> {
        ClientConnection::new(Arc::clone(&self.config), self.name.clone())
    }
}

/// The certificates of `relay.ca`, which become authorities too.
fn own_certificates(config: &RelayConfig, roots: &mut RootCertStore) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let Some(path) = &config.ca else { return Ok(Vec::new()) };
    let bad = |why: String| Fault::operator(format!("relay.ca: {}: {why}", path.display()));
    let pem = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = certificates.map_err(|error| bad(error.to_string()))?;
    if certificates.is_empty() {
        return Err(bad("it holds no PEM certificate".to_owned()));
    }
    for certificate in &certificates {
        roots.add(certificate.clone()).map_err(|error| bad(error.to_string()))?;
    }
    Ok(certificates)
}

#[derive(Debug)]
struct Verifier {
    authorities: Arc<WebPkiServerVerifier>,
    pinned: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.pinned.iter().any(|pinned| pinned.as_ref() == end_entity.as_ref()) {
            return Ok(ServerCertVerified::assertion());
        }
        self.authorities.verify_server_cert(end_entity, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.authorities.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.authorities.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}
