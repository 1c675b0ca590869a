use super::*;

/// Every fault of a listing: nothing is reported that is not there, the link says what is wrong, and the next round
/// brings the packet.
#[test]
fn no_fault_of_the_listing_is_taken_for_an_empty_list() {
    for (fault, words) in [
        ("403", "forbids"),
        ("429", "patience"),
        ("500", "500 Internal Server Error"),
        ("502", "502 Bad Gateway"),
        ("timeout", "no answer of the Hive to the list of packets in"),
        ("trickle", "no answer of the Hive to the list of packets in"),
        ("reset-before", "broke off"),
        ("reset-after", "broke off"),
        ("truncated", "broke off"),
        ("object", "cannot be read"),
        ("error200", "cannot be read"),
    ] {
        let mut bench = Bench::start();
        bench.sim("uplink 6846 0a");
        bench.sim(&format!("fail list {fault} 1"));
        let events = bench.round();
        assert_eq!(inbound(&events), [], "{fault}");
        let health = health(&events);
        assert!(!health.ready, "{fault}");
        assert!(health.state.to_string().contains(words), "{fault}: {}", health.state);
        assert!(bench.hive.prepare(&packet(b"x")).is_err(), "{fault}");
        assert_eq!(inbound(&bench.round()).len(), 1, "{fault}");
        bench.hive.prepare(&packet(b"x")).unwrap();
    }
}

#[test]
fn a_page_that_fails_does_not_cost_the_pages_before_it() {
    let mut bench = Bench::start();
    bench.sim("uplink 6846 0a");
    bench.round();
    bench.sim("uplink 6846 0b");
    bench.sim("fail list duplicate 1");
    bench.sim("fail list 502 1");
    let events = bench.round();
    assert_eq!(inbound(&events).len(), 3, "the new one, and the repetitions of both");
    assert!(!health(&events).ready);
}

#[test]
fn an_expired_token_gets_one_new_log_in() {
    let mut bench = Bench::start();
    bench.round();
    bench.sim("expire-tokens");
    bench.sim("uplink 6846 0a");
    let [item] = inbound(&bench.round()).try_into().unwrap();
    assert_eq!(bench.requests("login").len(), 2);

    bench.sim("expire-tokens");
    bench.hive.confirm(&item.token).unwrap();
    assert_eq!(bench.requests("login").len(), 3);
    assert_eq!(bench.packets()[0]["status"], 2);

    bench.sim("expire-tokens");
    let intent = bench.hive.prepare(&packet(b"x")).unwrap();
    assert!(matches!(bench.hive.send(&packet(b"x"), &intent), SubmitResult::Taken(_)));
    assert_eq!(bench.requests("login").len(), 4);
    assert_eq!(bench.packets().len(), 2);

    bench.sim("fail list 401 2");
    let events = bench.round();
    assert!(health(&events).state.to_string().contains("refuses the log-in that it has just given"));
    assert_eq!(bench.requests("login").len(), 5);
    bench.round();
    assert_eq!(bench.requests("login").len(), 6);
}

#[test]
fn tokens_that_run_out_by_themselves_are_renewed() {
    let mut bench = Bench::with(Options { token_life: 2, ..options() });
    bench.until_ready();
    let start = Instant::now();
    while bench.requests("login").len() < 2 {
        assert!(start.elapsed() < LIMIT);
        bench.hive.poll(&bench.wake, Duration::from_millis(300));
        assert!(bench.hive.health.ready);
    }
}

#[test]
fn a_wrong_password_is_for_the_operator() {
    let mut bench = Bench::start();
    bench.settings = bench.settings.with(Key::HivePassword, "wrong").unwrap();
    bench.restart();
    let words = health(&bench.round()).state.to_string();
    assert_eq!(words, "the Hive refuses user 'anna & co': check hive.user and hive.password");
    assert!(matches!(bench.hive.prepare(&packet(b"x")), Err(Fault::Operator(_))));
    bench.settings = bench.settings.with(Key::HiveUser, "").unwrap();
    bench.restart();
    assert!(health(&bench.round()).state.to_string().contains("set hive.user"));
    bench.settings = bench.settings.with(Key::HiveUrl, "http://[").unwrap().with(Key::HiveUser, "x").unwrap();
    bench.restart();
    let words = health(&bench.round()).state.to_string();
    assert!(words.contains("check hive.url"), "{words}");
}

#[test]
fn a_log_in_that_goes_wrong_is_tried_again() {
    for fault in ["429", "500", "502", "timeout", "reset-after", "truncated", "error200", "object"] {
        let mut bench = Bench::start();
        bench.sim(&format!("fail login {fault} 1"));
        assert!(!health(&bench.round()).ready, "{fault}");
        assert!(health(&bench.round()).ready, "{fault}");
    }
}

#[test]
fn after_a_long_outage_it_resumes_by_itself() {
    let mut bench = Bench::start();
    bench.until_ready();
    bench.sim("down on");
    let words = bench.until(|event| match event {
        Event::Health(health) if !health.ready => Some(health.state.to_string()),
        _ => None,
    });
    assert!(words.contains("annot reach the Hive") && words.contains("check hive.url"), "{words}");
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(2) {
        bench.hive.poll(&bench.wake, Duration::from_millis(100));
    }
    let failures = bench.hive.timer.failures();
    assert!((4..60).contains(&failures), "{failures}");
    assert!(bench.hive.confirm(&Token(1)).is_err());
    assert_eq!(bench.hive.timer.failures(), failures, "no call outside of the rounds while it is down");
    bench.sim("down off");
    bench.sim("uplink 6846 0a");
    bench.until(|event| matches!(event, Event::Inbound(_)).then_some(()));
    assert_eq!(bench.hive.timer.failures(), 0);
}

#[test]
fn polling_keeps_its_interval_and_wakes_at_once() {
    let mut bench = Bench::start();
    bench.settings = bench.settings.with(Key::HivePoll, "1h").unwrap();
    bench.restart();
    bench.until_ready();
    let start = Instant::now();
    let (waker, wake) = bounded(1);
    assert_eq!(bench.hive.poll(&wake, Duration::from_millis(200)), []);
    assert!(start.elapsed() >= Duration::from_millis(200));
    waker.try_send(()).unwrap();
    assert_eq!(bench.hive.poll(&wake, Duration::from_secs(60)), []);
    assert!(start.elapsed() < Duration::from_secs(30));
    assert!(wake.is_empty());
    assert_eq!(bench.requests("messages").len(), 1);
}

#[test]
fn a_certificate_that_is_not_accepted_is_named() {
    let name = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(name.signing_key.serialize_der()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![name.cert.der().clone()], key).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}/hive", listener.local_addr().unwrap().port());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let mut tls = rustls::ServerConnection::new(config.into()).unwrap();
        // Ends with the client's alert.
        let _ = tls.complete_io(&mut stream);
    });
    let mut bench = Bench::start();
    bench.settings = bench.settings.with(Key::HiveUrl, &url).unwrap();
    bench.restart();
    let words = health(&bench.round()).state.to_string();
    assert!(words.contains("the certificate of the Hive") && words.contains("clock of this box"), "{words}");
    server.join().unwrap();
}
