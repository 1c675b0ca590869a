//! The box's own certificates: a small authority of its own, made once, and under it a certificate for its names, renewed
//! before it is over.
//!
//! Who trusts the authority (`tls-root.pem`), as a phone does after its profile was installed, never has to accept anything
//! again. Who accepted the certificate itself is asked once more after each renewal: so a certificate that is still good is
//! never made anew, and one of a time without an authority stays as long as it lasts.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PublicKeyData, date_time_ymd,
};
use sha2::{Digest, Sha256};

use super::TlsError;
use crate::clock::{Clock, Time};
use crate::settings::{Key, Settings};
use crate::store::OWN_FILES;

/// File of the certificate with that of the authority behind it, in the data folder.
pub const CERTIFICATE: &str = OWN_FILES[0];
/// File of the key of the certificate.
pub const KEY: &str = OWN_FILES[1];
/// File of the certificate of the authority.
pub const ROOT: &str = OWN_FILES[2];
/// File of the key of the authority.
const ROOT_KEY: &str = OWN_FILES[3];
/// How long a certificate is good, in days: Apple takes no longer ones than 825.
const GOOD: i64 = 820;
/// It is renewed after so many.
const RENEWED: Duration = Duration::from_secs(790 * 86_400);

/// Makes all that is missing, and the certificate with its key anew.
pub fn make(data: &Path, names: &[String]) -> Result<(), TlsError> {
    let pair = KeyPair::generate().map_err(TlsError::Make)?;
    // The key first: a crash in between leaves a pair that cannot be loaded, and is made anew.
    write(&data.join(KEY), &pair.serialize_pem())?;
    certify(data, names, &pair)
}

/// True for a certificate under the authority that has to be renewed.
pub fn is_old(data: &Path) -> bool {
    let made = fs::metadata(data.join(CERTIFICATE)).and_then(|file| file.modified()).ok();
    let made = made.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    let made = made.map(|since| Time::from_seconds(i64::try_from(since.as_secs()).unwrap_or(i64::MAX)));
    made.is_some_and(|made| Clock::system().now().since(made) > RENEWED) && data.join(ROOT_KEY).exists()
}

/// Makes a new certificate for the same key.
pub fn renew(data: &Path, names: &[String]) -> Result<(), TlsError> {
    let file = data.join(KEY);
    let text = fs::read_to_string(&file).map_err(|error| TlsError::Write { file, error })?;
    certify(data, names, &KeyPair::from_pem(&text).map_err(TlsError::Make)?)?;
    log::info!("tls: the certificate of this box was renewed");
    Ok(())
}

fn certify(data: &Path, names: &[String], pair: &KeyPair) -> Result<(), TlsError> {
    let authority = authority(data)?;
    let mut params = CertificateParams::new(names).map_err(TlsError::Make)?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.not_before = date_time_ymd(2026, 1, 1);
    let end = jiff::Timestamp::from_second(Clock::system().now().seconds() + GOOD * 86_400).unwrap_or_default();
    let end = end.to_zoned(jiff::tz::TimeZone::UTC);
    params.not_after = date_time_ymd(end.year().into(), end.month().unsigned_abs(), end.day().unsigned_abs());
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let common = names.iter().find(|name| !name.ends_with(".local") && name.parse::<IpAddr>().is_err());
    params.distinguished_name.push(DnType::CommonName, common.map_or("satpost", String::as_str));
    let signed = params.signed_by(pair, &authority).map_err(TlsError::Make)?;
    let root = fs::read_to_string(data.join(ROOT)).map_err(|error| TlsError::Write { file: data.join(ROOT), error })?;
    write(&data.join(CERTIFICATE), &(signed.pem() + &root))
}

/// The authority of this box, made if it is not there: P-256, valid for 30 years, for nothing but certificates of servers
/// directly under it.
fn authority(data: &Path) -> Result<Issuer<'static, KeyPair>, TlsError> {
    let known = fs::read_to_string(data.join(ROOT_KEY)).ok().and_then(|text| KeyPair::from_pem(&text).ok());
    let fresh = known.is_none();
    let pair = known.map_or_else(KeyPair::generate, Ok).map_err(TlsError::Make)?;
    if fresh {
        write(&data.join(ROOT_KEY), &pair.serialize_pem())?;
    }
    let mut params = CertificateParams::new(Vec::new()).map_err(TlsError::Make)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2056, 1, 1);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // The name follows from the key: it is the same whenever the authority is needed, and no two boxes have the same.
    let id = crate::hex::encode(&Sha256::digest(pair.der_bytes())[..4]);
    params.distinguished_name.push(DnType::CommonName, format!("satpost {id}"));
    if fresh || !data.join(ROOT).exists() {
        let signed = params.self_signed(&pair).map_err(TlsError::Make)?;
        write(&data.join(ROOT), &signed.pem())?;
    }
    Ok(Issuer::new(params, pair))
}

/// The names and addresses of this box, as they stand in its certificate.
pub fn names(settings: &Settings) -> Vec<String> {
    let name = crate::listen::smtp::host_name(settings);
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
    fn the_certificate_is_renewed_under_the_same_authority_and_for_the_same_key() {
        let folder = Folder::new();
        let names = ["boat".to_owned(), "boat.local".to_owned()];
        make(&folder, &names).unwrap();
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let before = [ROOT, ROOT_KEY, KEY, CERTIFICATE].map(read);
        assert!(before[3].ends_with(&before[0]) && before[3].matches("BEGIN CERTIFICATE").count() == 2);
        assert!(!is_old(&folder));
        let old = Clock::system().now() - RENEWED - Duration::from_secs(1);
        let made = std::time::UNIX_EPOCH + Duration::from_secs(old.seconds().unsigned_abs());
        File::options().write(true).open(folder.join(CERTIFICATE)).unwrap().set_modified(made).unwrap();
        assert!(is_old(&folder));
        renew(&folder, &names).unwrap();
        let after = [ROOT, ROOT_KEY, KEY, CERTIFICATE].map(read);
        assert_eq!(before[..3], after[..3]);
        assert_ne!(before[3], after[3]);
        assert!(!is_old(&folder));
        // One that the box made before there was an authority is left as it is.
        fs::remove_file(folder.join(ROOT_KEY)).unwrap();
        File::options().write(true).open(folder.join(CERTIFICATE)).unwrap().set_modified(made).unwrap();
        assert!(!is_old(&folder));
    }

    #[test]
    fn the_own_certificate_names_the_box() {
        let settings = Settings::default().with(Key::BoxName, "boat").unwrap();
        let names = names(&settings.with(Key::Domain, "example.org").unwrap());
        for name in ["boat", "boat.local", "localhost", "127.0.0.1", "::1", "example.org"] {
            assert!(names.iter().any(|known| known == name), "{name}");
        }
    }
}
