//! The page of a far box that went to another gateway.

use super::*;
use crate::people::{Home, MovedOut};

#[test]
fn a_far_box_that_moved_is_only_removed_and_its_page_says_what_goes_with_it() {
    let site = Site::with_people();
    let fill = |tx: &mut crate::store::Tx| {
        let id = tx.far_box_at("0x001abe".parse().unwrap(), Time(5))?;
        let mut far_box = tx.far_box(id)?.unwrap();
        far_box.asked = vec!["carol".into()];
        tx.put_far_box(&far_box)?;
        let carl = Person { name: "carl".into(), ..Person::clone(&tx.everybody()?[0]) };
        tx.put_person(&Person { home: Home::FarBox, far_box: Some(id), role: Role::Person, ..carl })?;
        Ok(far_box)
    };
    let mut far_box = site.app.store.write(fill).unwrap();
    let page = format!("/far-boxes/{}", far_box.id);
    let mut browser = site.logged_in("anna");
    let goes_with_it = crate::admin::words::word("far_box.its_people_go_with_it");
    let here = text(&browser.get(&page));
    assert!(here.contains("name=addresses") && here.contains("/admit") && !here.contains(&goes_with_it), "{here}");
    let remove = format!("{page}/remove");
    assert_eq!(browser.post(&page, &remove, &[]).status, 422, "somebody is at it");
    far_box.moved_out = Some(MovedOut { at: Time(9), ticket: "t".into(), addresses: far_box.addresses.split_off(0) });
    site.app.store.write(move |tx| tx.put_far_box(&far_box)).unwrap();
    let gone = text(&browser.get(&page));
    assert!(!gone.contains("name=addresses") && !gone.contains("/admit") && !gone.contains(&format!("{page}/ask")));
    assert!(
        gone.contains(&goes_with_it) && !gone.contains(&crate::admin::words::word("far_box.possible_while_nobody_is")),
        "{gone}"
    );
    assert_eq!(place(&browser.post(&page, &remove, &[])), "/far-boxes");
    assert!(site.app.store.people().get("carl").is_none());
}
