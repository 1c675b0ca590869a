//! Finds the box that a command means: `--data DIR`, or the folder that a box has by default.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use super::session::Failure;

/// Where the service keeps its data (`StateDirectory=` of the unit).
pub const SERVICE: &str = "/var/lib/satpost";

/// Takes `--data DIR` out of the words, wherever it stands before a `--`; the last one counts. The folder is made
/// absolute.
///
/// # Errors
/// A sentence when the folder is missing behind it.
pub fn take(words: &mut Vec<String>) -> Result<Option<PathBuf>, Failure> {
    let mut found = None;
    let mut at = 0;
    while at < words.len() && words[at] != "--" {
        if words[at] == "--data" {
            if at + 1 == words.len() {
                return Err(Failure::usage("--data needs a folder behind it"));
            }
            found = Some(words.remove(at + 1));
            words.remove(at);
        } else if let Some(folder) = words[at].strip_prefix("--data=") {
            found = Some(folder.to_owned());
            words.remove(at);
        } else {
            at += 1;
        }
    }
    let absolute = |folder: String| {
        std::path::absolute(&folder).map_err(|error| Failure::usage(format!("--data '{folder}': {error}")))
    };
    found.map(absolute).transpose()
}

/// Gives the folder of the service when this is the service, or root on a machine that has it; otherwise one in the
/// user's home.
///
/// # Errors
/// A sentence when this user has no home.
pub fn default_folder() -> Result<PathBuf, Failure> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(state) = set("STATE_DIRECTORY") {
        // systemd separates several by colons; the unit has one.
        return Ok(std::env::split_paths(&state).next().unwrap_or_else(|| SERVICE.into()));
    }
    let me = rustix::process::geteuid().as_raw();
    if std::fs::metadata(SERVICE).is_ok_and(|folder| me == 0 || me == folder.uid()) {
        return Ok(SERVICE.into());
    }
    let home = set("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = home.or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".local/share")));
    let home = home.ok_or_else(|| Failure::usage("there is no HOME to keep data in: name a folder with --data DIR"))?;
    Ok(home.join("satpost"))
}

/// Refuses to make a box in the home of somebody on a machine whose box is the service: they forgot sudo.
///
/// # Errors
/// With what to do.
pub fn not_instead_of_service(folder: &std::path::Path) -> Result<(), Failure> {
    let there = std::fs::metadata(SERVICE).is_ok();
    if there && folder != std::path::Path::new(SERVICE) && !folder.join(crate::store::FILE).exists() {
        return Err(Failure::failed(format!(
            "the box of this machine is in {SERVICE}: put sudo in front; for another one in {} write --data {}",
            folder.display(),
            folder.display()
        )));
    }
    Ok(())
}

/// Adds `--data` to a help text: all commands have it, so it is declared here and not in each.
pub fn mention(help: &str) -> String {
    const LINE: &str = "Options:\n  --data            folder of the box (default: /var/lib/satpost for root and the \
                        service,\n                    ~/.local/share/satpost for others)\n";
    let without = super::outline::commands().into_iter().filter(|command| !command.has_data());
    if without.into_iter().any(|command| help.starts_with(&format!("Usage: satpost{}", command.key()))) {
        return help.to_owned();
    }
    help.replacen("Options:\n", LINE, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(words: &[&str]) -> (Result<Option<PathBuf>, Failure>, Vec<String>) {
        let mut words: Vec<String> = words.iter().map(ToString::to_string).collect();
        (take(&mut words), words)
    }

    #[test]
    fn the_folder_may_stand_anywhere() {
        for words in [
            &["--data", "/a", "queue", "list"][..],
            &["queue", "--data=/a", "list"],
            &["queue", "list", "--data", "/a"],
        ] {
            let (found, rest) = taken(words);
            assert_eq!(found, Ok(Some("/a".into())));
            assert_eq!(rest, ["queue", "list"]);
        }
        assert_eq!(taken(&["send", "--", "--data", "/a"]).0, Ok(None));
        assert_eq!(taken(&["run"]).0, Ok(None));
        assert!(taken(&["run", "--data"]).0.is_err());
        assert!(taken(&["--data", "a"]).0.unwrap().unwrap().is_absolute());
    }
}
