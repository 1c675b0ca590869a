//! Who may do what: every page and every action, by every role and by somebody who is not logged in, against two tables
//! written by hand. A page or an action without a row fails the test.

use super::rights_table::{OPEN, PAGES};
use super::*;
use crate::admin::request::Method;
use crate::admin::service::{Action, Claim, FarBoxEdit, Service};
use crate::engine::actions::MessageAction;
use crate::fault::Fault;
use crate::message::Id;

/// Actions: person, operator, owner; the command line is the owner.
const ACTIONS: &str = "
    log-in            yes yes yes
    log-in.failed     yes yes yes
    log-out           yes yes yes
    own.password      yes yes yes
    own.export        yes yes yes
    people.add        no  yes yes
    people.edit       no  yes yes
    people.password   no  yes yes
    people.disable    no  yes yes
    people.enable     no  yes yes
    people.import     no  no  yes
    people.remove     no  yes yes
    far-box.add       no  yes yes
    far-box.edit      no  yes yes
    far-box.remove    no  yes yes
    far-box.move-out  no  no  yes
    far-box.move-in   no  no  yes
    position.send     no  yes yes
    position.ask      no  yes yes
    queue.hold        no  yes yes
    queue.release     no  yes yes
    queue.allow       no  yes yes
    queue.cancel      no  yes yes
    queue.take-back   yes yes yes
    queue.retry       no  yes yes
    queue.again       no  yes yes
    queue.whole       yes yes yes
    quarantine.seen   no  yes yes
    box.claim         yes yes yes
    box.setup-code    no  no  yes
    setup.waive       no  no  yes
    settings.set      no  no  yes
    link.add          no  no  yes
    link.set          no  no  yes
    link.switch       no  no  yes
    link.remove       no  no  yes
    console.unlock    no  no  yes
    console.lock      no  no  yes
    console.line      no  no  yes
    pair.code         no  no  yes
    pair.join         no  no  yes
    pair.remove       no  no  yes
    log-in.end        no  no  yes
    backup            no  no  yes
    work.stop         no  no  yes
    restore           no  no  yes
    drill             no  no  yes
    people.export     no  no  yes
    people.erase      no  no  yes";

/// With an operator `olga`, a person `carl` and messages.
fn site() -> Site {
    let site = Site::with_people();
    let service = site.app.service(Actor::command_line(0));
    service.add(&PersonEdit { name: "olga".into(), role: Role::Operator, ..PersonEdit::default() }).unwrap();
    service.add(&PersonEdit { name: "carl".into(), ..PersonEdit::default() }).unwrap();
    site
}

fn words(table: &str) -> Vec<Vec<&str>> {
    table.lines().map(|line| line.split_whitespace().collect()).filter(|row: &Vec<_>| !row.is_empty()).collect()
}

/// A path with something in the place of each part that may be anything.
fn example(path: &str) -> String {
    let parts = [
        ("{folder}/{uid}", "1/9"),
        ("{id}.eml", "m9.eml"),
        ("/{id}", "/m9"),
        ("{action}", "retry"),
        ("{topic}", "start"),
        ("/people/{name}/e", "/people/dora/e"),
        ("/people/{name}", "/people/carl"),
        ("{number}", "1"),
        ("{what}", "enable"),
        ("{group}", "box"),
        ("{step}", "box"),
    ];
    parts.into_iter().fold(path.to_owned(), |path, (part, text)| path.replace(part, text))
}

fn answered(answer: &Response) -> &'static str {
    match (answer.status, answer.header("Location")) {
        (303, Some(place)) if place.starts_with("/login") => "in",
        (401, _) => "401",
        (403, _) => "no",
        _ => "yes",
    }
}

#[test]
fn every_page_asks_for_the_role_of_its_row() {
    let rows = words(PAGES);
    let known: Vec<_> = rows.iter().map(|row| (row[0].to_owned(), row[1].to_owned())).collect();
    let there: Vec<_> =
        route::ROUTES.iter().map(|route| (format!("{:?}", route.method), route.path.to_owned())).collect();
    assert_eq!(there, known, "the table of pages and the one written by hand differ");
    let open: Vec<_> = route::OPEN.iter().map(|open| format!("{:?} {}", open.method, open.path)).collect();
    assert_eq!(open, words(OPEN).iter().map(|row| row.join(" ")).collect::<Vec<_>>());

    let site = site();
    for (route, row) in route::ROUTES.iter().zip(&rows) {
        let target = example(route.path);
        for (who, wanted) in [None, Some("ben"), Some("olga"), Some("anna")].into_iter().zip(&row[2..]) {
            // A log-in of its own: some pages end it.
            let mut browser = who.map_or_else(|| site.browser(), |name| site.logged_in(name));
            let answer = match route.method {
                Method::Post => {
                    browser.post(if who.is_some() { "/account" } else { "/login" }, &target, &[("csrf2", "")])
                }
                _ => browser.get(&target),
            };
            // Somebody who has to log in first is sent on with what they wanted, but for the front page.
            let mut got = answered(&answer);
            let locked = answer.status == 403 && text(&answer).contains("console is locked");
            if route.path == "/logout" && who.is_some() || route.path == "/theme" || locked {
                got = "yes";
            }
            assert_eq!(got, *wanted, "{:?} {target} by {who:?}: {}", route.method, answer.status);
        }
    }
}

#[test]
fn every_topic_of_the_help_can_be_read() {
    let site = site();
    let mut ben = site.logged_in("ben");
    for (topic, title) in crate::admin::pages::help::TOPICS {
        let answer = ben.get(&format!("/help/{topic}"));
        assert!(answer.status == 200 && text(&answer).contains(title), "{topic}: {}", answer.status);
    }
}

#[test]
fn the_navigation_shows_what_the_role_may_use() {
    let site = site();
    for (who, role) in [("ben", Role::Person), ("olga", Role::Operator), ("anna", Role::Owner)] {
        let mut browser = site.logged_in(who);
        for page in ["/mailbox", "/help/start", "/compose", "/messages"] {
            let html = text(&browser.get(page)).replace("&#x2f;", "/");
            let links = html.split("href=\"/").skip(1).map(|rest| format!("/{}", rest.split('"').next().unwrap()));
            for link in links.filter(|link| !link.starts_with("/assets")) {
                let place = link.split(['?', '#']).next().unwrap().to_owned();
                assert_ne!(browser.get(&place).status, 403, "{page} of {role:?} leads to {link}");
            }
        }
    }
    let operator = text(&site.logged_in("olga").get("/")).replace("&#x2f;", "/");
    for hidden in ["href=\"/links\"", "href=\"/settings", "href=\"/setup", "href=\"/audit\""] {
        assert!(!operator.contains(hidden), "{hidden}");
    }
    for shown in ["href=\"/people\"", "href=\"/messages\""] {
        assert!(operator.contains(shown), "{shown}");
    }
}

/// A new link.
fn linked(site: &Site) -> String {
    let service = site.app.service(Actor::command_line(0));
    let name = format!("boat{}", service.links().len());
    service.add_link(&name, "m138", &[]).unwrap().name
}

/// The box at the other end says hello, and that it knows what to make of positions.
fn takes_positions(site: &Site, device: Option<crate::address::LinkAddress>) {
    let payload = [&[0xB0, 8, 0x21, 24, 0, 13][..], b"here"].concat();
    let (wholes, key, token) = (Vec::new(), format!("hello {device:?}"), crate::link::Token(0));
    let hello = crate::link::Inbound { device, payload, wholes, key, received: None, token };
    crate::engine::link::inbound::take(&site.app.context, &hello, &mut 0).unwrap();
}

/// Does an action once; the compiler asks for a row here when there is a new action.
fn perform(site: &Site, service: &Service, action: Action) -> Result<(), Fault> {
    let edit = |name: &str| PersonEdit { name: name.into(), full_name: "C".into(), ..PersonEdit::default() };
    let message = |state: &str| prepared(site, state);
    let session = |who: &str| {
        let person = site.app.store.people().get(who).cloned().unwrap();
        auth::open(&site.app.store, &person, "").unwrap().1.hash
    };
    let note = "a-note";
    match action {
        Action::LogIn => service.log_in("anna", PASSWORD).map(drop),
        Action::LogInFailed => service.log_in("anna", "wrong").map_or(Ok(()), |_| panic!()),
        Action::LogOut => service.session(action, "", "logged out", &session("ben"), None),
        Action::OwnPassword => {
            let name = &service.by.name;
            let before = service.person(name)?;
            let done = service.set_password(name, "gulls over the pier");
            site.app.store.write(move |tx| tx.put_person(&before)).unwrap();
            done
        }
        Action::AddPerson => service.add(&edit("dora")).map(drop),
        Action::EditPerson => service.edit("carl", &edit("carl")).map(drop),
        Action::SetPassword => service.set_password("carl", "terns at the quay"),
        Action::DisablePerson => service.disable("carl", true),
        Action::EnablePerson => service.disable("carl", false),
        Action::RemovePerson => service.remove("carl"),
        Action::AddFarBox => {
            let name = format!("vela{}", site.app.store.people().far_boxes().count());
            service.add_far_box(&FarBoxEdit { name, ..FarBoxEdit::default() }).map(drop)
        }
        Action::TellPosition => {
            takes_positions(site, None);
            service.tell_position(Some((Time(0), 38.5312, -28.6243)))
        }
        Action::AskPosition => {
            let address = "imei:300234010753370".parse().unwrap();
            takes_positions(site, Some(address));
            let Some(id) = site.app.store.people().at(address).map(|far_box| far_box.id) else { panic!() };
            service.ask_position(id)
        }
        Action::EditFarBox | Action::RemoveFarBox => {
            let edit = FarBoxEdit { name: "tern".into(), ..FarBoxEdit::default() };
            let by_command = site.app.service(Actor::command_line(0));
            let there = || site.app.store.people().meant("tern").map(|far_box| far_box.id);
            if there().is_none() {
                by_command.add_far_box(&edit)?;
            }
            let Some(id) = there() else { panic!() };
            match action {
                Action::EditFarBox => service.edit_far_box(id, &edit).map(drop),
                _ => service.remove_far_box(id),
            }
        }
        Action::MoveOut | Action::MoveIn => {
            let reach = |word: &'static str| site.app.store.write(move |tx| tx.put_setting("box.reach", word)).unwrap();
            reach("internet");
            let by_command = site.app.service(Actor::command_line(0));
            let skua = FarBoxEdit { name: "skua".into(), ..FarBoxEdit::default() };
            let there = || site.app.store.people().meant("skua").map(|far_box| far_box.id);
            let id = there().map_or_else(|| by_command.add_far_box(&skua).map(|added| added.id), Ok)?;
            let (file, callers) = (site.folder.join("skua.moved"), crate::link::callers::Callers::default());
            let _ = std::fs::remove_file(&file);
            let done = match action {
                Action::MoveOut => service.move_out(&callers, id, &file).map(drop),
                _ => by_command.move_out(&callers, id, &file).and_then(|_| service.move_in(&file)).map(drop),
            };
            // Without a word in the log, so that the next one begins anew.
            site.app.store.write(move |tx| tx.remove_far_box(id)).unwrap();
            reach("satellite");
            done
        }
        Action::Hold => service.act_on(MessageAction::Hold, message("queued")).map(drop),
        Action::Release => service.act_on(MessageAction::Release, message("held")).map(drop),
        Action::Allow => service.act_on(MessageAction::Allow, message("stranger")).map(drop),
        Action::Cancel => service.act_on(MessageAction::Cancel, message("queued")).map(drop),
        Action::TakeBack => {
            let (id, me) = (message("queued"), service.by.name.clone());
            site.app.store.write(move |tx| tx.change(id, |own| own.author = Some(me.clone()))).unwrap();
            service.take_back(id).map(drop)
        }
        Action::Retry => service.act_on(MessageAction::Retry, message("queued")).map(drop),
        Action::Again => service.act_on(MessageAction::Again, message("sent")).map(drop),
        Action::GetWhole => service.get_whole(message("text")),
        Action::SeeQuarantine => service.see_quarantine(note, 1),
        Action::Claim => {
            let code = site.app.service(Actor::command_line(0)).setup_code(false)?;
            service.claim(&Claim { code, name: "anna".into(), password: PASSWORD.into(), ..Claim::default() }).map(drop)
        }
        Action::SetupCode => service.setup_code(false).map(drop),
        Action::WaiveStep => service.waive(note, "test"),
        Action::SetSettings => {
            service.set_all(&[("relay.password".into(), format!("hush {}", service.by.name))]).map(drop)
        }
        Action::AddLink => service.add_link(&format!("l{}", service.links().len()), "m138", &[]).map(drop),
        Action::SetLink => service.set_link(&linked(site), &[("link.price".into(), "0.07".into())]).map(drop),
        Action::SwitchLink => service.switch_link(&linked(site), false),
        Action::RemoveLink => service.remove_link(&linked(site), false),
        Action::UnlockConsole | Action::LockConsole => service.session(action, "", "x", &session("anna"), None),
        Action::ConsoleLine => service.console_line("$TD 48656c6c6f", "").map(drop),
        Action::EndLogIn => service.session(action, "ben", "ended", &session("ben"), None),
        Action::Backup => {
            let part = site.folder.join("test.backup");
            let _ = std::fs::remove_file(&part);
            service.backup(&part, crate::store::work::UNHEARD).map(drop)
        }
        Action::StopWork => {
            let running = service.store.works().begin(crate::store::running::Job::Backup);
            let number = service.store.works().all().first().map(|work| work.number).unwrap();
            let stopped = service.stop_work(number).map(drop);
            drop(running);
            stopped
        }
        Action::Restore => service.restored(),
        Action::Drill => {
            let file = "satpost-20260131.backup".to_owned();
            service.note_drill(crate::store::Drill { at: crate::clock::Time(0), file, messages: 1, fault: None })
        }
        Action::OwnExport => service
            .export(&service.by.name, &mut std::io::Cursor::new(Vec::new()), crate::store::work::UNHEARD)
            .map(drop),
        Action::ImportMails => {
            service.import("carl", std::path::Path::new("/dev/null"), crate::store::work::UNHEARD).map(drop)
        }
        Action::ExportPerson => {
            service.export("carl", &mut std::io::Cursor::new(Vec::new()), crate::store::work::UNHEARD).map(drop)
        }
        Action::ErasePerson => service.erase("carl").map(drop),
        Action::PairCode => service.new_pairing_code(None).map(drop),
        Action::Pair | Action::Unpair => {
            let paired = crate::store::PairedBox {
                address: format!("ip:{}", "a".repeat(64)).parse().unwrap(),
                name: "tern".into(),
                domain: String::new(),
                dialled: true,
                since: crate::clock::Time(1),
            };
            if action == Action::Pair {
                return service.paired_with("192.0.2.1:443", &paired);
            }
            site.app.store.write(move |tx| tx.pair(&paired, "")).unwrap();
            service.unpair(&crate::link::callers::Callers::default(), "tern").map(drop)
        }
    }
}

/// A message in some state.
fn prepared(site: &Site, state: &str) -> Id {
    let author = site.app.store.people().get("anna").cloned().unwrap();
    let sheet = crate::intake::ComposeForm {
        to: "bob@outside.org".into(),
        subject: "s".into(),
        text: "secret words".into(),
        ..Default::default()
    };
    let kept = crate::intake::compose(&site.app.context, &author, &sheet).unwrap();
    let id = kept.ids()[0];
    if state == "sent" {
        let change = |message: &mut crate::message::Message| message.way = crate::message::Way::Link;
        let now = site.app.store.clock().now();
        let sent = move |tx: &mut crate::store::Tx| {
            tx.change(id, change)?;
            tx.step(
                id,
                now,
                crate::message::State::Sent,
                crate::message::Reason::default(),
                0,
                crate::clock::Time::NEVER,
            )
            .map(drop)
        };
        site.app.store.write(sent).unwrap();
    } else if state != "queued" {
        crate::engine::actions::apply(&site.app.store, MessageAction::Hold, id, "a test").unwrap();
    }
    if state == "text" {
        let there = crate::message::Whole::There { number: 1, packed: 1000, size: 2000, asked: false };
        site.app.store.write(move |tx| tx.change(id, |it| it.whole = Some(there.clone())).map(drop)).unwrap();
    }
    if state == "stranger" {
        let change = move |message: &mut crate::message::Message| {
            message.from = "bob@outside.org".parse().unwrap();
            message.to = "carl@sea.org".parse().unwrap();
        };
        site.app.store.write(move |tx| tx.change(id, change).map(drop)).unwrap();
    }
    id
}

#[test]
fn every_action_asks_for_its_role_and_is_written_down() {
    let rows = words(ACTIONS);
    let there: Vec<_> = Action::ALL.iter().map(|action| action.word()).collect();
    assert_eq!(there, rows.iter().map(|row| row[0]).collect::<Vec<_>>(), "the two tables of actions differ");
    let (house, mut last) = (site(), Site::new());
    for (action, row) in Action::ALL.iter().zip(&rows) {
        for (name, wanted) in [("ben", row[1]), ("olga", row[2]), ("anna", row[3]), ("", row[3])] {
            let unclaimed = [Action::Claim, Action::SetupCode].contains(action);
            if *action == Action::Claim || (*action == Action::SetupCode && name == "ben") {
                last = Site::new();
            }
            let site = if unclaimed { &last } else { &house };
            if !unclaimed && site.app.store.people().get("carl").is_none() {
                site.app
                    .service(Actor::command_line(0))
                    .add(&PersonEdit { name: "carl".into(), ..PersonEdit::default() })
                    .unwrap();
            }
            if site.app.store.people().get("dora").is_some() {
                site.app.service(Actor::command_line(0)).remove("dora").unwrap();
            }
            let role = site.app.store.people().get(name).map_or(Role::Owner, |person| person.role);
            let role = match name {
                "ben" if unclaimed => Role::Person,
                "olga" if unclaimed => Role::Operator,
                _ => role,
            };
            let by = if name.is_empty() { Actor::command_line(0) } else { Actor::person(name, role, "192.168.1.9") };
            if [Action::OwnPassword, Action::OwnExport].contains(action) && name.is_empty() {
                continue;
            }
            let service = site.app.service(by.clone());
            let records = || site.app.store.read(|view| view.audit(None, action.word(), 100)).unwrap();
            let before: u32 = records().iter().map(|(_, record)| record.count).sum();
            let done = perform(site, &service, *action);
            assert_eq!(done.is_ok(), wanted == "yes", "{action:?} by {name}: {done:?}");
            let after = records();
            let count: u32 = after.iter().map(|(_, record)| record.count).sum();
            assert_eq!(count, before + u32::from(done.is_ok()), "{action:?} by {name} in the log");
            if done.is_ok() {
                let (_, newest) = &after[0];
                assert_eq!(newest.action, action.word());
                assert_eq!(newest.from, by.from, "{action:?}");
                if !["log-in", "box.claim"].contains(&action.word()) {
                    assert_eq!(newest.who, by.name, "{action:?}");
                }
            }
            let all = site.app.store.read(|view| view.audit(None, "", 100)).unwrap();
            let all = format!("{all:?}");
            for secret in [PASSWORD, "hush", "gulls", "terns", "48656c", "secret words", "argon"] {
                assert!(!all.contains(secret), "{action:?}: {secret} is in the log: {all}");
            }
        }
    }
}

#[test]
fn operators_touch_nobody_above_them_and_give_no_more_than_they_have() {
    let site = site();
    let mut olga = site.logged_in("olga");
    let post =
        |browser: &mut Browser, target: &str, fields: &[(&str, &str)]| browser.post("/people", target, fields).status;
    assert_eq!(post(&mut olga, "/people/anna", &[("full_name", "x"), ("role", "person")]), 403);
    for what in ["password", "disable", "remove"] {
        assert_eq!(
            post(&mut olga, &format!("/people/anna/{what}"), &[("password", "terns at the quay")]),
            403,
            "{what}"
        );
    }
    assert_eq!(post(&mut olga, "/people", &[("name", "eve"), ("role", "owner"), ("password", PASSWORD)]), 422);
    assert_eq!(post(&mut olga, "/people/ben", &[("role", "owner"), ("home", "here")]), 422);
    assert_eq!(post(&mut olga, "/people/olga", &[("role", "owner"), ("home", "here")]), 422);
    assert_eq!(post(&mut olga, "/people/ben", &[("role", "operator"), ("home", "here")]), 303);
    assert_eq!(post(&mut olga, "/people", &[("name", "eve"), ("role", "operator")]), 303);
    let people = site.app.store.people();
    assert_eq!(people.get("ben").unwrap().role, Role::Operator);
    assert_eq!(people.get("anna").unwrap().role, Role::Owner);
    assert!(people.get("anna").is_some_and(|anna| !anna.disabled) && people.get("eve").is_some());
    assert!(!text(&olga.get("/people/anna")).contains("action=\"/people/anna"));
    // A session outlives a role: what counts is what somebody is now.
    let service = site.app.service(Actor::command_line(0));
    service.edit("olga", &PersonEdit { name: "olga".into(), ..PersonEdit::default() }).unwrap();
    assert_eq!(olga.get("/people").status, 403);
}

#[test]
fn messages_of_a_namesake_elsewhere_are_not_mine() {
    let site = site();
    site.app.service(Actor::command_line(0)).add_link("boat", "m138", &[]).unwrap();
    let mut carl = site.logged_in("carl");
    let fields = [("to", "ben@elsewhere.org"), ("subject", "private"), ("text", "x"), ("do", "send")];
    let message = place(&carl.post("/compose", "/compose", &fields)).to_owned();
    let mut ben = site.logged_in("ben");
    assert_eq!(ben.get(&message).status, 404);
    assert!(!text(&ben.get("/messages")).contains("private"));
    assert_eq!(carl.get(&message).status, 200);
}

#[test]
fn failed_log_ins_are_summed_up_and_a_log_in_can_be_ended() {
    let site = site();
    let mut browser = site.browser();
    for _ in 0..3 {
        browser.post("/login", "/login", &[("name", "ben"), ("password", "wrong")]);
    }
    browser.post("/login", "/login", &[("name", "my password by mistake"), ("password", "x")]);
    let failed = site.app.store.read(|view| view.audit(None, "log-in.failed", 10)).unwrap();
    let counts: Vec<_> = failed.iter().map(|(_, record)| (record.about.as_str(), record.count)).collect();
    assert_eq!(counts, [("an unknown name", 1), ("ben", 3)]);
    let mut ben = site.logged_in("ben");
    let mut anna = site.logged_in("anna");
    let page = text(&anna.get("/log-ins"));
    let row = page.split("<tr>").find(|row| row.contains("/people/ben")).unwrap();
    let target = row.split("action=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!(ben.get("/mailbox").status, 200);
    assert_eq!(place(&anna.post("/log-ins", &target, &[])), "/log-ins");
    assert_eq!(ben.get("/mailbox").status, 303);
    assert!(text(&anna.get("/audit?q=log-in.end")).contains("a log-in of ben was ended"));
}
