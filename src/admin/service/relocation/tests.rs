use super::super::tests::Place;
use super::super::{Actor, FarBoxEdit, PersonEdit, Service};
use super::*;
use crate::clock::Time;
use crate::message::reason::{NeedsOwner, NoRoute};
use crate::message::{CameIn, Id, Message, Origin, State, Whole};
use crate::people::Role;
use crate::route::plan::NewMessage;
use crate::store::{IncomingMail, MailThere, PairedBox};

/// A gateway with Anna on a boat.
fn gateway() -> (Place, PeerId) {
    let place = empty();
    let boat = FarBoxEdit { name: "boat".into(), addresses: "0x001abe".into(), ..FarBoxEdit::default() };
    let id = place.service().add_far_box(&boat).unwrap().id;
    let anna = PersonEdit { name: "anna".into(), device: "boat".into(), on_device: true, ..PersonEdit::default() };
    place.service().add(&anna).unwrap();
    (place, id)
}

fn empty() -> Place {
    let place = Place::new();
    let service = place.service();
    for (key, value) in [("box.domain", "shore.example"), ("box.reach", "internet"), ("box.name", "gw")] {
        service.set(key, value).unwrap();
    }
    place
}

fn add(place: &Place, from: &str, to: &str, mail: &[u8], change: impl FnOnce(&mut Message)) -> Id {
    let draft = NewMessage::new(Origin::Link, from.parse().unwrap(), to.parse().unwrap(), "Ahoy".into());
    let mut message = policy(&place.store).plan(draft, None, place.store.clock().now(), true);
    change(&mut message);
    let body = if mail.is_empty() { BodyIn::None } else { BodyIn::Bytes(mail.to_vec()) };
    place.store.put(IncomingMail { messages: vec![message], body }).unwrap().ids()[0]
}

fn out(place: &Place, id: PeerId, name: &str) -> Result<std::path::PathBuf, Fault> {
    let file = place.store.folder().join(name);
    place.service().move_out(&Callers::default(), id, &file).map(|_| file)
}

fn why<T>(done: Result<T, Fault>) -> String {
    done.err().map(|fault| fault.why().to_string()).unwrap_or_default()
}

/// Writes the file anew with another first line, as a whole.
fn bend(file: &Path, bend: impl FnOnce(&mut serde_json::Value)) -> std::path::PathBuf {
    let text = std::fs::read_to_string(file).unwrap();
    let mut first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    bend(&mut first);
    let line = format!("{first}\n");
    let mut hash = Sha256::new();
    hash.update(line.as_bytes());
    let end = serde_json::to_string(&Line::End(crate::hex::encode(&hash.finalize()))).unwrap();
    let bent = file.with_extension("bent");
    std::fs::write(&bent, format!("{line}{end}\n")).unwrap();
    bent
}

#[test]
fn a_file_is_held_to_the_rules_of_the_pages() {
    let (old, id) = gateway();
    let file = out(&old, id, "boat.moved").unwrap();
    let new = empty();
    new.service().add(&PersonEdit { name: "olga".into(), ..PersonEdit::default() }).unwrap();
    let moved = |change: &dyn Fn(&mut serde_json::Value)| why(new.service().move_in(&bend(&file, change)));
    let paired = |dialled: bool, digit: &str| serde_json::json!([{"address": format!("ip:{}", digit.repeat(64)), "name": "x", "dialled": dialled, "since": 0}]);
    assert!(moved(&|all| all["people"][0]["name"] = "Anna B".into()).contains("cannot be a name"));
    assert!(moved(&|all| all["people"][0]["aliases"] = serde_json::json!(["anna"])).contains("two people"));
    assert!(moved(&|all| all["people"][0]["home"] = "here".into()).contains("does not read there"));
    assert!(moved(&|all| all["people"][0]["allow"] = "a**b".into()).contains("a**b"));
    assert!(moved(&|all| all["far_box"]["name"] = "0x001abf".into()).contains("that is an address"));
    assert!(moved(&|all| all["paired"] = paired(true, "a")).contains("is paired and not this far box"));
    assert!(moved(&|all| all["paired"] = paired(false, "a")).contains("is paired and not this far box"));
    assert!(new.service().far_boxes().is_empty());
    let done = moved(&|all| {
        all["people"][0]["role"] = "owner".into();
        all["belongings"]["contacts"] =
            serde_json::json!([["olga", "eve@world.example", 5], ["anna", "bob@world.example", 5]]);
        all["belongings"]["seen"] = serde_json::json!([["m138:0x001abe:7", 5], ["m138:0x00ffff:7", 5]]);
    });
    assert_eq!(done, "");
    assert_eq!(new.service().person("anna").unwrap().role, Role::Person);
    let seen = |key: &'static str| new.store.read(|view| view.was_taken(key)).unwrap();
    assert!(seen("m138:0x001abe:7") && !seen("m138:0x00ffff:7"));
    let all = new.store.people();
    let mut people = Vec::new();
    let (far_box, names) = (all.far_boxes().next().unwrap(), ["anna", "olga"]);
    people.extend(names.iter().map(|name| Person::clone(all.get(name).unwrap())));
    let (far_box, people) = (crate::people::FarBox::clone(far_box), people);
    let belongings = new.store.write(move |tx| tx.belongings(&far_box, &people)).unwrap();
    assert_eq!(belongings.contacts, [("anna".to_owned(), "bob@world.example".to_owned(), Time(5))]);
}

#[test]
fn no_owner_is_lost_with_a_far_box() {
    let (old, id) = gateway();
    let anna = old.service().person("anna").unwrap();
    let edit = PersonEdit::of(&anna, &old.store.people());
    let owner = PersonEdit { role: Role::Owner, password: "a boat in the bay".into(), ..edit };
    old.service().edit("anna", &owner).unwrap();
    assert!(why(out(&old, id, "boat.moved")).contains("the only owner"));
    let olga = PersonEdit { name: "olga".into(), device: String::new(), on_device: false, ..owner };
    old.service().add(&PersonEdit { device_name: String::new(), ..olga }).unwrap();
    out(&old, id, "boat.moved").unwrap();
    let operator = Service::new(&old.store, Actor::person("ben", Role::Operator, "here"));
    assert!(why(operator.remove_far_box(id)).contains("only an owner"));
    old.service().disable("olga", true).unwrap_or_default();
    let last = why(old.service().remove_far_box(id));
    assert!(last.is_empty() || last.contains("without an owner"), "{last}");
}

#[test]
fn what_waits_for_a_decision_is_decided_before() {
    let (old, id) = gateway();
    let held = add(&old, "0x001abe", "bob@world.example", b"", |message| {
        let asked = NeedsOwner::NewAtSea { far_box: id, shown: "boat".into(), name: "eve".into() };
        (message.state, message.reason, message.next) = (State::Held, asked.into(), Time::NEVER);
        message.came_in = Some(CameIn { far_box: Some(id), bundle: 3, place: 0 });
    });
    let refused = why(out(&old, id, "boat.moved"));
    assert!(refused.contains(&format!("held here: {held}")), "{refused}");
    assert!(old.service().far_boxes()[0].moved_out.is_none());
    old.service().act_on(crate::engine::actions::MessageAction::Cancel, held).unwrap();
    out(&old, id, "boat.moved").unwrap();
    for done in [why(old.service().admit(id, "eve", None)), why(old.service().refuse(id, "eve"))] {
        assert!(done.contains("has moved to another gateway"), "{done}");
    }
}

#[test]
fn what_is_to_be_told_goes_along() {
    let (old, id) = gateway();
    let came = |message: &mut Message| message.came_in = Some(CameIn { far_box: Some(id), bundle: 3, place: 0 });
    let told = add(&old, "anna@shore.example", "nobody@shore.example", b"", came);
    let later = add(&old, "anna@shore.example", "bob@world.example", b"", came);
    let name = id.to_string();
    assert_eq!(old.store.read(|view| view.fates(&name, 9)).unwrap(), [told, later]);
    let file = out(&old, id, "boat.moved").unwrap();
    assert_eq!(old.store.read(|view| view.fates(&name, 9)).unwrap(), []);
    let done =
        move |tx: &mut Tx| tx.step(later, Time(9), State::Returned, NoRoute::NoRecipient, 0, Time::NEVER).map(drop);
    old.store.write(done).unwrap();
    assert_eq!(old.store.read(|view| view.fates(&name, 9)).unwrap(), [], "this box tells it nothing any more");
    let new = empty();
    new.service().move_in(&file).unwrap();
    let there = new.service().far_boxes()[0].id;
    let talk = new.store.write(move |tx| tx.session_rows(&there.to_string())).unwrap();
    assert!(!talk.is_empty(), "it is told by the new gateway");
}

#[test]
fn an_old_file_brings_nothing_twice() {
    let (old, id) = gateway();
    let first = out(&old, id, "first").unwrap();
    let new = empty();
    new.service().move_in(&first).unwrap();
    let second = out(&new, new.service().far_boxes()[0].id, "second").unwrap();
    assert!(!old.service().move_in(&second).unwrap().before);
    old.service().remove("anna").unwrap();
    assert!(old.service().move_in(&first).unwrap().before, "it is back from there");
    assert_eq!(old.service().people().len(), 0);
}

#[test]
fn mails_that_went_along_can_be_written_again() {
    let (old, id) = gateway();
    let mail = b"Subject: four\r\n\r\nAhoy\r\n";
    let kept = add(&old, "bob@world.example", "anna@shore.example", mail, |message| {
        (message.state, message.next) = (State::Queued, Time(0));
    });
    let first = std::fs::read(out(&old, id, "first").unwrap()).unwrap();
    assert!(String::from_utf8(first.clone()).unwrap().contains(&STANDARD.encode(mail)));
    let far = old.store.clock().now() + std::time::Duration::from_secs(400 * 86_400);
    old.store.write(move |tx| tx.prune(Id(0), far, 100)).unwrap();
    assert_eq!(std::fs::read(out(&old, id, "again").unwrap()).unwrap(), first);
    old.service().remove_far_box(id).unwrap();
    old.store.write(move |tx| tx.prune(Id(0), far, 100)).unwrap();
    assert_eq!(old.store.message(kept).unwrap(), None);
}

#[test]
fn a_file_that_is_not_whole_does_not_stay_and_no_other_is_touched() {
    let (old, id) = gateway();
    let there = old.store.folder().join("there");
    std::fs::write(&there, "mine").unwrap();
    assert!(why(out(&old, id, "there")).contains("cannot be written"));
    assert_eq!(std::fs::read_to_string(&there).unwrap(), "mine");
}

#[test]
fn with_another_gateway_no_mail_is_asked_for_by_its_old_number() {
    let place = Place::new();
    let paired = |digit: &str| PairedBox {
        address: format!("ip:{}", digit.repeat(64)).parse().unwrap(),
        name: "gw".into(),
        domain: String::new(),
        dialled: true,
        since: Time(5),
    };
    let service = place.service();
    service.set("box.domain", "boat.example").unwrap();
    service.add(&PersonEdit { name: "anna".into(), ..PersonEdit::default() }).unwrap();
    service.paired_with("gw:1", &paired("a")).unwrap();
    let there = Whole::There { number: 12, packed: 5, size: 9, asked: true };
    let id = add(&place, "bob@world.example", "anna@boat.example", b"", |message| message.whole = Some(there.clone()));
    let note = MailThere { message: id, far_box: None, number: 12, asked: true };
    place
        .store
        .write(move |tx| {
            let mut notes = tx.whole_notes()?;
            notes.there.push(note);
            tx.put_whole_notes(notes)
        })
        .unwrap();
    let whole = || place.store.message(id).unwrap().unwrap().whole;
    service.paired_with("gw:2", &paired("a")).unwrap();
    assert_eq!(whole(), Some(there.clone()), "the same box has the same numbers");
    service.paired_with("gw:1", &paired("b")).unwrap();
    assert_eq!(whole(), Some(Whole::Gone));
    assert_eq!(place.store.read(|view| view.whole_notes()).unwrap().there, []);
    assert!(service.get_whole(id).is_err());
}
