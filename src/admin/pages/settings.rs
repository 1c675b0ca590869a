//! Settings: a page for each group of the table.

use minijinja::{Value, context};

use super::shown::{self, Changes};
use super::{Ask, Reply};
use crate::admin::request::Fields;
use crate::admin::service::REHEARSED;
use crate::admin::words::say;
use crate::fault::Fault;
use crate::money::Money;
use crate::route::price;
use crate::settings::{Key, Kind, Setting, Settings, TABLE};

/// Gives the groups in the order of the table: name in the path, heading.
pub fn groups() -> Vec<(String, &'static str)> {
    let mut groups: Vec<(String, &'static str)> = Vec::new();
    for row in TABLE.iter().filter(|row| !row.is_of_links()) {
        if groups.last().is_none_or(|(_, group)| *group != row.group) {
            groups.push((row.group.to_lowercase().replace(' ', "-"), row.group));
        }
    }
    groups
}

/// The group of rules that can be tried on the past, and its name in the path.
const RULES: &str = "Who may write over the air";
const RULES_SLUG: &str = "who-may-write-over-the-air";

/// The group whose page tells how texts come in, and who wants none.
const TEXTS: &str = "Text messages";
/// Phones that want no texts, as many as the page shows.
const OPT_OUTS: usize = 200;

/// Shows one group.
pub fn show(ask: &Ask, group: &str, status: u16, error: &str) -> Reply {
    shown(ask, group, status, error, None)
}

/// Shows one group, with what a rehearsal found; then as it was typed.
fn shown(ask: &Ask, group: &str, status: u16, error: &str, tried: Option<&str>) -> Reply {
    let groups = groups();
    let Some((slug, heading)) = groups.iter().find(|(slug, _)| slug == group) else {
        return Ok(ask.sorry(404, &say!("settings.there_is_no_such")));
    };
    let all = ask.service.settings();
    let posted = (!error.is_empty() || tried.is_some()).then_some(&ask.request.form);
    let in_group = |name: &str| TABLE.iter().any(|row| row.name == name && row.group == *heading);
    let changes = posted.map(|form| read(form, in_group, &ask.settings)).unwrap_or_default();
    let mut problems = ask.service.problems(&changes.pairs);
    let error = self::heading(&problems).unwrap_or_else(|| error.to_owned());
    problems.extend(changes.said());
    let carried = carried(in_group, &ask.settings, posted, &changes);
    let rows: Vec<_> = all
        .iter()
        .filter(|row| row.setting.group == *heading)
        .map(|row| field_with(ask, row.setting, &ask.settings, posted, &problems))
        .collect();
    let tabs: Vec<_> = groups
        .iter()
        .map(|(slug, words)| {
            let changed = all.iter().filter(|row| row.setting.group == *words && row.changed).count();
            context! { slug, words, changed, current => slug == group }
        })
        .collect();
    let unverified = *heading == RULES && ask.settings.text(Key::SmtpAuthHost).is_empty();
    let texts = if *heading == TEXTS { Some(texts(ask)?) } else { None };
    let values =
        context! { carried, rows, tabs, error, slug, heading, tried, unverified, texts, rules => *heading == RULES };
    Ok(ask.page(status, "settings.html", "settings", &say!("common.settings"), values))
}

/// Tells how texts come in, when the carrier was heard, and who opted out.
fn texts(ask: &Ask) -> Result<Value, Fault> {
    let facts = ask.app.status.facts();
    let outs = ask.app.store.read(|view| view.opt_outs(OPT_OUTS))?;
    let outs: Vec<_> = outs
        .iter()
        .map(|(number, phone, out)| context! { number, phone, how => out.how, at => ask.times.moment(out.at) })
        .collect();
    Ok(context! {
        state => facts.texts.as_ref().map(|part| context! { ok => part.is_ok(), words => part.words() }),
        heard => facts.texts_heard.map(|at| ask.times.moment(at)),
        refused => facts.texts_refused.as_ref().map(|part| context! { words => part.words(), at => ask.times.moment(part.at) }),
        outs,
    })
}

/// Gives a field as [`field`], with what is wrong in it.
pub fn field_with(
    ask: &Ask,
    setting: &'static Setting,
    settings: &Settings,
    posted: Option<&Fields>,
    problems: &[(String, String)],
) -> Value {
    let error = problems.iter().find(|(name, _)| name == setting.name).map(|(_, why)| why);
    context! { error, ..field(ask, setting, settings, posted) }
}

/// What is wrong with the values of a form, for the heading of the page: the fields say it themselves.
pub fn heading(problems: &[(String, String)]) -> Option<String> {
    match problems.len() {
        0 => None,
        many => Some(say!("settings.wrong", n = many)),
    }
}

/// Makes a field of a form from a setting, as these settings have it; after an error with what was typed.
pub fn field(ask: &Ask, setting: &'static Setting, settings: &Settings, posted: Option<&Fields>) -> Value {
    let stored = settings.text(setting.key);
    let secret = setting.kind == Kind::Secret;
    let value = match posted.and_then(|form| form.find(setting.name)) {
        _ if secret => "",
        Some(typed) => typed,
        None => stored,
    };
    let (kind, choices) = match setting.kind {
        Kind::Secret => ("secret", &[][..]),
        Kind::Switch => ("switch", &[][..]),
        Kind::Choice(words) => ("choice", words),
        Kind::Number(..) => ("number", &[][..]),
        _ => ("text", &[][..]),
    };
    let limits = match setting.kind {
        Kind::Number(least, most) => Some((least, most)),
        _ => None,
    };
    context! {
        name => setting.name, label => setting.label, help => setting.help, worth => worth(ask, setting.key), kind, choices, value, limits,
        set => secret && !stored.is_empty(),
        default => if setting.default.is_empty() { say!("settings.empty") } else { setting.default.to_owned() },
        changed => settings.changed(setting.key),
        listens => matches!(setting.kind, Kind::Listen),
    }
}

/// Gives what a setting is worth at the prices of this box, in words.
fn worth(ask: &Ask, key: Key) -> Option<String> {
    let policy = crate::engine::policy(&ask.app.store);
    let cheapest = policy.cheapest_of_all();
    let price = cheapest.and_then(|link| link.price).map(|price| price.of(100)).filter(|price| price.0 > 0)?;
    (key == Key::AirGather).then(|| {
        let (alone, shared) = (price::amount(&ask.settings, price), price::amount(&ask.settings, Money(price.0 / 2)));
        say!("settings.alone_a_short_message", alone = alone, shared = shared)
    })
}

/// What a form carries of the settings that it shows, as they are; nothing of secrets, which no page shows.
pub fn carried(
    wanted: impl Fn(&str) -> bool,
    settings: &Settings,
    posted: Option<&Fields>,
    changes: &Changes,
) -> String {
    let shown = TABLE.iter().filter(|row| wanted(row.name) && row.kind != Kind::Secret);
    let values = shown.map(|row| (row.name.to_owned(), settings.text(row.key).to_owned())).collect();
    shown::carried(values, posted, &changes.conflicts)
}

/// Reads a group of settings from a form, against those that hold now. Secrets that were left empty stay as they are.
pub fn read(form: &Fields, wanted: impl Fn(&str) -> bool, now: &Settings) -> Changes {
    let mut pairs = Vec::new();
    for setting in TABLE.iter().filter(|setting| wanted(setting.name)) {
        let value = match (setting.kind, form.find(setting.name)) {
            (Kind::Secret, _) if form.ticked(&format!("remove {}", setting.name)) => "",
            (Kind::Secret, None | Some("")) => continue,
            // The form says that the switch was on it; browsers send nothing for a box without a tick.
            (Kind::Switch, None) if form.ticked(&format!("has {}", setting.name)) => "no",
            (_, Some(value)) => value,
            (_, None) => continue,
        };
        pairs.push((setting.name.to_owned(), value.to_owned()));
    }
    shown::changes(form, pairs, |name| {
        let row = TABLE.iter().find(|row| row.name == name && row.kind != Kind::Secret)?;
        Some(now.text(row.key).to_owned())
    })
}

/// Saves one group, all of it or nothing.
pub fn save(ask: &Ask, group: &str) -> Reply {
    let groups = groups();
    let Some((slug, heading)) = groups.iter().find(|(slug, _)| slug == group) else {
        return Ok(ask.sorry(404, &say!("settings.there_is_no_such")));
    };
    let in_group = |name: &str| TABLE.iter().any(|row| row.name == name && row.group == *heading);
    let changes = read(&ask.request.form, in_group, &ask.settings);
    match changes.agreed().and_then(|pairs| ask.service.set_all(&pairs)) {
        Ok(said) => ask.done(&format!("/settings/{slug}"), saved(&said)),
        Err(Fault::Permanent(why)) => show(ask, slug, 422, &why.to_string()),
        Err(fault) => Err(fault),
    }
}

/// Shows what the rules of the form would have done with the messages of the past, and saves nothing.
pub fn rehearse(ask: &Ask) -> Reply {
    let tried = |name: &str| TABLE.iter().any(|row| row.name == name && REHEARSED.contains(&row.key));
    match ask.service.rehearse(&read(&ask.request.form, tried, &ask.settings).pairs) {
        Ok(rehearsal) => shown(ask, RULES_SLUG, 200, "", Some(&rehearsal.words())),
        Err(Fault::Permanent(why)) => show(ask, RULES_SLUG, 422, &why.to_string()),
        Err(fault) => Err(fault),
    }
}

/// Gives what changed, in one line.
pub fn saved(said: &[String]) -> String {
    match said {
        [] => say!("settings.nothing_was_different"),
        said => say!("settings.saved", said = said.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_in_one_piece_and_fields_are_read_by_their_kind() {
        let groups = groups();
        let mut names: Vec<_> = groups.iter().map(|(slug, _)| slug.clone()).collect();
        names.dedup();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), groups.len());
        let form = Fields::parse(b"relay.host=mail.x.org&relay.password=&has+air.trim=1&hive.password=a&no.such=1");
        let read = read(&form, |_| true, &Settings::default());
        let pairs: Vec<_> = read.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("hive.password", "a"), ("air.trim", "no"), ("relay.host", "mail.x.org")]);
    }
}
