//! Messages that come down, put together of their segments. The modem keeps nothing: what is not heard is lost. Pure but for
//! the time that it is told.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::jspr::{self, SUM, decode, number};

/// The largest message with its sum, in bytes.
const MOST: usize = 100_000 + SUM;
/// Messages that may be on their way at a time; more are not kept.
const AT_A_TIME: usize = 4;
/// One that nothing was heard of for this long is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A message on its way.
#[derive(Debug)]
struct Coming {
    topic: u16,
    id: u8,
    /// Most bytes that it can have.
    most: usize,
    /// Segments that came, by the offset of their first byte.
    segments: std::collections::BTreeMap<usize, Vec<u8>>,
    heard: Instant,
}

/// How a message that comes down in segments ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    /// All of it came, and its sum is right.
    Whole {
        /// Topic that it came on.
        topic: u16,
        /// The modem's number for it, 0 to 255.
        id: u8,
        /// Payload without the sum.
        payload: Vec<u8>,
    },
    /// Its bytes are not what their sum says, or not all there.
    Damaged(Vec<u8>),
    /// The modem gave it up, or it was never announced.
    Dropped,
}

/// All that is on its way.
#[derive(Debug, Default)]
pub struct Collect(Vec<Coming>);

/// Topic and number of a message.
fn name(body: &Value) -> Option<(u16, u8)> {
    let topic = u16::try_from(number(body, "topic_id", 65_535)?).ok()?;
    Some((topic, u8::try_from(number(body, "message_id", 255)?).ok()?))
}

impl Collect {
    /// Nothing is on its way any more: the modem restarted.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// A message is announced.
    pub fn begin(&mut self, body: &Value, now: Instant) {
        self.0.retain(|coming| now.duration_since(coming.heard) < PATIENCE);
        let most = number(body, "message_length_max", MOST as u64).and_then(|most| usize::try_from(most).ok());
        let (Some((topic, id)), Some(most)) = (name(body), most) else { return };
        self.0.retain(|coming| (coming.topic, coming.id) != (topic, id));
        if self.0.len() < AT_A_TIME {
            self.0.push(Coming { topic, id, most, segments: std::collections::BTreeMap::new(), heard: now });
        }
    }

    /// A segment came: in any order, and twice if it likes.
    pub fn segment(&mut self, body: &Value, now: Instant) {
        let Some(coming) = self.of(body) else { return };
        let start = number(body, "segment_start", MOST as u64).and_then(|start| usize::try_from(start).ok());
        let data = body["data"].as_str().and_then(decode);
        if let (Some(start), Some(data)) = (start, data)
            && !data.is_empty()
            && start + data.len() <= coming.most
        {
            coming.segments.insert(start, data);
            coming.heard = now;
        }
    }

    /// Takes in the modem's word that a message has ended.
    pub fn end(&mut self, body: &Value) -> Ended {
        let Some(at) = name(body).and_then(|name| self.0.iter().position(|coming| (coming.topic, coming.id) == name))
        else {
            return Ended::Dropped;
        };
        let coming = self.0.remove(at);
        if body["final_mt_status"] != "complete" {
            return Ended::Dropped;
        }
        let mut bytes = Vec::new();
        for (start, data) in coming.segments {
            if start > bytes.len() {
                return Ended::Damaged(bytes);
            }
            bytes.truncate(start);
            bytes.extend(data);
        }
        let Some((payload, sum)) = bytes.split_last_chunk::<SUM>() else { return Ended::Damaged(bytes) };
        match jspr::sum(payload) == *sum && !payload.is_empty() {
            true => Ended::Whole { topic: coming.topic, id: coming.id, payload: payload.to_vec() },
            false => Ended::Damaged(bytes),
        }
    }

    fn of(&mut self, body: &Value) -> Option<&mut Coming> {
        let name = name(body)?;
        self.0.iter_mut().find(|coming| (coming.topic, coming.id) == name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn segment(start: usize, data: &str) -> Value {
        let length = decode(data).unwrap().len();
        json!({"topic_id": 244, "message_id": 30, "segment_length": length, "segment_start": start, "data": data})
    }

    fn complete() -> Value {
        json!({"topic_id": 244, "message_id": 30, "final_mt_status": "complete"})
    }

    fn begun(most: usize) -> Collect {
        let mut collect = Collect::default();
        collect.begin(&json!({"topic_id": 244, "message_id": 30, "message_length_max": most}), Instant::now());
        collect
    }

    #[test]
    fn a_message_comes_whole() {
        let mut collect = begun(5);
        collect.segment(&segment(0, "dHN0Z9E="), Instant::now());
        let whole = Ended::Whole { topic: 244, id: 30, payload: b"tst".to_vec() };
        assert_eq!(collect.end(&complete()), whole);
        assert_eq!(collect.end(&complete()), Ended::Dropped, "its end comes twice");
    }

    #[test]
    fn segments_come_backwards_and_twice() {
        let payload: Vec<u8> = (0..1500_u32).map(|at| (at % 256) as u8).collect();
        let bytes = [payload.as_slice(), &jspr::sum(&payload)].concat();
        let (first, second) = (jspr::encode(&bytes[..1446]), jspr::encode(&bytes[1446..]));
        let mut collect = begun(1502);
        for (start, data) in [(1446, &second), (0, &first), (1446, &second)] {
            collect.segment(&segment(start, data), Instant::now());
        }
        assert_eq!(collect.end(&complete()), Ended::Whole { topic: 244, id: 30, payload });
    }

    #[test]
    fn what_is_spoilt_is_not_delivered() {
        let mut collect = begun(7);
        collect.segment(&segment(0, "aGVsbG/DYw=="), Instant::now());
        assert!(matches!(collect.end(&complete()), Ended::Damaged(bytes) if bytes.len() == 7));
        let mut collect = begun(7);
        collect.segment(&segment(3, "aGVsbG/D"), Instant::now());
        assert_eq!(collect.end(&complete()), Ended::Damaged(Vec::new()), "more than was announced is not kept");
        let mut collect = begun(7);
        let timed_out = json!({"topic_id": 244, "message_id": 30, "final_mt_status": "message_timed_out"});
        assert_eq!(collect.end(&timed_out), Ended::Dropped);
        assert!(collect.0.is_empty());
    }

    #[test]
    fn no_more_is_kept_than_a_modem_can_mean() {
        let mut collect = Collect::default();
        for id in 0..20 {
            let body = json!({"topic_id": 244, "message_id": id, "message_length_max": 100_002});
            collect.begin(&body, Instant::now());
        }
        assert_eq!(collect.0.len(), AT_A_TIME);
        collect.begin(&json!({"topic_id": 244, "message_id": 99, "message_length_max": 9_000_000}), Instant::now());
        assert_eq!(collect.0.len(), AT_A_TIME);
    }
}
