//! Who reads what: the owner and a person look at the same message.

use super::*;
use crate::intake::{self, ComposeForm};
use crate::message::reason::Waits;
use crate::message::{Reason, State};

/// The same message, as the person who wrote it and the owner see it.
#[test]
fn a_person_hears_plain_words_and_the_owner_the_whole_fact() {
    let site = Site::with_people();
    let service = site.app.service(Actor::command_line(0));
    service.add_link("shore", "m138", &[]).unwrap();
    service.set("box.reach", "satellite").unwrap();
    let ben = site.app.store.people().get("ben").unwrap().clone();
    let sheet = ComposeForm { to: "mum@else.org".into(), text: "hello".into(), ..ComposeForm::default() };
    let id = intake::compose(&site.app.context, &ben, &sheet).unwrap().ids()[0];
    let step = |reason: Reason| {
        let now = site.app.store.clock().now();
        site.app.store.write(move |tx| tx.step(id, now, State::Queued, reason.clone(), 0, now)).unwrap();
    };
    let page = |name: &str| text(&site.logged_in(name).get(&format!("/messages/{id}")));
    for (reason, fact) in [
        (Reason::from(Waits::Link { packets: 1 }), "waits for the link, 1 packet"),
        (Reason::said("the modem has no GPS time yet"), "the modem has no GPS time yet"),
    ] {
        step(reason);
        assert!(page("anna").contains(fact), "{fact}");
        let plain = page("ben");
        assert!(plain.contains("waiting for a satellite or the internet") && !plain.contains(fact), "{plain}");
    }
}
