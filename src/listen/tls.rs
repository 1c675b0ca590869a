//! The certificate for STARTTLS: the owner's, or one that the box makes for itself once and keeps.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::settings::{Key, Settings};

/// File names of the box's own certificate and key, in the data folder.
const OWN: (&str, &str) = (crate::store::OWN_FILES[0], crate::store::OWN_FILES[1]);

/// Holds the certificate, and takes up a renewed one without a restart.
#[derive(Debug)]
pub struct CertStore {
    certificate: PathBuf,
    key: PathBuf,
    loaded: Mutex<Loaded>,
}

#[derive(Debug, Clone)]
struct Loaded {
    stamp: Stamp,
    config: Arc<ServerConfig>,
}

type Stamp = [Option<SystemTime>; 2];

impl CertStore {
    /// Loads the files that the settings name; where they name none, the box's own in the folder `data`, which are
    /// made if they are missing or broken.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn new(settings: &Settings, data: &Path) -> Result<Self, TlsError> {
        let named = [Key::TlsCert, Key::TlsKey].map(|key| settings.text(key));
        match named {
            ["", ""] => {
                let (certificate, key) = (data.join(OWN.0), data.join(OWN.1));
                Self::load(certificate.clone(), key.clone()).or_else(|_| {
                    make(settings, &certificate, &key)?;
                    Self::load(certificate, key)
                })
            }
            [certificate, key] if !certificate.is_empty() && !key.is_empty() => {
                Self::load(certificate.into(), key.into())
            }
            _ => Err(TlsError::HalfSet),
        }
    }

    fn load(certificate: PathBuf, key: PathBuf) -> Result<Self, TlsError> {
        let stamp = [changed(&certificate), changed(&key)];
        let config = read(&certificate, &key)?;
        Ok(Self { certificate, key, loaded: Mutex::new(Loaded { stamp, config }) })
    }

    /// Gives what the next handshake uses. Files that changed are read again; if they cannot be used, the old ones
    /// stay.
    pub fn current(&self) -> Arc<ServerConfig> {
        let stamp = [changed(&self.certificate), changed(&self.key)];
        // Replaced as a whole, so never half changed.
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.stamp != stamp {
            match read(&self.certificate, &self.key) {
                Ok(config) => loaded.config = config,
                Err(why) => log::warn!("tls: keeping the old certificate: {why}"),
            }
            loaded.stamp = stamp;
        }
        loaded.config.clone()
    }
}

fn changed(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|data| data.modified()).ok()
}

/// Why there is no certificate.
#[derive(Debug)]
pub enum TlsError {
    /// The settings name a certificate without its key, or the other way round.
    HalfSet,
    /// A file that the settings name is of no use.
    Unusable {
        /// Which.
        file: PathBuf,
        /// Why.
        error: rustls::pki_types::pem::Error,
    },
    /// Certificate and key do not belong together, or are of a kind that nobody speaks.
    Apart {
        /// File of the certificate.
        certificate: PathBuf,
        /// File of the key.
        key: PathBuf,
        /// Why.
        error: rustls::Error,
    },
    /// The box could not make a certificate of its own.
    Make(rcgen::Error),
    /// The box could not keep the one that it made.
    Write {
        /// File that could not be written.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

impl std::fmt::Display for TlsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::HalfSet => f.write_str("set both tls.certificate and tls.key, or neither"),
            Self::Unusable { file, error } => {
                write!(f, "{} cannot be used: {error}; it has to be a PEM file that satpost may read", file.display())
            }
            Self::Apart { certificate, key, error } => {
                write!(f, "{} and {} do not go together: {error}", certificate.display(), key.display())
            }
            Self::Make(error) => write!(f, "cannot make a certificate: {error}"),
            Self::Write { file, error } => write!(f, "cannot write {}: {error}", file.display()),
        }
    }
}

fn read(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let wrong = |file: &Path, error| TlsError::Unusable { file: file.to_owned(), error };
    let apart = |error| TlsError::Apart { certificate: certificate.to_owned(), key: key.to_owned(), error };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong(certificate, error))?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, error))?;
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(apart)?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(apart)?;
    Ok(Arc::new(config))
}

/// Makes a certificate of its own for all names and addresses of this box. P-256, not a CA; valid for 30 years, as the
/// clock of a box without a battery cannot renew in time, and clients pin or ignore it anyway.
fn make(settings: &Settings, certificate: &Path, key: &Path) -> Result<(), TlsError> {
    let mut params = CertificateParams::new(names(settings)).map_err(TlsError::Make)?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2056, 1, 1);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.distinguished_name.push(DnType::CommonName, super::smtp::host_name(settings));
    let pair = KeyPair::generate().map_err(TlsError::Make)?;
    let signed = params.self_signed(&pair).map_err(TlsError::Make)?;
    // The key first: a crash in between leaves a pair that cannot be loaded, and is made anew.
    write(key, &pair.serialize_pem())?;
    write(certificate, &signed.pem())
}

fn names(settings: &Settings) -> Vec<String> {
    let name = super::smtp::host_name(settings);
    let mut names = vec![format!("{name}.local"), name, "localhost".to_owned()];
    names.extend(Some(settings.text(Key::Domain).to_owned()).filter(|domain| !domain.is_empty()));
    // A certificate names hosts in ASCII only.
    names.retain(|name| name.is_ascii());
    names.extend(addresses().iter().map(ToString::to_string));
    names.sort();
    names.dedup();
    names
}

/// Lists the addresses of this box as far as its routes tell; connecting a UDP socket sends nothing. The far ends are
/// reserved for documentation (RFC 5737, RFC 3849).
fn addresses() -> Vec<IpAddr> {
    let routes = [("0.0.0.0:0", "192.0.2.1:9"), ("[::]:0", "[2001:db8::1]:9")];
    let own = routes.into_iter().filter_map(|(here, there)| {
        let socket = UdpSocket::bind(here).ok()?;
        socket.connect(there).ok()?;
        Some(socket.local_addr().ok()?.ip())
    });
    [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()].into_iter().chain(own).collect()
}

/// Writes a file that only this user can read, whole or not at all.
fn write(path: &Path, text: &str) -> Result<(), TlsError> {
    let part = path.with_extension("new");
    let written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part).and_then(
        |mut file: File| {
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&part, path)
        },
    );
    written.map_err(|error| TlsError::Write { file: path.to_owned(), error })
}

#[cfg(test)]
mod tests {
    use super::*;
    use testing::Folder;

    #[test]
    fn the_own_certificate_is_made_once_and_healed() {
        let folder = Folder::new();
        let data = &folder;
        let settings = Settings::default().with(Key::BoxName, "boat").unwrap();
        CertStore::new(&settings, data).unwrap();
        let first = fs::read(data.join(OWN.0)).unwrap();
        CertStore::new(&settings, data).unwrap();
        assert_eq!(fs::read(data.join(OWN.0)).unwrap(), first);
        fs::write(data.join(OWN.1), "cut off").unwrap();
        CertStore::new(&settings, data).unwrap();
        assert_ne!(fs::read(data.join(OWN.0)).unwrap(), first);
    }

    #[test]
    fn the_own_certificate_names_the_box() {
        let settings = Settings::default().with(Key::BoxName, "boat").unwrap();
        let names = names(&settings.with(Key::Domain, "example.org").unwrap());
        for name in ["boat", "boat.local", "localhost", "127.0.0.1", "::1", "example.org"] {
            assert!(names.iter().any(|known| known == name), "{name}");
        }
    }

    #[test]
    fn wrong_files_get_a_sentence_and_renewed_ones_are_taken_up() {
        let folder = Folder::new();
        let data = &folder;
        let (certificate, key) = (data.join("c.pem"), data.join("k.pem"));
        let one = Settings::default().with(Key::TlsCert, certificate.to_str().unwrap()).unwrap();
        let both = one.with(Key::TlsKey, key.to_str().unwrap()).unwrap();
        assert!(CertStore::new(&one, data).unwrap_err().to_string().contains("tls.key"));
        assert!(CertStore::new(&both, data).unwrap_err().to_string().contains("c.pem"));
        make(&both, &certificate, &key).unwrap();
        let store = CertStore::new(&both, data).unwrap();
        let first = store.current();
        assert!(Arc::ptr_eq(&first, &store.current()));
        fs::write(&certificate, "cut off").unwrap();
        assert!(Arc::ptr_eq(&first, &store.current()), "a broken file changes nothing");
        make(&both, &certificate, &key).unwrap();
        assert!(!Arc::ptr_eq(&first, &store.current()));
    }
}
