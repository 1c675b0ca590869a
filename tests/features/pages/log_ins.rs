//! Log-ins: where they lead, how often they may be tried, and how somebody ends their own.

use crate::support::clock::OwnClock;
use crate::support::web::{Client, hidden};
use crate::support::{Folder, PASSWORD, Station};

fn house(folder: &Folder, more: &[(&str, &str)]) -> Station {
    let settings: Vec<_> = [("box.domain", "boat.example")].into_iter().chain(more.iter().copied()).collect();
    Station::new(folder, "house", &settings, &["anna", "bert"]).started()
}

/// Places that lead to another site in one browser or another, or that some reader of addresses takes for such.
const ELSEWHERE: [&str; 42] = [
    "//evil.example",
    "///evil.example",
    "////evil.example/%2e%2e",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r/evil.example",
    "\t//evil.example",
    " //evil.example",
    "\u{1}//evil.example",
    "/ /evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/\\/evil.example",
    "/\t\\evil.example",
    "http://evil.example",
    "https:evil.example",
    "http:/evil.example",
    "HtTp:\\\\evil.example",
    "javascript:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "@evil.example",
    "//evil.example@box",
    "/.//evil.example",
    "/./\\evil.example",
    "/..//evil.example",
    "/a/..//evil.example",
    "/%2e%2e//evil.example",
    "/%2f/evil.example",
    "/%5cevil.example",
    "/%09/evil.example/../",
    "/\u{2f}\u{2f}evil.example",
    "/\u{2028}/evil.example",
    "/\u{ff0f}evil.example",
    "\u{ff0f}\u{ff0f}evil.example",
    "/\u{0}/evil.example",
    "/a\r\nLocation: http://evil.example",
    "/a\r\n\r\n<script>alert(1)</script>",
    "//[::1]:1/",
    "?next=//evil.example//",
];

#[test]
fn no_address_leads_from_the_log_in_or_the_colours_to_another_site() {
    let folder = Folder::new();
    let station = house(&folder, &[]);
    let mut client = Client::new(&station);
    let token = client.token("/login");
    let write = |pairs: &[(&str, &str)]| form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let stays = |place: &str, asked: &str| {
        let path = place.split(['?', '#']).next().unwrap();
        let plain = place.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        assert!(place.starts_with('/') && !path.contains("//") && plain, "{asked:?} leads to {place:?}");
        assert!(!place.contains("evil") || place.starts_with("/?"), "{asked:?} leads to {place:?}");
    };
    for bad in ELSEWHERE {
        // The form takes the place from the address of its page, and gives it back.
        let query = write(&[("next", bad)]);
        let page = client.get(&format!("/login?{query}")).body;
        assert_eq!(page.matches("<script").count(), 1, "{page}");
        let shown = hidden(&page, "next");
        for next in [bad, &shown] {
            let form = write(&[("csrf", &token), ("name", "anna"), ("password", PASSWORD), ("next", next)]);
            let answer = client.form("/login", &form, &client.own());
            assert_eq!(answer.status, 303, "{bad:?}: {answer:?}");
            stays(answer.header("location"), bad);
            assert!(!answer.body.contains("script"), "{answer:?}");
        }
        let form = write(&[("csrf", &token), ("theme", "dark"), ("next", bad)]);
        let answer = client.form("/theme", &form, &client.own());
        assert_eq!(answer.status, 303, "{bad:?}: {answer:?}");
        stays(answer.header("location"), bad);
    }
    for good in ["/messages?tab=waiting", "/people/anna%20b", "/compose?to=a@b.org&text=//x"] {
        let form = write(&[("csrf", &token), ("name", "anna"), ("password", PASSWORD), ("next", good)]);
        assert_eq!(client.form("/login", &form, &client.own()).header("location"), good);
    }
}

#[test]
fn somebody_sees_where_they_are_logged_in_and_ends_it() {
    let folder = Folder::new();
    let station = house(&folder, &[]);
    let (mut here, other, third) =
        (Client::logged_in(&station, "bert"), Client::logged_in(&station, "bert"), Client::logged_in(&station, "bert"));
    let anna = Client::logged_in(&station, "anna");
    let page = here.get("/account").body;
    assert_eq!(
        page.matches("/end\"").count() + page.matches("&#x2f;end\"").count(),
        4,
        "three, and all but this: {page}"
    );
    assert_eq!(page.matches("this browser").count(), 1, "{page}");
    // The others in the list, the one seen last first: end one of them.
    let ids: Vec<_> =
        page.split("/account/log-ins/").skip(1).map(|rest| rest.split('/').next().unwrap().to_owned()).collect();
    let this = page
        .split("this browser")
        .nth(1)
        .unwrap()
        .split("/account/log-ins/")
        .nth(1)
        .unwrap()
        .split('/')
        .next()
        .unwrap();
    let another = ids.iter().find(|id| *id != this && *id != "others").unwrap().clone();
    let ended = here.post("/account", "x=1");
    assert_eq!(ended.status, 422, "{ended:?}");
    let token = here.token("/account");
    let end = |client: &Client, id: &str| {
        client.form(&format!("/account/log-ins/{id}/end"), &format!("csrf={token}"), &client.own())
    };
    assert_eq!(end(&here, &another).status, 303);
    let alive = [&other, &third].iter().filter(|client| client.get("/account").status == 200).count();
    assert_eq!(alive, 1);
    assert_eq!(end(&here, "others").status, 303);
    let alive = [&other, &third].iter().filter(|client| client.get("/account").status == 200).count();
    assert_eq!((alive, here.get("/account").status, anna.get("/account").status), (0, 200, 200));
    // Nobody ends a log-in of somebody else so.
    let all = anna.get("/log-ins").body;
    let hers = all
        .split("/log-ins/")
        .skip(1)
        .map(|rest| rest.split('/').next().unwrap())
        .find(|id| *id != this && id.len() == 16)
        .unwrap();
    assert_eq!(end(&here, hers).status, 303);
    assert_eq!(anna.get("/account").status, 200);
    let out = end(&here, this);
    assert_eq!((out.header("location"), here.get("/account").status), ("/login", 303));
}

/// What happened again stands where it happened last, and its time with it: nobody has to look for the newest line.
#[test]
fn the_audit_log_tells_its_times_in_order() {
    let folder = Folder::new();
    let clock = OwnClock::new(&folder);
    let mut station = Station::new(&folder, "house", &[("box.domain", "boat.example")], &["anna", "bert"]);
    station.start_with(&clock.environment());
    let mut anna = Client::logged_in(&station, "anna");
    let mut past = 0;
    let mut later = || {
        past += 70;
        clock.ahead(past);
    };
    for name in ["carl", "dora", "eve"] {
        later();
        assert_eq!(Client::new(&station).try_password("bert", "a wrong one").status, 401);
        later();
        let done = anna.post("/people", &format!("name={name}&home=here&role=person"));
        assert_eq!(done.status, 303, "{done:?}");
    }
    later();
    assert_eq!(Client::new(&station).try_password("bert", "a wrong one").status, 401);
    let page = anna.get("/audit").body;
    let rows: Vec<_> = page.split("<tbody>").nth(1).unwrap().split("<tr>").skip(1).collect();
    // The first time of a row is that by which it stands; one that happened several times says since when as well.
    let times: Vec<_> =
        rows.iter().map(|row| row.split("datetime=\"").nth(1).unwrap().split('"').next().unwrap()).collect();
    assert!(times.len() >= 4 && times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
    assert!(rows[0].contains("4 times") && rows[0].matches("datetime=").count() == 2, "{}", rows[0]);
    assert!(rows[1].contains("eve") && rows[2].contains("dora") && rows[3].contains("carl"), "{rows:?}");
}
