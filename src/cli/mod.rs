//! Reads the command line, `satpost COMMAND ...`, and carries it out.
//!
//! ```text
//!  run, demo, simulate, restore        here, in this process
//!  everything else                     in the running box, over its control socket
//!                                      in this process on the store itself, when no box runs
//! ```
//!
//! Both ways run the same code: a command acts on a [`session::Session`] and never on the terminal.

mod audit;
mod backup;
mod check;
mod clock;
mod coding;
mod completions;
mod costs;
mod data;
mod demo;
mod far_box;
mod help;
mod input;
mod link;
mod logging;
mod manual;
pub mod moved_file;
mod outline;
mod pair;
mod pairs;
mod people;
mod position;
mod progress;
mod queue;
mod reach;
mod repair;
mod send;
mod sendmail;
mod service;
pub mod session;
mod settings;
mod setup_code;
mod simulate;
mod status;
mod table;
mod usage;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};

use session::{Done, Failure, Request, Session};

/// Exit code: something did not work; the sentence on standard error says what.
pub const FAILED: u8 = 1;
/// Exit code: the command line or the settings are wrong.
pub const USAGE: u8 = 2;
/// Exit code: somebody stopped it, as a shell has it for SIGINT.
pub const INTERRUPTED: u8 = 130;
/// Exit code: no message, person or setting of that name.
pub const NOT_FOUND: u8 = 3;

/// A satellite post office: mail in and out over a satellite modem.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    example = "A box with a modem, set up without a browser:

  satpost settings set box.domain station.example
  satpost link add boat sbd link.price 0.12
  satpost people add anna --role owner < password.txt
  satpost check
  satpost run

See how it works, without a modem:

  satpost demo",
    note = "Commands reach a running box through the socket control.sock in its data folder. When no box runs they open
the store themselves. --data DIR may stand anywhere on the line. 'satpost help --html DIR' writes the help pages of the box into a
folder, to be read without one.",
    error_code(0, "done"),
    error_code(1, "it did not work; standard error says why"),
    error_code(2, "the command line or the settings are wrong"),
    error_code(3, "there is no such message, person or setting")
)]
struct Arguments {
    #[argh(subcommand)]
    command: Command,
}

#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand)]
enum Command {
    Run(Run),
    Demo(demo::Demo),
    Check(check::Check),
    Clock(clock::Clock),
    Status(status::Status),
    Send(send::Send),
    Sendmail(sendmail::Sendmail),
    Queue(queue::Queue),
    Costs(costs::Costs),
    People(people::People),
    FarBox(far_box::FarBoxes),
    Position(position::Position),
    Link(link::Link),
    Pair(pair::Pair),
    Settings(settings::Settings),
    SetupCode(setup_code::SetupCode),
    Usage(usage::Usage),
    Audit(audit::Audit),
    Backup(backup::Backup),
    Restore(backup::Restore),
    Repair(repair::Repair),
    Simulate(simulate::Simulate),
    Code(coding::Code),
    Decode(coding::Decode),
    Man(manual::Man),
    Completions(completions::Completions),
}

/// Run the box until SIGTERM or SIGINT; this is what the service starts.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "run",
    note = "SATPOST_LOG=debug in the environment makes the log say more; error, warn and info work as well.",
    error_code(2, "wrong settings, or the data folder cannot be used")
)]
struct Run {
    /// end when the process of this number, which started this one, ends
    #[argh(option)]
    parent: Option<u32>,
}

/// What a command wants to read before it runs.
enum Wants {
    Nothing,
    /// All of standard input.
    Text,
    /// One secret line.
    Secret(input::Secret),
}

impl Wants {
    /// For names and values of settings: the value of a name that stands alone.
    fn value_of(words: &[String]) -> Self {
        match words {
            [name] => Self::Secret(input::Secret { what: format!("value of {name}"), file: None, optional: true }),
            _ => Self::Nothing,
        }
    }
}

impl Command {
    fn wants(&self) -> Wants {
        match self {
            Self::Send(send) => send.wants(),
            Self::People(people) => people.wants(),
            Self::Link(link) => link.wants(),
            Self::Settings(settings) => settings.wants(),
            // Its parent says under which name it moves.
            Self::FarBox(far_box) if far_box.moves() => Wants::Text,
            _ => Wants::Nothing,
        }
    }

    /// Tells how long a running box may take for it.
    fn patience(&self) -> Duration {
        Duration::from_secs(match self {
            Self::Check(_) => 180,
            // Name, connection, handshake and answer have limits of their own.
            Self::Pair(pair) if pair.joins() => 120,
            Self::Backup(_) => 1800,
            Self::FarBox(far_box) if far_box.moves() => 1800,
            Self::People(people) if people.exports().is_some() || people.imports().is_some() => 1800,
            _ => 10,
        })
    }

    /// True for what may make a box where there is none: adding somebody or a link, and changing settings. What only reads never
    /// does.
    fn makes_store(&self) -> bool {
        match self {
            Self::People(people) => people.adds(),
            Self::Link(link) => link.adds(),
            Self::Settings(settings) => settings.sets(),
            _ => false,
        }
    }

    /// Carries it out on a store.
    fn act(self, session: &mut Session) -> Done {
        match self {
            Self::Check(check) => check.act(session),
            Self::Clock(clock) => clock.act(session),
            Self::Status(status) => status.act(session),
            Self::Send(send) => send.act(session),
            Self::Queue(queue) => queue.act(session),
            Self::Costs(costs) => costs.act(session),
            Self::People(people) => people.act(session),
            Self::FarBox(far_box) => far_box.act(session),
            Self::Position(position) => position.act(session),
            Self::Link(link) => link.act(session),
            Self::Pair(pair) => pair.act(session),
            Self::Settings(settings) => settings.act(session),
            Self::SetupCode(code) => code.act(session),
            Self::Usage(usage) => usage.act(session),
            Self::Audit(audit) => audit.act(session),
            Self::Backup(backup) => backup.act(session),
            Self::Restore(restore) => restore.act(session),
            Self::Run(_)
            | Self::Demo(_)
            | Self::Repair(_)
            | Self::Sendmail(_)
            | Self::Simulate(_)
            | Self::Code(_)
            | Self::Decode(_)
            | Self::Man(_)
            | Self::Completions(_) => Err(Failure::usage("this command is not for a running box")),
        }
    }
}

/// Reads words as a command.
fn parse(words: &[String]) -> Result<Command, argh::EarlyExit> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Arguments::from_args(&["satpost"], &words).map(|arguments| arguments.command)
}

/// Reads the command line and carries it out.
pub fn run() -> ExitCode {
    let words: Result<Vec<String>, _> = std::env::args_os().skip(1).map(std::ffi::OsString::into_string).collect();
    let done = match words {
        Ok(words) if sendmail::is_called(std::env::args_os().next().as_deref()) => return sendmail::run(&words),
        Ok(words) => start(words),
        Err(word) => Err(Failure::usage(format!("{} is not UTF-8", word.display()))),
    };
    match done {
        Ok(code) => code,
        Err(failure) if progress::is_stopped() => {
            say(&mut std::io::stderr(), &format!("satpost: interrupted: {}\n", failure.why));
            ExitCode::from(INTERRUPTED)
        }
        Err(failure) => {
            say(&mut std::io::stderr(), &format!("satpost: {}\n", failure.why));
            ExitCode::from(failure.code)
        }
    }
}

fn start(mut words: Vec<String>) -> Result<ExitCode, Failure> {
    let named = data::take(&mut words)?;
    // Behind other words it could be a value.
    for at in [0, words.len().saturating_sub(1)] {
        words.get_mut(at).filter(|word| *word == "-h").into_iter().for_each(|word| *word = "--help".to_owned());
    }
    if words.first().is_some_and(|word| word == "--version" || word == "-V") {
        print(&format!("satpost {}\n", crate::sys::process::version()))?;
        if words.get(1).is_some_and(|word| word == "--licences") {
            print(include_str!("../compact/primer/LICENCES"))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    // Its flags are not of our kind.
    if words.first().is_some_and(|word| word == "sendmail") && words.get(1).is_none_or(|word| word != "--help") {
        return Ok(sendmail::run(&words[1..]));
    }
    // The library takes the word for --help.
    if let Some(help) =
        words.split_first().filter(|(word, _)| *word == "help").and_then(|(_, rest)| help::Help::read(rest))
    {
        return help?.go();
    }
    let command = match parse(&words) {
        Ok(command) => command,
        Err(argh::EarlyExit { output, status: Ok(()) }) => {
            print(&data::mention(&output))?;
            return Ok(ExitCode::SUCCESS);
        }
        Err(argh::EarlyExit { output, .. }) => {
            say(&mut std::io::stderr(), &format!("{}\n", output.trim_end()));
            return Ok(ExitCode::from(USAGE));
        }
    };
    let default = named.is_none();
    let data = named.map_or_else(data::default_folder, Ok)?;
    if default && (command.makes_store() || matches!(command, Command::Run(_))) {
        data::not_instead_of_service(&data)?;
    }
    let level = if matches!(command, Command::Run(_)) { log::LevelFilter::Info } else { log::LevelFilter::Warn };
    logging::start(level);
    if !matches!(command, Command::Run(_)) {
        crate::store::show_openings_by(progress::opening);
    }
    match command {
        Command::Run(run) => run.go(&data),
        Command::Demo(demo) => demo.go(),
        Command::Simulate(simulate) => simulate.go(),
        Command::Sendmail(sendmail) => Ok(sendmail.go()),
        Command::Code(code) => code.go(&data),
        Command::Decode(decode) => decode.go(&data),
        Command::Man(man) => man.go(),
        Command::Completions(completions) => completions.go(),
        Command::Restore(restore) => restore.go(&data),
        Command::Repair(repair) => repair.go(&data),
        Command::Status(status) if status.asks_health() => status.ask_health(&data, words),
        // Root sees what the box cannot.
        Command::Check(check) if rustix::process::geteuid().is_root() => check.go(&data, words),
        // A child with the user of the box only writes the part; its parent takes it from there.
        Command::Backup(backup) if !reach::as_owner_now() => backup.go(&data, words),
        Command::People(people) if people.exports().is_some() && !reach::as_owner_now() => {
            let file = people.exports().map(std::path::Path::to_owned).unwrap_or_default();
            people.export(&data, words, &file)
        }
        Command::FarBox(far_box) if far_box.moves() && !reach::as_owner_now() => far_box.go(&data, words),
        Command::People(people) if people.imports().is_some() && !reach::as_owner_now() => {
            let (from, folder) = people.imports().unwrap_or_default();
            people.import(&data, words, &from, &folder)
        }
        command => {
            let input = match command.wants() {
                Wants::Nothing => None,
                Wants::Text => Some(input::text()?),
                Wants::Secret(secret) => input::secret(&secret)?,
            };
            let answer = reach::ask(&data, &Request { args: words, input }, &command)?;
            Ok(ExitCode::from(answer.print()))
        }
    }
}

impl Run {
    fn go(&self, data: &std::path::Path) -> Result<ExitCode, Failure> {
        if let Some(parent) = self.parent {
            crate::sys::process::end_with_parent(parent).map_err(|error| Failure::failed(error.to_string()))?;
        }
        Ok(crate::supervisor::run(data))
    }
}

/// Writes what a command is for to standard output.
///
/// # Errors
/// When it cannot be written, as on a full disk. A reader that went away (`| head`) is none.
fn print(text: &str) -> Result<(), Failure> {
    written(std::io::stdout().lock().write_all(text.as_bytes()).and_then(|()| std::io::stdout().flush()))
}

fn written(done: std::io::Result<()>) -> Result<(), Failure> {
    match done {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("standard output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes text for people; a reader that went away (`| head`) is no failure of the command.
fn say(to: &mut impl Write, text: &str) {
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}
