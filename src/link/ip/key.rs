//! The key that a box proves itself with, and TLS 1.3 between two boxes with nothing but such keys (RFC 7250).
//!
//! Raw keys need no dates, so a box whose clock is wrong can connect. The key is Ed25519, made at the first start and kept
//! in the store, and so in its backup. TLS only proves who has which key; whom to believe is decided by the pinned name of
//! the key at the station, and by the first frame at the gateway.

use std::sync::Arc;

use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
use rustls::client::AlwaysResolvesClientRawPublicKeys;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring as provider, verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, CommonState, DigitallySignedStruct, DistinguishedName, Error,
    PeerMisbehaved, ServerConfig, SignatureScheme, version,
};
use sha2::{Digest, Sha256};

use super::pairing::PairingCode;
use crate::address::KeyId;
use crate::fault::Fault;

/// The protocol inside TLS.
const ALPN: &[u8] = b"satpost/1";
/// SubjectPublicKeyInfo of an Ed25519 key, without the key (RFC 8410 section 4).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// Bytes of such a key.
const KEY: usize = 32;

/// The private key of a box, with its name and the certificate made for TLS.
#[derive(Clone)]
pub struct BoxKey {
    id: KeyId,
    certified: Arc<CertifiedKey>,
    provider: Arc<CryptoProvider>,
}

/// Whom a station believes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pin {
    /// The box with this key, as it was paired.
    Key(KeyId),
    /// The box that this code names.
    Code(PairingCode),
}

impl Pin {
    fn fits(self, key: KeyId) -> bool {
        match self {
            Self::Key(pinned) => pinned == key,
            Self::Code(code) => code.names(key),
        }
    }
}

/// Makes a new key, as PKCS#8.
///
/// # Errors
/// When the system has no random numbers.
pub fn generate() -> Result<Vec<u8>, Fault> {
    let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
    made.map(|key| key.as_ref().to_vec()).map_err(|_| Fault::temporary("there are no random numbers for a key"))
}

impl BoxKey {
    /// Reads a key that [`generate`] made.
    ///
    /// # Errors
    /// When the bytes are no such key.
    pub fn read(pkcs8: &[u8]) -> Result<Self, Fault> {
        let broken = |why: Error| Fault::operator(format!("the key of this box cannot be read: {why}"));
        let provider = Arc::new(CryptoProvider {
            cipher_suites: vec![provider::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256],
            kx_groups: vec![provider::kx_group::X25519],
            ..provider::default_provider()
        });
        let key = provider::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8)).map_err(broken)?;
        let public = key.public_key().ok_or_else(|| broken(Error::General("it has no public half".to_owned())))?;
        let id = name_of(&public).ok_or_else(|| broken(Error::General("it is not Ed25519".to_owned())))?;
        let certified = CertifiedKey::new(vec![CertificateDer::from(public.to_vec())], key);
        Ok(Self { id, certified: Arc::new(certified), provider })
    }

    /// The name of its public half.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The start of a connection to the box that is pinned.
    ///
    /// # Errors
    /// When the library refuses these settings.
    pub fn client(&self, pin: Pin) -> Result<ClientConnection, Error> {
        let verifier = Verifier { algorithms: self.provider.signature_verification_algorithms, pin: Some(pin) };
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(Arc::clone(&self.certified))));
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.enable_sni = false;
        config.resumption = rustls::client::Resumption::disabled();
        // The name is not sent: the key alone counts.
        ClientConnection::new(Arc::new(config), ServerName::from(std::net::Ipv4Addr::UNSPECIFIED).to_owned())
    }

    /// How connections of other boxes are answered: any of them may prove its key.
    ///
    /// # Errors
    /// When the library refuses these settings.
    pub fn server(&self) -> Result<Arc<ServerConfig>, Error> {
        let verifier = Verifier { algorithms: self.provider.signature_verification_algorithms, pin: None };
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&version::TLS13])?
            .with_client_cert_verifier(Arc::new(verifier))
            .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(Arc::clone(&self.certified))));
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }
}

/// The name of the key that the other side of a connection has proved; `None` before the end of the handshake.
pub fn proved(connection: &CommonState) -> Option<KeyId> {
    if connection.is_handshaking() {
        return None;
    }
    connection.peer_certificates()?.first().and_then(|key| name_of(key))
}

/// The name of a public key: SHA-256 of its SubjectPublicKeyInfo. `None` for another kind of key.
fn name_of(public: &[u8]) -> Option<KeyId> {
    let ed25519 = public.len() == SPKI.len() + KEY && public.starts_with(&SPKI);
    ed25519.then(|| KeyId(Sha256::digest(public).into()))
}

/// True when a failed handshake means that another key than the pinned one was met.
pub fn is_other_key(error: &Error) -> bool {
    matches!(error, Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
}

/// Checks keys, and signatures made with them.
#[derive(Debug)]
struct Verifier {
    algorithms: WebPkiSupportedAlgorithms,
    /// Which keys are believed; `None`: every one, and who it is is looked at later.
    pin: Option<Pin>,
}

impl Verifier {
    fn believes(&self, key: &CertificateDer<'_>) -> Result<(), Error> {
        let id = name_of(key).ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
        match self.pin.is_none_or(|pin| pin.fits(id)) {
            true => Ok(()),
            false => Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)),
        }
    }

    fn signed(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = SubjectPublicKeyInfoDer::from(key.as_ref());
        verify_tls13_signature_with_raw_key(message, &key, signature, &self.algorithms)
    }
}

/// TLS 1.2 is not offered.
fn too_old() -> Result<HandshakeSignatureValid, Error> {
    Err(Error::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedPsk))
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        key: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.believes(key).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        too_old()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed(message, key, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        key: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.believes(key).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        too_old()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed(message, key, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::{Read, Write};

    use rustls::ServerConnection;

    use super::*;

    pub fn key() -> BoxKey {
        BoxKey::read(&generate().unwrap()).unwrap()
    }

    /// Has two ends say all that they have to say; the bytes that went up and down, or what failed.
    pub fn shake(client: &mut ClientConnection, server: &mut ServerConnection) -> Result<(usize, usize), Error> {
        let (mut up, mut down) = (0, 0);
        while client.wants_write() || server.wants_write() {
            let mut wire = Vec::new();
            up += client.write_tls(&mut wire).unwrap();
            server.read_tls(&mut wire.as_slice()).unwrap();
            server.process_new_packets()?;
            let mut wire = Vec::new();
            down += server.write_tls(&mut wire).unwrap();
            client.read_tls(&mut wire.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        Ok((up, down))
    }

    #[test]
    fn two_boxes_prove_their_keys_in_few_bytes() {
        let (station, gateway) = (key(), key());
        let mut client = station.client(Pin::Key(gateway.id())).unwrap();
        let mut server = ServerConnection::new(gateway.server().unwrap()).unwrap();
        let (up, down) = shake(&mut client, &mut server).unwrap();
        assert_eq!(proved(&server), Some(station.id()));
        assert!(up < 420 && down < 400, "{up} up, {down} down");
        client.writer().write_all(b"hello").unwrap();
        shake(&mut client, &mut server).unwrap();
        let mut said = [0; 5];
        server.reader().read_exact(&mut said).unwrap();
        assert_eq!(&said, b"hello");
    }

    #[test]
    fn another_key_is_found_out_before_anything_is_said() {
        let (station, gateway, thief) = (key(), key(), key());
        for pin in [Pin::Key(gateway.id()), Pin::Code(PairingCode::new(gateway.id(), 7))] {
            let mut client = station.client(pin).unwrap();
            let mut server = ServerConnection::new(thief.server().unwrap()).unwrap();
            let why = shake(&mut client, &mut server).unwrap_err();
            assert!(is_other_key(&why), "{why}");
            assert_eq!(proved(&server), None);
        }
    }

    #[test]
    fn a_code_is_enough_to_know_the_gateway() {
        let (station, gateway) = (key(), key());
        let mut client = station.client(Pin::Code(PairingCode::new(gateway.id(), 7))).unwrap();
        let mut server = ServerConnection::new(gateway.server().unwrap()).unwrap();
        shake(&mut client, &mut server).unwrap();
        assert_eq!(proved(&server), Some(station.id()));
    }

    #[test]
    fn a_key_is_the_same_after_it_was_kept() {
        let kept = generate().unwrap();
        assert_eq!(BoxKey::read(&kept).unwrap().id(), BoxKey::read(&kept).unwrap().id());
        assert!(BoxKey::read(&kept[..40]).is_err() && BoxKey::read(b"").is_err());
    }
}
