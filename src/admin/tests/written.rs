//! What people wrote, in whatever direction their script runs; and errors that stand at what they are about.

use super::*;

/// A word that runs from right to left, and stands nowhere else.
const WORD: &str = "\u{5e9}\u{5dc}\u{5d5}\u{5dd}";

/// True when the place in a page takes the direction from its own text: in an element that says so, or where no markup can be.
fn has_direction(html: &str, at: usize) -> bool {
    let before = &html[..at];
    let tag = &before[before.rfind('<').unwrap()..];
    let in_tag = !tag.contains('>');
    let element = tag.trim_start_matches('<').split([' ', '>']).next().unwrap();
    let bare = ["title", "option", "bdi"].contains(&element);
    let marked = tag.contains("dir=auto");
    // The value of a field has the direction of the field; other attributes are shown by themselves.
    let field = in_tag && ["input", "textarea"].contains(&element) && !tag.contains("type=hidden");
    marked || bare || (in_tag && !field) || tag.contains("type=hidden")
}

#[test]
fn whatever_people_wrote_has_its_own_direction() {
    let site = Site::with_people();
    made_up::fill(&site.app);
    let service = site.app.service(Actor::command_line(0));
    service.set("box.name", WORD).unwrap();
    let mut anna = site.logged_in("anna");
    let edit = [("name", "eve"), ("full_name", WORD), ("home", "here")];
    assert_eq!(anna.post("/people", "/people", &edit).status, 303);
    let message = [("to", "anna@sea.org"), ("subject", WORD), ("text", WORD), ("do", "send")];
    let place = place(&anna.post("/compose", "/compose", &message)).to_owned();
    let own = place.replace("messages", "mailbox");
    let reply = format!("/compose?reply={}", place.rsplit('/').next().unwrap());
    let mut seen = 0;
    for page in
        ["/", "/messages", &place, "/mailbox", &own, &reply, "/people", "/people/eve", "/account", "/settings/box"]
    {
        let html = text(&anna.get(page));
        for (at, _) in html.match_indices(WORD) {
            seen += 1;
            let around = &html[html[..at].rfind('<').unwrap()..at];
            assert!(has_direction(&html, at), "{page}: {around}");
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn errors_stand_at_their_fields_all_at_once() {
    let site = Site::with_people();
    let mut anna = site.logged_in("anna");
    let wrong = [("box.time_zone", "Mars/X"), ("box.domain", "not a domain"), ("box.name", "Otter")];
    let page = text(&anna.post("/settings/box", "/settings/box", &wrong));
    assert!(page.contains("Nothing is saved yet: 2 fields need other values."), "{page}");
    for (name, value) in &wrong[..2] {
        let field = page.split(&format!("<input id=\"{name}\"")).nth(1).unwrap().split("</div>").next().unwrap();
        assert!(field.contains(&format!("aria-describedby=\"why-{name} about-{name}\"")), "{field}");
        assert!(field.contains("aria-invalid=true") && field.contains(&format!("id=\"why-{name}\"")), "{field}");
        assert!(field.contains(&value.replace('/', "&#x2f;")), "{field}");
        // The name of the setting is no word for people.
        let words = field.split(&format!("id=\"why-{name}\">")).nth(1).unwrap().split('<').next().unwrap();
        assert!(!words.contains(name), "{words}");
    }
    assert_eq!(page.matches("aria-invalid").count(), 2);
    assert_ne!(site.app.store.settings().text(crate::settings::Key::BoxName), "Otter");
}
