//! Passwords of people: argon2id hashes, one computation at a time so that many log-ins cannot use up the memory.

use std::sync::{Mutex, PoisonError};

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Argon2, PasswordHash};

/// Shortest password of a person, in characters.
pub const SHORTEST: usize = 8;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The hash of a password, in PHC form (argon2id, 19 MiB, 2 passes).
///
/// # Errors
/// A sentence when the password is too short, or the system has no random numbers.
pub fn hash(password: &str) -> Result<String, String> {
    if password.chars().count() < SHORTEST {
        return Err(format!("a password needs at least {SHORTEST} characters"));
    }
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| format!("the password cannot be hashed: {error}"))
}

/// Whether the password belongs to the hash. Without a hash the same work is done and the answer is no, so that nobody
/// learns from the time it takes who exists.
pub fn fits(password: &str, hash: Option<&str>) -> bool {
    const NOBODY: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$c2F0cG9zdHNhdHBvc3Q$MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI";
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let parsed = PasswordHash::new(hash.unwrap_or(NOBODY));
    let right = parsed.is_ok_and(|parsed| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok());
    right && hash.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_fits() {
        let stored = hash("correct horse").unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(fits("correct horse", Some(&stored)));
        assert!(!fits("wrong horse", Some(&stored)));
        assert!(!fits("correct horse", None));
        assert!(!fits("x", Some("garbage")));
        assert!(hash("short").is_err());
    }
}
