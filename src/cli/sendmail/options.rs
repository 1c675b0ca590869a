//! The words of sendmail's command line: flags stand alone, carry their value, or take the next word.

use std::fmt;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Take a mail from standard input.
    Deliver,
    /// Speak SMTP on standard input and output.
    Session,
    /// Something that other mail systems need and this one does not (`newaliases`).
    Nothing,
}

/// What the words say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    pub mode: Mode,
    /// The listener, as HOST:PORT.
    pub server: String,
    /// The sender; empty: none.
    pub from: Option<String>,
    /// The sender's full name.
    pub full_name: Option<String>,
    /// The recipients are those of the header as well.
    pub from_header: bool,
    /// A line with a dot alone ends the mail.
    pub dots: bool,
    pub recipients: Vec<String>,
}

/// Flags with a value that changes nothing here.
const VALUED: &str = "BCDLNORVXhp";
/// Flags alone, with anything behind them, that change nothing here.
const PLAIN: &str = "AGUemnoqv";

/// A word that cannot be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OptionError {
    /// Its value is missing.
    NoValue(String),
    /// It is no flag of sendmail.
    Unknown(String),
    /// It asks for what another command does here.
    NotHere(String),
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoValue(word) => write!(f, "{word} needs a value"),
            Self::Unknown(word) => write!(f, "{word} is no flag of sendmail"),
            Self::NotHere(word) => write!(f, "{word} is not done here; 'satpost queue list' shows what waits"),
        }
    }
}

impl Options {
    /// Reads the words behind the name of the program.
    ///
    /// # Errors
    /// Which word cannot be done.
    pub fn read(words: &[String]) -> Result<Self, OptionError> {
        let mut options = Self {
            mode: Mode::Deliver,
            server: "127.0.0.1:25".to_owned(),
            from: None,
            full_name: None,
            from_header: false,
            dots: true,
            recipients: Vec::new(),
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let Some(flag) = word.strip_prefix('-').filter(|flag| !flag.is_empty()) else {
                options.recipients.push(word.clone());
                continue;
            };
            if flag == "-" {
                options.recipients.extend(words.by_ref().cloned());
                break;
            }
            let mut value = |attached: &str| match attached {
                "" => words.next().cloned().ok_or_else(|| OptionError::NoValue(word.clone())),
                attached => Ok(attached.to_owned()),
            };
            match flag.split_at_checked(1).unwrap_or((flag, "")) {
                ("-", long) => match long.split_once('=').unwrap_or((long, "")) {
                    ("server", attached) => options.server = value(attached)?,
                    _ => return Err(OptionError::Unknown(word.clone())),
                },
                ("b", "s") => options.mode = Mode::Session,
                ("b", "i") => options.mode = Mode::Nothing,
                ("b", "m") => {}
                ("f" | "r", attached) => options.from = Some(bare(&value(attached)?)),
                ("F", attached) => options.full_name = Some(value(attached)?),
                ("i", "") | ("o", "i") => options.dots = false,
                ("t", rest) => {
                    options.from_header = true;
                    // Written together, as in -ti.
                    options.dots &= rest != "i";
                }
                (flag, attached) if VALUED.contains(flag) => drop(value(attached)?),
                (flag, _) if PLAIN.contains(flag) => {}
                _ => return Err(OptionError::NotHere(word.clone())),
            }
        }
        Ok(options)
    }
}

/// An address without its angle brackets.
fn bare(address: &str) -> String {
    address.trim().trim_start_matches('<').trim_end_matches('>').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &str) -> Result<Options, OptionError> {
        Options::read(&words.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn words_of_cron_mail_programs_and_watchers_are_read() {
        let cron = read("-FCronDaemon -i -B8BITMIME -oem root").unwrap();
        assert_eq!(
            (cron.full_name.as_deref(), cron.dots, cron.recipients),
            (Some("CronDaemon"), false, vec!["root".into()])
        );
        let mailx = read("-i -m -f anna@box.example -- bob@world.example -odd").unwrap();
        assert_eq!(mailx.recipients, ["bob@world.example", "-odd"]);
        assert_eq!(mailx.from.as_deref(), Some("anna@box.example"));
        let git = read("-t -oi -f<>").unwrap();
        assert_eq!((git.from_header, git.dots, git.from.as_deref()), (true, false, Some("")));
        let php = read("-ti --server [::1]:2525").unwrap();
        assert_eq!((php.from_header, php.dots, php.server.as_str()), (true, false, "[::1]:2525"));
        assert_eq!(read("-bs").unwrap().mode, Mode::Session);
        assert_eq!(read("-bi").unwrap().mode, Mode::Nothing);
        for wrong in ["-f", "-bp", "-bd", "--loud", "-z"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
