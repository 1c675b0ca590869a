//! A carrier that takes nothing.

use super::{Carrier, Delivery, Found, IncomingText, OutgoingText, Row, SmsResult};
use crate::clock::Time;
use crate::fault::Fault;

/// The row of the table.
pub const ROW: Row = Row {
    name: "added",
    title: "Added",
    polls: false,
    answers_help: false,
    settings: &[],
    make: |_| Ok(Box::new(Nothing)),
    hook: |_, _| Ok(Vec::new()),
    yes: ("text/plain", ""),
};

struct Nothing;

impl Carrier for Nothing {
    fn send(&mut self, _text: &OutgoingText) -> SmsResult {
        SmsResult::Refused(Fault::temporary("it takes nothing").into())
    }

    fn find(&mut self, _: &OutgoingText, _: Time, _: &dyn Fn(&str) -> bool) -> Result<Found, Fault> {
        Ok(Found::Nothing { certain: true })
    }

    fn fate(&mut self, _id: &str) -> Result<Delivery, Fault> {
        Ok(Delivery::Waiting)
    }

    fn inbound(&mut self, _: Time, _: &mut dyn FnMut(IncomingText) -> Result<(), Fault>) -> Result<(), Fault> {
        Ok(())
    }
}
