//! The whole machine against a clock of its own: nothing here waits.

use super::super::air::{Answer, Ask, Down, empty_sky};
use super::super::receiver::sentence;
use super::power::{Cause, Start};
use super::radio::Passes;
use super::*;

/// A modem, its time, and what the sky has heard.
struct Bench {
    machine: Machine,
    now: Time,
    sky: Vec<Ask>,
    down: Vec<Down>,
}

impl Bench {
    fn new(change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options { start: Start::Running, ..Options::new("unused") };
        change(&mut options);
        let now = Time(1_800_000_000_000);
        let machine = Machine::new(&options, Memory::default(), Journal::default(), now);
        Self { machine, now, sky: Vec::new(), down: Vec::new() }
    }

    /// A running modem that sees no satellite until told so.
    fn quiet() -> Self {
        let mut bench = Self::new(|_| {});
        bench.machine.radio.decide(Passes::Never, bench.now);
        bench
    }

    fn answer(&mut self, ask: &Ask) -> Answer {
        match ask {
            Ask::Take(_) => Answer::Packet(self.down.pop()),
            ask => empty_sky(ask),
        }
    }

    /// Lets time go on and gives the lines that came.
    fn run(&mut self, milliseconds: u64) -> Vec<String> {
        let end = self.now + Duration::from_millis(milliseconds);
        let mut heard = Vec::new();
        let mut idle = 0;
        loop {
            self.machine.do_due(self.now);
            heard.extend(self.machine.leaves(self.now));
            if let Some((ticket, ask)) = self.machine.radio.asks.pop_front() {
                let answer = self.answer(&ask);
                self.sky.push(ask);
                self.machine.hear_sky(ticket, answer, self.now);
                continue;
            }
            let next = self.machine.next_due();
            idle = if next > self.now { 0 } else { idle + 1 };
            assert!(idle < 3, "the machine spins");
            if next > end {
                self.now = end;
                let text = String::from_utf8(heard).unwrap();
                return text.split_terminator('\n').map(str::to_owned).collect();
            }
            self.now = next.max(self.now);
        }
    }

    /// Sends a command and gives what comes within two seconds, without framing.
    fn ask(&mut self, body: &str) -> Vec<String> {
        let line = sentence(body);
        self.machine.hear_bytes(&line, self.now);
        let lines = self.run(2000);
        let whole = lines.iter().filter(|line| line.starts_with('$'));
        whole.map(|line| line[1..line.rfind('*').unwrap()].to_owned()).collect()
    }

    fn id_of(&mut self, body: &str) -> u64 {
        let said = self.ask(body);
        said[0].strip_prefix("TD OK,").unwrap_or_else(|| panic!("{said:?}")).parse().unwrap()
    }

    fn packets_up(&self) -> Vec<u64> {
        self.sky.iter().filter_map(|ask| if let Ask::Up { id, .. } = ask { Some(*id) } else { None }).collect()
    }
}

#[test]
fn boot_is_as_captured_and_gates_hold() {
    let mut bench = Bench::new(|options| options.start = Start::Boot);
    bench.machine.radio.decide(Passes::Never, bench.now);
    let lines = bench.run(13_000).join("\n");
    let expected = "\
$M138 BOOT,POWERON,Copyright (c) 2019-22 Swarm Technologies, Inc*2d
$M138 BOOT,POWERON,LPWR=n,WWDG=n,IWDG=n,SFT=n,BOR=Y,PIN=Y,OBL=n*43
$M138 BOOT,VERSION,2022-10-18T22:38:36,v3.0.1*23
$M138 BOOT,DEVICEID,DI=0x001abe,RDP=0(0xaa)*55
$M138 BOOT,MSGS,IN=0/0,OUT=0/0*2e
$M138 BOOT,RUNNING*2a";
    let (noise, boot) = lines.split_at(lines.find('$').unwrap());
    assert!(noise.starts_with("Swarm ") && noise.ends_with("......"), "{noise}");
    assert_eq!(boot, expected);
    bench.machine.faults.no_time = true;
    bench.machine.faults.no_fix = true;
    let since = bench.now;
    assert_eq!(bench.ask("TD 00"), ["TD ERR,GPS_TIMENOTSET"]);
    let invalid = bench.ask("DT @");
    assert!(invalid[0].starts_with("DT 19700101") && invalid[0].ends_with(",I"), "{invalid:?} {since}");
    assert_eq!(bench.ask("GS @"), ["GS 0,0,0,0,NF"]);
    assert_eq!(bench.ask("GN @"), ["GN 0.0000,0.0000,0,0,0"]);
    assert_eq!(bench.run(20_000), [""; 0]);
    bench.machine.faults = Faults::default();
    bench.machine.announce_fix(bench.now);
    bench.machine.announce_time(bench.now);
    assert_eq!(bench.run(10), ["$M138 POSITION*4e", "$M138 DATETIME*56"]);
    assert!(bench.ask("TD 00")[0].starts_with("TD OK,"));
}

#[test]
fn restart_keeps_the_queue_and_deletedb_does_not() {
    let mut bench = Bench::quiet();
    bench.id_of("TD 00");
    assert_eq!(bench.ask("RT 0"), ["RT OK"]);
    bench.ask("GN 30");
    assert_eq!(bench.ask("RS")[..2], ["RS OK", "M138 BOOT,RESTART"].map(str::to_owned)[..]);
    let lines = bench.run(60_000).join("\n");
    assert!(lines.contains("SFT=Y,BOR=n") && lines.contains("OUT=1/1"), "{lines}");
    assert!(lines.contains("$GN 37.8921"), "rates survive: {lines}");
    assert_eq!(bench.ask("RS dbinit"), ["RS ERR,CMD_BADPARAM"]);
    bench.ask("RS deletedb");
    assert!(bench.run(60_000).join("\n").contains("OUT=0/0"));
    bench.machine.reset(Cause::Crash, bench.now);
    assert!(bench.run(60_000).join("\n").contains("$M138 BOOT,ABORT*"));
    assert_eq!(bench.ask("PO"), ["PO OK", "M138 BOOT,SHUTDOWN"]);
    assert_eq!(bench.ask("CS"), [""; 0]);
}

#[test]
fn settings_and_queries_have_their_forms() {
    let mut bench = Bench::quiet();
    for (ask, answer) in [
        ("CS", "CS DI=0x001abe,DN=M138"),
        ("CS ", "CS ERR,CMD_BADPARAM"),
        ("FV", "FV 2022-10-18T22:38:36,v3.0.1"),
        ("XY 1", "XY ERR,CMD_NOTIMPLEMENTED"),
        ("", "CMD? ERR,CMD_NOTIMPLEMENTED"),
        ("DT ?", "DT 0"),
        ("DT 2147483648", "DT ERR,CMD_BADPARAMVALUE"),
        ("DT -1", "DT ERR,CMD_BADPARAM"),
        ("DT", "DT ERR,CMD_PARAMMISSING"),
        ("GP ?", "GP 0"),
        ("GP @", "GP Cannot read in mode 0"),
        ("GP 15", "GP ERR,CMD_BADPARAMVALUE"),
        ("GP 2", "GP OK"),
        ("GP @", "GP H"),
        ("MM N=?", "MM N=D"),
        ("MM N=E", "MM OK"),
        ("MM N=?", "MM N=E"),
        ("MM C=*", "MM 0"),
        ("MM R=O", "MM ERR,DBX_NOMORE"),
        ("MM D=5", "MM ERR,DBX_INVMSGID"),
        ("MM Q", "MM ERR,CMD_BADPARAM"),
        ("MT L=U", "MT ERR,CMD_BADPARAM"),
        ("SL", "SL ERR,CMD_PARAMMISSING"),
        ("SL @", "SL ERR,CMD_PARAMMISSING"),
        ("SL S=4", "SL ERR,CMD_BADPARAMVALUE"),
        ("SL U=25:00:00", "SL ERR,CMD_BADPARAM"),
        ("PW 900", "PW OK"),
        ("PW ?", "PW 900"),
    ] {
        assert_eq!(bench.ask(ask), [answer], "{ask}");
    }
    bench.machine.hear_bytes(b"$CS*11\n", bench.now);
    assert_eq!(bench.run(100), ["$CMD? ERR,CMD_NMEACHECKSUMFAIL*21"]);
    assert_eq!(bench.ask("DT 5"), ["DT OK"]);
    assert_eq!(bench.run(12_000).len(), 2, "one sentence every five seconds");
}

#[test]
fn firmware_one_speaks_its_own_dialect() {
    let mut bench = Bench::new(|options| options.firmware = Firmware::One);
    bench.machine.radio.decide(Passes::Never, bench.now);
    let id = bench.id_of("TD AI=7,ET=1800000030,cafe");
    let made = 1_800_000_000;
    for (ask, answer) in [
        ("TD abc", "TD ERR,BADDATA,0".to_owned()),
        ("TD ET=1700000000,00", "TD ERR,HOLDTIMEEXPIRED,0".to_owned()),
        ("MT L=U", format!("MT AI=7,cafe,{id},{made}")),
        ("MM L=5", "MM ERR,BADPARAM".to_owned()),
        ("XX", "XX ERR".to_owned()),
        ("GP 9", "GP ERR,BADPARAM".to_owned()),
        ("RS deletedb", "RS ERR,BADPARAM".to_owned()),
        ("SL U=2027-01-15T08:00:30", "SL ERR,BADPARAM".to_owned()),
        ("PW 0", "PW OK".to_owned()),
    ] {
        assert_eq!(bench.ask(ask), [answer], "{ask}");
    }
    assert!(bench.run(120_000).join("\n").contains(&format!("$TD ERR,HOLDTIMEEXPIRED,{id}*")));
}

#[test]
fn a_queued_message_goes_up_once_and_is_reported() {
    let mut bench = Bench::quiet();
    let (one, two) = (bench.id_of("TD AI=1000,HD=3600,cafe"), bench.id_of("TD \"hi\""));
    assert_eq!(bench.ask("MT C=U"), ["MT 2"]);
    assert_eq!(bench.ask(&format!("MT L={one}")), [format!("MT AI=1000,cafe,{one},1800000000")]);
    bench.machine.radio.decide(Passes::Always, bench.now);
    let lines = bench.run(10_000);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("$TD SENT,RSSI=-") && lines[0].contains(&format!(",{one}*")), "{lines:?}");
    assert!(lines[1].contains(&format!(",{two}*")));
    assert_eq!(bench.packets_up(), [one, two]);
    assert_eq!(bench.machine.journal.lines().len(), 2);
    assert_eq!(bench.ask("MT C=U"), ["MT 0"]);
    assert_eq!(bench.ask(&format!("MT D={one}")), ["MT ERR,DBX_INVMSGID"]);
}

#[test]
fn a_lost_acknowledgement_sends_the_packet_again() {
    let mut bench = Bench::quiet();
    let id = bench.id_of("TD 00");
    bench.machine.faults.ackloss = 1;
    bench.machine.radio.decide(Passes::Always, bench.now);
    assert_eq!(bench.run(20_000).len(), 1);
    assert_eq!(bench.packets_up(), [id, id]);
    bench.machine.faults.loss = 100;
    bench.id_of("TD 01");
    bench.run(20_000);
    assert_eq!(bench.packets_up().len(), 2, "what nobody hears does not reach the sky");
    assert!(bench.machine.journal.lines().len() > 4, "but it was on air");
}

#[test]
fn passes_follow_the_schedule_and_a_setting_satellite_ends_a_transmission() {
    let mut bench = Bench::new(|options| {
        options.pass_every = Duration::from_secs(100);
        options.pass_length = Duration::from_secs(3);
    });
    bench.run(2000);
    bench.id_of("TD 00");
    assert_eq!(bench.packets_up().len(), 0, "the satellite set in the middle");
    bench.run(100_000);
    assert_eq!(bench.packets_up().len(), 1);
}

#[test]
fn what_comes_down_is_stored_announced_and_read() {
    let mut bench = Bench::quiet();
    bench.ask("MM N=E");
    bench.machine.radio.decide(Passes::Always, bench.now);
    bench.down.push(Down { number: 55, app: 9, data: vec![0xca, 0xfe] });
    let lines = bench.run(2000);
    assert!(lines[0].starts_with("$RD AI=9,RSSI=-") && lines[0].contains(",cafe*"), "{lines:?}");
    assert!(bench.sky.contains(&Ask::Arrived(55)));
    let day = 15;
    let id = 0x14_0000_0000_0000_u64 >> 8 | day << 15 | 55;
    assert_eq!(bench.ask("MM C=U"), ["MM 1"]);
    assert_eq!(bench.ask("MM R=O"), [format!("MM AI=9,cafe,{id},1800000002")]);
    assert_eq!(bench.ask("MM C=U"), ["MM 0"]);
    assert_eq!(bench.ask(&format!("MM M={id}")), [format!("MM MARKED,{id}")]);
    assert_eq!(bench.ask(&format!("MM L={id}"))[0].split(',').nth(1), Some("cafe"));
    assert_eq!(bench.ask(&format!("MM D={id}")), [format!("MM DELETED,{id}")]);
    assert_eq!(bench.ask(&format!("MM R={id}")), ["MM ERR,DBX_INVMSGID"]);
    bench.down.push(Down { number: 55, app: 9, data: vec![0xca, 0xfe] });
    bench.run(2000);
    assert_eq!(bench.ask("MM C=*"), ["MM 0"], "a packet is stored once");
}

#[test]
fn the_queue_has_an_end_and_messages_expire_in_silence() {
    let mut bench = Bench::quiet();
    bench.id_of("TD HD=60,00");
    for n in 1..1024 {
        bench.machine.memory.queue(bench.machine.device, 0, vec![1], bench.now, Time::NEVER);
        assert_eq!(bench.machine.memory.outgoing.len(), n + 1);
    }
    assert_eq!(bench.ask("TD 00"), ["TD ERR,DBX_OUTGOINGFULL"]);
    assert_eq!(bench.run(120_000), [""; 0]);
    assert!(bench.ask("TD 00")[0].starts_with("TD OK"));
    bench.machine.faults.full = true;
    bench.ask("MT D=U");
    assert_eq!(bench.ask("TD 00"), ["TD ERR,DBX_OUTGOINGFULL"]);
}

#[test]
fn sleep_ends_by_time_byte_or_edge() {
    let mut bench = Bench::quiet();
    assert_eq!(bench.ask("SL S=60"), ["SL OK"]);
    assert_eq!(bench.run(57_000), [""; 0]);
    assert_eq!(bench.run(2000), ["$SL WAKE,TIME*1e"]);
    bench.ask("SL S=600");
    assert_eq!(bench.ask("CS"), ["SL WAKE,SERIAL"], "the bytes that wake it are lost");
    assert_eq!(bench.ask("CS").len(), 1);
    bench.ask("GP 4");
    bench.ask("SL U=00:00:00");
    bench.machine.set_pin(true, bench.now);
    assert_eq!(bench.run(100), ["$SL WAKE,GPIO*1a"]);
    assert_eq!(bench.ask("SL U=2001-01-01T00:00:00"), ["SL OK", "SL WAKE,TIME"]);
}

#[test]
fn replies_can_be_late_missing_or_preceded() {
    let mut bench = Bench::quiet();
    bench.machine.faults.late = Duration::from_millis(2500);
    bench.machine.faults.late_replies = 1;
    assert_eq!(bench.ask("FV"), [""; 0]);
    assert_eq!(bench.ask("DT ?"), ["FV 2022-10-18T22:38:36,v3.0.1", "DT 0"]);
    bench.machine.faults.noreply = 1;
    assert_eq!(bench.ask("TD 00"), [""; 0]);
    assert_eq!(bench.ask("MT C=U"), ["MT 1"]);
    bench.machine.faults.ignore = 1;
    assert_eq!(bench.ask("TD 00"), [""; 0]);
    assert_eq!(bench.ask("MT C=U"), ["MT 1"]);
    (bench.machine.faults.noreply, bench.machine.faults.noreply_to) = (1, "MT R".to_owned());
    assert_eq!(bench.ask("MT C=U"), ["MT 1"]);
    assert_eq!((bench.ask("MT R=0").len(), bench.ask("MT R=0").len()), (0, 1));
    bench.machine.faults.interleave = 1;
    let lines = bench.ask("TD 00");
    assert!(lines[0].starts_with("TD SENT,RSSI=") && lines[1].starts_with("TD OK,"), "{lines:?}");
    bench.machine.faults.silent = true;
    assert_eq!(bench.ask("CS"), [""; 0]);
}

#[test]
fn a_brown_out_keeps_the_packet() {
    let mut bench = Bench::quiet();
    bench.id_of("TD 00");
    bench.machine.faults.brownout = 1;
    bench.machine.radio.decide(Passes::Always, bench.now);
    let lines = bench.run(60_000).join("\n");
    assert!(lines.contains("BOR=Y") && lines.contains("OUT=1/1") && lines.contains("$TD SENT,"), "{lines}");
    assert_eq!(bench.packets_up().len(), 1);
}

#[test]
fn any_command_is_answered_and_none_breaks_it() {
    let mut bench = Bench::quiet();
    let seeds = [
        "CS",
        "FV",
        "DT @",
        "GN 30",
        "GP 13",
        "GS ?",
        "RT 2147483647",
        "PW 0",
        "MM C=*",
        "MM R=O",
        "MM R=12345",
        "MM L=1",
        "MM M=*",
        "MM D=R",
        "MM N=E",
        "MT C=U",
        "MT L=4428826476689",
        "MT D=U",
        "RS",
        "SL S=60",
        "SL U=2027-01-26T08:30:00",
        "SL U=08:30:00",
        "TD AI=40,HD=7200,\"Hello\"",
        "TD ET=1800000060,00ff",
    ];
    for round in 0..100_000 {
        let mut body = seeds[round % seeds.len()].as_bytes().to_vec();
        let weather = &mut bench.machine.weather;
        for _ in 0..weather.below(3) {
            let spot = weather.below(body.len() as u64) as usize;
            body[spot] = weather.below(256) as u8;
        }
        body.truncate(weather.between(1, 40).unsigned_abs() as usize);
        // The receiver lets neither through.
        body.retain(|byte| !b"$\n".contains(byte));
        let (_, reply) = bench.machine.execute(&body, bench.now);
        for line in &reply.lines {
            assert!(!line.contains(['$', '\n']) && line.len() < 500, "{line}");
        }
        bench.machine.memory.outgoing.truncate(3);
    }
}
