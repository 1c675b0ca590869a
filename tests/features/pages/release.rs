//! What a release costs stands beside its button.

use crate::support::shore::{Shore, from_outside, message};
use crate::support::web::Client;
use crate::support::{SOON, wait_for};

const ANNA: &str = "anna@shore.example";

/// The price and what is left of the budget, for one message and for all of its sender, before anything is spent; the second
/// button releases those of this sender and no others.
#[test]
fn the_price_of_a_release_is_told_for_one_and_for_all_of_a_sender() {
    let shore = Shore::start();
    let settings =
        [("air.strangers", "hold"), ("link.price", "0.07"), ("price.currency", "EUR"), ("budget.packets", "10")];
    let gateway = shore.gateway(&settings, &["olga", "anna=6846"]).started();
    for text in ["one", "two", "three"] {
        assert!(from_outside(&gateway, ANNA, &message("Hello", text)).starts_with("250"));
    }
    let other = crate::support::Smtp::connect(gateway.listener("smtp")).mail(
        "eve@world.example",
        ANNA,
        "From: eve@world.example\nSubject: Hello\n\nAnd me?\n",
    );
    assert!(other.starts_with("250"), "{other}");
    let held = || gateway.messages().into_iter().filter(|message| message["state"] == "held").collect::<Vec<_>>();
    wait_for("four that wait", SOON, || (held().len() == 4).then_some(()));
    let id = held().iter().find(|message| message["from"] == "bob@world.example").unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut olga = Client::logged_in(&gateway, "olga");
    let page = olga.get(&format!("/messages/{id}")).body;
    for words in [
        "Releasing it costs <strong>1 packet, 0.07 EUR</strong>",
        "Left this month: 9 packets of the box.",
        "all of them cost <strong>3 packets, 0.21 EUR</strong>",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(shore.to_device(6846).is_empty());
    let page = format!("/messages/{id}");
    let token = olga.token(&page);
    let done = olga.form(&format!("{page}/release-all"), &format!("csrf={token}"), &olga.own());
    assert_eq!((done.status, done.header("location")), (303, page.as_str()), "{done:?}");
    assert!(olga.get(&page).body.contains("3 messages are released"));
    wait_for("those of bob", SOON, || (shore.to_device(6846).len() == 3).then_some(()));
    let left = held();
    assert_eq!((left.len(), &left[0]["from"]), (1, &"eve@world.example".into()));
    gateway.totals_balance();
}
