//! Templates from `web/`, parsed once, and the frame that every page stands in.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use serde::Serialize;

use super::assets;
use super::response::Response;
use super::words::{self, Table, key, say};
use crate::clock::Time;

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        /// Name and text of every template; the names are paths in `web/`.
        pub static TEMPLATES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../web/", $name))),)*];
    };
}

templates! {
    "frame.html", "pair.html", "bare.html", "parts.html", "claim.html", "setup.html", "login.html", "dashboard.html",
    "messages.html", "message.html", "compose.html", "mailbox.html", "mailbox-message.html", "mailbox-mail.html", "mailbox-found.html", "position.html", "people.html", "person.html",
    "far-boxes.html", "far-box.html", "help/far-boxes.html", "help/gateways.html",
    "settings.html", "link.html", "links.html", "help.html", "quarantine.html", "costs.html", "sorry.html", "resume.html", "about.html", "restoring.html", "log.html", "broken.html", "account.html",
    "audit.html", "sessions.html", "usage.html", "health.html", "help/metrics.html",
    "help/start.html", "help/modem.html", "help/iridium.html", "help/links.html", "help/internet.html", "help/mail-programs.html", "help/states.html", "help/texting.html", "help/cut.html",
    "help/strangers.html", "help/costs.html", "help/known-issues.html", "help/command-line.html", "help/backup.html",
    "help/on-air.html", "help/faq.html", "help/troubleshooting.html", "help/hardware.html", "help/upgrade.html", "help/network.html",
    "help/programs.html", "help/buying.html", "help/wiring.html", "help/rented-host.html", "help/container.html",
}

/// Parses the templates for a language: what needs nothing put in stands in them as if it had been written there.
fn environment(language: &Table) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.add_global("style", assets::path("style"));
    environment.add_global("script", assets::path("satpost"));
    environment.add_global("picture", assets::path("icon"));
    environment.add_function("w", words::shown);
    add_filters(&mut environment);
    for (name, text) in TEMPLATES {
        if let Err(error) = environment.add_template_owned(*name, language.written_into(text)) {
            // A test parses them all: this cannot happen in a build that passed it.
            log::error!("web: template {name}: {error}");
        }
    }
    environment
}

/// The templates in the language that this thread speaks.
fn templates() -> &'static Environment<'static> {
    let language = words::spoken();
    language.templates.get_or_init(|| environment(language))
}

/// The filters that templates may use: those of the engine's own set that ours need, and one for links.
fn add_filters(environment: &mut Environment<'_>) {
    environment.add_filter("q", |text: &str| super::request::encode(text));
    environment.add_filter("length", |value: &Value| value.len());
    environment.add_filter("join", |value: &Value, between: &str| {
        let items = value.try_iter()?.map(|item| item.to_string());
        Ok::<_, minijinja::Error>(items.collect::<Vec<_>>().join(between))
    });
    environment.add_filter("capitalize", |text: &str| {
        let mut letters = text.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    });
}

/// Renders a template. A fault in a template is a page of status 500, and a line in the log.
pub fn page(status: u16, name: &str, values: Value) -> Response {
    let rendered = templates().get_template(name).and_then(|template| template.render(values));
    match rendered {
        Ok(html) => Response::html(status, html),
        Err(error) => {
            log::error!("web: template {name}: {error:#}");
            #[cfg(test)]
            eprintln!("template {name}: {error:#}");
            Response::text(500, &format!("{}\n", say!("error.fault")))
        }
    }
}

/// Gives the text of a help page, for the frame around it.
pub fn fragment(name: &str, values: Value) -> Option<Value> {
    let template = templates().get_template(name).ok()?;
    let html = template.render(values).inspect_err(|error| log::error!("web: template {name}: {error:#}")).ok()?;
    Some(Value::from_safe_string(html))
}

/// Gives the values of a page, on top of those of its frame.
pub fn over(frame: &Frame, values: Value) -> Value {
    context! { ..values, ..Value::from_serialize(frame) }
}

/// What the frame around a page shows.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Frame {
    /// Name of the box, in every title.
    pub box_name: String,
    /// Mail domain of the box; may be empty.
    pub domain: String,
    /// Title of the page, also that of the browser's window.
    pub title: String,
    /// Where in the rail it stands.
    pub section: &'static str,
    /// Name of the one who is logged in; empty for nobody.
    pub me: String,
    /// The one who is logged in is an owner and may do everything.
    pub owner: bool,
    /// Runs the queue and the people.
    pub operator: bool,
    /// The pages that the one who asks may see.
    pub nav: Vec<&'static Nav>,
    /// Token of the forms.
    pub csrf: String,
    /// `light`, `dark` or `auto`.
    pub theme: &'static str,
    /// Link, mail and queue in words.
    pub strip: Vec<Light>,
    /// What the last form did.
    pub flash: Option<super::Told>,
    /// Unread messages in the mailbox.
    pub unread: usize,
    /// Path of this page, to come back to.
    pub here: String,
    /// Path before all paths of the pages.
    pub base: String,
    /// Time of the page.
    pub now: Option<Moment>,
    /// Name of the time zone.
    pub zone: String,
}

/// An entry of the navigation.
#[derive(Debug, Serialize)]
pub struct Nav {
    /// Path of the page, below the base path.
    pub href: &'static str,
    /// Where in the rail it stands.
    pub section: &'static str,
    /// Key of its words.
    pub words: &'static str,
    /// Picture: a path of 24 by 24.
    pub picture: &'static str,
}

macro_rules! nav {
    ($($href:literal $section:literal $picture:literal $words:expr;)*) => {
        /// The navigation of somebody who may see everything.
        pub static NAV: &[Nav] = &[$(Nav { href: $href, section: $section, words: $words, picture: $picture },)*];
    };
}

nav! {
    "/" "dashboard" "M3 12l9-8 9 8M6 10v10h12V10" key!("nav.dashboard");
    "/mailbox" "mailbox" "M3 13l3-8h12l3 8v6H3zM3 13h5l1 3h6l1-3h5" key!("nav.mailbox");
    "/compose" "compose" "M4 20l4-1L20 7l-3-3L5 16zM14 7l3 3" key!("nav.compose");
    "/messages" "messages" "M4 6h16M4 12h16M4 18h10" key!("nav.messages");
    "/people" "people" "M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM3 20c0-4 3-6 6-6s6 2 6 6M16 4.500a3.500 3.500 0 0 1 0 6M18 14.500c2 1 3 3 3 5.500" key!("nav.people");
    "/far-boxes" "far-boxes" "M4 15l2 5h12l2-5zM12 15V4l6 8h-6" key!("nav.far_boxes");
    "/costs" "costs" "M4 20V10M10 20V4M16 20v-7M2.500 20h19" key!("nav.costs");
    "/links" "links" "M4 14a8 8 0 0 1 16 0M8 14a4 4 0 0 1 8 0M12 14v6M9 20h6" key!("nav.links");
    "/settings" "settings" "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.500v5M9 14.500v5" key!("nav.settings");
    "/audit" "audit" "M6 3h12v18H6zM9 8h6M9 12h6M9 16h4" key!("nav.audit");
    "/about" "about" "M4 5h16v14H4zM4 10h16M8 15h.5M12 15h.5" key!("nav.about");
    "/help" "help" "M9 9a3 3 0 1 1 4 3c-1 .5-1 1-1 2M12 17.500v.5M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z" key!("nav.help");
}

/// One light of the status strip.
#[derive(Debug, Clone, Serialize)]
pub struct Light {
    /// `Link`, `Mail`, `Queue`: its name for style and script.
    pub name: &'static str,
    /// Its name for people.
    pub label: String,
    /// `good` is well and done, `wait` goes on by itself, `warn` needs somebody, `bad` has failed, `off` is not in use; the
    /// page shows a sign and a word for each.
    pub tone: &'static str,
    /// What it says, a few words.
    pub words: String,
    /// Path of the page that says more.
    pub href: &'static str,
}

/// A moment for people and machines.
#[derive(Debug, Clone, Serialize)]
pub struct Moment {
    /// RFC 3339, for `<time datetime>`.
    pub iso: String,
    /// Short: time of day, or date.
    pub short: String,
    /// Day and time of day, as a clock shows them.
    pub day: String,
    /// Date and time of day, with the zone.
    pub long: String,
    /// How long ago that was, such as `5 min ago`; `in 5 min` of a time to come.
    pub ago: String,
}

/// Tells times in the zone of the box.
#[derive(Debug, Clone)]
pub struct TimeFormat {
    /// The time zone of the box.
    pub zone: TimeZone,
    /// The time from which is counted how long ago something was.
    pub now: Time,
}

impl TimeFormat {
    /// Gives a moment in words; empty words for times that no calendar has.
    pub fn moment(&self, time: Time) -> Moment {
        let zoned = |time: Time| Timestamp::from_second(time.seconds()).ok().map(|at| at.to_zoned(self.zone.clone()));
        let (Some(at), Some(now)) = (zoned(time), zoned(self.now)) else {
            let never = say!("time.never");
            return Moment {
                iso: String::new(),
                short: never.clone(),
                day: never.clone(),
                long: never.clone(),
                ago: never,
            };
        };
        let (date, clock) = (at.date(), at.strftime("%H:%M:%S").to_string());
        let short = match () {
            () if date == now.date() => clock.clone(),
            () if at.year() == now.year() => {
                say!("time.date_time", day = at.day(), month = month(date), time = at.strftime("%H:%M"))
            }
            () => say!("time.date_year", day = at.day(), month = month(date), year = at.year()),
        };
        let (weekday, day, month) = (weekday(date), at.day(), month(date));
        Moment {
            iso: time.to_string(),
            short,
            day: say!("time.moment", weekday = weekday, day = day, month = month, time = at.strftime("%H:%M")),
            long: say!(
                "time.long",
                weekday = weekday,
                day = day,
                month = month,
                year = at.year(),
                time = clock,
                zone = at.strftime("%Z")
            ),
            ago: if time > self.now {
                say!("time.future", span = span(time.since(self.now)))
            } else {
                say!("time.past", span = span(self.now.since(time)))
            },
        }
    }

    /// Gives a sentence with its times as they are here: words that every reader gets the same have them in UTC.
    pub fn local(&self, sentence: &str) -> String {
        let (mut told, mut rest) = (String::new(), sentence);
        while let Some(at) = rest.find('T') {
            let begin = at.checked_sub("2026-11-30".len()).filter(|begin| rest.is_char_boundary(*begin));
            let stamp = begin.and_then(|begin| rest.get(begin..begin + "2026-11-30T15:46:30Z".len()));
            let time = stamp.filter(|stamp| stamp.ends_with('Z')).and_then(|stamp| stamp.parse::<Timestamp>().ok());
            let (before, words, end) = match (begin, time) {
                (Some(begin), Some(time)) => {
                    (begin, self.moment(Time::from_seconds(time.as_second())).short, begin + 20)
                }
                _ => (at, "T".to_owned(), at + 1),
            };
            told.extend([&rest[..before], &words]);
            rest = &rest[end..];
        }
        told + rest
    }

    /// Gives the time of day, for a console.
    pub fn clock(&self, time: Time) -> String {
        let at = Timestamp::from_second(time.seconds()).map(|at| at.to_zoned(self.zone.clone()));
        at.map(|at| at.strftime("%H:%M:%S").to_string()).unwrap_or_default()
    }
}

/// Gives the name of a month, as short as in a list.
fn month(date: Date) -> String {
    nth(&say!("time.months"), usize::try_from(date.month()).unwrap_or(1))
}

/// Gives the name of a day of the week, as short as in a list.
pub fn weekday(date: Date) -> String {
    nth(&say!("time.weekdays"), usize::try_from(date.weekday().to_monday_one_offset()).unwrap_or(1))
}

fn nth(names: &str, number: usize) -> String {
    names.split(' ').nth(number - 1).unwrap_or_default().to_owned()
}

/// Gives a day without its year.
pub fn short_date(date: Date) -> String {
    say!("time.weekday_date", weekday = weekday(date), day = date.day(), month = month(date))
}

/// Gives a span of time in words, one unit.
pub fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..120 => say!("time.seconds", n = seconds),
        120..7200 => say!("time.minutes", n = seconds / 60),
        7200..172_800 => say!("time.hours", n = seconds / 3600),
        _ => say!("time.days", n = seconds / 86_400),
    }
}

/// Writes a number of bytes for people, as everywhere else: `512 B`, `2 kB`, `3.4 MB`.
pub fn bytes(count: u64) -> String {
    crate::message::words::size_of(count)
}

/// Gives the heading of a page that says no.
pub fn title(status: u16) -> String {
    match status {
        403 => say!("error.title_403"),
        404 => say!("error.title_404"),
        422 => say!("error.title_422"),
        429 => say!("error.title_429"),
        503 => say!("error.title_503"),
        _ => say!("error.title"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_parses() {
        let mut environment = Environment::new();
        for (name, text) in TEMPLATES {
            environment.add_template(name, text).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        }
    }

    /// A filter that is not there shows only when its place in the template is reached.
    #[test]
    fn every_filter_of_a_template_is_there() {
        let mut environment = Environment::new();
        environment.add_function("w", words::shown);
        add_filters(&mut environment);
        for (name, text) in TEMPLATES {
            for place in text.split('{').skip(1).filter(|place| place.starts_with(['{', '%'])) {
                let code = place.split('}').next().unwrap();
                for filter in code.split('|').skip(1).map(|rest| rest.trim_start()) {
                    let end = filter.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(filter.len());
                    let call = if &filter[..end] == "join" { "join('')" } else { &filter[..end] };
                    let tried = environment.render_str(&format!("{{{{ 'x'|{call} }}}}"), ());
                    let unknown = tried.is_err_and(|error| error.kind() == minijinja::ErrorKind::UnknownFilter);
                    assert!(!unknown, "{name}: {filter}");
                }
            }
        }
    }

    #[test]
    fn templates_have_nothing_the_policy_forbids() {
        for (name, text) in TEMPLATES {
            for bad in [" style=", "<style", " onclick", " onload", "<script>", "//fonts.", "|safe", "| safe"] {
                assert!(!text.contains(bad), "{name} has {bad}");
            }
            for (at, _) in text.match_indices("<form") {
                let form = &text[at..at + text[at..].find("</form>").unwrap()];
                assert!(form.contains("method=get") || form.contains("{{ token(csrf) }}"), "{name}: {form}");
            }
        }
    }

    #[test]
    fn times_are_told_in_the_zone_of_the_box() {
        let times = TimeFormat { zone: TimeZone::fixed(jiff::tz::offset(-3)), now: Time(1_795_564_800_000) };
        let moment = times.moment(times.now - Duration::from_secs(300));
        assert_eq!(moment.ago, "5 min ago");
        assert_eq!(moment.iso.len(), "2026-11-25T00:00:00Z".len());
        assert_eq!(times.moment(times.now + Duration::from_secs(90_000)).ago, "in 25 h");
        assert_eq!(times.moment(Time::NEVER).short, "never");
        for (told, here) in [
            (
                "The Tide, until 2026-11-25T00:30:00Z or 2026-12-01T01:02:03Z.",
                "The Tide, until 21:30:00 or 30 Nov 22:02.",
            ),
            ("T", "T"),
            ("2026-11-25T", "2026-11-25T"),
            ("\u{65e5}\u{65e5}\u{65e5}TTZ 2026-11-25T00:30:99Z", "\u{65e5}\u{65e5}\u{65e5}TTZ 2026-11-25T00:30:99Z"),
        ] {
            assert_eq!(times.local(told), here);
        }
        assert_eq!((bytes(999), bytes(1500), bytes(2_500_000)), ("999 B".into(), "2 kB".into(), "2.5 MB".into()));
        assert_eq!(bytes(82_250_900_000), "82.2 GB");
    }
}
