//! Pages of which one visitor asks more than the box can answer at once.

use std::fs;
use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::shore::from_outside;
use crate::support::web::Client;
use crate::support::{Folder, SOON, Station, wait_for};

/// A search reads a mail from a file that gives no byte until the test lets it: seven of one person stand still so, for as long
/// as it takes to see that all others are served.
#[test]
fn seven_searches_of_one_person_stop_nobody_else() {
    let folder = Folder::new();
    let settings = [("box.domain", "boat.example"), ("box.reach", "internet"), ("relay.host", "localhost")];
    let station = Station::new(&folder, "house", &settings, &["anna", "bert"]).started();
    let long = "A long tale of a harbour.\n".repeat(10_000);
    let mail = format!("From: Mum <mum@world.example>\nSubject: Tale\n\n{long}");
    assert!(from_outside(&station, "bert@boat.example", &mail).starts_with("250"));
    let (bert, anna) = (Client::logged_in(&station, "bert"), Client::logged_in(&station, "anna"));
    let search = || bert.get("/mailbox?q=harbour");
    assert!(search().body.contains(">Tale<"));
    let spool = station.folder.join("spool");
    let file = fs::read_dir(&spool).unwrap().map(|file| file.unwrap().path()).find(|file| file.is_file()).unwrap();
    let whole = folder.path("whole");
    fs::rename(&file, &whole).unwrap();
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    std::thread::scope(|scope| {
        let searches: Vec<_> = (0..7).map(|_| scope.spawn(search)).collect();
        // Opens once a search wants to read it.
        let mut held = fs::OpenOptions::new().write(true).open(&file).unwrap();
        let mut slowest = Duration::ZERO;
        for _ in 0..10 {
            let began = Instant::now();
            assert_eq!(Client::new(&station).get("/healthz").body, "ok\n");
            slowest = slowest.max(began.elapsed());
            assert!(anna.get("/messages").body.contains("Tale"));
            assert_eq!(anna.get("/mailbox?q=harbour").status, 200);
        }
        println!("/healthz took {slowest:.1?} at most while seven searches stood still");
        assert!(searches.iter().all(|search| !search.is_finished()), "they wait for the file");
        fs::rename(&whole, &file).unwrap();
        // The first ones get what is no mail, and the rest find it again.
        let _ = held.write_all(b"x");
        drop(held);
        assert!(searches.into_iter().all(|search| search.join().unwrap().status == 200));
    });
    wait_for("the mail", SOON, || search().body.contains(">Tale<").then_some(()));
    station.totals_balance();
}
