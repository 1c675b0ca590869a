//! The published sentences of the modem, and noise.

use super::*;
use crate::link::m138::codec::{Codec, Frame, sentence};

/// Sentences of the manuals (rev 1.00, 1.20 and of the predecessor) and of captures, with the right sums.
const FROM_MODEM: &[&str] = &[
    "$M138 BOOT,POWERON,Copyright (c) 2019-22 Swarm Technologies, Inc*2d",
    "$M138 BOOT,POWERON,LPWR=n,WWDG=n,IWDG=n,SFT=n,BOR=Y,PIN=Y,OBL=n*43",
    "$M138 BOOT,POWERON,LPWR=n,WWDG=n,IWDG=n,SFT=Y,BOR=n,PIN=Y,OBL=n,FW=n*2d",
    "$M138 BOOT,VERSION,2022-10-18T22:38:36,v3.0.1*23",
    "$M138 BOOT,DEVICEID,DI=0x006c0e,RDP=0(0xaa)*02",
    "$M138 BOOT,MSGS,IN=0/0,OUT=9/9*2e",
    "$M138 BOOT,RUNNING*2a",
    "$M138 DATETIME*56",
    "$M138 POSITION*4e",
    "$M138 BOOT,RESTART*3a",
    "$M138 BOOT,SHUTDOWN*65",
    "$RS OK*25",
    "$PO OK*3b",
    "$CS DI=0x000e57,DN=Modem*4a",
    "$CS DI=0x006c0e,DN=M138*24",
    "$FV 2021-07-16-00:10:21,v1.1.0*74",
    "$FV 2021-07-16T00:10:21,v1.1.0*0d",
    "$FV 2022-10-18T22:38:36,v3.0.1*08",
    "$DT 20190408195123,V*41",
    "$DT 20230608174442,V*47",
    "$DT 60*36",
    "$DT OK*34",
    "$GN 37.8921,-122.0155,77,89,2*01",
    "$GN OK*2d",
    "$GS 159,165,7,0,G3*48",
    "$GS 129,184,7,0,G3*40",
    "$GS 0,0,0,0,NF*3c",
    "$GJ 1,23*31",
    "$GJ OK*29",
    "$PW 3.28700,0.00000,0.00000,0.00000,28.0*3d",
    "$PW 0.00000,0.00000,0.00000,0.00000,25.0*3e",
    "$PW OK*23",
    "$PW 900*1e",
    "$GP OK*33",
    "$GP H*7f",
    "$RT OK*22",
    "$RT RSSI=-104*18",
    "$RT RSSI=-92*26",
    "$RT RSSI=-102,SNR=-1,FDEV=426,TS=2020-10-02 13:56:21,DI=0x000568*04",
    "$RT RSSI=-102,SNR=-1,FDEV=426,TS=2020-10-02T13:56:21,DI=0x000568*70",
    "$TD OK,5354468575916*2c",
    "$TD SENT,RSSI=-104,SNR=-3,FDEV=345,5354468575916*44",
    "$TD SENT RSSI=-104,SNR=-3,FDEV=345,5354468575916*48",
    "$TD OK,5354468575917*2d",
    "$TD SENT,RSSI=-103,SNR=2,FDEV=-67,5354468575917*70",
    "$TD OK,5354468575919*23",
    "$TD SENT,RSSI=-100,SNR=-3,FDEV=437,5354468575919*4d",
    "$TD OK,5354468575855*2a",
    "$TD SENT,RSSI=-99,SNR=5,FDEV=32,5354468575855*6f",
    "$TD OK,4862137892975*2d",
    "$CMD? ERR,CMD_NMEACHECKSUMFAIL*21",
    "$TD ERR,GPS_TIMENOTSET*40",
    "$TD ERR,TD_APPIDNOTANINT*53",
    "$TD ERR,TD_APPIDTOOLARGE*53",
    "$TD ERR,CMD_TD_HOLDDURNOTANINT*46",
    "$TD ERR,CMD_TD_HOLDDURTOOSHORT*49",
    "$TD ERR,CMD_TD_HOLDDURTOOLONG*11",
    "$TD ERR,CMD_TD_EXPIRATIONNOTANINT*01",
    "$TD ERR,CMD_TD_DATATOOLONG*4d",
    "$TD ERR,DBX_OUTGOINGFULL*4d",
    "$TD ERR,CMD_BADPARAMLENGTH*58",
    "$TD ERR,CMD_BADPARAMVALUE*0f",
    "$MM ERR,DBX_NOMORE*5c",
    "$MM ERR,DBX_INVMSGID*4d",
    "$MT ERR,DBX_INVMSGID*54",
    "$TD ERR,BADDATA*0e",
    "$TD ERR,BADDATA,0*12",
    "$MT 12*3a",
    "$MT AI=0,68692066726f6d20737761726d,4428826476689,1605639598*7c",
    "$MT 1*08",
    "$MM 0*10",
    "$MM 3*13",
    "$MM N=E*16",
    "$MM N=D*17",
    "$MM OK*24",
    "$MM AI=0,68692066726f6d20737761726d,4428826476689,1605639598*65",
    "$MM 120,1337DEADBEEF,1,1*39",
    "$MM MARKED,4428826476689*2c",
    "$MM DELETED,4428826476689*65",
    "$RD AI=6078,RSSI=-84,SNR=12,FDEV=9,596f7527766520676f74206d61696c21*6e",
    "$RD RSSI=-98,SNR=4,FDEV=-212,1337deadbeef*60",
    "$SL OK*3b",
    "$SL WAKE,TIME @ 2019-04-11 18:58:03*77",
    "$SL WAKE,SERIAL @ 2019-04-11 18:57:45*6f",
    "$SL WAKE,TIME*1e",
    "$SL WAKE,SERIAL*0b",
    "$SL WAKE,GPIO*1a",
];

/// Host commands of the same sources.
const FROM_HOST: &[&str] = &[
    "$RS*01",
    "$RS deletedb*3e",
    "$RS dbinit*3d",
    "$PO*1f",
    "$CS*10",
    "$FV*10",
    "$DT @*70",
    "$DT ?*0f",
    "$DT 300*03",
    "$GN @*69",
    "$GN ?*16",
    "$GN 30*2a",
    "$GS @*74",
    "$GJ @*6d",
    "$PW @*67",
    "$PW 30*24",
    "$PW ?*18",
    "$GP ?*08",
    "$GP 13*35",
    "$GP @*77",
    "$RT @*66",
    "$RT 5*13",
    "$RT 0*16",
    r#"$TD "{"d":"Demo message","t":"2021-02-26 14:48:56","seq":"00017"}"*08"#,
    r#"$TD HD=3600,"{"d":"Demo message","t":"2021-02-26 14:51:21","seq":"00018"}"*17"#,
    r#"$TD ET=1641040496,"{"d":"Demo","t":"2021-02-26 15:01:22","seq":"00020"}"*45"#,
    r#"$TD AI=3000,"{"d":"Demo","t":"2021-02-26 15:33:22","seq":"00021"}"*52"#,
    r#"$TD AI=40,HD=7200,"{"d":"Demo message","t":"2021-02-26 14:28:56","seq":"00015"}"*09"#,
    r#"$TD HD=7200,"Hello there!"*05"#,
    "$TD 68656c6c6f*6d",
    "$TD AI=1234,68656c6c6f*70",
    "$TD AI=1234,HD=3600,68656C6C6F*48",
    "$MT C=U*12",
    "$MT L=4428826476689*7c",
    "$MT D=U*15",
    "$MM C=U*0b",
    "$MM C=**74",
    "$MM N=?*6c",
    "$MM R=O*00",
    "$MM R=N*01",
    "$MM M=4428826476689*64",
    "$MM D=4428826476689*6d",
    "$MM D=**73",
    "$MM M=**7a",
    "$SL S=60*57",
    "$SL U=2022-01-26T08:30:00*0f",
];

fn one(line: &str) -> Sentence {
    let (mut codec, mut frames) = (Codec::default(), Vec::new());
    codec.feed(format!("{line}\n").as_bytes(), &mut frames);
    match frames.as_slice() {
        [Frame::Body(body)] => parse(body),
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn published_sentences_have_right_sums_and_known_shapes() {
    let unused = |line: &str| line.starts_with("$GJ 1") || line.starts_with("$GP H");
    for line in FROM_MODEM {
        assert!(!matches!(one(line), Sentence::Other(_) | Sentence::Notice(_)) || unused(line), "{line}");
    }
    for line in FROM_HOST {
        let body = &line[1..line.len() - 3];
        assert_eq!(sentence(body).trim_end(), *line);
    }
}

#[test]
fn boot_lines() {
    let boot = |what: &str, text: &str| Sentence::Boot { what: what.into(), text: text.into() };
    assert_eq!(one("$M138 BOOT,RUNNING*2a"), boot("RUNNING", ""));
    assert_eq!(one("$M138 BOOT,MSGS,IN=0/0,OUT=9/9*2e"), boot("MSGS", "IN=0/0,OUT=9/9"));
    assert_eq!(one("$M138 BOOT,DEVICEID,DI=0x006c0e,RDP=0(0xaa)*02"), boot("DEVICEID", "DI=0x006c0e,RDP=0(0xaa)"));
    assert_eq!(one("$M138 DATETIME*56"), Sentence::TimeGate);
    assert_eq!(one("$M138 POSITION*4e"), Sentence::PositionGate);
    assert_eq!(parse("M138 ERROR,flash"), Sentence::Notice("ERROR,flash".into()));
}

#[test]
fn identity_and_time() {
    let identity = Sentence::Identity { device: 0x6c0e, name: "M138".into() };
    assert_eq!(one("$CS DI=0x006c0e,DN=M138*24"), identity);
    let old = parse("CS AI=7,DI=0x00abc,DN=TILE,EM=x");
    assert_eq!(old, Sentence::Identity { device: 0xabc, name: "TILE".into() });
    let time = Time::from_seconds(1_554_753_083);
    assert_eq!(one("$DT 20190408195123,V*41"), Sentence::Clock { time, valid: true });
    for bad in ["DT 20191308195123,V", "DT 2019040819512,V", "DT 20190408195123,X", "DT 20190408195123"] {
        assert!(matches!(parse(bad), Sentence::Other(_) | Sentence::Rate(..)), "{bad}");
    }
    assert_eq!(one("$DT 60*36"), Sentence::Rate(Tag::new("DT"), 60));
}

#[test]
fn measurements() {
    assert_eq!(one("$GN 37.8921,-122.0155,77,89,2*01"), Sentence::Position(37.8921, -122.0155, 77.0));
    assert_eq!(parse("GN -0.5,-0.25,0,0,0"), Sentence::Position(-0.5, -0.25, 0.0));
    assert!(matches!(parse("GN 97.8921,0,77,89,2"), Sentence::Other(_)));
    assert_eq!(one("$GS 159,165,7,0,G3*48"), Sentence::Fix { satellites: 7, kind: "G3".into() });
    assert_eq!(one("$PW 3.28700,0.00000,0.00000,0.00000,28.0*3d"), Sentence::Power(3.287, 28.0));
    assert_eq!(one("$RT RSSI=-104*18"), Sentence::Noise(-104.0));
    let heard =
        Signal { rssi: Some(-102.0), snr: Some(-1.0), fdev: Some(426.0), at: Some(Time::from_seconds(1_601_646_981)) };
    for line in [
        "$RT RSSI=-102,SNR=-1,FDEV=426,TS=2020-10-02 13:56:21,DI=0x000568*04",
        "$RT RSSI=-102,SNR=-1,FDEV=426,TS=2020-10-02T13:56:21,DI=0x000568*70",
    ] {
        assert_eq!(one(line), Sentence::Satellite(heard.clone()));
    }
    assert!(matches!(parse("RT RSSI=NaN"), Sentence::Other(_)));
}

#[test]
fn both_forms_of_an_acknowledgement() {
    let signal = Signal { rssi: Some(-104.0), snr: Some(-3.0), fdev: Some(345.0), at: None };
    for line in
        ["$TD SENT,RSSI=-104,SNR=-3,FDEV=345,5354468575916*44", "$TD SENT RSSI=-104,SNR=-3,FDEV=345,5354468575916*48"]
    {
        assert_eq!(one(line), Sentence::Acked(5_354_468_575_916, signal.clone()));
    }
    assert_eq!(parse("TD SENT,17"), Sentence::Acked(17, Signal::default()));
    assert_eq!(one("$TD OK,4862137892975*2d"), Sentence::Queued(4_862_137_892_975));
    for bad in ["TD SENT,RSSI=-1", "TD OK,", "TD OK,-1", "TD OK,99999999999999999999", "TD SENTRY"] {
        assert!(matches!(parse(bad), Sentence::Other(_)), "{bad}");
    }
}

#[test]
fn errors_with_and_without_word_and_id() {
    let error = |tag, word: &str, id| Sentence::Error { tag, word: word.into(), id };
    assert_eq!(one("$TD ERR,BADDATA,0*12"), error(TD, "BADDATA", None));
    assert_eq!(parse("TD ERR,HOLDTIMEEXPIRED,77"), error(TD, "HOLDTIMEEXPIRED", Some(77)));
    assert_eq!(parse("MM ERR"), error(MM, "", None));
    assert_eq!(one("$MT ERR,DBX_INVMSGID*54"), error(MT, "DBX_INVMSGID", None));
    assert_eq!(one("$CMD? ERR,CMD_NMEACHECKSUMFAIL*21"), Sentence::BadLine("CMD_NMEACHECKSUMFAIL".into()));
}

#[test]
fn messages_with_every_way_to_write_the_application_id() {
    let text = b"hi from swarm".to_vec();
    let hi = |app| Message { app, payload: Ok(text.clone()), id: 4_428_826_476_689, at: 1_605_639_598 };
    let line = "$MM AI=0,68692066726f6d20737761726d,4428826476689,1605639598*65";
    assert_eq!(one(line), Sentence::Message(MM, hi(Some(0))));
    let line = "$MT AI=0,68692066726f6d20737761726d,4428826476689,1605639598*7c";
    assert_eq!(one(line), Sentence::Message(MT, hi(Some(0))));
    let bare = Message { app: Some(120), payload: Ok(vec![0x13, 0x37, 0xde, 0xad, 0xbe, 0xef]), id: 1, at: 1 };
    assert_eq!(one("$MM 120,1337DEADBEEF,1,1*39"), Sentence::Message(MM, bare));
    assert_eq!(parse("MM 68692066726f6d20737761726d,4428826476689,1605639598"), Sentence::Message(MM, hi(None)));
    let quoted = Message { app: None, payload: Ok(b"a,b".to_vec()), id: 5, at: 6 };
    assert_eq!(parse("MT \"a,b\",5,6"), Sentence::Message(MT, quoted));
    for bad in ["MM AI=0,1,5,6", "MM AI=0,zz,5,6", "MM AI=0,,5,6", "MM AI=0,\u{2b}f,5,6"] {
        assert!(matches!(parse(bad), Sentence::Message(_, Message { payload: Err(_), id: 5, .. })), "{bad}");
    }
    assert_eq!(one("$MM MARKED,4428826476689*2c"), Sentence::Done(MM, Some(4_428_826_476_689)));
    assert_eq!(parse("MT DELETED"), Sentence::Done(MT, None));
    assert_eq!(one("$MM 3*13"), Sentence::Count(MM, 3));
}

/// Mutated and spliced sentences never panic, and a frame is never made of a line with a wrong sum.
#[test]
fn garbage_is_survived() {
    let mut seed = 0x5eed_1234_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below as u64).unwrap()
    };
    let (mut codec, mut frames) = (Codec::default(), Vec::new());
    for _ in 0..100_000 {
        let mut bytes = FROM_MODEM[random(FROM_MODEM.len())].as_bytes().to_vec();
        match random(5) {
            0 => bytes.truncate(random(bytes.len())),
            1 => {
                let at = random(bytes.len());
                bytes[at] = u8::try_from(random(256)).unwrap();
            }
            2 => {
                let at = random(bytes.len());
                bytes.insert(at, b"$*,\n\r\0\xff=\""[random(9)]);
            }
            3 => {
                // a right sum around a wrong body
                let mut body = String::from_utf8_lossy(&bytes[1..bytes.len() - 3]).into_owned();
                body.truncate(random(body.len() + 1));
                body.push_str(["", ",", "AI=", "99999999999999999999999", "-1", "="][random(6)]);
                bytes = sentence(&body).into_bytes();
            }
            _ => bytes.retain(|byte| *byte != b'*' || random(3) > 0),
        }
        if random(8) > 0 {
            bytes.push(b'\n');
        }
        codec.feed(&bytes, &mut frames);
        for frame in frames.drain(..) {
            if let Frame::Body(body) = frame {
                assert!(body.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
                parse(&body);
            }
        }
    }
    assert!(codec.garbled() > 1000);
}
