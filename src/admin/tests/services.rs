//! The page of a link says what the ground service behind it has to know.

use super::*;
use crate::link::DRIVERS;
use crate::settings::{Kind, row};

const SECRET: &str = "kJ7dn3Pq81xYwz55";

#[test]
fn each_ground_service_says_on_its_page_what_is_missing_and_what_to_type_there() {
    let site = Site::with_people();
    let service = site.app.service(Actor::command_line(0));
    let mut anna = site.logged_in("anna");
    for driver in DRIVERS {
        service.add_link(driver.name, driver.name, &[]).unwrap();
        let page = |anna: &mut Browser| text(&anna.get(&format!("/links/{}", driver.name))).replace("&#x2f;", "/");
        let at_first = page(&mut anna);
        assert_eq!(at_first.contains("At the service"), !driver.reach.far_box, "{}", driver.name);
        let webhook = driver.settings.iter().find_map(|key| match row(*key).kind {
            Kind::Webhook(below) => Some((row(*key).name, below)),
            _ => None,
        });
        let Some((setting, below)) = webhook else {
            assert!(!at_first.contains("id=webhook"), "{}", driver.name);
            continue;
        };
        // A secret is offered, another one each time; without a public address there is nothing to type.
        let offered = |page: &str| page.split("<code id=webhook>").nth(1)?.split('<').next().map(str::to_owned);
        assert_ne!(offered(&at_first).unwrap(), offered(&page(&mut anna)).unwrap());
        assert!(at_first.contains("set sms.public_url") && at_first.contains(setting), "{at_first}");
        service.set_link(driver.name, &[(setting.to_owned(), SECRET.to_owned())]).unwrap();
        assert_eq!(offered(&page(&mut anna)), None);
        service.set("sms.public_url", "https://box.example.org").unwrap();
        let address = format!("https://box.example.org/hooks/{below}/{SECRET}");
        assert_eq!(offered(&page(&mut anna)).as_deref(), Some(address.as_str()));
        service.set("sms.public_url", "").unwrap();
        // What could be guessed is refused before it is kept.
        let short = service.set_link(driver.name, &[(setting.to_owned(), "short".to_owned())]).unwrap_err();
        assert!(short.to_string().contains("16 or more"), "{short}");
    }
}
