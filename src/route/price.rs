//! What a message will cost, whose limits it has to keep, and in which month it counts: by the settings of the moment.

use crate::clock::Time;
use crate::money::{Amount, BOX, Limit, Limits, Money};
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
