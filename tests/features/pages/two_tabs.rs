//! Two windows with the same form: what one of them saved, or somebody wrote in it, is not lost by the other without a word.

use crate::support::web::{Answer, Client, hidden};
use crate::support::{Folder, Imap, Station};

fn house(folder: &Folder) -> Station {
    Station::new(folder, "house", &[("box.domain", "boat.example")], &["anna", "bert", "cleo"]).started()
}

fn encoded(own: &[(&str, String)], fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(own).extend_pairs(fields).finish()
}

/// A form of settings as a page showed it, with what somebody changed on it.
fn save(client: &Client, place: &str, page: &str, fields: &[(&str, &str)]) -> Answer {
    let own = [("csrf", hidden(page, "csrf")), ("shown", hidden(page, "shown"))];
    client.form(place, &encoded(&own, fields), &client.own())
}

fn setting(station: &Station, name: &str) -> String {
    station.cli_ok(&["settings", "get", name], "").trim().to_owned()
}

#[test]
fn a_form_of_settings_saves_only_what_was_changed_on_it() {
    let folder = Folder::new();
    let station = house(&folder);
    station.cli_ok(&["link", "add", "air", "ip"], "");
    let anna = Client::logged_in(&station, "anna");
    let (one, two) = (anna.get("/settings/money").body, anna.get("/settings/money").body);
    // What the page has shown goes along, as a browser sends it.
    let typed = |packets: &'static str, money: &'static str| [("budget.packets", packets), ("budget.money", money)];
    let (packets, money) = (setting(&station, "budget.packets"), setting(&station, "budget.money"));
    assert_eq!(
        save(&anna, "/settings/money", &two, &[("budget.packets", &packets), ("budget.money", "25")]).status,
        303
    );
    assert_eq!(
        save(&anna, "/settings/money", &one, &[("budget.packets", "500"), ("budget.money", &money)]).status,
        303
    );
    assert_eq!((setting(&station, "budget.packets"), setting(&station, "budget.money")), ("500".into(), "25".into()));

    // Both changed one: it is said, and saved once more it is meant.
    let refused = save(&anna, "/settings/money", &one, &typed("500", "40"));
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("t was changed to \u{201c}25\u{201d} meanwhile"), "{}", refused.body);
    assert!(refused.body.contains("one of these fields was changed meanwhile"), "{}", refused.body);
    assert_eq!(setting(&station, "budget.money"), "25");
    assert_eq!(save(&anna, "/settings/money", &refused.body, &typed("500", "40")).status, 303);
    assert_eq!(setting(&station, "budget.money"), "40");

    // A link, a step of the set-up, a person, a far box.
    let (one, two) = (anna.get("/links/air").body, anna.get("/links/air").body);
    assert_eq!(save(&anna, "/links/air", &two, &[("link.price", "0.5"), ("link.free", "0")]).status, 303);
    assert_eq!(save(&anna, "/links/air", &one, &[("link.price", ""), ("link.free", "7")]).status, 303);
    let link = station.cli_ok(&["link", "show", "air"], "");
    assert!(link.contains("0.5") && link.contains('7'), "{link}");
    let (one, two) = (anna.get("/setup/box").body, anna.get("/setup/box").body);
    let (name, zone) = (setting(&station, "box.name"), setting(&station, "box.time_zone"));
    assert_eq!(save(&anna, "/setup/box", &two, &[("box.name", "Vela"), ("box.time_zone", &zone)]).status, 303);
    assert_eq!(save(&anna, "/setup/box", &one, &[("box.name", &name), ("box.time_zone", "Asia/Tokyo")]).status, 303);
    assert_eq!(
        (setting(&station, "box.name"), setting(&station, "box.time_zone")),
        ("Vela".into(), "Asia/Tokyo".into())
    );

    let (one, two) = (anna.get("/people/cleo").body, anna.get("/people/cleo").body);
    let person = |full: &'static str, allow: &'static str| {
        [("full_name", full), ("home", "here"), ("role", "person"), ("allow", allow), ("strangers", "")]
    };
    assert_eq!(save(&anna, "/people/cleo", &two, &person("", "mum@x.org\r\ndad@x.org")).status, 303);
    assert_eq!(save(&anna, "/people/cleo", &one, &person("Cleo N.", "")).status, 303);
    let page = anna.get("/people/cleo").body;
    assert!(page.contains("Cleo N.") && page.contains("mum@x.org"), "{page}");
    let both = save(&anna, "/people/cleo", &one, &person("Cleopatra", ""));
    assert!(both.status == 422 && both.body.contains("t was changed to \u{201c}Cleo N.\u{201d}"), "{both:?}");
    station.totals_balance();
}

/// A window with the form of a message: its hidden fields as the page, or the script after an answer, has them.
struct Window {
    own: Vec<(&'static str, String)>,
}

impl Window {
    /// A window in which a draft was begun with these words, and the page that opens it in another one.
    fn begun(client: &Client, words: &str) -> (Self, String) {
        let mut window = Self::open(client, "/compose");
        assert_eq!(window.keep(client, words).status, 200);
        let place = format!("/compose?draft={}", window.once());
        (window, place)
    }

    fn open(client: &Client, path: &str) -> Self {
        Self::of(&client.get(path).body)
    }

    fn of(page: &str) -> Self {
        let mut own: Vec<_> = ["csrf", "once", "tab"].map(|name| (name, hidden(page, name))).into();
        for name in ["seen", "begun"] {
            own.extend(page.contains(&format!("name={name} value")).then(|| (name, hidden(page, name))));
        }
        Self { own }
    }

    fn once(&self) -> &str {
        &self.own[1].1
    }

    /// The script keeps what was typed, and goes on with the name that it is told.
    fn keep(&mut self, client: &Client, text: &str) -> Answer {
        let answer = self.keep_lost(client, &[("to", "anna"), ("text", text)]);
        if !answer.header("x-form").is_empty() {
            answer.header("x-form").clone_into(&mut self.own[1].1);
        }
        answer
    }

    /// Keeps it, and hears no answer.
    fn keep_lost(&self, client: &Client, fields: &[(&str, &str)]) -> Answer {
        client.form("/drafts", &encoded(&self.own, fields), &client.own())
    }

    fn press(&self, client: &Client, what: &str, text: &str) -> Answer {
        client.form("/compose", &encoded(&self.own, &[("to", "anna"), ("text", text), ("do", what)]), &client.own())
    }
}

fn drafts(station: &Station) -> Vec<String> {
    let mut imap = Imap::open(station.listener("imap"), "bert", "Drafts");
    let uids = imap.uids();
    let texts = uids.into_iter().map(|uid| String::from_utf8(imap.fetch(uid, "")).unwrap());
    let mut texts: Vec<_> =
        texts.map(|mail| mail.split_once("\r\n\r\n").map(|(_, text)| text.trim().to_owned()).unwrap_or(mail)).collect();
    texts.sort();
    texts
}

#[test]
fn two_windows_of_one_draft_keep_the_words_of_both() {
    let folder = Folder::new();
    let station = house(&folder);
    let bert = Client::logged_in(&station, "bert");
    let (first, place) = Window::begun(&bert, "Begun");
    let mut one = Window::open(&bert, &place);
    let mut two = Window::open(&bert, &place);
    assert!(two.keep(&bert, "Words of two").body.starts_with("Kept as a draft at "));
    // Whose answer is lost comes again under the old name, and meets its own words.
    for _ in 0..3 {
        assert_eq!(one.keep_lost(&bert, &[("to", "anna"), ("text", "Words of one")]).status, 200);
        assert_eq!(drafts(&station), ["Words of one", "Words of two"]);
    }
    let told = one.keep(&bert, "Words of one");
    assert!(told.body.contains("Another window has other words in this draft"), "{told:?}");
    assert_eq!(drafts(&station), ["Words of one", "Words of two"]);
    // Each goes on by itself.
    for text in ["Words of one, more", "Words of one, still more"] {
        assert!(one.keep(&bert, text).body.starts_with("Kept as a draft at "));
    }
    assert!(two.keep(&bert, "Words of two, more").body.starts_with("Kept as a draft at "));
    assert_eq!(drafts(&station), ["Words of one, still more", "Words of two, more"]);

    // Without a script: the button keeps it apart, and says so on the page.
    let looked = first.press(&bert, "preview", "Words of the first");
    assert!(looked.status == 409 && looked.body.contains("kept as a draft of its own"), "{looked:?}");
    assert_eq!(drafts(&station).len(), 3);
    // Sent from a window that has not seen what another wrote, this stays a draft.
    let mut four = Window::open(&bert, &place);
    assert_eq!(four.keep(&bert, "Words of four").status, 200);
    assert_eq!(two.press(&bert, "send", "Words of two, all").status, 303);
    assert!(drafts(&station).contains(&"Words of four".to_owned()), "{:?}", drafts(&station));
    // Opened again it can be sent.
    let again = Window::open(&bert, &place);
    assert_ne!(again.once(), two.once());
    assert_eq!(again.press(&bert, "send", "Words of four, all").status, 303);
    assert!(!drafts(&station).iter().any(|text| text.contains("four")), "{:?}", drafts(&station));
    let texts: Vec<_> = station.messages().iter().map(|message| message["text"].as_str().unwrap().to_owned()).collect();
    assert!(
        texts.iter().any(|text| text == "Words of two, all") && texts.iter().any(|text| text == "Words of four, all")
    );
    station.totals_balance();
}

#[test]
fn a_second_post_with_other_words_is_not_the_first_message() {
    let folder = Folder::new();
    let station = house(&folder);
    let bert = Client::logged_in(&station, "bert");
    let (mut one, place) = Window::begun(&bert, "High water");
    let mut two = Window::open(&bert, &place);
    let sent = one.press(&bert, "send", "High water");
    assert_eq!(sent.status, 303);
    // Pressed twice it is one message.
    assert_eq!(one.press(&bert, "send", "High water").header("location"), sent.header("location"));
    assert_eq!(one.keep(&bert, "High wat").status, 205, "an earlier version that comes late");

    let other = two.press(&bert, "send", "High water, and more");
    assert_eq!(other.status, 409, "{other:?}");
    assert!(
        other.body.contains("This form was sent before.") && other.body.contains("High water, and more"),
        "{other:?}"
    );
    assert_eq!((station.messages().len(), drafts(&station)), (1, vec!["High water, and more".to_owned()]));
    assert_eq!(Window::of(&other.body).press(&bert, "send", "High water, and more").status, 303);
    assert_eq!((station.messages().len(), drafts(&station).len()), (2, 0));
    // The script of a window that was not sent keeps what is typed there.
    let told = two.keep(&bert, "High water, and else");
    assert!(told.body.contains("This form was sent before."), "{told:?}");
    assert_eq!(drafts(&station), ["High water, and else"]);
    station.totals_balance();
}

#[test]
fn a_window_that_sent_nothing_keeps_whatever_it_has_of_its_own() {
    let folder = Folder::new();
    let station = house(&folder);
    let bert = Client::logged_in(&station, "bert");
    let (one, place) = Window::begun(&bert, "High water");
    let [to, terms] = [0; 2].map(|_| Window::open(&bert, &place));
    let words = [("to", "anna"), ("text", "High water")];
    assert_eq!(one.press(&bert, "send", "High water").status, 303);
    assert_eq!(to.keep_lost(&bert, &words).status, 205, "the same message");
    let other = to.keep_lost(&bert, &[("to", "cleo"), ("text", "High water")]);
    assert!(other.status == 200 && other.body.contains("This form was sent before."), "{other:?}");
    let stands = drafts(&station).len();
    let other = to.keep_lost(&bert, &[("to", "cleo"), ("text", "High water at ten")]);
    assert_eq!((other.status, drafts(&station).len()), (200, stands));
    // Other terms are another message as well.
    let other = terms.keep_lost(&bert, &[words[0], words[1], ("priority", "urgent")]);
    assert!(other.status == 200 && other.body.contains("This form was sent before."), "{other:?}");
    assert_eq!(drafts(&station).len(), stands + 1);
    station.totals_balance();
}

#[test]
fn a_draft_of_ones_own_under_a_name_that_was_sent_is_not_left_behind() {
    let folder = Folder::new();
    let station = house(&folder);
    let bert = Client::logged_in(&station, "bert");
    let (one, place) = Window::begun(&bert, "Low water");
    let mut two = Window::open(&bert, &place);
    assert_eq!(two.keep(&bert, "Low water at six").status, 200);
    assert_eq!(one.press(&bert, "send", "Low water").status, 303);
    assert_eq!(drafts(&station), ["Low water at six"]);
    let told = two.keep(&bert, "Low water at seven");
    assert!(told.body.contains("This form was sent before."), "{told:?}");
    assert_eq!(drafts(&station), ["Low water at seven"]);
    station.totals_balance();
}
