//! The M138 driver in the real binary, against a simulated modem in which everything goes wrong that can.
//!
//! In each scene messages go both ways while something is wrong. At its end every message has arrived once, no packet
//! was on air under two numbers of the modem, and the books balance. What goes wrong has to be told by
//! `satpost status --json` within seconds, and to mend by itself when the cause ends.

#[path = "../common/mod.rs"]
mod common;

mod air;
mod firmware;
mod life;
mod line;
mod plug;
mod quiet;
mod scene;
mod several;
mod waiting;

use scene::{ALWAYS, at_once};

#[test]
fn answers_get_lost_late_and_garbled() {
    at_once(&[
        ("ignored", &|| line::messages_through(&[], &["ignore 1", "ignore 2", "ignore 3"])),
        ("no reply", &|| line::messages_through(&[], &["noreply 1", "noreply 2", "noreply 3"])),
        ("late", &|| line::messages_through(&ALWAYS, &["late 3500 1", "late 1600 3"])),
        ("garbled", &|| line::messages_through(&[], &["corrupt 1", "corrupt 5"])),
        ("no line feed", &|| line::messages_through(&ALWAYS, &["droplf 1", "droplf 5"])),
        ("glued", &|| line::messages_through(&[], &["glue 1", "glue 5", "interleave on", "interleave 9"])),
    ]);
}

#[test]
fn the_modem_is_silent_or_its_line_noisy() {
    at_once(&[
        ("silent", &line::silent),
        ("ignores commands", &|| line::only_talks("ignore")),
        ("answers nothing", &|| line::only_talks("noreply")),
        ("only garbage", &line::only_garbage),
        ("garbage between", &line::garbage_between_the_lines),
    ]);
}

#[test]
fn the_modem_restarts_or_cannot_send() {
    at_once(&[
        ("reboot", &|| life::restarts("reboot")),
        ("abort", &|| life::restarts("abort")),
        ("power fails", &life::power_fails),
        ("runs already", &life::running_already),
        ("not yet there", &life::not_yet_there),
        ("no time", &life::no_time_and_no_fix),
        ("full", &life::full_queue),
    ]);
}

#[test]
fn every_firmware_and_every_sky() {
    let variants = ["sentspace", "bareapp", "waketail", "noids", "unreadonly"];
    at_once(&[
        ("firmware 1", &|| firmware::messages(&["--firmware", "1"], &[])),
        ("firmware 2", &|| firmware::messages(&["--firmware", "2"], &[])),
        ("firmware 1, variants", &|| firmware::messages(&["--firmware", "1"], &variants)),
        ("firmware 3, variants", &|| firmware::messages(&["--firmware", "3"], &variants)),
        ("repeated", &air::repeated),
        ("weak supply", &air::weak_supply),
    ]);
}

#[test]
fn the_port_and_who_is_behind_it() {
    at_once(&[
        ("pulled", &plug::pulled_in_the_middle_of_commands),
        ("locked", &plug::in_other_hands),
        ("exchanged", &plug::another_modem_in_its_place),
        ("two stations", &several::each_station_gets_its_own_mail),
    ]);
}

#[test]
fn messages_wait_and_the_box_is_quiet() {
    at_once(&[
        ("window", &waiting::window_withdrawal_and_expiry),
        ("given up", &waiting::the_modem_gives_a_packet_up),
        ("unseen", &waiting::acknowledged_unseen),
        ("idle", &quiet::an_idle_modem_lets_the_box_sleep),
        ("noise", &quiet::noise_costs_little),
    ]);
}
