//! How often passwords and codes may be tried.
//!
//! | counted | wrong ones at once | then one each | not for |
//! |---|---|---|---|
//! | a network with one account | 5 | 30 s | browsers that logged in to it before |
//! | a network | 30 | 10 s | the same |
//! | an account, from wherever | 30 | 60 s | the same, and networks that proved themselves |
//! | all together | 60 | 60 s | the same |
//! | an account, by browsers that logged in to it before | 5 | 30 s | |
//!
//! So one who guesses slows themselves down, not the house behind the same router, and many who guess from many places
//! do not lock out somebody whose browser or network is known.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::proven::Proven;
use super::{Limiter, Rate, network_of};

/// Wrong passwords for one account from one network, and by its known browsers.
const PAIR: Rate = Rate { burst: 5, period: Duration::from_secs(30) };
/// Wrong passwords of one network for all accounts.
const NETWORK: Rate = Rate { burst: 30, period: Duration::from_secs(10) };
/// Wrong passwords for one account from everywhere.
const ACCOUNT: Rate = Rate { burst: 30, period: Duration::from_secs(60) };
/// Wrong passwords of all that are not known.
const ALL: Rate = Rate { burst: 60, period: Duration::from_secs(60) };
/// Longest name that counts, in bytes: nobody's is longer.
const NAME_MOST: usize = 64;

/// Somebody who tries a password or a code.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// The address of the client.
    pub client: IpAddr,
    /// For whom, as it was typed.
    pub account: &'a str,
    /// The browser showed that it logged in to this account before.
    pub known_browser: bool,
}

/// The tries that are left.
#[derive(Debug)]
pub struct LogIns {
    pairs: Limiter<(IpAddr, String)>,
    networks: Limiter<IpAddr>,
    accounts: Limiter<String>,
    browsers: Limiter<String>,
    all: Limiter<()>,
    proven: Arc<Proven>,
}

impl LogIns {
    /// Makes the counts of one listener; `proven` is shared by all listeners.
    pub fn new(proven: Arc<Proven>) -> Self {
        Self {
            pairs: Limiter::default(),
            networks: Limiter::default(),
            accounts: Limiter::default(),
            browsers: Limiter::default(),
            all: Limiter::default(),
            proven,
        }
    }

    /// Takes one try. It counts as wrong until [`LogIns::right`], so that parallel guesses gain nothing.
    ///
    /// # Errors
    /// How long to wait when there is none.
    pub fn take(&mut self, attempt: Attempt<'_>, now: Instant) -> Result<(), Duration> {
        let (network, account) = (network_of(attempt.client), account_of(attempt.account));
        if attempt.known_browser {
            return self.browsers.take(account, PAIR, now);
        }
        let known = self.proven.knows(attempt.client, now);
        let pair = (network, account);
        let mut wait = self.pairs.wait(pair.clone(), PAIR, now).max(self.networks.wait(network, NETWORK, now));
        if !known {
            wait = wait.max(self.accounts.wait(pair.1.clone(), ACCOUNT, now)).max(self.all.wait((), ALL, now));
        }
        if !wait.is_zero() {
            return Err(wait);
        }
        if !known {
            self.accounts.spend(&pair.1);
            self.all.spend(&());
        }
        self.networks.spend(&network);
        self.pairs.spend(&pair);
        Ok(())
    }

    /// Gives the last try back, and what the account lost from there before: it was right. The network has proved itself.
    pub fn right(&mut self, attempt: Attempt<'_>, now: Instant) {
        let (network, account) = (network_of(attempt.client), account_of(attempt.account));
        if attempt.known_browser {
            self.browsers.forget(&account);
        } else {
            if !self.proven.knows(attempt.client, now) {
                self.accounts.give_back(&account, ACCOUNT);
                self.all.give_back(&(), ALL);
            }
            self.networks.give_back(&network, NETWORK);
            self.pairs.forget(&(network, account));
        }
        self.proven.note(attempt.client, now);
    }
}

fn account_of(typed: &str) -> String {
    let typed = typed.trim().to_lowercase();
    typed[..typed.floor_char_boundary(NAME_MOST)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(client: u32, account: &str) -> Attempt<'_> {
        Attempt { client: IpAddr::V4((0xc633_6400 + client).into()), account, known_browser: false }
    }

    #[test]
    fn one_who_guesses_slows_themselves_down_and_not_their_house() {
        let (mut log_ins, now) = (LogIns::new(Arc::default()), Instant::now());
        assert!((0..5).all(|_| log_ins.take(from(1, "anna"), now).is_ok()));
        assert_eq!(log_ins.take(from(1, " Anna "), now), Err(Duration::from_secs(30)));
        assert!(log_ins.take(from(1, "bert"), now).is_ok(), "another account in the same house");
        assert!(log_ins.take(from(2, "anna"), now).is_ok(), "the same account from elsewhere");
        let tried = (0..100).filter(|n| log_ins.take(from(1, &format!("name{n}")), now).is_ok()).count();
        assert_eq!(tried, 30 - 6, "all accounts from one network");
    }

    #[test]
    fn many_who_guess_do_not_lock_out_who_is_known() {
        let (mut log_ins, now) = (LogIns::new(Arc::default()), Instant::now());
        log_ins.take(from(1, "anna"), now).unwrap();
        log_ins.right(from(1, "anna"), now);
        let passed = (100..5000).filter(|client| log_ins.take(from(*client, "anna"), now).is_ok()).count();
        assert_eq!(passed, 30, "one account");
        let passed = (100..5000).filter(|client| log_ins.take(from(*client, &client.to_string()), now).is_ok()).count();
        assert_eq!(passed, 30, "sixty in all");
        assert!(log_ins.take(from(9, "anna"), now).is_err());
        assert!(log_ins.take(from(1, "anna"), now).is_ok(), "the network is known");
        let browser = Attempt { known_browser: true, ..from(9, "anna") };
        assert!((0..5).all(|_| log_ins.take(browser, now).is_ok()), "the browser is known");
        assert!(log_ins.take(browser, now).is_err(), "and may not guess for ever either");
        log_ins.right(browser, now);
        assert!(log_ins.take(browser, now).is_ok());
    }

    #[test]
    fn the_right_password_costs_nothing() {
        let (mut log_ins, now) = (LogIns::new(Arc::default()), Instant::now());
        for client in 0..500 {
            log_ins.take(from(client, "anna"), now).unwrap();
            log_ins.right(from(client, "anna"), now);
        }
    }
}
