use super::*;

#[test]
fn a_packet_is_reported_once_and_acknowledged_only_after_it_is_confirmed() {
    let mut bench = Bench::start();
    bench.sim("uplink 0x001abe 0a0b");
    let events = bench.round();
    let [first] = inbound(&events).try_into().unwrap();
    assert_eq!(first.device, Some("6846".parse().unwrap()));
    assert_eq!(first.payload, [10, 11]);
    assert!(first.received.unwrap().since(Clock::system().now() - Duration::from_secs(60)) > Duration::ZERO);
    assert!(health(&events).ready);

    assert_eq!(inbound(&bench.round()), []);
    assert_eq!(bench.requests("rxack").len(), 0);
    assert_eq!(bench.packets()[0]["status"], 0);

    bench.hive.confirm(&first.token).unwrap();
    assert_eq!(bench.packets()[0]["status"], 2);
    assert_eq!(inbound(&bench.round()), []);
    assert_eq!(bench.requests("rxack").len(), 1);
    assert_eq!(bench.requests("login").len(), 1);
}

#[test]
fn after_a_crash_it_is_reported_again_under_the_same_key() {
    let mut bench = Bench::start();
    bench.sim("uplink 6846 0a");
    let before = inbound(&bench.round());
    bench.restart();
    assert_eq!(inbound(&bench.round()), before);
}

#[test]
fn repetitions_of_a_message_share_its_key_and_are_all_acknowledged() {
    let mut bench = Bench::start();
    let id = bench.sim("uplink 6846 0a").replace("ok ", "");
    bench.sim(&format!("uplink 6846 0a {id}"));
    let both = inbound(&bench.round());
    assert_eq!(both.len(), 2);
    assert_eq!(both[0].key, format!("hive:{id}"));
    assert_eq!(both[1].key, both[0].key);
    assert_ne!(both[1].token, both[0].token);
    for item in &both {
        bench.hive.confirm(&item.token).unwrap();
    }
    bench.restart();
    assert_eq!(inbound(&bench.round()), []);
}

#[test]
fn a_backlog_of_three_pages_drains_in_one_round_oldest_first() {
    let mut bench = Bench::start();
    for number in 0..250_u32 {
        bench.sim(&format!("uplink 6846 {number:04x}"));
    }
    bench.sim("fail list unsorted 4");
    let items = inbound(&bench.round());
    let numbers: Vec<u32> =
        items.iter().map(|item| u32::from(item.payload[0]) * 256 + u32::from(item.payload[1])).collect();
    assert_eq!(numbers, (0..250).collect::<Vec<_>>());
    let queries: Vec<_> = bench.requests("messages").iter().map(|entry| entry["query"].to_string()).collect();
    assert!(queries.iter().all(|query| query.contains("count=100&status=0&direction=fromdevice")), "{queries:?}");
    assert_eq!(queries.iter().filter(|query| query.contains("beforepacketid=")).count(), 3);
}

#[test]
fn poison_is_set_aside_and_does_not_hold_up_the_rest() {
    let mut bench = Bench::start();
    let long = "00".repeat(193);
    bench.sim(&format!("uplink 6846 {long}"));
    bench.sim("uplink 6846 0a");
    let events = bench.round();
    assert_eq!(inbound(&events).len(), 1);
    let poison = events.iter().find_map(|event| match event {
        Event::Poison { bytes, why, token } => Some((bytes.clone(), why.clone(), token.clone())),
        _ => None,
    });
    let (bytes, why, token) = poison.unwrap();
    assert_eq!(bytes, [0; 193]);
    assert!(why.to_string().contains("193 bytes"), "{why}");
    bench.hive.confirm(&token).unwrap();
    assert_eq!(bench.packets()[0]["status"], 2);

    bench.restart();
    bench.sim("fail list garbage 1");
    let events = bench.round();
    assert!(events.iter().any(|event| matches!(event, Event::Poison { bytes, .. } if bytes == b"@@@ no base64")));
}

#[test]
fn packets_of_other_applications_stay_where_they_are() {
    let mut bench = Bench::start();
    bench.settings = bench.settings.with(Key::M138AppId, "1001").unwrap();
    bench.restart();
    bench.sim("uplink 6846 0a");
    let events = bench.round();
    assert_eq!(inbound(&events), []);
    assert!(health(&events).state.to_string().contains("packets of application 1000"), "{}", health(&events).state);
    assert_eq!(bench.packets()[0]["status"], 0);

    (0..100).for_each(|_| drop(bench.sim("uplink 6846 0a")));
    bench.round();
    bench.round();
    let requests = bench.requests("messages");
    assert!(requests.last().unwrap()["query"].as_str().unwrap().contains("userApplicationId=1001"));
    assert!(bench.hive.health.state.to_string().contains("packets of application 1000"));
}

#[test]
fn message_numbers_may_be_missing_or_text() {
    let mut bench = Bench::start();
    let id = bench.sim("uplink 6846 0a").replace("ok ", "");
    for fault in ["no-message-id", "string-message-id"] {
        bench.restart();
        bench.sim(&format!("fail list {fault} 1"));
        assert_eq!(inbound(&bench.round())[0].key, format!("hive:{id}"));
    }
    bench.restart();
    bench.sim("fail list duplicate 1");
    let items = inbound(&bench.round());
    assert_eq!(items.len(), 2);
    assert_eq!(items[0].key, items[1].key);
}

#[test]
fn an_acknowledgement_that_fails_is_repeated_with_the_next_report() {
    let mut bench = Bench::start();
    bench.sim("uplink 6846 0a");
    let first = inbound(&bench.round());
    bench.sim("fail ack error200 1");
    let fault = bench.hive.confirm(&first[0].token).unwrap_err();
    assert_eq!(fault, Fault::temporary("the Hive refuses: ERROR simulated fault".to_owned()));
    let again = inbound(&bench.round());
    assert_eq!(again, first);
    bench.hive.confirm(&again[0].token).unwrap();
    assert_eq!(bench.packets()[0]["status"], 2);
}

#[test]
fn a_packet_that_the_hive_forgot_needs_no_acknowledgement() {
    let mut bench = Bench::start();
    bench.round();
    bench.hive.confirm(&Token(17)).unwrap();
}

#[test]
fn what_is_never_confirmed_is_reported_again_in_time() {
    let mut bench = Bench::start();
    bench.hive.shown = Shown::new(Duration::ZERO);
    bench.sim("uplink 6846 0a");
    let first = inbound(&bench.round());
    assert_eq!(inbound(&bench.round()), first);
}
