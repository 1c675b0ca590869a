//! The command line as data, for the manual page and the completions: the same tables that `--help` is made from.

use argh::{ArgsInfo, CommandInfoWithArgs, SubCommandInfo};

/// A command with the words that lead to it: `["queue", "list"]`; none for `satpost` itself.
pub struct Command {
    /// The words behind `satpost`.
    pub chain: Vec<&'static str>,
    /// What it takes, and what it says of itself.
    pub info: CommandInfoWithArgs,
}

impl Command {
    /// Gives the words with a blank before each: ` queue list`.
    pub fn key(&self) -> String {
        self.chain.iter().map(|word| format!(" {word}")).collect()
    }

    /// True when it acts on a box, so that `--data` means something to it.
    pub fn has_data(&self) -> bool {
        !matches!(self.chain.first(), Some(&("simulate" | "man" | "completions" | "code" | "decode" | "demo")))
    }

    /// Gives the words that may follow: commands, with what they do.
    pub fn below(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.info.commands.iter().map(|command| (command.name, command.command.description))
    }

    /// Its flags with what they do and whether a value follows; hidden ones are left out, `--help` and `--data` added.
    pub fn flags(&self) -> Vec<(&'static str, &'static str, bool)> {
        let takes_value = |kind: &argh::FlagInfoKind<'_>| matches!(kind, argh::FlagInfoKind::Option { .. });
        let own = self.info.flags.iter().filter(|flag| !flag.hidden && flag.long != "--help");
        let mut all: Vec<_> = own.map(|flag| (flag.long, flag.description, takes_value(&flag.kind))).collect();
        if self.has_data() {
            all.push(("--data", "folder of the box", true));
        }
        all.push(("--help", "what the command takes", false));
        all
    }
}

/// Gives every command, each before those below it.
pub fn commands() -> Vec<Command> {
    let mut all = Vec::new();
    collect(Vec::new(), super::Arguments::get_args_info(), &mut all);
    all
}

fn collect(chain: Vec<&'static str>, info: CommandInfoWithArgs, all: &mut Vec<Command>) {
    let below: Vec<SubCommandInfo> = info.commands.clone();
    all.push(Command { chain: chain.clone(), info });
    for command in below {
        let chain = chain.iter().copied().chain([command.name]).collect();
        collect(chain, command.command, all);
    }
}

/// Gives a text of the tables as `--help` shows it: argh writes braces twice.
pub fn plain(text: &str) -> String {
    text.replace("{{", "{").replace("}}", "}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outline_has_every_command_and_flag() {
        let all = commands();
        let find = |key: &str| all.iter().find(|command| command.key() == key).unwrap_or_else(|| panic!("{key}"));
        assert_eq!(all[0].key(), "");
        assert!(find("").below().any(|(name, words)| name == "queue" && !words.is_empty()));
        let flags: Vec<_> = find(" queue list").flags().iter().map(|(name, ..)| *name).collect();
        assert!(flags.contains(&"--state") && flags.contains(&"--data") && flags.contains(&"--help"), "{flags:?}");
        assert!(!find(" simulate modem").has_data());
    }

    /// One meaning for each flag: where two commands share one, they say the same of it but for a word in the middle.
    #[test]
    fn a_flag_takes_a_value_everywhere_or_nowhere() {
        let mut known = std::collections::BTreeMap::new();
        for command in commands() {
            for (name, _, value) in command.flags() {
                let before = *known.entry(name).or_insert(value);
                assert_eq!(before, value, "{name} of{}", command.key());
            }
        }
        for gone in ["--most", "--owner"] {
            assert!(!known.contains_key(gone), "{gone}");
        }
    }
}
