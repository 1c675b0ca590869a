//! Tells when a message is taken and where it is then, and when it arrives, with its time line from both boxes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::messages::ANNA_ASHORE;
use super::parts::{DemoParts, Place};
use crate::cli::session::Failure;
use crate::cli::table::{columns, one_line};

/// What was seen so far.
#[derive(Debug, Default)]
pub struct Watch {
    /// Messages that arrived at the mail server.
    pub at_sink: usize,
    /// Messages that arrived in the mailbox on the boat.
    pub in_mailbox: usize,
    /// Texts that arrived there.
    pub texts_in_mailbox: usize,
    /// Texts that arrived at the phone.
    pub at_phone: usize,
    told: BTreeSet<String>,
    /// The states in which messages that somebody gave to a box were last seen.
    taken: BTreeMap<(&'static str, String), String>,
    /// Messages whose time line was shown.
    shown: BTreeSet<(&'static str, String)>,
    /// What messages waited for while a cheaper link was away, as their box said.
    waited: BTreeMap<(&'static str, String), String>,
}

impl Watch {
    /// Gives what is new, as texts to print.
    ///
    /// # Errors
    /// When a box hangs.
    pub fn look(&mut self, parts: &DemoParts) -> Result<Vec<String>, Failure> {
        let mut news = Vec::new();
        for place in [&parts.station, &parts.gateway] {
            for message in list(place)?.iter().rev() {
                let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
                if message["code"] == "waits.cheaper" {
                    self.waited.insert((place.name, text("id")), text("reason"));
                }
                if message["origin"] != "link" {
                    news.extend(self.state(place.name, message));
                }
            }
        }
        let mails = parts.sink.mails();
        for mail in mails.iter().skip(self.at_sink) {
            let subject = mail.header("Subject").unwrap_or_default();
            let to = mail.to.join(", ");
            let head = format!("ARRIVED at the mail server: \"{}\" for {to}", one_line(&subject, 60));
            let lines = self.time_lines(&[&parts.station, &parts.gateway], |message| {
                message["to"] == to.as_str() && message["subject"] == subject.as_str()
            })?;
            news.push(format!("\n{head}\n{lines}"));
        }
        self.at_sink = mails.len();
        let texts = parts.carrier.arrived();
        for (phone, words) in texts.iter().skip(self.at_phone) {
            let head = format!("ARRIVED at the phone: \"{}\" for {phone}", one_line(words, 60));
            let lines = self.time_lines(&[&parts.station, &parts.gateway], |message| {
                message["to"] == phone.as_str() && message["text"] == words.as_str()
            })?;
            news.push(format!("\n{head}\n{lines}"));
        }
        self.at_phone = texts.len();
        for message in list(&parts.station)? {
            let arrived = message["origin"] == "link" && message["state"] == "delivered";
            let id = message["id"].as_str().unwrap_or_default().to_owned();
            if !arrived || !self.told.insert(id) {
                continue;
            }
            let from_phone = message["from"].as_str().is_some_and(|from| from.starts_with('+'));
            *(if from_phone { &mut self.texts_in_mailbox } else { &mut self.in_mailbox }) += 1;
            // A text has no subject: its words say which it is.
            let named = if from_phone { "text" } else { "subject" };
            let words = message[named].as_str().unwrap_or_default();
            let from = message["from"].as_str().unwrap_or_default();
            let head = format!("ARRIVED on the boat: \"{}\" from {from}", one_line(words, 60));
            let lines = self.time_lines(&[&parts.gateway, &parts.station], |message| {
                let to = message["to"].as_str().unwrap_or_default();
                let inbound = to == ANNA_ASHORE || message["origin"] == "link" || message["origin"] == "sms";
                inbound && message[named] == words && message["way"] != "relay"
            })?;
            news.push(format!("\n{head}\n{lines}"));
        }
        Ok(news)
    }

    /// Gives what there is to say of a message that was given to a box: that it was taken, or that somebody has to see to it.
    fn state(&mut self, place: &'static str, message: &Value) -> Option<String> {
        let text = |name: &str| message[name].as_str().unwrap_or_default();
        let (id, state) = (text("id"), text("state"));
        let before = self.taken.insert((place, id.to_owned()), state.to_owned());
        let head = match before {
            None => "TAKEN",
            Some(before) if before == state || ["queued", "on the link", "sent", "delivered"].contains(&state) => {
                return None;
            }
            Some(_) => "NEWS",
        };
        // A text has no subject: its words say which it is.
        let words = if text("subject").is_empty() { text("text") } else { text("subject") };
        let (words, why) = (one_line(words, 60), one_line(text("reason"), 120));
        Some(format!("\n{head} at the {place}: {id} \"{words}\" for {}: {state}, {why}", text("to")))
    }

    /// Gives the time lines of the newest message in each box that fits and was not shown before.
    fn time_lines(&mut self, places: &[&Place], fits: impl Fn(&Value) -> bool) -> Result<String, Failure> {
        let (mut rows, mut ways) = (Vec::new(), Vec::new());
        for place in places {
            let all = list(place)?;
            // Oldest first: messages with the same subject arrive in their order.
            let found = all.iter().rev().filter(|message| fits(message)).find(|message| {
                let id = message["id"].as_str().unwrap_or_default();
                !self.shown.contains(&(place.name, id.to_owned()))
            });
            let Some(message) = found else { continue };
            let id = message["id"].as_str().unwrap_or_default();
            self.shown.insert((place.name, id.to_owned()));
            ways.extend(self.way(place, id)?);
            for step in message["steps"].as_array().into_iter().flatten() {
                let text = |name: &str| step[name].as_str().unwrap_or_default().to_owned();
                rows.push(vec![
                    format!("  {}", place.name),
                    id.to_owned(),
                    text("at"),
                    text("state"),
                    one_line(&text("cause"), 100),
                ]);
            }
        }
        Ok(format!("{}{}", columns(&rows), ways.concat()))
    }

    /// By which link a message went, why, and what that cost; `None` for one that took none.
    fn way(&self, place: &Place, id: &str) -> Result<Option<String>, Failure> {
        let message = place.ask(&["queue", "show", id, "--json"])?.unwrap_or_default();
        let Some(link) = message["packets"][0]["link"].as_str() else { return Ok(None) };
        let cost = message["cost"].as_str().unwrap_or("0.00");
        let why = self.waited.get(&(place.name, id.to_owned()));
        let why = why.map_or("the cheapest link, which was there", String::as_str);
        Ok(Some(format!("  {} {id} went by {link} for {cost} USD: {why}\n", place.name)))
    }
}

/// Gives the messages of a box, newest first.
fn list(place: &Place) -> Result<Vec<Value>, Failure> {
    let found = place.ask(&["queue", "list", "--all", "--json", "--limit", "200"])?;
    Ok(found.and_then(|found| found.as_array().cloned()).unwrap_or_default())
}
