//! The network's time: frames of 90 ms since an epoch that the network has moved three times. Pure.

use crate::clock::Time;

/// The epochs that a modem of today may count from: the one until 2026, and the one since (milliseconds since 1970).
const EPOCHS: [i64; 2] = [1_399_818_235_000, 1_739_556_857_000];
/// The older count has run over then: what counts from it is wrong since (2026-08-10 12:34:51).
const RUN_OVER: i64 = EPOCHS[0] + (1_i64 << 32) * 90;
/// Length of a frame of the network, in milliseconds: the unit of its count.
const FRAME: i64 = 90;

/// Reads the answer to `-MSSTM`: the moment that is nearest to `near`, where that is believed; else by the later epoch.
/// `None` while the modem has heard no satellite.
pub fn read(text: &str, near: Option<Time>) -> Option<Time> {
    let (name, count) = text.split_once(':')?;
    let count = u32::from_str_radix(count.trim(), 16).ok().filter(|_| name.trim().eq_ignore_ascii_case("-MSSTM"))?;
    let [old, new] = EPOCHS.map(|epoch| Time(epoch + i64::from(count) * FRAME));
    match near {
        Some(near) if near.0 < RUN_OVER && (near.0 - old.0).abs() < (near.0 - new.0).abs() => Some(old),
        _ => Some(new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_as_the_published_ones() {
        let seconds = |text: &str, near: Option<i64>| read(text, near.map(Time::from_seconds)).map(Time::seconds);
        // 2019-10-10 07:48:12, a modem of that year
        assert_eq!(seconds("-MSSTM: 712a957d", Some(1_570_700_000)), Some(1_570_693_692));
        // 2026-11-22 23:59:59
        assert_eq!(seconds("-MSSTM: 24fa684d", Some(1_795_000_000)), Some(1_795_391_999));
        assert_eq!(seconds("-MSSTM:24fa684d", None), Some(1_795_391_999));
        assert_eq!(seconds("-MSSTM: no network service", None), None);
    }
}
