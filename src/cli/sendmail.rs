//! `satpost sendmail`, also as `/usr/sbin/sendmail`: takes the mail of cron, of watchers and of `mail` into the box.
//!
//! Whoever runs it needs no rights: it hands the mail to the SMTP listener of this machine, whose rules say what becomes of it. A
//! name without a domain is a person of the box, or else the owner; what goes on air is for the rules to say.

mod mail;
mod options;
mod talk;

use std::io::Read;
use std::process::ExitCode;

use argh::{ArgsInfo, FromArgs};

use mail::Mail;
use options::{Mode, Options};
use talk::{Talk, Trouble};

/// Exit codes of sendmail (sysexits.h): scripts and mail programs know them.
const USAGE: u8 = 64;
const NO_USER: u8 = 67;
const UNAVAILABLE: u8 = 69;
const LATER: u8 = 75;
/// Most bytes of a mail; the listener has its own bound, which is lower.
const MOST: u64 = 64 * 1024 * 1024;
/// Whom the listener takes for the owner of the box.
const OWNER: &str = "root";

/// Take a mail from standard input, as sendmail does: for cron, watchers and mail programs of this machine.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "sendmail",
    example = "  printf 'Subject: disk\\n\\nThe disk is nearly full.\\n' | satpost sendmail root
  satpost sendmail -t -oi < mail.eml
  satpost sendmail -bs",
    note = "The words are those of sendmail: -t takes the recipients from the header, -i and -oi do not end at a line with a dot, -f
names the sender, -F their full name, -bs speaks SMTP on standard input and output; other flags of sendmail are taken and change
nothing. --server HOST:PORT names another listener than 127.0.0.1:25. A name without a domain is a person of the box, or else its
owner. Other addresses go where the rules of the box send them: automatic mail does not go on air unless a rule says so.",
    error_code(0, "the box has it on disk"),
    error_code(64, "the words are wrong, or there is no recipient"),
    error_code(67, "the box does not take mail for one of the recipients"),
    error_code(69, "the box does not take this mail"),
    error_code(75, "the box does not answer, or cannot take it now")
)]
pub struct Sendmail {
    /// flags and recipients
    #[argh(positional)]
    words: Vec<String>,
}

impl Sendmail {
    pub fn go(&self) -> ExitCode {
        run(&self.words)
    }
}

/// True where the program was started under the name of sendmail.
pub fn is_called(program: Option<&std::ffi::OsStr>) -> bool {
    program.is_some_and(|program| std::path::Path::new(program).file_name().is_some_and(|name| name == "sendmail"))
}

/// Does what sendmail would do with these words.
pub fn run(words: &[String]) -> ExitCode {
    let done = Options::read(words).map_err(|why| (USAGE, why.to_string())).and_then(|options| match options.mode {
        Mode::Session => Talk::open(&options.server).and_then(Talk::pass_on).map_err(code),
        Mode::Nothing => Ok(()),
        Mode::Deliver => deliver(&options),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, why)) => {
            super::say(&mut std::io::stderr(), &format!("sendmail: {why}\n"));
            ExitCode::from(code)
        }
    }
}

fn code(trouble: Trouble) -> (u8, String) {
    match trouble {
        Trouble::Later(why) => (LATER, why),
        Trouble::Refused(why) => (UNAVAILABLE, why),
    }
}

fn deliver(options: &Options) -> Result<(), (u8, String)> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(MOST + 1).read_to_end(&mut bytes);
    read.map_err(|error| (LATER, format!("standard input cannot be read: {error}")))?;
    if bytes.len() as u64 > MOST {
        return Err((UNAVAILABLE, "the mail is larger than 64 MB".to_owned()));
    }
    let mut mail = Mail::read(&bytes, options.dots);
    let mut to = options.recipients.clone();
    if options.from_header {
        to.extend(mail.recipients());
        mail.remove("bcc");
    }
    if to.is_empty() {
        return Err((USAGE, "there is no recipient: name one, or use -t with a mail that has To:".to_owned()));
    }
    let mut talk = Talk::open(&options.server).map_err(code)?;
    talk.hello().map_err(code)?;
    let from = options.from.clone().unwrap_or_else(user);
    mail.complete(&from, options.full_name.as_deref(), &talk.domain);
    // A user of the system is not always a person of the box; what cannot be answered has no sender.
    if talk.sender(&from).is_err() {
        talk.sender("").map_err(code)?;
    }
    let mut refused = Vec::new();
    for name in &to {
        let taken = talk.recipient(name);
        let taken = match taken {
            // Somebody of this machine whom the box does not know: the owner looks after it.
            Err(Trouble::Refused(_)) if !name.contains('@') => talk.recipient(OWNER),
            taken => taken,
        };
        match taken {
            Ok(()) => {}
            Err(Trouble::Refused(why)) => refused.push(format!("{name}: {why}")),
            Err(trouble) => return Err(code(trouble)),
        }
    }
    if refused.len() < to.len() {
        talk.text(&mail.bytes()).map_err(code)?;
    }
    talk.quit();
    match refused.is_empty() {
        true => Ok(()),
        false => Err((NO_USER, refused.join("; "))),
    }
}

/// The name of the user who runs this, as far as the environment tells; the number otherwise.
fn user() -> String {
    let named = ["LOGNAME", "USER"].into_iter().find_map(|name| std::env::var(name).ok());
    let plain =
        |name: &String| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    named.filter(plain).unwrap_or_else(|| match rustix::process::getuid() {
        uid if uid.is_root() => "root".to_owned(),
        uid => format!("uid-{}", uid.as_raw()),
    })
}
