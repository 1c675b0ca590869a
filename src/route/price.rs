//! What a message will cost, whose limits it has to keep, and in which month it counts: by the settings of the moment.

use std::sync::Arc;

use super::choose::{Policy, Route};
use super::segments;
use crate::address::PeerId;
use crate::clock::Time;
use crate::links::LinkTerms;
use crate::message::{Extent, LinkPreference, Message, Priority};
use crate::money::{Amount, BOX, Bill, Limit, Limits, Money, Use};
use crate::people::Person;
use crate::settings::{Key, Settings};

/// The price of a text message at the carrier of the box: a long text is several of them.
pub fn text_price(settings: &Settings) -> Money {
    let key = match settings.text(Key::SmsCarrier) {
        "twilio" => Key::PriceTwilio,
        "bandwidth" => Key::PriceBandwidth,
        _ => return Money::default(),
    };
    settings.text(key).parse().unwrap_or_default()
}

/// An amount with the currency of the box.
pub fn amount(settings: &Settings, money: Money) -> Amount {
    Amount { money, currency: settings.text(Key::PriceCurrency).to_owned() }
}

/// A sum that was spent, with the currency of the box: to the nearest of four places.
pub fn sum(settings: &Settings, money: Money) -> Amount {
    amount(settings, money.rounded())
}

/// The limits for messages of these people.
pub fn limits<'p>(settings: &Settings, people: impl IntoIterator<Item = &'p Person>) -> Limits {
    let packets = u64::try_from(settings.number(Key::BudgetPackets)).ok().filter(|most| *most > 0);
    let money = settings.text(Key::BudgetMoney).parse().ok().filter(|most: &Money| most.0 > 0);
    let reserve = u64::try_from(settings.number(Key::BudgetReserve)).unwrap_or_default();
    let of_box = Limit { packets, money, reserve };
    let own = people.into_iter().map(|person| {
        let limit = Limit { packets: person.budget_packets, money: person.budget_money, reserve: 0 };
        (person.name.clone(), limit)
    });
    std::iter::once((BOX.to_owned(), of_box)).chain(own).collect()
}

/// The month of a time, as `2026-11`, where the box is.
pub fn month(settings: &Settings, at: Time) -> String {
    use jiff::tz::TimeZone;
    let zone = TimeZone::get(settings.text(Key::TimeZone)).unwrap_or(TimeZone::UTC);
    // A time that jiff cannot hold is no time of a box: it counts with the first month there is.
    jiff::Timestamp::from_second(at.seconds()).unwrap_or_default().to_zoned(zone).strftime("%Y-%m").to_string()
}

/// When the month after that of a time begins, where the box is.
pub fn next_month(settings: &Settings, at: Time) -> Time {
    use jiff::ToSpan;
    use jiff::tz::TimeZone;
    let zone = TimeZone::get(settings.text(Key::TimeZone)).unwrap_or(TimeZone::UTC);
    let there = jiff::Timestamp::from_second(at.seconds()).unwrap_or_default().to_zoned(zone.clone());
    let next = there.date().first_of_month().checked_add(1.month()).and_then(|first| first.to_zoned(zone));
    // Beyond the last month that jiff can hold nothing is held for a budget.
    next.map_or(Time::NEVER, |next| Time(next.timestamp().as_millisecond()))
}

/// What a message takes and costs on one link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkCost<'p> {
    /// Which one it would take.
    pub link: &'p LinkTerms,
    /// Bytes and packets, alone.
    pub extent: Extent,
    /// Packets and money, alone, by what is free in this month now.
    pub wanted: Use,
    /// Packets and money where other messages use up what is free before it leaves; no more than its terms allow.
    pub at_most: Use,
}

impl LinkCost<'_> {
    /// Credits that it begins; `None` where the link charges for something else.
    pub fn credits(&self) -> Option<usize> {
        self.link.price?.credits(self.extent)
    }
}

impl Policy {
    /// The quote of a message: what it costs on its way, alone, in the coding that its far box reads, and in whose budgets it
    /// is; `None` on ways that cost nothing. The only place where a price is worked out.
    pub fn bill(&self, message: &Message) -> Option<Bill> {
        let choice = self.choose(&message.to);
        let wanted = match &choice {
            Route::Link(device) => self.packets_wanted(message, *device)?,
            Route::Carrier => {
                let texts = segments::of(&self.settings, message).parts() as u64;
                Use::of_texts(texts, text_price(&self.settings))
            }
            Route::Mailbox(_) | Route::Relay | Route::Nowhere(_) => return None,
        };
        let reader = message.to.mailbox().filter(|to| self.is_ours(to)).and_then(|to| self.people.addressed(to));
        let writer = self.writer(message);
        // What two people of this box say to each other is in the budgets of both.
        let (person, other) = match (writer, reader) {
            (Some(writer), Some(reader)) if writer.name != reader.name => (Some(writer), Some(reader)),
            (writer, reader) => (writer.or(reader), None),
        };
        let people = person.into_iter().chain(other).map(|person| &**person);
        let bill = Bill::new(wanted, limits(&self.settings, people));
        let name = |person: Option<&Arc<Person>>| person.map(|person| person.name.clone());
        let urgent = message.terms.priority == Priority::Urgent;
        Some(Bill { person: name(person), reader: name(other), urgent, ..bill })
    }

    /// What a message takes on air alone, in the coding that its far box reads.
    fn packets_wanted(&self, message: &Message, far_box: Option<PeerId>) -> Option<Use> {
        let extent = self.size_of(message, far_box).best()?;
        let price = self.cheapest(far_box).and_then(|link| link.price);
        Some(price.map_or(Use::of_packets(extent.packets as u64, Money::default()), |price| price.quote(extent)))
    }

    /// What a message costs on each link that its terms let it take, whether or not that is ready now; nothing on other ways. A
    /// message that is `released` may be of any size.
    pub fn link_costs(&self, message: &Message, released: bool) -> Vec<LinkCost<'_>> {
        let Route::Link(far_box) = self.choose(&message.to) else { return Vec::new() };
        let (most, terms) = (self.max_parts(message), message.terms);
        let bound = if terms.links == LinkPreference::Cheap { Some(Money::default()) } else { terms.at_most };
        let mut costs = Vec::new();
        for link in self.links.iter().filter(|link| link.on && self.reaches(link, far_box)) {
            let extent = self.for_link(link.id).size_of(message, far_box).best();
            if let (Some(price), Some(extent)) = (link.price, extent) {
                let (wanted, whole) = (price.quote(extent), price.after(u64::MAX).quote(extent));
                let money = bound.map_or(whole.money, |bound| whole.money.min(bound));
                costs.push(LinkCost { link, extent, wanted, at_most: Use { money, ..whole } });
            }
        }
        let may = |cost: &LinkCost<'_>| {
            let small = cost.extent.packets <= most || message.released || released;
            small && [bound, terms.at_most].into_iter().flatten().all(|most| cost.wanted.money <= most)
        };
        costs.retain(may);
        costs
    }

    /// The same on the dearest of those links: more than its `at_most` it cannot cost at these prices, whichever takes it and
    /// whatever goes before it. That is not reserved: a link that is dearer than the quote asks the budgets when it takes it.
    pub fn dearest(&self, message: &Message, released: bool) -> Option<LinkCost<'_>> {
        self.link_costs(message, released).into_iter().max_by_key(|cost| cost.at_most.money)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_month_begins_where_the_box_is() {
        let at = Time::from_seconds(1_796_083_199 - 3600 * 3);
        let settings = Settings::default();
        let there = settings.with(Key::TimeZone, "Pacific/Auckland").unwrap();
        assert_eq!(next_month(&there, at).to_string(), "2026-12-31T11:00:00Z");
        let next = next_month(&settings, at);
        assert!(next > at && month(&settings, next) != month(&settings, at));
    }

    #[test]
    fn a_month_is_the_one_of_the_place() {
        let at = Time::from_seconds(1_796_083_199 - 3600 * 3);
        let settings = Settings::default();
        let there = settings.with(Key::TimeZone, "Pacific/Auckland").unwrap();
        assert_eq!(month(&settings, at), "2026-11");
        assert!(["2026-11", "2026-12"].contains(&month(&there, at).as_str()));
    }
}
