//! `satpost completions`: what a shell completes, made from the tables of the command line.
//!
//! All three scripts do the same: they follow the words of the line through the commands, and offer what may come next.

use std::fmt::Write;
use std::process::ExitCode;
use std::str::FromStr;

use super::session::Failure;
use argh::{ArgsInfo, FromArgs};

use super::outline::{Command, commands};
use crate::message::{Priority, State};
use crate::people::Role;
use crate::settings::TABLE;
use crate::store::Span;

/// Print the completions of the command line for a shell.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "completions",
    example = "  satpost completions bash | sudo tee /usr/share/bash-completion/completions/satpost > /dev/null
  satpost completions zsh | sudo tee /usr/share/zsh/vendor-completions/_satpost > /dev/null
  satpost completions fish > ~/.config/fish/completions/satpost.fish"
)]
pub struct Completions {
    /// bash, zsh or fish
    #[argh(positional)]
    shell: Shell,
}

/// A shell that completes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl FromStr for Shell {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "bash" => Ok(Self::Bash),
            "zsh" => Ok(Self::Zsh),
            "fish" => Ok(Self::Fish),
            _ => Err(format!("'{}' is no shell that is known here: write bash, zsh or fish", word.escape_debug())),
        }
    }
}

impl Completions {
    /// Prints them.
    pub(super) fn go(&self) -> Result<ExitCode, Failure> {
        let script = match self.shell {
            Shell::Bash => bash(),
            Shell::Zsh => zsh(),
            Shell::Fish => fish(),
        };
        super::print(&script)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Gives words that may follow an option; after any other option that takes a value a shell offers files.
fn values() -> Vec<(&'static str, Vec<String>)> {
    let own = |words: &[&str]| words.iter().map(ToString::to_string).collect();
    vec![
        ("--role", Role::ALL.iter().map(|role| role.word().to_owned()).collect()),
        ("--state", State::ALL.iter().map(|state| state.words().replace(' ', "-")).collect()),
        ("--priority", Priority::ALL.iter().map(|priority| priority.word().to_owned()).collect()),
        ("--by", Span::ALL.iter().map(|span| span.word().to_owned()).collect()),
        ("--home", own(&["here", "device"])),
        ("--strangers", own(&["hold", "refuse", "allow"])),
    ]
}

/// Gives words that may stand behind a command besides its flags and the commands below it.
fn arguments(command: &Command) -> Vec<String> {
    match command.chain[..] {
        ["settings", "list" | "get" | "set" | "try"] => TABLE.iter().map(|row| row.name.to_owned()).collect(),
        ["completions"] => ["bash", "zsh", "fish"].map(str::to_owned).into(),
        _ => Vec::new(),
    }
}

/// Options that take a value, of any command.
fn with_value(all: &[Command]) -> Vec<&'static str> {
    let flags = all.iter().flat_map(Command::flags).filter(|(_, _, value)| *value).map(|(name, ..)| name);
    flags.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

/// Gives the keys of all commands but the first as alternatives of a `case`.
fn keys(all: &[Command]) -> String {
    all[1..].iter().map(|command| format!("'{}'", command.key())).collect::<Vec<_>>().join(" | ")
}

fn bash() -> String {
    let all = commands();
    let mut script = format!(
        "# Completion of satpost for bash.\n_satpost() {{\n    local current=${{COMP_WORDS[COMP_CWORD]}} \
         previous=${{COMP_WORDS[COMP_CWORD - 1]}} chain='' at\n    for ((at = 1; at < COMP_CWORD; at++)); do\n        \
         case \"$chain ${{COMP_WORDS[at]}}\" in\n        {}) chain+=\" ${{COMP_WORDS[at]}}\" ;;\n        esac\n    done\n    \
         COMPREPLY=()\n    case $previous in\n",
        keys(&all)
    );
    // Writing to a string cannot fail.
    for (option, words) in values() {
        let _ = writeln!(
            script,
            "    {option}) COMPREPLY=($(compgen -W '{}' -- \"$current\")); return ;;",
            words.join(" ")
        );
    }
    let _ = writeln!(script, "    {}) return ;;\n    esac\n    case $chain in", with_value(&all).join(" | "));
    for command in &all {
        let flags = command.flags().into_iter().map(|(name, ..)| name.to_owned());
        let words: Vec<_> =
            command.below().map(|(name, _)| name.to_owned()).chain(arguments(command)).chain(flags).collect();
        let key = command.key();
        let _ = writeln!(script, "    '{key}') COMPREPLY=($(compgen -W '{}' -- \"$current\")) ;;", words.join(" "));
    }
    script.push_str("    esac\n}\ncomplete -o default -F _satpost satpost\n");
    script
}

fn zsh() -> String {
    let all = commands();
    let mut script = format!(
        "#compdef satpost\n# Completion of satpost for zsh.\n_satpost() {{\n    local chain='' at\n    local -a choices\n    \
         for ((at = 2; at < CURRENT; at++)); do\n        case \"$chain ${{words[at]}}\" in\n        \
         ({}) chain+=\" ${{words[at]}}\" ;;\n        esac\n    done\n    case ${{words[CURRENT - 1]}} in\n",
        keys(&all)
    );
    for (option, words) in values() {
        let _ = writeln!(script, "    ({option}) choices=({}); compadd -a choices; return ;;", words.join(" "));
    }
    let _ = writeln!(script, "    ({}) _files; return ;;\n    esac\n    case $chain in", with_value(&all).join(" | "));
    for command in &all {
        let described = |name: &str, words: &str| format!("{}:{}", name.replace(':', "\\:"), one_line(words));
        let mut choices: Vec<_> = command.below().map(|(name, words)| described(name, words)).collect();
        choices.extend(arguments(command));
        choices.extend(command.flags().into_iter().map(|(name, words, _)| described(name, words)));
        let quoted: Vec<_> = choices.iter().map(|choice| format!("'{choice}'")).collect();
        let _ = writeln!(script, "    ('{}') choices=({}) ;;", command.key(), quoted.join(" "));
    }
    script.push_str("    esac\n    _describe 'satpost' choices || _files\n}\n_satpost \"$@\"\n");
    script
}

fn fish() -> String {
    let all = commands();
    let known: Vec<_> = all[1..].iter().map(|command| format!("'{}'", command.key())).collect();
    let mut script = format!(
        "# Completion of satpost for fish.\nfunction __satpost_at\n    set -l known {}\n    set -l chain ''\n    \
         for word in (commandline -opc)[2..-1]\n        if contains -- \"$chain $word\" $known\n            \
         set chain \"$chain $word\"\n        end\n    end\n    test \"$chain\" = \"$argv[1]\"\nend\n",
        known.join(" ")
    );
    let values = values();
    for command in &all {
        let at = format!("complete -c satpost -n '__satpost_at \"{}\"'", command.key());
        for (name, words) in command.below() {
            let _ = writeln!(script, "{at} -f -a '{name}' -d '{}'", one_line(words));
        }
        let arguments = arguments(command);
        if !arguments.is_empty() {
            let _ = writeln!(script, "{at} -f -a '{}'", arguments.join(" "));
        }
        for (name, words, value) in command.flags() {
            let choices = values.iter().find(|(option, _)| *option == name).map(|(_, words)| words.join(" "));
            let takes = match (value, choices) {
                (false, _) => String::new(),
                (true, None) => " -r".to_owned(),
                (true, Some(words)) => format!(" -x -a '{words}'"),
            };
            let _ = writeln!(script, "{at} -l {}{takes} -d '{}'", name.trim_start_matches('-'), one_line(words));
        }
    }
    script
}

/// Gives the first sentence of a description, without what a shell would read.
fn one_line(text: &str) -> String {
    let first = text.split(". ").next().unwrap_or_default().replace('\n', " ");
    first.trim_end_matches('.').chars().filter(|c| !"'\"\\`$".contains(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_and_flag_is_completed_in_every_shell() {
        for (name, script) in [("bash", bash()), ("zsh", zsh()), ("fish", fish())] {
            for command in commands() {
                assert!(script.contains(&command.key()), "{name}: {}", command.key());
                for (flag, ..) in command.flags() {
                    let word = if name == "fish" { flag.trim_start_matches('-') } else { flag };
                    assert!(script.contains(word), "{name}: {flag}");
                }
            }
            assert!(script.contains("relay.host"), "{name} does not know the settings");
        }
        assert!("tcsh".parse::<Shell>().is_err());
    }
}
