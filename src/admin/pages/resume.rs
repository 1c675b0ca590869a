//! What somebody sent while their log-in had ended, or from a page that was too old: nothing of it is lost.
//!
//! ```text
//!  post without a session -> log-in form that carries it -> the writer logs in  -> it is done
//!                                                        -> somebody else does  -> asked first
//!  post with an old token -> asked first
//! ```
//!
//! The post travels in the form itself, so it survives a restart and takes no memory here. Only a post that came from a
//! page of this box is carried, and only with the token of the log-in form, so no other site can have one done. One that
//! holds a password or another secret is not carried: it would stand in a page.

use minijinja::context;
use serde::{Deserialize, Serialize};

use super::{Ask, login};
use crate::admin::App;
use crate::admin::auth;
use crate::admin::request::{Fields, Method, Request, own_place};
use crate::admin::response::Response;
use crate::admin::words::say;
use crate::settings;

/// Fields that are no setting, and whose names have such a part, are not shown again.
const SECRET: [&str; 4] = ["password", "secret", "token", "code"];

/// A post that was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {
    /// Where it was sent to.
    target: String,
    /// What it said, without its token.
    fields: Vec<(String, String)>,
    /// Who had the page, as far as its token tells.
    writer: Option<String>,
}

impl Resumed {
    /// Takes a post apart; `None` for one that is not worth keeping, or must not be.
    pub fn of(request: &Request) -> Option<Self> {
        let fields = request.form.pairs().iter().filter(|(name, _)| name != auth::FIELD);
        let fields: Vec<_> = fields.cloned().collect();
        let secret = |(name, _): &(String, String)| match settings::find(name) {
            Ok(setting) => setting.is_secret(),
            Err(_) => SECRET.iter().any(|part| name.contains(part)),
        };
        let aside = ["/login", "/logout", "/theme", "/setup"];
        let path = request.target.split('?').next().unwrap_or_default();
        let wanted = request.method == Method::Post && !fields.is_empty() && !aside.contains(&path);
        let writer = auth::writer(request.form.get(auth::FIELD)).map(str::to_owned);
        (wanted && !fields.iter().any(secret)).then(|| Self { target: request.target.clone(), fields, writer })
    }

    /// Reads the post that a log-in form carries.
    pub fn carried(request: &Request) -> Option<Self> {
        let resumed: Self = serde_json::from_str(request.form.get(login::CARRIED)).ok()?;
        (own_place(&resumed.target) == resumed.target).then_some(resumed)
    }

    /// Writes it into a form.
    fn carry(&self) -> String {
        // Strings always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// True when this person wrote it.
    pub fn is_of(&self, person: &str) -> bool {
        self.writer.as_deref() == Some(person)
    }

    /// Makes the post once more, as one of the session that has this token.
    pub fn again(&self, request: &Request, csrf: &str) -> Request {
        let token = (auth::FIELD.to_owned(), csrf.to_owned());
        let form = Fields::of(self.fields.iter().cloned().chain([token]).collect());
        request.with_post(&self.target, form)
    }
}

/// Asks for a log-in and keeps the post meanwhile.
pub fn log_in_first(app: &App, request: &Request, resumed: &Resumed) -> Response {
    login::show_with(app, request, 401, "", Some(&resumed.carry()))
}

/// Shows a post that was not done, with a button that does it.
pub fn confirm(ask: &Ask, status: u16, resumed: &Resumed) -> Response {
    let told = |name: &str| !matches!(name, "do" | "once" | "shown" | "tab" | "seen");
    let shown = resumed.fields.iter().filter(|(name, value)| told(name) && !value.trim().is_empty());
    let shown: Vec<_> = shown.map(|(name, value)| context! { name, value }).collect();
    let values = context! { target => resumed.target, fields => resumed.fields, shown };
    ask.page(status, "resume.html", "", &say!("resume.not_done_yet"), values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(target: &str, form: &str) -> Request {
        let kind = ("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned());
        Request::new("POST", target, vec![kind], form.as_bytes())
    }

    #[test]
    fn a_post_is_carried_whole_and_comes_back() {
        let csrf = format!("{}.anna", "a".repeat(64));
        let kept = Resumed::of(&post("/compose?x=1", &format!("csrf={csrf}&to=bob&text=a%0D%0A%22%3C"))).unwrap();
        assert!(kept.is_of("anna") && !kept.is_of("ann") && !kept.is_of(""));
        let form = form_urlencoded::Serializer::new(String::new()).append_pair(login::CARRIED, &kept.carry()).finish();
        let carried = Resumed::carried(&post("/login", &form)).unwrap();
        assert_eq!(carried, kept);
        let again = carried.again(&post("/login", &form), "new");
        assert_eq!((again.target.as_str(), again.path.clone().unwrap()), ("/compose?x=1", vec!["compose".to_owned()]));
        assert_eq!((again.form.get("text"), again.form.get("csrf"), again.query.get("x")), ("a\r\n\"<", "new", "1"));
    }

    #[test]
    fn secrets_and_foreign_places_are_not_carried() {
        for (target, form) in [
            ("/login", "name=anna"),
            ("/account", "old_password=x&a=b"),
            ("/settings/hive", "hive.password=x"),
            ("/links/hive", "link.price=1&rockblock.path=x"),
            ("/links/hive", "cloudloop.path=x"),
            ("/links/hive", "sbdmail.path=x"),
            ("/logout", "a=b"),
            ("/compose", "csrf=only"),
        ] {
            assert_eq!(Resumed::of(&post(target, form)), None, "{target}");
        }
        for odd in ["", "{", "{\"target\":\"//evil.org\",\"fields\":[],\"writer\":null}"] {
            let form = form_urlencoded::Serializer::new(String::new()).append_pair(login::CARRIED, odd).finish();
            assert_eq!(Resumed::carried(&post("/login", &form)), None, "{odd}");
        }
        let nobody = Resumed::of(&post("/compose", "csrf=short&to=x")).unwrap();
        assert!(!nobody.is_of("") && !nobody.is_of("short"));
    }
}
