//! What each command does.

use super::{DATA_LIMIT, Machine, Mode, sum_of};
use crate::clock::Time;
use crate::sim::device::take;

/// Largest message that goes up, in bytes.
const MAX_MO: usize = 340;
/// Longest text of `+SBDWT=`, in bytes.
const MAX_TEXT: usize = 120;
/// The commands that every clone has, without their values.
const CORE: &[&str] = &[
    "", "E", "&K", "&D", "+CGSN", "+CIER", "+SBDMTA", "+SBDD", "+SBDWB", "+SBDWT", "+SBDTC", "+SBDRB", "+SBDRT",
    "+SBDIX", "+SBDIXA",
];
/// The firmware.
const VERSION: &str = "TA16005";

impl Machine {
    /// Carries out a command: what stands behind `AT`, in capitals and without spaces.
    pub(super) fn carry_out(&mut self, command: &str, text: &str, now: Time) {
        let (name, value) = command.split_once('=').map_or((command, None), |(name, value)| (name, Some(value)));
        let bare = name.trim_end_matches('?').trim_end_matches(|c: char| c.is_ascii_digit());
        if self.core && !CORE.contains(&bare) {
            return self.result(false);
        }
        match (name, value) {
            ("" | "&K0" | "&K3" | "&D0" | "&D2" | "&W0" | "&W1" | "&Y0" | "&Y1" | "&V" | "%R", None) => {
                self.result(true)
            }
            ("E0" | "E1" | "V0" | "V1" | "Q0" | "Q1", None) => {
                let on = name.ends_with('1');
                match &name[..1] {
                    "E" => self.echo = on,
                    "V" => self.verbose = on,
                    _ => self.quiet = on,
                }
                self.result(true);
            }
            ("Z" | "Z0" | "Z1" | "&F" | "&F0", None) => {
                self.defaults();
                self.result(true);
            }
            ("*F", None) => {
                self.result(true);
                self.mode = Mode::Off;
            }
            ("*R0" | "*R1", None) => {
                self.radio = name == "*R1";
                self.result(true);
            }
            ("+CGSN" | "+GSN", None) => self.say(&self.imei.clone()),
            ("+CGMI" | "+GMI", None) => self.say("Iridium"),
            ("+CGMM" | "+GMM", None) => self.say("IRIDIUM 9600 Family SBD Transceiver"),
            ("+CGMR" | "+GMR", None) => {
                let lines = [
                    &format!("Call Processor Version: {VERSION}"),
                    "Modem DSP Version: 1.7 svn: 2358",
                    "DBB Version: 0x0001 (ASIC)",
                    "RFA Version: 0x0007 (SRFA2)",
                    "NVM Version: KVS",
                    "Hardware Version: BOOST",
                    "BOOT Version: 2004 (TA16005 (rev 2004))",
                ];
                self.say(&lines.join("\r\n"));
            }
            ("+CULK?", None) => self.say("+CULK:0"),
            ("+CSQ", None) => self.say(&format!("+CSQ:{}", self.bars)),
            ("+CSQF", None) => self.say(&format!("+CSQF:{}", self.bars)),
            ("+CIER", Some(flags)) => self.set_events(flags),
            ("-MSSTM", None) => match self.seen {
                true => self.say(&format!("-MSSTM: {:08x}", self.ticks(now))),
                false => self.say("-MSSTM: no network service"),
            },
            ("-MSGEO", None) => self.say(&format!("-MSGEO: 3804,-696,5064,{:08x}", self.ticks(now))),
            ("+CRISX", None) => {
                self.say(&format!("+CRISX:0,{},{:08x}", u8::from(self.memory.ring), self.ticks(now)));
            }
            _ => self.carry_out_sbd(name, value, text, now),
        }
    }

    fn carry_out_sbd(&mut self, name: &str, value: Option<&str>, text: &str, now: Time) {
        match (name, value) {
            ("+SBDMTA", Some(on @ ("0" | "1"))) => {
                self.rings = on == "1";
                self.result(true);
            }
            ("+SBDMTA?", None) => self.say(&format!("+SBDMTA:{}", u8::from(self.rings))),
            ("+SBDST", Some(seconds)) => match seconds.parse() {
                Ok(limit) => {
                    self.limit = limit;
                    self.result(true);
                }
                Err(_) => self.result(false),
            },
            ("+SBDST?", None) => self.say(&format!("+SBDST:{}", self.limit)),
            ("+SBDREG?", None) => self.say(&format!("+SBDREG:{}", self.memory.registered)),
            ("+SBDLOE", None) => self.say("+SBDLOE:0,5"),
            ("+SBDGW", None) => self.say("+SBDGW: EMSS"),
            ("+SBDWB", Some(length)) => match length.parse::<usize>() {
                Ok(length @ 1..=MAX_MO) => self.take_data(Some(length), now),
                _ => self.say("3"),
            },
            ("+SBDWT", None) => self.take_data(None, now),
            ("+SBDWT", Some(_)) => {
                let fits = text.len() <= MAX_TEXT;
                if fits {
                    self.write_text(text.as_bytes().to_vec());
                }
                self.result(fits);
            }
            ("+SBDRB", None) => self.read_binary(),
            ("+SBDRT", None) => {
                let data = self.mt.as_ref().map_or_else(Vec::new, |(_, data)| data.clone());
                self.out.extend_from_slice(b"\r\n+SBDRT:\r\n");
                self.out.extend_from_slice(&data);
                self.out.extend_from_slice(b"\r\n");
                self.result(true);
            }
            ("+SBDTC", None) => {
                let data = self.mo.clone().unwrap_or_default();
                let size = data.len();
                self.mt = Some((self.memory.mtmsn, data)).filter(|_| size > 0);
                self.say(&format!("SBDTC: Outbound SBD Copied to Inbound SBD: size = {size}"));
            }
            ("+SBDD0" | "+SBDD1" | "+SBDD2", None) => {
                let fails = take(&mut self.faults.noclear);
                if !fails {
                    self.mo = self.mo.take().filter(|_| name == "+SBDD1");
                    self.mt = self.mt.take().filter(|_| name == "+SBDD0");
                }
                self.say(if fails { "1" } else { "0" });
            }
            ("+SBDC", None) => {
                self.memory.momsn = 0;
                self.say("0");
            }
            ("+SBDS" | "+SBDSX", None) => self.status(name),
            ("+SBDIX" | "+SBDIXA", _) => self.begin_session(name == "+SBDIXA", now),
            _ => self.result(false),
        }
    }

    /// Information, and a good result.
    fn say(&mut self, text: &str) {
        self.info(text);
        self.result(true);
    }

    fn take_data(&mut self, length: Option<usize>, now: Time) {
        self.info("READY");
        self.mode = Mode::Data { length, until: now + self.scaled(DATA_LIMIT), got: Vec::new() };
    }

    fn set_events(&mut self, flags: &str) {
        let flags: Vec<_> = flags.split(',').map(|flag| flag == "1").collect();
        let flag = |at: usize| flags.get(at).copied().unwrap_or_default();
        self.events = (flag(0), flag(1), flag(2));
        // What is as it was at power-up is told as soon as it is asked for.
        self.told = (0, false);
        self.result(true);
    }

    fn status(&mut self, name: &str) {
        let (mo, mt) = (u8::from(self.mo.is_some()), u8::from(self.mt.is_some()));
        let mtmsn = self.mt.as_ref().map_or(-1, |(mtmsn, _)| i32::from(*mtmsn));
        let mut line = format!("{name}: {mo}, {}, {mt}, {mtmsn}", self.memory.momsn);
        if name == "+SBDSX" {
            line.push_str(&format!(", {}, {}", u8::from(self.memory.ring), self.waiting));
        }
        self.say(&line);
    }

    /// The answer begins at once, without a line end before it, and holds whatever bytes the message has.
    fn read_binary(&mut self) {
        let data = self.mt.as_ref().map_or_else(Vec::new, |(_, data)| data.clone());
        let length = u16::try_from(data.len()).unwrap_or_default();
        let sum = sum_of(&data).wrapping_add(u16::from(take(&mut self.faults.badsum)));
        self.out.extend_from_slice(&length.to_be_bytes());
        let short = !data.is_empty() && take(&mut self.faults.dropbyte);
        self.out.extend_from_slice(&data[usize::from(short)..]);
        self.out.extend_from_slice(&sum.to_be_bytes());
        self.result(true);
    }

    /// The network's time: frames of 90 ms since its epoch.
    fn ticks(&self, now: Time) -> u32 {
        let frames = (now.0 - self.epoch * 1000) / 90;
        u32::try_from(frames.rem_euclid(1 << 32)).unwrap_or_default()
    }
}
