//! The message that the modem is given: it asks for segments, and each has to come within 300 ms. So its bytes are here before
//! the modem hears of it. Pure.

use serde_json::Value;

use super::jspr::{self, body, encode, number};

/// A message with its sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    topic: u16,
    /// The number of the request that hands it over.
    request: u8,
    bytes: Vec<u8>,
    /// The modem's number of it, once that is known.
    pub id: Option<u8>,
}

impl Feed {
    /// Of a payload, which a request with this number hands over.
    pub fn new(topic: u16, request: u8, payload: &[u8]) -> Self {
        Self { topic, request, bytes: [payload, &jspr::sum(payload)].concat(), id: None }
    }

    /// Its length as the modem is told.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The modem has taken it under a number, as the answer says: also one that comes late.
    pub fn accepted(&mut self, answer: &Value) {
        if self.is_of(answer) && answer["message_response"] == "message_accepted" {
            self.id = number(answer, "message_id", 255).and_then(|id| u8::try_from(id).ok());
        }
    }

    /// True for the answer to the request that hands this one over.
    pub fn is_of(&self, answer: &Value) -> bool {
        number(answer, "topic_id", 65_535) == Some(self.topic.into())
            && number(answer, "request_reference", 100) == Some(self.request.into())
    }

    /// The body that answers a question for a segment; `None` when it is not for this message, or for bytes that are not
    /// there. A message whose number is not known is known by its topic.
    pub fn segment(&mut self, asked: &Value) -> Option<String> {
        let id = number(asked, "message_id", 255).and_then(|id| u8::try_from(id).ok())?;
        let start = usize::try_from(number(asked, "segment_start", 200_000)?).ok()?;
        let length = usize::try_from(number(asked, "segment_length", 200_000)?).ok()?;
        let ours =
            number(asked, "topic_id", 65_535)? == u64::from(self.topic) && self.id.is_none_or(|known| known == id);
        let data = self.bytes.get(start..start + length).filter(|data| ours && !data.is_empty())?;
        self.id = Some(id);
        let data = format!("\"{}\"", encode(data));
        let place: [(&str, &dyn std::fmt::Display); 5] = [
            ("topic_id", &self.topic),
            ("message_id", &id),
            ("segment_length", &length),
            ("segment_start", &start),
            ("data", &data),
        ];
        Some(body(&place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(topic: u16, id: u8, start: usize, length: usize) -> Value {
        serde_json::json!({"topic_id": topic, "message_id": id, "segment_start": start, "segment_length": length})
    }

    #[test]
    fn segments_are_given_as_they_are_asked_for() {
        let mut feed = Feed::new(244, 3, b"hello");
        let answer = |request: u8| {
            let response = "message_accepted";
            serde_json::json!({"topic_id": 244, "message_id": 5, "request_reference": request, "message_response": response})
        };
        feed.accepted(&answer(2));
        assert_eq!(feed.id, None, "a late answer to an earlier one");
        feed.accepted(&answer(3));
        let whole =
            r#"{"topic_id": 244, "message_id": 5, "segment_length": 7, "segment_start": 0, "data": "aGVsbG/DYg=="}"#;
        assert_eq!(feed.segment(&asked(244, 5, 0, 7)).as_deref(), Some(whole));
        assert_eq!(feed.segment(&asked(244, 5, 0, 7)).as_deref(), Some(whole), "again if it is asked again");
        for wrong in [asked(244, 6, 0, 7), asked(313, 5, 0, 7), asked(244, 5, 0, 8), asked(244, 5, 3, 0), Value::Null] {
            assert_eq!(feed.segment(&wrong), None);
        }
    }

    #[test]
    fn a_message_without_a_number_is_known_by_its_topic() {
        let mut feed = Feed::new(244, 3, b"hello");
        assert!(feed.segment(&asked(244, 9, 2, 3)).is_some());
        assert_eq!((feed.id, feed.segment(&asked(244, 8, 2, 3))), (Some(9), None));
    }
}
