//! The console of a link.

use super::*;

#[test]
fn the_console_takes_lines_only_after_the_password() {
    let site = Site::with_people();
    site.app.service(Actor::command_line(0)).add_link("boat", "m138", &[]).unwrap();
    let mut anna = site.logged_in("anna");
    assert_eq!(anna.post("/links/boat", "/links/boat/send", &[("line", "$CS")]).status, 403);
    assert_eq!(anna.post("/links/boat", "/links/boat/unlock", &[("password", "wrong")]).status, 422);
    assert_eq!(anna.post("/links/boat", "/links/boat/unlock", &[("password", PASSWORD)]).status, 303);
    assert_eq!(anna.post("/links/boat", "/links/boat/send", &[("line", "$CS")]).status, 303);
    assert_eq!(site.app.status.console_take(crate::message::LinkId::FIRST).as_deref(), Some("$CS"));
    assert_eq!(anna.post("/links/boat", "/links/boat/send", &[("line", "$RS")]).status, 422);
    assert_eq!(anna.post("/links/boat", "/links/boat/send", &[("line", "$RS"), ("sure", "1")]).status, 303);
    assert_eq!(anna.post("/links/boat", "/links/boat/send", &[("line", "a\nb")]).status, 422);
    site.app.store.clock().advance(std::time::Duration::from_secs(601));
    assert_eq!(anna.post("/links/boat", "/links/boat/send", &[("line", "$CS")]).status, 403);
}
