//! `satpost link`: lists, adds, changes, switches and removes the links of the box.

use argh::{ArgsInfo, FromArgs};
use serde_json::{Value, json};

use super::Wants;
use super::pairs::pairs;
use super::session::{Done, Failure, Session};
use super::table::columns;
use crate::admin::service::link_settings;
use crate::engine::link::equipment;
use crate::link::{self, Health};
use crate::links::LinkRecord;
use crate::settings::{self, Settings};
use crate::status::LinkStatus;

/// List, add, change, switch and remove the links of the box: its ways to far boxes.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "link",
    example = "  satpost link add boat sbd link.price 0.12
  satpost link set boat sbd.port /dev/ttyUSB0
  satpost link set shore hive.password < password.txt
  satpost link show boat",
    note = "A message goes by the cheapest link that is ready; while a cheaper one is down it waits for that, as the settings
patience.* have it. A link without a price is not used: write link.price 0 where it costs nothing."
)]
pub struct Link {
    #[argh(subcommand)]
    what: What,
}

#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand)]
enum What {
    List(List),
    Add(Add),
    Show(Show),
    Set(Set),
    Test(Test),
    On(On),
    Off(Off),
    Remove(Remove),
}

/// List the links, with their state and price.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "list")]
struct List {
    /// print JSON
    #[argh(switch)]
    json: bool,
}

/// Add a link and switch it on.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "add")]
struct Add {
    /// its name: letters, digits and hyphens
    #[argh(positional)]
    name: String,
    /// what it is, such as m138, hive, ip or sbd
    #[argh(positional)]
    driver: String,
    /// name and value of settings, as often as you like
    #[argh(positional, greedy)]
    pairs: Vec<String>,
}

/// Show a link: its state, what it cost, and its settings.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "show")]
struct Show {
    /// its name
    #[argh(positional)]
    name: String,
    /// print JSON
    #[argh(switch)]
    json: bool,
}

/// Change settings of a link, all or none. A single name without a value takes it from standard input: for secrets.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "set")]
struct Set {
    /// its name
    #[argh(positional)]
    name: String,
    /// name and value of settings, as often as you like
    #[argh(positional, greedy)]
    pairs: Vec<String>,
}

/// Tell whether a link works. Ends with 0 if it is ready, or could be once the box runs.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "test")]
struct Test {
    /// its name
    #[argh(positional)]
    name: String,
    /// print JSON
    #[argh(switch)]
    json: bool,
}

/// Switch a link on.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "on")]
struct On {
    /// its name
    #[argh(positional)]
    name: String,
}

/// Switch a link off. It takes nothing then; what it holds stays with it until it is on again.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "off")]
struct Off {
    /// its name
    #[argh(positional)]
    name: String,
}

/// Remove a link. Packets that it holds, or may hold, are unknown from then on, until the far box tells of them.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "remove")]
struct Remove {
    /// its name
    #[argh(positional)]
    name: String,
    /// also when it holds packets, or may
    #[argh(switch)]
    sure: bool,
}

impl Link {
    /// True for 'add'.
    pub(super) fn adds(&self) -> bool {
        matches!(self.what, What::Add(_))
    }

    pub(super) fn wants(&self) -> Wants {
        match &self.what {
            What::Set(set) => Wants::value_of(&set.pairs),
            What::Add(add) => Wants::value_of(&add.pairs),
            _ => Wants::Nothing,
        }
    }

    pub(super) fn act(self, session: &mut Session) -> Done {
        match self.what {
            What::List(list) => list.act(session),
            What::Add(add) => add.act(session),
            What::Show(show) => show.act(session),
            What::Set(set) => set.act(session),
            What::Test(test) => test.act(session),
            What::On(one) => switch(session, &one.name, true),
            What::Off(one) => switch(session, &one.name, false),
            What::Remove(one) => {
                known(session, &one.name)?;
                session.service().remove_link(&one.name, one.sure).map_err(|fault| match one.sure {
                    true => Failure::of_request(fault),
                    false => Failure::failed(format!("{} (satpost link remove {} --sure)", fault.why(), one.name)),
                })?;
                session.line(format!("{} is removed", one.name));
                Ok(())
            }
        }
    }
}

fn known(session: &Session, name: &str) -> Result<LinkRecord, Failure> {
    session.service().link(name).map_err(|fault| Failure::not_found(fault.why()))
}

fn switch(session: &mut Session, name: &str, on: bool) -> Done {
    known(session, name)?;
    session.service().switch_link(name, on).map_err(Failure::of_request)?;
    session.line(format!("{name} is {}", if on { "on" } else { "off" }));
    Ok(())
}

/// What a link is doing, in one sentence.
fn state(link: &LinkRecord, live: Option<&LinkStatus>) -> String {
    match (link.on, link.price(), live) {
        (false, ..) => "off".to_owned(),
        (_, None, _) => format!("not used: it has no price (satpost link set {} link.price; 0 is a price)", link.name),
        (.., Some(live)) => live.health.as_ref().map_or("starting".to_owned(), |health| health.state.to_string()),
        (.., None) => "not driven: no box runs".to_owned(),
    }
}

fn price(session: &Session, link: &LinkRecord) -> String {
    let settings = session.context.store.settings();
    let own = link.settings(&Settings::default());
    match link.price() {
        None => "no price".to_owned(),
        Some(price) if price.each.0 == 0 => "free".to_owned(),
        Some(price) => {
            let amount = crate::route::price::amount(&settings, price.each);
            let unit = own.text(settings::Key::LinkUnit);
            match price.free {
                0 => format!("{amount} a {unit}"),
                free => format!("{amount} a {unit} beyond {free} in a month"),
            }
        }
    }
}

/// A link for programs.
fn shown(session: &Session, link: &LinkRecord) -> Value {
    let (facts, store) = (session.context.status.facts(), &session.context.store);
    let own = link.settings(&Settings::default());
    let values: serde_json::Map<_, _> = link::driver(&link.driver)
        .into_iter()
        .flat_map(link_settings)
        .map(|row| (row.name.to_owned(), Value::from(own.shown(row.key))))
        .collect();
    let today = store.today();
    let charged = |period: &str| store.read(|view| view.charged(link.id, period)).unwrap_or_default();
    let (day, month) = (charged(&today), charged(today.get(..7).unwrap_or_default()));
    let used = |used: crate::money::Use| json!({"packets": used.packets, "money": used.money.to_string()});
    let live = facts.links.get(&link.id);
    json!({
        "id": link.id, "name": link.name, "driver": link.driver, "on": link.on, "added": link.added.to_string(),
        "priced": link.price().is_some(),
        "ready": live.is_some_and(LinkStatus::is_ready), "state": state(link, live),
        "health": live.and_then(|live| live.health.clone()),
        "settings": values, "today": used(day), "month": used(month),
    })
}

impl List {
    fn act(&self, session: &mut Session) -> Done {
        let links = session.service().links();
        if self.json {
            let all: Vec<_> = links.iter().map(|link| shown(session, link)).collect();
            session.json(&all);
            return Ok(());
        }
        if links.is_empty() {
            session.line("there is no link: satpost link add NAME DRIVER");
            return Ok(());
        }
        let facts = session.context.status.facts();
        let row = |link: &LinkRecord| {
            vec![link.name.clone(), link.driver.clone(), price(session, link), state(link, facts.links.get(&link.id))]
        };
        let rows: Vec<_> = links.iter().map(row).collect();
        session.out.push_str(&columns(&rows));
        Ok(())
    }
}

impl Add {
    fn act(self, session: &mut Session) -> Done {
        let pairs = match self.pairs.is_empty() {
            true => Vec::new(),
            false => pairs(
                session,
                self.pairs.clone(),
                (&format!("link add {} {}", self.name, self.driver), "link.price 0.07"),
            )?,
        };
        let link = session.service().add_link(&self.name, &self.driver, &pairs).map_err(Failure::of_request)?;
        session.line(format!("{} is added", link.name));
        if link.price().is_none() {
            session.err.push_str(&format!(
                "satpost: nothing goes by it until it has a price: satpost link set {} link.price 0.07; 0 is a price\n",
                link.name
            ));
        }
        Ok(())
    }
}

impl Show {
    fn act(&self, session: &mut Session) -> Done {
        let link = known(session, &self.name)?;
        let value = shown(session, &link);
        if self.json {
            session.json(&value);
            return Ok(());
        }
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let used = |name: &str| {
            format!("{} packets, {}", value[name]["packets"], value[name]["money"].as_str().unwrap_or_default())
        };
        let mut rows = vec![
            vec!["name".to_owned(), text("name")],
            vec![
                "driver".to_owned(),
                link::driver(&link.driver).map_or(link.driver.clone(), |row| format!("{}: {}", row.name, row.about)),
            ],
            vec!["state".to_owned(), text("state")],
            vec!["price".to_owned(), price(session, &link)],
            vec!["today".to_owned(), used("today")],
            vec!["this month".to_owned(), used("month")],
        ];
        for (name, shown) in value["settings"].as_object().into_iter().flatten() {
            rows.push(vec![name.clone(), shown.as_str().unwrap_or_default().to_owned()]);
        }
        session.out.push_str(&columns(&rows));
        Ok(())
    }
}

impl Set {
    fn act(self, session: &mut Session) -> Done {
        known(session, &self.name)?;
        let pairs = pairs(session, self.pairs, (&format!("link set {}", self.name), "link.price 0.07"))?;
        let said = session.service().set_link(&self.name, &pairs).map_err(Failure::of_request)?;
        if said.is_empty() {
            session.line("nothing was different");
        }
        for words in said {
            session.line(words);
        }
        Ok(())
    }
}

impl Test {
    fn act(&self, session: &mut Session) -> Done {
        let link = known(session, &self.name)?;
        let (live, facts) = (session.live, session.context.status.facts());
        let driver = link::driver(&link.driver)
            .ok_or_else(|| Failure::failed(format!("this version has no driver '{}'", link.driver)))?;
        let (ok, words) = match facts.links.get(&link.id).filter(|_| live && link.on) {
            Some(found) => {
                let health = found.health.as_ref().filter(|_| driver.contact.is_some());
                let mut words = vec![state(&link, Some(found))];
                words.extend(health.into_iter().flat_map(Health::without_cost));
                words.extend(health.map(|_| {
                    "a message that is paid: satpost send --from NAME --text Test ADDRESS; with --dry-run it says its price \
                     and sends nothing"
                        .to_owned()
                }));
                (found.is_ready() && link.price().is_some(), words)
            }
            None => match equipment::check(&session.context.store, driver, &link) {
                Ok(words) => (true, vec![words]),
                Err(words) => (false, words),
            },
        };
        if self.json {
            session.json(&json!({"name": link.name, "ok": ok, "words": words}));
        } else {
            words.iter().for_each(|words| session.line(format!("{}: {words}", link.name)));
        }
        match ok {
            true => Ok(()),
            false => Err(Failure::failed(format!("{} does not work", link.name))),
        }
    }
}
