//! `satpost help --html DIR`: the help pages as files that a browser reads without a box.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::session::Failure;
use crate::admin::{HELP_TOPICS, plain_help};

/// Prints the help pages. No row of the table of commands: the library that reads those keeps the word for itself.
pub struct Help {
    /// The folder, which is made if it is not there; files of the same names in it are replaced.
    html: PathBuf,
}

impl Help {
    /// What follows the word 'help', when it asks for pages; the rest is about commands.
    ///
    /// # Errors
    /// When no folder is named.
    pub fn read(words: &[String]) -> Option<Result<Self, Failure>> {
        let [first, rest @ ..] = words else { return None };
        let named = match first.split_once('=') {
            Some(("--html", folder)) => Some(folder.to_owned()),
            _ if first == "--html" => rest.first().cloned(),
            _ => return None,
        };
        let folder = named.filter(|folder| !folder.is_empty());
        Some(folder.map(|html| Self { html: html.into() }).ok_or_else(|| Failure::usage("name a folder: --html DIR")))
    }

    pub fn go(&self) -> Result<ExitCode, Failure> {
        let failed = |path: &Path, error: std::io::Error| Failure::failed(format!("{}: {error}", path.display()));
        std::fs::create_dir_all(&self.html).map_err(|error| failed(&self.html, error))?;
        let list: String =
            HELP_TOPICS.iter().map(|(name, title)| format!("<li><a href=\"{name}.html\">{title}</a></li>\n")).collect();
        let page = |title: &str, text: &str| {
            format!(
                "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n<meta name=viewport content=\"width=device-width,initial-scale=1\">\n\
                 <title>{title} · satpost</title>\n<link rel=stylesheet href=\"style.css\">\n<body>\n<div class=help>\n\
                 <article><h1>{title}</h1>\n<div class=card>\n{text}\n</div></article>\n\
                 <nav class=card aria-label=\"Help topics\"><ul>\n{list}</ul></nav>\n</div>\n</body>\n</html>\n"
            )
        };
        let mut files = vec![
            ("index.html".to_owned(), page("Help", &format!("<ul>\n{list}</ul>"))),
            ("style.css".to_owned(), include_str!("../../web/style.css").to_owned()),
        ];
        for (name, title) in HELP_TOPICS {
            let text =
                plain_help(name).ok_or_else(|| Failure::failed(format!("the help text '{name}' has a fault")))?;
            files.push((format!("{name}.html"), page(title, &text)));
        }
        for (name, text) in &files {
            let path = self.html.join(name);
            std::fs::write(&path, text).map_err(|error| failed(&path, error))?;
        }
        super::print(&format!("{} pages in {}\n", HELP_TOPICS.len() + 1, self.html.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}
