//! What else can be at the end of a serial line, told by what it says. Pure.
//!
//! Sentences of receivers and instruments are those of NMEA 0183: `$`, two letters for who speaks and three for what, a
//! comma; `!AIVDM` carries AIS. The M138's own have a blank after their letters.

pub use crate::message::reason::Foreign;

/// What a GPS receiver tells.
const GPS: [&str; 10] = ["GGA", "RMC", "GSA", "GSV", "GLL", "VTG", "ZDA", "GNS", "GST", "TXT"];

/// Recognises a line, whole or as far as it came.
pub fn recognise(line: &str) -> Option<Foreign> {
    let line = line.trim();
    if let Some(rest) = line.strip_prefix('!') {
        return rest.get(2..5).filter(|kind| matches!(*kind, "VDM" | "VDO")).map(|_| Foreign::Ais);
    }
    if let Some(rest) = line.strip_prefix('$') {
        let (head, _) = rest.split_once(',')?;
        let is_head = |head: &str| head.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        return match head.len() {
            4.. if head.starts_with("PUBX") || head.starts_with("PMTK") => Some(Foreign::Gps),
            5 if is_head(head) && GPS.contains(&&head[2..]) => Some(Foreign::Gps),
            4..=8 if is_head(head) => Some(Foreign::Instrument),
            _ => None,
        };
    }
    let at_modem = ["ERROR", "OK", "NO CARRIER", "RING", "SBDRING"].contains(&line)
        || ["+CME ERROR", "+CMS ERROR", "AT+", "AT-"].iter().any(|start| line.starts_with(start));
    if at_modem {
        return Some(Foreign::AtModem);
    }
    let console = ["login:", "Password:", "password:"].iter().any(|end| line.ends_with(end))
        || line.ends_with("command not found")
        || line.contains("sh: ") && line.ends_with("not found");
    console.then_some(Foreign::Console)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_told_by_what_they_say() {
        for (line, what) in [
            ("$GPGGA,092750.000,5321.6802,N,00630.3372,W,1,8,1.03,61.7,M,55.2,M,,*76", Foreign::Gps),
            ("$GNRMC,,V,,,,,,,,,,N*4D\r", Foreign::Gps),
            ("$PUBX,00,081350.00", Foreign::Gps),
            ("$IIMWV,084.0,R,10.4,N,A*04", Foreign::Instrument),
            ("!AIVDM,1,1,,B,177KQJ5000G?tO`K>RA1wUbN0TKH,0*5C", Foreign::Ais),
            ("!ABVDO,1,1,,A,x,0*00", Foreign::Ais),
            ("ERROR", Foreign::AtModem),
            ("+CME ERROR: 3", Foreign::AtModem),
            ("SBDRING", Foreign::AtModem),
            ("debian login: ", Foreign::Console),
            ("Password: ", Foreign::Console),
            ("-sh: $CS*10: not found", Foreign::Console),
            ("bash: CS*10: command not found", Foreign::Console),
        ] {
            assert_eq!(recognise(line), Some(what), "{line}");
        }
    }

    #[test]
    fn an_m138_is_nothing_foreign() {
        for line in [
            "$M138 BOOT,POWERON,Copyright (c) 2019-22 Swarm Technologies, Inc*2d",
            "$GN 37.8921,-122.0155,77,89,2*01",
            "$GS 109,214,9,0,G3*48",
            "$TD SENT,RSSI=-99,SNR=5,FDEV=32,5354468575855*6f",
            "$CS DI=0x006c0e,DN=M138*24",
            "$CMD? ERR,CMD_NMEACHECKSUMFAIL*21",
            "Swarm Loader ....",
            ".....",
            "",
            "$",
            "!",
        ] {
            assert_eq!(recognise(line), None, "{line}");
        }
    }
}
