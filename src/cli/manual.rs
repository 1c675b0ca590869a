//! `satpost man`: the manual page, made from the tables of the command line.

use std::process::ExitCode;

use super::session::Failure;
use argh::{ArgsInfo, FlagInfo, FlagInfoKind, FromArgs, Optionality, PositionalInfo};

use super::outline::{Command, commands, plain};

/// Print the manual page, in the format of man(7).
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "man",
    example = "  satpost man | man -l -
  satpost man | sudo tee /usr/local/share/man/man1/satpost.1 > /dev/null"
)]
pub struct Man {}

impl Man {
    /// Prints it.
    pub(super) fn go(&self) -> Result<ExitCode, Failure> {
        super::print(&page())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Makes the whole page.
fn page() -> String {
    let all = commands();
    let mut page = format!(
        ".TH SATPOST 1 \"\" \"satpost {}\" \"User Commands\"\n.SH NAME\nsatpost \\- {}\n.SH SYNOPSIS\n\
         .B satpost\n[\\fB\\-\\-data\\fR \\fIfolder\\fR] \\fIcommand\\fR ...\n.br\n.B satpost \\-\\-version\n\
         .SH DESCRIPTION\n",
        env!("CARGO_PKG_VERSION"),
        escape(all[0].info.description.trim_end_matches('.'))
    );
    for note in all[0].info.notes {
        paragraph(&mut page, note);
    }
    page.push_str(".SH OPTIONS\n.TP\n\\fB\\-\\-data\\fR \\fIfolder\\fR\n");
    page.push_str("Folder of the box: /var/lib/satpost for root and the service, ~/.local/share/satpost for others.\n");
    page.push_str(".TP\n\\fB\\-\\-help\\fR\nWhat a command takes.\n.SH COMMANDS\n");
    for command in &all[1..] {
        one(&mut page, command);
    }
    page.push_str(".SH EXAMPLES\n");
    for example in all[0].info.examples {
        verbatim(&mut page, example);
    }
    page.push_str(".SH \"EXIT STATUS\"\n");
    for code in all[0].info.error_codes {
        page.push_str(&format!(".TP\n.B {}\n{}\n", code.code, escape(code.description)));
    }
    page.push_str(
        ".SH ENVIRONMENT\n.TP\n.B SATPOST_LOG\nHow much the log says: error, warn, info or debug.\n.SH FILES\n.TP\n\
         .I /var/lib/satpost\nEverything that the service keeps.\n",
    );
    page
}

/// Writes a command: how it is written, what it does, what it takes.
fn one(page: &mut String, command: &Command) {
    let info = &command.info;
    page.push_str(&format!(".SS \"satpost{}\"\n", escape(&command.key())));
    let mut written = format!("\\fBsatpost{}\\fR", escape(&command.key()));
    for flag in info.flags.iter().filter(|flag| !flag.hidden && flag.long != "--help") {
        written.push_str(&format!(" {}", in_brackets(&flag_words(flag), &flag.optionality)));
    }
    for positional in info.positionals.iter().filter(|positional| !positional.hidden) {
        let name = format!("\\fI{}\\fR", escape(positional.name));
        written.push_str(&format!(" {}", in_brackets(&name, &positional.optionality)));
    }
    if !info.commands.is_empty() {
        written.push_str(" \\fIcommand\\fR ...");
    }
    page.push_str(&format!("{written}\n.PP\n"));
    paragraph(page, info.description);
    for PositionalInfo { name, description, .. } in info.positionals.iter().filter(|positional| !positional.hidden) {
        page.push_str(&format!(".TP\n\\fI{}\\fR\n{}\n", escape(name), escape(&plain(description))));
    }
    for flag in info.flags.iter().filter(|flag| !flag.hidden && flag.long != "--help") {
        page.push_str(&format!(".TP\n{}\n{}\n", flag_words(flag), escape(&plain(flag.description))));
    }
    for note in info.notes {
        verbatim(page, note);
    }
    for example in info.examples {
        verbatim(page, example);
    }
    for code in info.error_codes {
        page.push_str(&format!(".TP\nExit status {}\n{}\n", code.code, escape(code.description)));
    }
}

fn flag_words(flag: &FlagInfo<'_>) -> String {
    match flag.kind {
        FlagInfoKind::Switch => format!("\\fB{}\\fR", escape(flag.long)),
        FlagInfoKind::Option { arg_name } => format!("\\fB{}\\fR \\fI{}\\fR", escape(flag.long), escape(arg_name)),
    }
}

fn in_brackets(words: &str, optionality: &Optionality) -> String {
    match optionality {
        Optionality::Required => words.to_owned(),
        Optionality::Optional => format!("[{words}]"),
        Optionality::Repeating | Optionality::Greedy => format!("[{words} ...]"),
    }
}

fn paragraph(page: &mut String, text: &str) {
    page.push_str(&format!("{}\n.PP\n", escape(&plain(text))));
}

/// Writes lines as they are.
fn verbatim(page: &mut String, text: &str) {
    page.push_str(&format!(".PP\n.nf\n{}\n.fi\n", escape(&plain(text))));
}

/// Makes text mean itself to roff: no escapes, no requests at the start of a line, hyphens that can be copied.
fn escape(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('"', "\\(dq");
    let line = |line: &str| if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line.to_owned() };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_taken_for_a_request() {
        assert_eq!(escape(".x\n'y\n\\z a-b"), "\\&.x\n\\&'y\n\\ez a\\-b");
        let page = page();
        let requests = [".TH", ".SH", ".SS", ".B ", ".I ", ".TP", ".PP", ".br", ".nf", ".fi"];
        for line in page.lines().filter(|line| line.starts_with(['.', '\''])) {
            assert!(requests.iter().any(|request| line.starts_with(request)), "{line}");
        }
        for command in commands() {
            assert!(page.contains(&escape(&format!("satpost{}", command.key()))), "{}", command.key());
        }
    }
}
