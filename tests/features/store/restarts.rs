//! What starts a box again at once, for ever, as a container does: a box that ends again and again rests longer and longer, and
//! whoever asks hears why.

use std::fs;

use crate::support::shore::Shore;
use crate::support::{SOON, Station, wait_for};

/// Starts the box as a container does: it is told where its state is, and nothing else.
fn launch(station: &mut Station) {
    let folder = station.folder.clone();
    station.launch_with(&[("STATE_DIRECTORY", &folder)]);
}

#[test]
fn a_box_in_a_container_that_ends_again_and_again_rests_and_says_so() {
    let shore = Shore::start();
    let mut station = shore.gateway(&[], &["olga"]);
    launch(&mut station);
    wait_for("the box to answer", SOON, || station.status());
    station.kill();

    // Its store cannot be opened: it ends by itself.
    let (file, good) = (station.folder.join("satpost.redb"), shore.folder.path("good"));
    fs::rename(&file, &good).unwrap();
    fs::write(&file, [7; 8192]).unwrap();
    for _ in 0..3 {
        launch(&mut station);
        let program = station.program();
        let ended = wait_for("the box to end", SOON, || program.0.try_wait().unwrap());
        assert!(!ended.success());
    }
    assert!(!station.log_text().contains("the next try is in"), "{}", station.log_text());
    // It rests, ends once more, and rests longer: time enough to ask.
    launch(&mut station);
    rests(&station, 10);
    let program = station.program();
    let ended = wait_for("the box to end", 2 * SOON, || program.0.try_wait().unwrap());
    assert!(!ended.success());
    launch(&mut station);
    rests(&station, 20);
    // What was wrong is put right meanwhile.
    fs::rename(&good, &file).unwrap();
    let said = station.said(&["status", "--health"]);
    let words = "satpost: not healthy: the box ended 5 times in a row without being told to, the last time: ";
    assert!(said.code == 1 && said.err.starts_with(words) && said.err.contains("satpost.redb"), "{said:?}");
    assert!(said.err.contains("; it is tried again in "), "{said:?}");
    wait_for("the box to answer", 2 * SOON, || station.status());
    wait_for("it to be healthy", SOON, || (station.said(&["status", "--health"]).code == 0).then_some(()));
    let told = station.messages().into_iter().find(|message| message["subject"] == "The box was started again");
    assert!(told.unwrap()["text"].as_str().unwrap().contains("the box ended 5 times in a row"));

    // The row goes on with the next end; somebody who wants it to end does not wait, and ends the row.
    station.kill();
    launch(&mut station);
    rests(&station, 40);
    assert_eq!(station.stop(), 0);
    launch(&mut station);
    wait_for("the box to answer", SOON, || station.status());
    assert_eq!(station.stop(), 0);
    assert_eq!(station.log_text().matches("the next try is in").count(), 3);
}

/// Waits until the box says that it rests for so many seconds.
fn rests(station: &Station, seconds: u32) {
    let words = format!("the next try is in {seconds} s");
    wait_for(&words, SOON, || station.log_text().contains(&words).then_some(()));
}

/// Nothing can be written where the starts are counted, and the box ends for another reason: it rests before it ends.
#[test]
fn a_box_whose_starts_cannot_be_counted_rests_before_it_ends() {
    let shore = Shore::start();
    let mut station = shore.gateway(&[], &["olga"]);
    fs::create_dir(station.folder.join(".starts.json")).unwrap();
    // Large mails have no place.
    let incoming = station.folder.join("incoming");
    let _ = fs::remove_dir_all(&incoming);
    fs::write(&incoming, "").unwrap();
    launch(&mut station);
    wait_for("the box to rest", SOON, || station.log_text().contains("it ends in 10 s").then_some(()));
    assert!(station.log_text().contains("cannot be used for large mails"), "{}", station.log_text());
    // Somebody who wants it to end does not wait.
    assert_eq!(station.stop(), 2);
}
