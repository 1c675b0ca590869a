//! What this box is made of: version, disk, memory, certificate; a backup and a file for whoever helps.

use std::path::Path;

use minijinja::context;

use super::wrong::{self, Problem};
use super::{Ask, Reply, login};
use crate::admin::response::Response;
use crate::admin::view::{bytes, span};
use crate::fault::Fault;
use crate::listen::tls::about as certificate_about;
use crate::store::work::UNHEARD;
use crate::store::{Wanted, contents};
use crate::sys::process;

/// Largest backup that the page gives out, in bytes; the command line has no such limit.
const BACKUP_MOST: u64 = 64 * 1024 * 1024;

/// Shows the page.
pub fn show(ask: &Ask) -> Reply {
    shown(ask, 200, &[])
}

fn shown(ask: &Ask, status: u16, problems: &[Problem]) -> Reply {
    let ledger = ask.app.store.ledger()?;
    let values = context! {
        facts => facts(ask),
        messages => ledger.next_message.saturating_sub(1),
        error => wrong::heading(problems, ""),
        errors => wrong::by_field(problems),
    };
    Ok(ask.page(status, "about.html", "about", "This box", values))
}

/// What the box is made of: name and value, for the page and for the file for whoever helps.
pub fn facts(ask: &Ask) -> Vec<(&'static str, String)> {
    let store = &ask.app.store;
    let mut all = vec![
        ("Version", process::version()),
        (
            "Runs since",
            format!("{} ({})", ask.times.moment(ask.app.started).long, span(ask.times.now.since(ask.app.started))),
        ),
        ("Clock", if store.clock().believable() { "set" } else { "not set yet" }.to_owned()),
    ];
    if let Ok(room) = store.disk_room() {
        let short = if room.is_short() { ": too little, no mail is taken" } else { "" };
        all.push((
            "Free on the disk",
            format!("{}, of which {} are kept in reserve{short}", bytes(room.free), bytes(room.reserve)),
        ));
    }
    let files = std::fs::read_dir(store.folder()).into_iter().flatten().flatten();
    let size: u64 =
        files.filter_map(|file| file.metadata().ok()).filter(|file| file.is_file()).map(|file| file.len()).sum();
    all.push(("Store", bytes(size)));
    if let Some(memory) = process::resident_bytes() {
        all.push(("Memory in use", bytes(memory)));
    }
    let certificate = match certificate_about(&ask.settings, store.folder()) {
        Ok(certificate) => {
            let end = certificate.end.map(|end| format!(", good until {}", ask.times.moment(end).long));
            let whose =
                if certificate.own { "the box's own, renewed by itself" } else { "from the files in the settings" };
            format!("{whose}{}", end.unwrap_or_default())
        }
        Err(why) => format!("none: {why}"),
    };
    all.push(("Certificate", certificate));
    // What cannot be read is told where the store is.
    let backups = store.read(|view| view.backups()).unwrap_or_default();
    let made = backups.made.map(|at| format!("{} ({} ago)", ask.times.moment(at).long, span(ask.times.now.since(at))));
    all.push(("Last backup", made.unwrap_or_else(|| "none was made yet".to_owned())));
    if let Some(drill) = backups.tried {
        let found = match drill.fault {
            None => format!("it brings a box back, with {} messages", drill.messages),
            Some(why) => format!("it brings no box back: {why}"),
        };
        all.push(("Last one tried out", format!("{}: {found}", ask.times.moment(drill.at).long)));
    }
    all
}

/// Makes a backup and gives it to the owner, who says their password once more: it holds all secrets of the box.
pub fn backup(ask: &Ask) -> Reply {
    if let Err(wait) = ask.app.try_once(ask.request, ask.me()) {
        return shown(ask, 429, &[("password", login::too_many(wait))]);
    }
    if !ask.service.is_own_password(ask.request.form.get("password")) {
        return shown(ask, 422, &[("password", "the password is wrong".to_owned())]);
    }
    ask.app.was_right(ask.request, ask.me());
    let name = format!("{}.backup.part", crate::admin::auth::token()?);
    let place = ask.app.store.folder().join("incoming").join(name);
    let made = ask.service.backup(&place, UNHEARD).and_then(|_| read(&place));
    // What is left behind is swept away at the next start.
    let _ = std::fs::remove_file(&place);
    let made = made?;
    ask.service.backup_was_taken()?;
    let date = ask.times.moment(ask.times.now).iso;
    let date = date.split('T').next().unwrap_or_default();
    Ok(Response::typed(200, "application/octet-stream", made)
        .with("Content-Disposition", format!("attachment; filename=\"satpost-{date}.backup\"")))
}

/// Leaves a backup for a start of the box, and starts it anew. The owner says their password once more: all that is here now
/// gives way to it.
pub fn restore(ask: &Ask) -> Reply {
    let form = &ask.request.form;
    if let Err(wait) = ask.app.try_once(ask.request, ask.me()) {
        return shown(ask, 429, &[("restore_password", login::too_many(wait))]);
    }
    let mut problems = Vec::new();
    if !ask.service.is_own_password(form.get("restore_password")) {
        problems.push(("restore_password", "the password is wrong".to_owned()));
    }
    match &ask.request.file {
        None => problems.push(("file", "choose the file of a backup".to_owned())),
        // Whoever does not know the password has nothing read for them.
        Some(file) if problems.is_empty() => {
            problems.extend(contents(&file.path, UNHEARD).err().map(|fault| ("file", unfit(&file.path, &fault))));
        }
        Some(_) => {}
    }
    let Some(file) = ask.request.file.as_ref().filter(|_| problems.is_empty()) else {
        return shown(ask, 422, &problems);
    };
    ask.app.was_right(ask.request, ask.me());
    // What is asked for comes last: one that stayed after an error would put an old backup in place at some later start.
    ask.service.note_restore()?;
    let wanted = Wanted::leave(ask.app.store.folder(), &file.path, ask.me(), form.ticked("hold"))?;
    process::end_in_order().map_err(|error| {
        wanted.forget();
        Fault::operator(error)
    })?;
    Ok(login::bare(ask.app, ask.request, 200, "restoring.html", context! { title => "The backup is put in place" }))
}

/// Why a file will not do, without the path under which it lies here.
fn unfit(file: &Path, fault: &Fault) -> String {
    fault.why().replace(&file.display().to_string(), "this file")
}

fn read(place: &Path) -> Result<Vec<u8>, Fault> {
    let size = std::fs::metadata(place).map_err(Fault::temporary)?.len();
    match size > BACKUP_MOST {
        true => Err(Fault::permanent(format!(
            "The backup has {}, too much for this page: run 'satpost backup FILE' on the box.",
            bytes(size)
        ))),
        false => std::fs::read(place).map_err(Fault::temporary),
    }
}

/// A section of a text file.
pub fn section(text: &mut String, title: &str, lines: impl IntoIterator<Item = String>) {
    text.push_str(&format!("\n== {title}\n"));
    lines.into_iter().for_each(|line| text.push_str(&format!("{}\n", line.replace('\n', " "))));
}
