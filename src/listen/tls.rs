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
const OWN: (&str, &str) = ("tls-certificate.pem", "tls-key.pem");

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
    /// A sentence for the operator.
    pub fn new(settings: &Settings, data: &Path) -> Result<Self, String> {
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
            _ => Err("set both tls.certificate and tls.key, or neither".to_owned()),
        }
    }

    fn load(certificate: PathBuf, key: PathBuf) -> Result<Self, String> {
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

fn read(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, String> {
    let wrong = |path: &Path, e: &dyn std::fmt::Display| {
        format!("{} cannot be used: {e}; it has to be a PEM file that satpost may read", path.display())
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| wrong(certificate, &e))?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|e| wrong(key, &e))?;
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|e| format!("{} and {} do not go together: {e}", certificate.display(), key.display()))?;
    Ok(Arc::new(config))
}

/// Makes a certificate of its own for all names and addresses of this box. P-256, not a CA; valid for 30 years, as the
/// clock of a box without a battery cannot renew in time, and clients pin or ignore it anyway.
fn make(settings: &Settings, certificate: &Path, key: &Path) -> Result<(), String> {
    let failed = |e: rcgen::Error| format!("cannot make a certificate: {e}");
    let mut params = CertificateParams::new(names(settings)).map_err(failed)?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2056, 1, 1);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.distinguished_name.push(DnType::CommonName, super::smtp::host_name(settings));
    let pair = KeyPair::generate().map_err(failed)?;
    let signed = params.self_signed(&pair).map_err(failed)?;
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
fn write(path: &Path, text: &str) -> Result<(), String> {
    let part = path.with_extension("new");
    let written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part).and_then(
        |mut file: File| {
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&part, path)
        },
    );
    written.map_err(|e| format!("cannot write {}: {e}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listen::tests::Folder;

    #[test]
    fn the_own_certificate_is_made_once_and_healed() {
        let folder = Folder::new("tls-own");
        let data = folder.path();
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
        let folder = Folder::new("tls-named");
        let data = folder.path();
        let (certificate, key) = (data.join("c.pem"), data.join("k.pem"));
        let one = Settings::default().with(Key::TlsCert, certificate.to_str().unwrap()).unwrap();
        let both = one.with(Key::TlsKey, key.to_str().unwrap()).unwrap();
        assert!(CertStore::new(&one, data).unwrap_err().contains("tls.key"));
        assert!(CertStore::new(&both, data).unwrap_err().contains("c.pem"));
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
