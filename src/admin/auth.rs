//! Who is asking: sessions, and the tokens that tell our forms from foreign ones.
//!
//! A session is 256 random bits in a cookie; the store has only their SHA-256. It ends 12 hours after the last
//! request, 30 days after the log-in, when the password changes, and when twenty newer ones are open.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::request::Request;
use crate::clock::Time;
use crate::fault::Fault;
use crate::hex;
use crate::limit::network_of;
use crate::people::Person;
use crate::store::Store;

/// Names of the cookies of a box. They carry its own name: browsers keep cookies by host and not by port, so two boxes
/// on one machine would take each other's log-ins away.
#[derive(Debug, Clone)]
pub struct Cookies {
    /// Cookie of a session; holds its token.
    pub session: String,
    /// Cookie of somebody who has not logged in yet; holds the token of their forms.
    pub before: String,
    /// Cookie by which a browser shows that somebody logged in with it before.
    pub browser: String,
}

impl Cookies {
    /// Makes the names for the box with this random name.
    pub fn of(token: &str) -> Self {
        Self { session: format!("s{token}"), before: format!("p{token}"), browser: format!("b{token}") }
    }

    /// True when this browser logged in as this person before, with the password that they have now.
    pub fn knows(&self, request: &Request, person: &Person) -> bool {
        let given = request.cookie(&self.browser).unwrap_or_default();
        person.password.is_some() && bool::from(given.as_bytes().ct_eq(browser_of(person).as_bytes()))
    }
}

/// Gives the word by which a browser of this person is known: made of the hash of their password, which nobody outside
/// has and which ends with the password. It opens nothing; it only keeps strangers from using up the person's tries.
pub fn browser_of(person: &Person) -> String {
    hash(&format!("known browser {} {}", person.name, person.password.as_deref().unwrap_or_default()))
}

/// Field of a form that holds the token.
pub const FIELD: &str = "csrf";
/// Longest life of a session.
pub const LIFE: Duration = Duration::from_secs(30 * 86_400);
const IDLE: Duration = Duration::from_secs(12 * 3600);
const MOST: usize = 20;
/// The time of the last request is written down this often: an SD card wears.
const TOUCH: Duration = Duration::from_secs(600);

/// A session as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Name of the person who is logged in.
    pub person: String,
    /// Token of its forms: random, and whose it is, so that a form tells who had it after the session has ended.
    pub csrf: String,
    /// When they logged in.
    pub created: Time,
    /// The address that they logged in from.
    #[serde(default)]
    pub from: String,
    /// Last request, give or take ten minutes.
    pub seen: Time,
    /// The modem console takes lines until then.
    #[serde(default)]
    pub unlocked: Time,
    /// Ties the session to the password it was opened with.
    pub seal: String,
}

/// Somebody who is logged in.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// Hash of the token: the name of the session in the store.
    pub hash: String,
    /// The session by which they ask.
    pub session: Session,
    /// Their record, as it is now.
    pub person: Arc<Person>,
}

/// Characters of the name that a form which sends or spends has for itself: 64 random bits in hex.
const ONCE: usize = 16;

/// Makes such a name, or keeps the one of a form that is shown again.
///
/// # Errors
/// As [`token`].
pub fn once(before: &str) -> Result<String, Fault> {
    if before.len() == ONCE { Ok(before.to_owned()) } else { Ok(token()?.chars().take(ONCE).collect()) }
}

/// Makes the name of a form of this session that does something to a thing as it stands now: the same as long as it does.
pub fn once_for(visitor: &Visitor, thing: &str) -> String {
    hash(&format!("{} {thing}", visitor.session.csrf))[..ONCE].to_owned()
}

/// Makes the next name of a form in a window, the same each time; of a window without a name any new one.
///
/// # Errors
/// As [`token`].
pub fn once_in(once: &str, tab: &str) -> Result<String, Fault> {
    if tab.is_empty() { self::once("") } else { Ok(hash(&format!("{once} {tab}"))[..ONCE].to_owned()) }
}

/// Reads the name that a form has for itself; empty when there is none.
pub fn once_of(request: &Request) -> String {
    request.form.get("once").chars().filter(char::is_ascii_hexdigit).take(ONCE).collect()
}

/// Makes a token: 256 random bits in hex.
///
/// # Errors
/// When the machine has no random numbers.
pub fn token() -> Result<String, Fault> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| Fault::operator(format!("no random numbers: {error}")))?;
    Ok(hex::encode(&random))
}

/// Finds the one who sent the request, if they are logged in.
///
/// # Errors
/// As [`Store::read`].
pub fn visitor(store: &Store, cookies: &Cookies, request: &Request) -> Result<Option<Visitor>, Fault> {
    let Some(token) = request.cookie(&cookies.session).filter(|token| token.len() == 64) else { return Ok(None) };
    let (hash, now) = (hash(token), store.clock().now());
    let sessions = sessions(store)?;
    let Some((_, session)) = sessions.into_iter().find(|(known, _)| *known == hash) else { return Ok(None) };
    let people = store.people();
    let person = people.get(&session.person).filter(|person| !person.disabled && session.alive(now, person));
    let Some(person) = person.cloned() else {
        keep(store, &hash, None)?;
        return Ok(None);
    };
    if now.since(session.seen) > TOUCH {
        let seen = Session { seen: now, ..session.clone() };
        // Missing this costs the session some of its twelve hours, so a full disk does not matter here.
        if let Err(fault) = keep(store, &hash, Some(&seen)) {
            log::warn!("web: {fault}");
        }
    }
    Ok(Some(Visitor { hash, session, person }))
}

/// Says whose request it is, for the line before the pages: the name of a person who is logged in, whichever browser they have,
/// or a network, as the gate counts them. Reads, and decides nothing.
pub fn whose(store: &Store, cookies: &Cookies, request: &Request) -> String {
    let hash = request.cookie(&cookies.session).filter(|token| token.len() == 64).map(hash);
    let found = hash.and_then(|hash| sessions(store).ok()?.into_iter().find(|(known, _)| *known == hash));
    found.map_or_else(|| network(&request.peer), |(_, session)| session.person)
}

/// The network that an address is of; what is no address stays as it is.
fn network(peer: &str) -> String {
    peer.parse().map_or_else(|_| peer.to_owned(), |peer| network_of(peer).to_string())
}

/// Opens a session and gives its token for the cookie. The oldest ones go when there are too many.
///
/// # Errors
/// As [`Store::write`].
pub fn open(store: &Store, person: &Person, from: &str) -> Result<(String, Visitor), Fault> {
    let (token, now) = (token()?, store.clock().now());
    let session = Session {
        person: person.name.clone(),
        csrf: format!("{}.{}", self::token()?, person.name),
        created: now,
        from: from.to_owned(),
        seen: now,
        unlocked: Time(0),
        seal: seal(person),
    };
    let (mut kept, gone) = alive_and_gone(store)?;
    kept.sort_by_key(|(_, session)| session.seen);
    let too_many = (kept.len() + 1).saturating_sub(MOST);
    let gone: Vec<_> = gone.into_iter().chain(kept.into_iter().take(too_many)).map(|(hash, _)| hash).collect();
    let (hash, json) = (hash(&token), bytes(&session));
    let key = hash.clone();
    // A log-in may be forgotten: with a disk that can only be read it lasts as long as the box runs.
    store.write_for_now(move |tx| {
        for old in &gone {
            tx.put_session(old, None)?;
        }
        tx.put_session(&key, Some(&json))
    })?;
    Ok((token, Visitor { hash, session, person: Arc::new(person.clone()) }))
}

/// Writes a session, or ends it.
///
/// # Errors
/// As [`Store::write`].
pub fn keep(store: &Store, hash: &str, session: Option<&Session>) -> Result<(), Fault> {
    let (hash, json) = (hash.to_owned(), session.map(bytes));
    store.write_for_now(move |tx| tx.put_session(&hash, json.as_deref()))
}

/// True when the form carries the token that its page was given.
pub fn has_token(request: &Request, cookies: &Cookies, visitor: Option<&Visitor>) -> bool {
    let expected = match visitor {
        Some(visitor) => visitor.session.csrf.as_str(),
        None => request.cookie(&cookies.before).unwrap_or_default(),
    };
    let given = request.form.get(FIELD);
    expected.len() >= 64 && bool::from(given.as_bytes().ct_eq(expected.as_bytes()))
}

/// Gives the person whose form carried this token.
pub fn writer(csrf: &str) -> Option<&str> {
    csrf.split_once('.').filter(|(token, _)| token.len() == 64).map(|(_, name)| name)
}

impl Session {
    fn alive(&self, now: Time, person: &Person) -> bool {
        now.since(self.created) < LIFE && now.since(self.seen) < IDLE && self.seal == seal(person)
    }
}

/// Lists the log-ins that hold: name in the store and session, the one seen last first.
///
/// # Errors
/// As [`Store::read`].
pub fn alive(store: &Store) -> Result<Vec<(String, Session)>, Fault> {
    let (mut alive, _) = alive_and_gone(store)?;
    alive.sort_by_key(|(_, session)| std::cmp::Reverse(session.seen));
    Ok(alive)
}

type Sessions = Vec<(String, Session)>;

fn alive_and_gone(store: &Store) -> Result<(Sessions, Sessions), Fault> {
    let (people, now) = (store.people(), store.clock().now());
    let alive = |session: &Session| {
        people.get(&session.person).is_some_and(|person| !person.disabled && session.alive(now, person))
    };
    Ok(sessions(store)?.into_iter().partition(|(_, session)| alive(session)))
}

fn sessions(store: &Store) -> Result<Vec<(String, Session)>, Fault> {
    let stored = store.read(|view| view.sessions())?;
    Ok(stored.into_iter().filter_map(|(hash, json)| Some((hash, serde_json::from_slice(&json).ok()?))).collect())
}

/// Gives a session as it is stored.
pub fn bytes(session: &Session) -> Vec<u8> {
    // Strings and numbers always serialise.
    serde_json::to_vec(session).unwrap_or_default()
}

fn seal(person: &Person) -> String {
    hash(person.password.as_deref().unwrap_or_default())[..16].to_owned()
}

fn hash(text: &str) -> String {
    hex::encode(&Sha256::digest(text.as_bytes()))
}
