//! Claims a new box: whoever can read its system log or its screen becomes the owner, with a one-time code.

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::problems::Problems;
use super::{Action, Actor, Person, Role, Service, new_password};
use crate::fault::Fault;
use crate::hex::CODE_ALPHABET;
use crate::message::events::EventKind;
use crate::password;
use crate::settings::Key;
use crate::store::{Event, Tx, reject};

/// Characters of a code: 40 bits.
const LENGTH: usize = 8;
/// Wrong codes after which another one is made.
pub const TRIES: u32 = 50;
const NOTE: &str = "setup-code";

/// The code and how often a wrong one was tried.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Code {
    code: String,
    wrong: u32,
}

/// What somebody fills in to become the owner.
#[derive(Debug, Clone, Default)]
pub struct Claim {
    /// The code, in any case, with spaces and hyphens as one likes.
    pub code: String,
    /// Name in the address, as in [`PersonEdit`](super::PersonEdit).
    pub name: String,
    /// Full name, shown beside the address.
    pub full_name: String,
    /// Password, 12 characters or more.
    pub password: String,
    /// Mail domain of the box; empty: later.
    pub domain: String,
}

impl Service {
    /// True once the box has an owner.
    pub fn claimed(&self) -> bool {
        self.store.people().iter().any(|person| person.is_owner())
    }

    /// Gives the code that the first owner has to type, such as `K7QF-3M9X`; made when there is none yet (or when
    /// `new`).
    ///
    /// # Errors
    /// Permanent once there is an owner; otherwise as [`crate::store::Store::write`].
    pub fn setup_code(&self, new: bool) -> Result<String, Fault> {
        let fresh = random_code()?;
        let code = self.act(
            Action::SetupCode,
            "",
            if new { "a new code was made" } else { "the code was read" },
            move |tx| {
                if tx.everybody()?.iter().any(|person| person.is_owner()) {
                    return reject(taken());
                }
                match stored(tx)? {
                    Some(code) if !new => Ok(code.code),
                    _ => {
                        keep(tx, &Code { code: fresh.clone(), wrong: 0 })?;
                        Ok(fresh.clone())
                    }
                }
            },
        )?;
        Ok(format!("{}-{}", &code[..LENGTH / 2], &code[LENGTH / 2..]))
    }

    /// Says of each field of a claim that will not do why. A wrong code counts as one try.
    ///
    /// # Errors
    /// Permanent once there is an owner; otherwise as [`crate::store::Store::write`].
    pub fn claim_problems(&self, claim: &Claim) -> Result<Problems, Fault> {
        if self.claimed() {
            return Err(taken());
        }
        let mut all = Problems::new();
        match self.check_code(&normal_code(&claim.code)) {
            Err(Fault::Permanent(why)) => all.push(("code", why.to_string())),
            checked => checked?,
        }
        let person = Person { name: claim.name.trim().to_lowercase(), role: Role::Owner, ..Person::default() };
        all.extend(person.check_names().err().map(|why| ("name", why.to_string())));
        let judged = password::judge(&claim.password, &person.name, true);
        all.extend(judged.err().map(|why| ("password", why.to_string())));
        let domain = crate::settings::check(crate::settings::row(Key::Domain), &claim.domain);
        all.extend(domain.err().map(|why| ("domain", why.to_string())));
        Ok(all)
    }

    /// Makes the first owner. The caller limits how fast this may be tried; after 50 wrong codes there is a new one.
    ///
    /// # Errors
    /// Permanent with a sentence when the code is wrong, a field is wrong, or the box has an owner.
    pub fn claim(&self, claim: &Claim) -> Result<Person, Fault> {
        let typed = normal_code(&claim.code);
        if self.claimed() {
            return Err(taken());
        }
        self.check_code(&typed)?;
        let mut person = Person {
            name: claim.name.trim().to_lowercase(),
            full_name: claim.full_name.trim().to_owned(),
            role: Role::Owner,
            added: self.store.clock().now(),
            ..Person::default()
        };
        person.check_names().map_err(Fault::permanent)?;
        let row = crate::settings::row(Key::Domain);
        let domain = crate::settings::check(row, &claim.domain).map_err(Fault::permanent)?;
        person.password = Some(new_password(&claim.password, &person)?);
        let words = format!("the box was claimed by {}", person.name);
        let kind = EventKind::Done { what: words.clone(), by: String::new() };
        let event = Event { at: person.added, part: "people".to_owned(), link: None, kind, alarm: false };
        let made = person.clone();
        let by = Actor { name: person.name.clone(), ..self.by.clone() };
        Self::new(&self.store, by).act(Action::Claim, "", words, move |tx| {
            if tx.everybody()?.iter().any(|person| person.is_owner()) {
                return reject(taken());
            }
            match stored(tx)? {
                // Another claim may have changed the code since it was checked.
                Some(code) if same(&code.code, &typed) => tx.put_note(NOTE, None)?,
                _ => return reject(wrong()),
            }
            if !domain.is_empty() {
                tx.put_setting(row.name, &domain)?;
            }
            tx.put_person(&person)?;
            tx.event(&event)
        })?;
        Ok(made)
    }

    fn check_code(&self, typed: &str) -> Result<(), Fault> {
        let (typed, fresh) = (typed.to_owned(), random_code()?);
        let right = self.store.write(move |tx| {
            let Some(mut code) = stored(tx)? else { return Ok(false) };
            if same(&code.code, &typed) {
                return Ok(true);
            }
            code.wrong += 1;
            if code.wrong >= TRIES {
                code = Code { code: fresh.clone(), wrong: 0 };
                log::warn!("web: 50 wrong setup codes; there is a new one, see 'satpost setup-code'");
            }
            keep(tx, &code)?;
            Ok(false)
        })?;
        if right {
            return Ok(());
        }
        self.note(Action::LogInFailed, "", "a wrong code was given to claim the box")?;
        Err(wrong())
    }
}

/// Gives a code as it is stored: upper case, no spaces and hyphens, and characters that look like digits read as such.
pub(super) fn normal_code(typed: &str) -> String {
    let read = |c: char| match c.to_ascii_uppercase() {
        'I' | 'L' => '1',
        'O' => '0',
        other => other,
    };
    typed.chars().filter(|c| !c.is_whitespace() && *c != '-').take(64).map(read).collect()
}

fn same(code: &str, typed: &str) -> bool {
    // Slices of different lengths differ without a look at their bytes; the length is no secret.
    code.as_bytes().ct_eq(typed.as_bytes()).into()
}

fn stored(tx: &Tx) -> crate::store::TxResult<Option<Code>> {
    Ok(tx.note(NOTE)?.and_then(|bytes| serde_json::from_slice::<Code>(&bytes).ok()))
}

fn keep(tx: &mut Tx, code: &Code) -> crate::store::TxResult<()> {
    // A string and a number always serialise.
    tx.put_note(NOTE, Some(&serde_json::to_vec(code).unwrap_or_default()))
}

fn random_code() -> Result<String, Fault> {
    let mut random = [0; LENGTH];
    getrandom::fill(&mut random).map_err(|error| Fault::operator(format!("no random numbers: {error}")))?;
    Ok(random.iter().map(|byte| char::from(CODE_ALPHABET[usize::from(byte & 31)])).collect())
}

fn wrong() -> Fault {
    Fault::permanent("this is not the code of this box: look again in its system log, or run 'sudo satpost setup-code'")
}

fn taken() -> Fault {
    Fault::permanent("this box has an owner already: log in, or run 'sudo satpost people passwd NAME' on the box")
}
