//! `satpost settings`: lists, reads and changes the settings; the same table as on the page.

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use super::Wants;
use super::check::unused;
use super::pairs::pairs;
use super::session::{Done, Failure, Session};
use super::table::columns;
use crate::admin::service::Row;
use crate::settings::{self, Kind};

/// List, read and change the settings of the box; the same table as on the page.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "settings",
    example = "  satpost settings list relay
  satpost settings get box.domain
  satpost settings set relay.host mail.example.org relay.tls starttls
  satpost settings set relay.password < password.txt
  satpost settings set relay.password ''",
    note = "A running box applies them at once, without a restart."
)]
pub struct Settings {
    #[argh(subcommand)]
    what: What,
}

#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand)]
enum What {
    List(List),
    Get(Get),
    Set(Set),
    Try(Try),
}

/// List settings with their values; those that differ from the default are marked with a star.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "list")]
struct List {
    /// only those whose name begins so
    #[argh(positional)]
    prefix: Option<String>,
    /// say what each is for
    #[argh(switch)]
    help_texts: bool,
    /// print JSON, with kinds, defaults and help texts
    #[argh(switch)]
    json: bool,
}

/// Print one value. A secret is printed as '(set)'.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "get")]
struct Get {
    /// name, such as box.domain
    #[argh(positional)]
    name: String,
    /// print JSON
    #[argh(switch)]
    json: bool,
}

/// Change settings, all or none. A single name without a value takes it from standard input: for secrets.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "set")]
struct Set {
    /// name and value, as often as you like
    #[argh(positional, greedy)]
    pairs: Vec<String>,
}

/// Try rules on past messages, and change nothing: name and value pairs as with 'set', of air.strangers, air.allow,
/// air.block, air.machines, air.answers and air.key_word. For the lists of a person see 'people try'.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "try", example = "  satpost settings try air.strangers refuse air.block spam.example")]
struct Try {
    /// name and value, as often as you like
    #[argh(positional, greedy)]
    pairs: Vec<String>,
}

impl Settings {
    /// True for 'set'.
    pub(super) fn sets(&self) -> bool {
        matches!(self.what, What::Set(_))
    }

    pub(super) fn wants(&self) -> Wants {
        match &self.what {
            What::Set(set) => Wants::value_of(&set.pairs),
            _ => Wants::Nothing,
        }
    }

    pub(super) fn act(self, session: &mut Session) -> Done {
        match self.what {
            What::List(list) => list.act(session),
            What::Get(get) => get.act(session),
            What::Set(set) => set.act(session),
            What::Try(attempt) => attempt.act(session),
        }
    }
}

impl List {
    fn act(&self, session: &mut Session) -> Done {
        let prefix = self.prefix.as_deref().unwrap_or_default();
        let mut rows = session.service().settings();
        rows.retain(|row| row.setting.name.starts_with(prefix));
        if rows.is_empty() {
            return Err(Failure::not_found(format!("no setting begins with '{}'", prefix.escape_debug())));
        }
        if self.json {
            session.json(&rows.iter().map(shown).collect::<Vec<_>>());
            return Ok(());
        }
        let mut lines = Vec::new();
        for row in &rows {
            let mark = if row.changed { "*" } else { "" };
            let help = if self.help_texts { row.setting.help } else { "" };
            lines.push(vec![row.setting.name.to_owned(), mark.to_owned(), row.shown.clone(), help.to_owned()]);
        }
        session.out.push_str(&columns(&lines));
        Ok(())
    }
}

impl Get {
    fn act(&self, session: &mut Session) -> Done {
        let row = session.service().get(&self.name).map_err(|fault| Failure::not_found(fault.why()))?;
        if self.json {
            session.json(&shown(&row));
        } else {
            session.line(&row.shown);
        }
        Ok(())
    }
}

impl Try {
    fn act(self, session: &mut Session) -> Done {
        let (pairs, rest) = self.pairs.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(Failure::usage("write a name and a value: satpost settings try air.strangers refuse"));
        }
        let pairs: Vec<_> = pairs.iter().map(|[name, value]| (name.clone(), value.clone())).collect();
        let rehearsal = session.service().rehearse(&pairs).map_err(Failure::of_request)?;
        session.line(rehearsal.words());
        Ok(())
    }
}

impl Set {
    fn act(self, session: &mut Session) -> Done {
        let pairs = pairs(session, self.pairs, ("settings set", "box.domain station.example"))?;
        let said = session.service().set_all(&pairs).map_err(Failure::of_request)?;
        let given = session.context.status.facts().given;
        for (listener, key) in crate::supervisor::listeners::names().filter(|(listener, _)| given.contains(listener)) {
            let name = settings::row(key).name;
            if pairs.iter().any(|(set, _)| set == name) {
                session.err.push_str(&format!("satpost: {}\n", unused(listener, name)));
            }
        }
        if said.is_empty() {
            session.line("nothing was different");
        }
        for words in said {
            session.line(words);
        }
        Ok(())
    }
}

fn shown(row: &Row) -> serde_json::Value {
    let secret = row.setting.kind == Kind::Secret;
    json!({
        "name": row.setting.name,
        "value": if secret { None } else { Some(&row.shown) },
        "secret": secret,
        "set": !row.shown.is_empty(),
        "changed": row.changed,
        "default": row.setting.default,
        "kind": kind(row.setting.kind),
        "group": row.setting.group,
        "label": row.setting.label,
        "help": row.setting.help,
    })
}

fn kind(kind: Kind) -> String {
    match kind {
        Kind::Text => "one line of text".to_owned(),
        Kind::Secret => "a secret".to_owned(),
        Kind::Domain => "a domain or host".to_owned(),
        Kind::Switch => "yes or no".to_owned(),
        Kind::Number(low, high) => format!("a number from {low} to {high}"),
        Kind::Seconds(low, high) => format!("{low} to {high} seconds; s, m, h, d may follow the number"),
        Kind::Choice(words) => format!("one of {}", words.join(", ")),
        Kind::Listen => "ip:port, several separated by spaces".to_owned(),
        Kind::Amount => "an amount such as 0.07".to_owned(),
        Kind::Price => "an amount such as 0.07, or nothing while it is not known".to_owned(),
        Kind::Url => "an address that begins with https://".to_owned(),
        Kind::Webhook(_) => "16 or more random characters".to_owned(),
        Kind::Path => "a path".to_owned(),
        Kind::Senders => "addresses and domains, several separated by spaces".to_owned(),
        Kind::Networks => "address/bits, several separated by spaces".to_owned(),
    }
}
