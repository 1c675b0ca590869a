//! Set-up in steps. Each can be skipped and come back to; what is done shows from the facts, not from a counter.

use minijinja::{Value, context};

use super::wrong::{self, Problem};
use super::{Ask, Reply, links, login, people, query, settings};
use crate::admin::App;
use crate::admin::auth;
use crate::admin::request::Request;
use crate::admin::response::Response;
use crate::admin::service::{Claim, PersonEdit};
use crate::admin::words::{key, say, word};
use crate::deliver::relay::{Relay, RelayConfig};
use crate::engine::link::equipment;
use crate::fault::Fault;
use crate::intake;
use crate::link::{DRIVERS, Driver, driver};
use crate::links::LinkRecord;
use crate::password::LEAST_OWNER;
use crate::people::Role;
use crate::settings::{Key, Settings};
use crate::status::{LinkStatus, PartStatus};
use crate::sys::ports;

/// Steps that somebody said are not needed.
const WAIVED: &str = "setup-waived";

/// Steps whose test was passed with the settings as they are.
const PROVEN: &str = "setup-proven";

/// A step: name in the path, key of its words, settings that its form may change.
struct Step {
    name: &'static str,
    words: &'static str,
    settings: &'static [&'static str],
}

const STEPS: [Step; 5] = [
    Step {
        name: "box",
        words: key!("setup.step_box"),
        settings: &["box.name", "box.domain", "box.reach", "box.time_zone"],
    },
    Step { name: "link", words: key!("setup.step_link"), settings: &[] },
    Step { name: "people", words: key!("setup.step_people"), settings: &[] },
    Step {
        name: "relay",
        words: key!("setup.step_relay"),
        settings: &["relay.host", "relay.port", "relay.tls", "relay.user", "relay.password"],
    },
    Step { name: "test", words: key!("setup.step_test"), settings: &[] },
];

/// Shows the page of a box that nobody owns yet.
pub fn ask_code(app: &App, request: &Request, status: u16, error: &str, problems: &[Problem]) -> Response {
    let form = &request.form;
    let values = context! {
        error => wrong::heading(problems, error), errors => wrong::by_field(problems), least => LEAST_OWNER, title => say!("setup.claim_this_box"),
        code => form.get("code"), name => form.get("name"), full_name => form.get("full_name"),
        mail_domain => form.get("domain"),
    };
    login::bare(app, request, status, "claim.html", values)
}

/// What tries for the code are counted under: nobody has such a name.
const CODE: &str = "the claim code";

/// Makes whoever has the code the owner, and logs them in.
pub fn claim(app: &App, request: &Request) -> Response {
    let form = &request.form;
    let text = |name: &str| form.get(name).to_owned();
    if let Err(wait) = app.try_once(request, CODE) {
        return ask_code(app, request, 429, &login::too_many(wait), &[])
            .with("Retry-After", (wait.as_secs() + 1).to_string());
    }
    let claim = Claim {
        code: text("code"),
        name: text("name"),
        full_name: text("full_name"),
        password: text("password"),
        domain: text("domain"),
    };
    let service = app.nobody(request);
    let mut problems = match service.claim_problems(&claim) {
        Ok(problems) => problems,
        Err(fault) => return claim_failed(app, request, fault),
    };
    if form.get("password") != form.get("again") {
        problems.push(("again", say!("error.the_password_was_typed")));
    }
    if !problems.is_empty() {
        return ask_code(app, request, 422, "", &problems);
    }
    let opened = service.claim(&claim).and_then(|person| auth::open(&app.store, &person, &request.peer));
    match opened {
        Ok((token, visitor)) => {
            app.was_right(request, CODE);
            login::with_session(app, Response::see("/setup/box"), &visitor, &token)
        }
        Err(fault) => claim_failed(app, request, fault),
    }
}

fn claim_failed(app: &App, request: &Request, fault: Fault) -> Response {
    match fault {
        Fault::Permanent(why) => ask_code(app, request, 422, &why.to_string(), &[]),
        fault => ask_code(app, request, 503, &fault.why(), &[]),
    }
}

/// Goes to the first step that is open.
pub fn first_open(ask: &Ask) -> Reply {
    let open = progress(ask)?.into_iter().find(|(_, _, done)| !done).map_or("box", |(name, ..)| name);
    Ok(Response::see(&format!("/setup/{open}")))
}

/// Steps that are neither done nor waived, for the front page: name and words.
pub fn open_steps(ask: &Ask) -> Result<Vec<(&'static str, String)>, Fault> {
    let waived = noted(ask, WAIVED)?;
    let open = progress(ask)?.into_iter().filter(|(name, _, done)| !done && !waived.iter().any(|other| other == name));
    Ok(open.map(|(name, words, _)| (name, words)).collect())
}

/// Gives the steps of this box and whether they are done.
fn progress(ask: &Ask) -> Result<Vec<(&'static str, String, bool)>, Fault> {
    let settings = &ask.settings;
    let proven = noted(ask, PROVEN)?;
    let facts = ask.app.status.facts();
    // Messages that went through the box say more than a test message would, and somebody wrote or got them.
    let ledger = ask.app.store.ledger()?;
    let used = ledger.totals.values().any(|totals| totals.accepted > 0);
    let mut steps = Vec::new();
    for step in STEPS {
        let done = match step.name {
            "box" => !settings.text(Key::Domain).is_empty(),
            // A link that carried packets works, whatever it does at this moment.
            "link" => {
                let usable = |link: &LinkRecord| {
                    let live = facts.links.get(&link.id).is_some_and(LinkStatus::is_ready);
                    live && driver(&link.driver).is_some_and(|driver| lacks(ask, link, driver).is_empty())
                };
                ledger.packets_sent + ledger.packets_in > 0 || ask.service.links().iter().any(usable)
            }
            "people" => used || ask.service.people().len() > 1,
            "relay" if settings.text(Key::Reach) != "internet" => continue,
            "relay" => proven.iter().any(|name| name == "relay") || facts.relay.as_ref().is_some_and(PartStatus::is_ok),
            _ => used,
        };
        steps.push((step.name, word(step.words), done));
    }
    Ok(steps)
}

fn noted(ask: &Ask, note: &'static str) -> Result<Vec<String>, Fault> {
    let note = ask.app.store.read(|view| view.note(note))?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&note).split_whitespace().map(str::to_owned).collect())
}

/// Notes whether a step has passed its test.
fn prove(ask: &Ask, step: &str, passed: bool) -> Result<(), Fault> {
    let mut proven = noted(ask, PROVEN)?;
    proven.retain(|name| name != step);
    proven.extend(passed.then(|| step.to_owned()));
    let note = proven.join(" ").into_bytes();
    ask.app.store.write(move |tx| tx.put_note(PROVEN, Some(&note)))
}

/// Shows one step; `results` are the lines of a test that was just made.
pub fn show(ask: &Ask, step: &str, status: u16, error: &str, results: &[String]) -> Reply {
    let Some(known) = STEPS.iter().find(|known| known.name == step) else {
        return Ok(ask.sorry(404, &say!("setup.there_is_no_such")));
    };
    let steps = progress(ask)?;
    let next = steps.iter().skip_while(|(name, ..)| *name != step).nth(1).map(|(name, ..)| *name);
    let posted = (!error.is_empty()).then_some(&ask.request.form);
    let rows: Vec<_> = ask.service.settings();
    let of_step = |name: &str| known.settings.contains(&name);
    let changes = posted.map(|form| settings::read(form, of_step, &ask.settings)).unwrap_or_default();
    let mut problems = ask.service.problems(&changes.pairs);
    let error = settings::heading(&problems).unwrap_or_else(|| error.to_owned());
    problems.extend(changes.said());
    let carried = settings::carried(of_step, &ask.settings, posted, &changes);
    let fields: Vec<_> = known
        .settings
        .iter()
        .filter_map(|name| rows.iter().find(|row| row.setting.name == *name))
        .map(|row| settings::field_with(ask, row.setting, &ask.settings, posted, &problems))
        .collect();
    let wrong = posted.filter(|_| step == "people").map(|form| {
        let edit = PersonEdit { role: Role::Person, ..people::edit_of(form) };
        ask.service.person_problems(&edit, None)
    });
    let wrong = wrong.unwrap_or_default();
    let error = wrong::heading(&wrong, &error);
    let link = ask.service.links().into_iter().next().filter(|_| step == "link");
    let of_link = link.and_then(|link| driver(&link.driver));
    let error = of_link.map_or_else(|| error.clone(), |driver| links::heading(ask, driver, &error));
    let values = context! {
        step, next, error, results, fields, carried,
        errors => wrong::by_field(&wrong),
        proven => steps.iter().any(|(name, _, done)| *name == step && *done),
        steps,
        words => word(known.words),
        tested => !results.is_empty() || ask.request.query.ticked("test"),
        more => special(ask, step),
    };
    Ok(ask.page(status, "setup.html", "setup", &say!("setup.set_up_title"), values))
}

/// Gives what only one of the steps shows.
fn special(ask: &Ask, step: &str) -> Value {
    match step {
        "box" => context! {
            clock => ask.times.moment(ask.times.now),
            ms => ask.times.now.0,
            believable => ask.app.store.clock().believable(),
        },
        "link" => {
            let facts = ask.app.status.facts();
            let link = ask.service.links().into_iter().next();
            let driver = link.as_ref().and_then(|link| driver(&link.driver));
            let live = link.as_ref().and_then(|link| facts.links.get(&link.id));
            let lines: Vec<_> = facts
                .lines
                .iter()
                .rev()
                .take(12)
                .rev()
                .map(|(_, line)| {
                    context! { at => ask.times.clock(line.at), sent => line.sent, text => line.text }
                })
                .collect();
            let station = ask.settings.text(Key::Reach) == "satellite";
            let first = DRIVERS.iter().find(|driver| driver.contact.is_some() == station).map(|driver| driver.name);
            context! {
                first, lacks => link.as_ref().zip(driver).map(|(link, driver)| lacks(ask, link, driver)),
                ports => ports::list(), has_port => driver.is_none_or(|driver| driver.contact.is_some()), plugged => links::plugged(ask), takers => links::takers(), lines, after => facts.next_line,
                drivers => DRIVERS.iter().map(|driver| context! { name => driver.name, about => driver.about }).collect::<Vec<_>>(),
                name => link.as_ref().map(|link| link.name.clone()), driver => driver.map(|driver| driver.name),
                console => driver.is_some_and(|driver| driver.console),
                fields => link.as_ref().zip(driver).map(|(link, driver)| links::fields(ask, link, driver)),
                link => live.and_then(|live| links::figures(ask, live)),
            }
        }
        "people" => context! {
            people => ask.service.people().iter().map(|person| person.name.clone()).collect::<Vec<_>>(),
            who => people::fields(&people::edit_of(&ask.request.form)),
            max_parts => ask.settings.text(Key::AirMaxParts),
        },
        _ => {
            context! { once => auth::once(&auth::once_of(ask.request)).unwrap_or_default(), address => format!("{}@{}", ask.me(), ask.settings.text(Key::Domain)) }
        }
    }
}

/// What is still to be set before this link is used.
fn lacks(ask: &Ask, link: &LinkRecord, driver: &Driver) -> Vec<String> {
    let price = link.price().is_none().then(|| say!("setup.nothing_goes_by_it"));
    // What a modem lacks it says itself, as soon as it is asked.
    let silent = driver.contact.is_none();
    let wrong = silent.then(|| equipment::check(&ask.app.store, driver, link).err().unwrap_or_default());
    wrong.into_iter().flatten().chain(price).collect()
}

/// Saves a step, tests it, or says that it is not needed, as the button says.
pub fn save(ask: &Ask, step: &str) -> Reply {
    let Some(known) = STEPS.iter().find(|known| known.name == step) else {
        return Ok(ask.sorry(404, &say!("setup.there_is_no_such")));
    };
    let form = &ask.request.form;
    if form.get("do") == "waive" {
        ask.service.waive(WAIVED, known.name)?;
        return ask.done("/", say!("setup.is_off_the_list", step = word(known.words)));
    }
    let saved = match step {
        "people" => ask
            .service
            .add(&PersonEdit { role: Role::Person, ..people::edit_of(form) })
            .map(|person| vec![say!("setup.is_here_now", name = person.name)]),
        "test" => send_test(ask),
        "link" => save_link(ask),
        _ => {
            let changes = settings::read(form, |name| known.settings.contains(&name), &ask.settings);
            changes.agreed().and_then(|pairs| ask.service.set_all(&pairs))
        }
    };
    let said = match saved {
        Ok(said) => said,
        Err(Fault::Permanent(why)) => return show(ask, step, 422, &why.to_string(), &[]),
        Err(fault) => return Err(fault),
    };
    if step == "relay" && form.get("do") == "test" {
        let (passed, said) = test_relay(&ask.app.store.settings());
        prove(ask, step, passed)?;
        return show(ask, step, 200, "", &said);
    }
    if step == "relay" && !said.is_empty() {
        prove(ask, step, false)?;
    }
    // One that was only chosen has its settings before it.
    let again = form.get("do") == "test" || step == "test" || (step == "link" && form.get("do") == "choose");
    let steps = progress(ask)?;
    let next = steps.iter().skip_while(|(name, ..)| *name != step).nth(1).map_or("test", |(name, ..)| *name);
    let place = match (step, again) {
        ("test", _) => said.first().map_or("/".to_owned(), |id| format!("/messages/{id}")),
        (_, true) => format!("/setup/{step}{}", query(&[("test", "1")])),
        (_, false) => format!("/setup/{next}"),
    };
    let words = if step == "test" { say!("setup.the_test_message_is") } else { settings::saved(&said) };
    ask.done(&place, words)
}

/// Adds the first link of a box, or saves its settings.
fn save_link(ask: &Ask) -> Result<Vec<String>, Fault> {
    let form = &ask.request.form;
    match ask.service.links().first() {
        None => {
            let link = ask.service.add_link(form.get("driver"), form.get("driver"), &[])?;
            Ok(vec![say!("setup.link_is_there_now", name = link.name)])
        }
        Some(link) => links::set(ask, &link.name),
    }
}

/// Tries everything with the relay but a message: whether all went well, and one sentence for each step.
fn test_relay(settings: &Settings) -> (bool, Vec<String>) {
    let config = match RelayConfig::from_settings(settings) {
        Ok(config) => config,
        Err(fault) => return (false, vec![fault.to_string()]),
    };
    let check = Relay::new().check(&config);
    (check.fault.is_none(), check.lines.into_iter().chain(check.fault.map(|fault| fault.to_string())).collect())
}

fn send_test(ask: &Ask) -> Result<Vec<String>, Fault> {
    let to = match ask.request.form.get("to").trim() {
        "" => format!("{}@{}", ask.me(), ask.settings.text(Key::Domain)),
        to => to.to_owned(),
    };
    let text = say!("setup.a_test_message_from", name = ask.settings.text(Key::BoxName));
    let sheet = intake::ComposeForm {
        to,
        subject: say!("common.test"),
        text,
        once: auth::once_of(ask.request),
        ..Default::default()
    };
    let kept = intake::compose(&ask.app.context, &ask.visitor.person, &sheet)?;
    Ok(kept.ids().iter().map(ToString::to_string).collect())
}
