//! satpost: a satellite post office in one binary.
//!
//! # The path of one message
//!
//! ```text
//!  edge in         decide       keep         move          edge out
//!  listen     ->   route   ->   store   ->   engine   ->   link, deliver, mailbox
//!     ^                           |             |               |
//!     +---- "yes" only with ------+             +-- outcome <---+
//!           a Committed token                 (news of it comes back as a new message)
//! ```
//!
//! Mail, a message written on the page, a text from a phone and a packet from the air take the same five steps, in both directions. So a
//! message can be lost or doubled at no other place than the one that the tests kill.
//!
//! 1. An edge reads what comes in, within limits, and decides nothing.
//! 2. `route` says, as a pure function, what becomes of it: refused, held, or which way out.
//! 3. `store` writes it down. Only a write that reached the disk makes a `Committed`, and only that makes a yes: the
//!    `250` of the listener, the delete on the modem, the acknowledgement to the Hive.
//! 4. `engine` claims what is due, has it carried, and records the outcome.
//! 5. A link, the relay, the carrier of text messages or a mailbox takes it. What they say later finds the message through the store.
//!
//! # Who may use whom
//!
//! The crate in `src/compact` knows nothing of this one: it makes messages small and gives them back.
//!
//! `tests/layers.rs` reads this table and the sources, and fails on any other arrow. `all` means every module, a path
//! means nothing else of that module. The third column names crates that no other module may use.
//!
//! | module | may use | keeps to itself | why |
//! |---|---|---|---|
//! | `message`, `address`, `fault` | `message`, `address`, `fault`, `hex`, `clock::Time`, `money` | | the words of the language: plain data, understood by reading |
//! | `money` | | | amounts and limits, without knowing what they are for |
//! | `clock` | | | one place that tests can make lie |
//! | `http_client` | `fault`, `hex` | | one client for all services: what certainly did not arrive is told from what may have |
//! | `hex`, `back_off` | | | small pure helpers that several rooms need: one of each |
//! | `build` | | | the build script: asks git which commit this is |
//! | `settings` | `address`, `fault`, `money` | | has to work when all else is broken |
//! | `links` | `message`, `address`, `clock`, `money`, `settings` | | which links a box has and what they may cost, without knowing how one works |
//! | `people` | `message`, `address`, `clock`, `fault`, `money` | | who is who, without knowing where that is written down |
//! | `coding` | `message`, `address`, `fault` | `prost` | bytes in, meaning out: a coding knows no link and no queue |
//! | `password` | `people` | `argon2` | one hash at a time, whoever asks |
//! | `limit` | | | how often somebody may try, for listeners and pages alike |
//! | `sys` | `clock` | `sd_notify`, `async_signal` | the only calls to the platform, and the only unsafe code |
//! | `mail_text` | `hex`, `message`, `address`, `fault`, `clock` | | a mail becomes the text that a person would want to read: bytes in, words out |
//! | `route` | `links`, `message`, `address`, `settings`, `people`, `clock`, `fault`, `coding`, `money` | | pure: the same question gets the same answer, next year too |
//! | `store` | `links`, `hex`, `back_off`, `deliver::compose`, `message`, `address`, `settings`, `people`, `clock`, `fault`, `sys`, `money` | `redb` | the only module that knows the file, so the crash tests stay small |
//! | `link` | `links`, `message`, `address`, `settings`, `clock`, `fault`, `sys::process`, `sys::ports`, `sys::control_lines`, `sys::network`, `sys::sleep`, `hex`, `back_off`, `http_client` | | a driver never touches the queue: it reports, and the engine decides |
//! | `deliver` | `message`, `address`, `settings`, `clock`, `fault`, `hex`, `http_client` | `webpki_roots`, `encodify` | gives back a receipt or a fault, nothing else |
//! | `status` | `links`, `message::LinkId`, `message::reason::Contact`, `address::PeerId`, `clock`, `fault`, `link::Health`, `link::Series` | | facts of this moment, for the pages |
//! | `listen` | `hex`, `limit`, `link::callers`, `link::hooks`, `link::directip`, `link::ip`, `route`, `store`, `people`, `message`, `address`, `settings`, `clock`, `fault`, `sys`, `status` | `smtp_proto`, `imap_codec` | an edge sends nothing by itself; a connection of a paired box, and a frame of the network's gateway, are handed to the link |
//! | `engine` | `links`, `hex`, `back_off`, `mail_text`, `store`, `route`, `coding`, `link`, `deliver`, `people`, `message`, `address`, `settings`, `clock`, `fault`, `status`, `sys::sleep`, `money` | | the only writer of states after acceptance |
//! | `intake` | `mail_text`, `listen`, `route`, `store`, `engine`, `deliver::compose`, `password`, `people`, `message`, `address`, `settings`, `clock`, `fault`, `money` | | takes mails and messages in, for all listeners alike |
//! | `control` | all | | runs commands for the command line in the box that owns the store |
//! | `admin` | `links`, `hex`, `limit`, `listen::tls::ROOT`, `listen::tls::about`, `store`, `engine`, `intake`, `deliver::compose::crlf`, `deliver::relay`, `deliver::sms`, `password`, `route`, `people`, `message`, `address`, `settings`, `clock`, `fault`, `sys`, `status`, `link::Health`, `link::Series`, `link::callers`, `link::contact::named`, `link::hooks`, `link::ip`, `link::DRIVERS`, `link::Driver`, `link::driver`, `link::OF_EVERY_LINK`, `money` | `minijinja` | a page asks, the engine acts |
//! | `sim` | `address`, `clock`, `sys`, `hex` | | the other side of the wire; it shares no code with the driver that it tests |
//! | `cli` | all | | commands: reads words, calls the rest, prints |
//! | `supervisor` | all | | wiring: opens the store, starts the threads, waits |

mod address;
mod admin;
mod back_off;
mod cli;
mod clock;
mod coding;
mod control;
mod deliver;
mod engine;
mod fault;
#[cfg(fuzzing)]
#[path = "../tests/fuzz/targets.rs"]
pub mod fuzz;
mod hex;
mod http_client;
mod intake;
mod limit;
mod link;
mod links;
mod listen;
mod mail_text;
mod message;
mod money;
mod password;
mod people;
mod route;
mod settings;
mod sim;
mod status;
mod store;
mod supervisor;
mod sys;

fn main() -> std::process::ExitCode {
    sys::memory::keep_little();
    // Everything in here that speaks TLS uses this provider; installed twice it would stay the first one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    cli::run()
}
