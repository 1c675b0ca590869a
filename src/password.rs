//! Passwords: how they are hashed, checked and refused.
//!
//! Argon2id with 19 MiB and 2 passes (the OWASP minimum), and one hash at a time in the whole process: ten log-ins at
//! once must not cost ten times the memory.

use std::sync::{LazyLock, Mutex, PoisonError};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};

use crate::people::Person;

/// Least length of a person's password, in characters.
pub const LEAST: usize = 8;
/// Least length of an owner's password: who has it can spend money.
pub const LEAST_OWNER: usize = 12;
/// Longest password, in bytes.
pub const MOST: usize = 256;

/// What everybody tries first; compared in lower case, with digits and marks at the end cut off as well.
const COMMON: &str = "password passw0rd p@ssw0rd p@ssword letmein welcome iloveyou sunshine princess football baseball \
     superman batman trustno1 starwars qwertyuiop qwerty123 qwertyui asdfghjk asdfghjkl zxcvbnm zxcvbnmm 1q2w3e4r \
     1q2w3e4r5t 1qaz2wsx qazwsxedc q1w2e3r4 q1w2e3r4t5 abc12345 abcd1234 abcdefgh abcdefghij 12345678 123456789 \
     1234567890 123456789012 12345678910 87654321 987654321 0987654321 11111111 111111111111 00000000 000000000000 \
     12341234 11223344 12121212 88888888 66666666 55555555 77777777 99999999 22222222 31415926 changeme changeit \
     administrator admin admin1234 adminadmin rootroot raspberry raspberrypi default guestguest testtest secret \
     secretsecret topsecret computer internet michelle jennifer whatever dragon dragondragon monkeymonkey master \
     mastermaster shadow michael jordan23 liverpool chelsea arsenal barcelona realmadrid charlie samantha victoria \
     elephant cocacola pokemon football1 letmeinnow iloveyou2 password1234 passwordpassword qwertyqwerty \
     correcthorsebatterystaple spacebeaver satellite swarmswarm iridium sailing sailboat captain mountain";

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A hash that no password has, so that an unknown name costs as much time as a known one.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash("nobody has this password").unwrap_or_default());

/// Refuses passwords that are too short, too long or known to everybody.
///
/// # Errors
/// Why another one has to be chosen.
pub fn judge(password: &str, name: &str, owner: bool) -> Result<(), PasswordError> {
    let least = if owner { LEAST_OWNER } else { LEAST };
    if password.chars().count() < least {
        return Err(PasswordError::Short { owner, least });
    }
    if password.len() > MOST {
        return Err(PasswordError::Long);
    }
    let lower = password.to_lowercase();
    let stem = lower.trim_end_matches(|c: char| !c.is_alphabetic());
    let mut characters = lower.chars();
    let first = characters.next();
    let same = characters.all(|c| Some(c) == first);
    let common = COMMON.split_whitespace().any(|known| known == lower || known == stem);
    if same || common || (!name.is_empty() && (lower == name || stem == name)) {
        return Err(PasswordError::Common);
    }
    Ok(())
}

/// The hash of a password in PHC form.
///
/// # Errors
/// When the machine has no random numbers or too little memory.
pub fn hash(password: &str) -> Result<String, argon2::password_hash::Error> {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string())
}

/// Why a password will not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordError {
    /// It has too few characters.
    Short {
        /// For an owner, who needs a longer one.
        owner: bool,
        /// Fewest characters that it may have.
        least: usize,
    },
    /// It has more bytes than any may have.
    Long,
    /// It is one of those that are tried first.
    Common,
}

impl std::fmt::Display for PasswordError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Short { owner, least } => {
                let whose = if *owner { "an owner's password" } else { "a password" };
                write!(f, "{whose} needs at least {least} characters")
            }
            Self::Long => write!(f, "a password has at most {MOST} bytes"),
            Self::Common => f.write_str("this password is one of the first that anybody would try: choose another"),
        }
    }
}

/// True when `person` may log in with `password`. Takes as long for nobody as for somebody.
pub fn verify(person: Option<&Person>, password: &str) -> bool {
    let known = person.filter(|person| !person.disabled).and_then(|person| person.password.as_deref());
    let stored = known.unwrap_or(NOBODY.as_str());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let right = PasswordHash::new(stored)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
    right && known.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_passwords_get_a_sentence() {
        for (password, owner) in [
            ("short", false),
            ("elevenchars", true),
            ("password", false),
            ("Password1234!", true),
            ("aaaaaaaaaaaaaa", true),
            ("raspberry2024", true),
            ("benjamin", false),
        ] {
            assert!(judge(password, "benjamin", owner).is_err(), "{password}");
        }
        assert!(judge("a boat in the bay", "ben", true).is_ok());
        assert!(judge("kittiwake", "ben", false).is_ok());
        assert!(judge(&"long ".repeat(60), "ben", false).is_err());
    }

    #[test]
    fn only_the_right_password_of_somebody_who_may_log_in_is_right() {
        let hash = hash("kittiwake over the bay").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let ben = Person { name: "ben".into(), password: Some(hash), ..Person::default() };
        assert!(verify(Some(&ben), "kittiwake over the bay"));
        assert!(!verify(Some(&ben), "kittiwake over the bax"));
        assert!(!verify(None, "nobody has this password"));
        assert!(!verify(Some(&Person { disabled: true, ..ben.clone() }), "kittiwake over the bay"));
        assert!(!verify(Some(&Person { password: Some("rubbish".into()), ..ben }), "kittiwake over the bay"));
    }
}
