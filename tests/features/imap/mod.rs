//! Mailboxes for mail programs: IMAP.
//!
//! What went wrong with others, and the test of each:
//!
//! | fault | test |
//! |---|---|
//! | 1, 2 other bytes under a UID after an upgrade, a restore, a rebuild; a size that changes | `one_mailbox::every_mail_is_byte_identical_twice_over_a_restart_and_a_restore`, `store::tests::mailbox::a_restore_and_a_repair_give_new_validities_and_the_same_bytes` |
//! | 3 to 9 size 0, partials, parts, empty multiparts, dispositions, blanks | `faults::what_is_fetched_is_exact` |
//! | 10 literals of 400 MB | `faults::odd_words_get_clear_answers`, `hostile::literals_parentheses_and_wildcards_cost_nothing` |
//! | 11, 12 APPEND in each form, and into Sent | `faults::what_is_changed_is_changed_and_nothing_else`, `one_mailbox::sent_has_no_doubles_and_shows_the_state` |
//! | 13 an APPEND that is not kept is NO | `one_mailbox::a_full_mailbox_says_so`, `crash::a_kill_loses_nothing_and_brings_nothing_back` |
//! | 14 doubles in Sent, other bytes than were told | `one_mailbox::sent_has_no_doubles_and_shows_the_state`, `sent` |
//! | a mail, a header or an entry that is damaged | `damaged` |
//! | keywords for which a folder has no place | `keywords` |
//! | 15 a draft for each minute | `one_mailbox::drafts_that_are_saved_each_minute_leave_one` |
//! | 16, 17, 19, 21, 24 EXPUNGE, MOVE of what is gone, one folder of a kind, EXAMINE | `faults::what_is_changed_is_changed_and_nothing_else` |
//! | 18 EXISTS for nothing | `faults::news_come_in_order` |
//! | 20, 23, 26 BYE without words, TLS on the other port, odd lines | `faults::odd_words_get_clear_answers` |
//! | 22 the thirtieth connection of a house | `two_clients::a_house_with_many_connections` |
//! | of a compliance suite: recent twice, silent STORE, mod-sequences, what others removed, open ends, subscriptions | `together` |
//! | ten clients at once, each with a model of its folder | `stress`, as long as one likes with `tests/soak/run 1 mailboxes` |
//! | 25 the last byte and the end of the reply together | `listen::imap::replies::tests::the_end_of_a_body_and_of_its_reply_leave_together` |

mod clients;
mod crash;
mod damaged;
mod faults;
mod hostile;
mod keywords;
mod one_mailbox;
mod search;
mod sent;
mod setup;
mod stress;
mod together;
mod two_clients;

use crate::support::Station;
use crate::support::shore::Shore;

/// A box with two people who read here.
fn boxed(shore: &Shore) -> Station {
    shore.gateway(&[], &["olga", "ben"]).started()
}

/// A mail with this subject.
fn mail(subject: &str) -> String {
    format!(
        "From: bob@world.example\r\nTo: olga@shore.example\r\nSubject: {subject}\r\nMessage-ID: <{subject}@world.example>\r\n\r\nBody of {subject}\r\n"
    )
}
