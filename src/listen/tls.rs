//! The certificate for TLS: the owner's, or one that the box makes for itself ([`own`]).

mod own;
mod validity;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::clock::Time;
use crate::settings::{Key, Settings};

pub use own::ROOT;

/// Holds the certificate, and takes up a renewed one without a restart.
#[derive(Debug)]
pub struct CertStore {
    certificate: PathBuf,
    key: PathBuf,
    /// The names in it, when it is the box's own: that is made anew before it is over.
    own: Option<Vec<String>>,
    loaded: Mutex<Loaded>,
}

#[derive(Debug, Clone)]
struct Loaded {
    stamp: Stamp,
    config: Arc<ServerConfig>,
}

type Stamp = [Option<SystemTime>; 2];

/// Held while the box's own certificate is looked for and made: two that make it at once leave the key of one and the certificate
/// of the other.
static MAKING: Mutex<()> = Mutex::new(());

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
                let names = own::names(settings);
                let _one = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
                let store = Self::load(data.join(own::CERTIFICATE), data.join(own::KEY)).or_else(|_| {
                    own::make(data, &names)?;
                    Self::load(data.join(own::CERTIFICATE), data.join(own::KEY))
                })?;
                Ok(Self { own: Some(names), ..store })
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
        Ok(Self { certificate, key, own: None, loaded: Mutex::new(Loaded { stamp, config }) })
    }

    /// Gives what the next handshake uses. Files that changed are read again; if they cannot be used, the old ones
    /// stay.
    pub fn current(&self) -> Arc<ServerConfig> {
        if let (Some(names), Some(data)) = (&self.own, self.certificate.parent())
            && own::is_old(data)
            && let Err(why) = own::renew(data, names)
        {
            log::warn!("tls: the certificate of this box cannot be renewed: {why}");
        }
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

/// A certificate, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// The box made it.
    pub own: bool,
    /// When it ends, where that can be read.
    pub end: Option<Time>,
}

/// Tells of the certificate that these settings ask for.
///
/// # Errors
/// Why there is none.
pub fn about(settings: &Settings, data: &Path) -> Result<About, TlsError> {
    let named = settings.text(Key::TlsCert);
    let file = if named.is_empty() { data.join(own::CERTIFICATE) } else { named.into() };
    let first = CertificateDer::from_pem_file(&file).map_err(|error| TlsError::Unusable { file, error })?;
    Ok(About { own: named.is_empty(), end: validity::end(&first) })
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
        /// Path of the file.
        file: PathBuf,
        /// What the parser says.
        error: rustls::pki_types::pem::Error,
    },
    /// Certificate and key do not belong together, or are of a kind that nobody speaks.
    Apart {
        /// Path of the certificate.
        certificate: PathBuf,
        /// Path of its key.
        key: PathBuf,
        /// What the TLS library says.
        error: rustls::Error,
    },
    /// The box could not make a certificate of its own.
    Make(rcgen::Error),
    /// The box could not keep the one that it made.
    Write {
        /// File that could not be written.
        file: PathBuf,
        /// What the system says.
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
        let first = fs::read(data.join(own::CERTIFICATE)).unwrap();
        CertStore::new(&settings, data).unwrap();
        assert_eq!(fs::read(data.join(own::CERTIFICATE)).unwrap(), first);
        fs::write(data.join(own::KEY), "cut off").unwrap();
        CertStore::new(&settings, data).unwrap();
        assert_ne!(fs::read(data.join(own::CERTIFICATE)).unwrap(), first);
    }

    #[test]
    fn whoever_asks_at_the_same_moment_gets_the_same_certificate() {
        let folder = Folder::new();
        let settings = Settings::default().with(Key::BoxName, "boat").unwrap();
        let made = std::thread::scope(|scope| {
            let ask = || {
                CertStore::new(&settings, &folder).unwrap();
                fs::read(folder.join(own::CERTIFICATE)).unwrap()
            };
            let all: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(made.iter().all(|one| *one == made[0]));
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
        let make = || {
            let other = Folder::new();
            own::make(&other, &["box".to_owned()]).unwrap();
            fs::copy(other.join(own::CERTIFICATE), &certificate).unwrap();
            fs::copy(other.join(own::KEY), &key).unwrap();
        };
        make();
        let store = CertStore::new(&both, data).unwrap();
        let first = store.current();
        assert!(Arc::ptr_eq(&first, &store.current()));
        fs::write(&certificate, "cut off").unwrap();
        assert!(Arc::ptr_eq(&first, &store.current()), "a broken file changes nothing");
        make();
        assert!(!Arc::ptr_eq(&first, &store.current()));
    }
}
