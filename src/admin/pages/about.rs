//! What this box is made of: version, disk, memory, certificate; a backup and a file for whoever helps.

use std::path::Path;

use minijinja::context;

use super::wrong::{self, Problem};
use super::{Ask, Reply, at_work, login};
use crate::admin::response::Response;
use crate::admin::view::{bytes, span};
use crate::admin::words::say;
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
        works => at_work::rows(ask),
        messages => ledger.next_message.saturating_sub(1),
        error => wrong::heading(problems, ""),
        errors => wrong::by_field(problems),
    };
    Ok(ask.page(status, "about.html", "about", &say!("common.this_box"), values))
}

/// What the box is made of: name and value, for the page and for the file for whoever helps.
pub fn facts(ask: &Ask) -> Vec<(String, String)> {
    let store = &ask.app.store;
    let mut all = vec![
        (say!("about.version"), process::version()),
        (
            say!("about.runs_since"),
            say!(
                "about.for",
                at = ask.times.moment(ask.app.started).long,
                span = span(ask.times.now.since(ask.app.started))
            ),
        ),
        (
            say!("about.clock"),
            if store.clock().believable() { say!("about.clock_set") } else { say!("about.clock_not_set") },
        ),
    ];
    if let Ok(room) = store.disk_room() {
        let (free, reserve) = (bytes(room.free), bytes(room.reserve));
        let words = match room.is_short() {
            true => say!("about.room_short", free = free, reserve = reserve),
            false => say!("about.room", free = free, reserve = reserve),
        };
        all.push((say!("about.free_on_the_disk"), words));
    }
    let files = std::fs::read_dir(store.folder()).into_iter().flatten().flatten();
    let size: u64 =
        files.filter_map(|file| file.metadata().ok()).filter(|file| file.is_file()).map(|file| file.len()).sum();
    all.push((say!("about.store"), bytes(size)));
    if let Some(memory) = process::resident_bytes() {
        all.push((say!("about.memory_in_use"), bytes(memory)));
    }
    let certificate = match certificate_about(&ask.settings, store.folder()) {
        Ok(certificate) => {
            let whose = match certificate.own {
                true => say!("about.certificate_own"),
                false => say!("about.certificate_files"),
            };
            match certificate.end {
                Some(end) => say!("about.certificate_until", whose = whose, end = ask.times.moment(end).long),
                None => whose,
            }
        }
        Err(why) => say!("about.certificate_none", why = why),
    };
    all.push((say!("about.certificate"), certificate));
    // What cannot be read is told where the store is.
    let backups = store.read(|view| view.backups()).unwrap_or_default();
    let made =
        backups.made.map(|at| say!("about.made", at = ask.times.moment(at).long, ago = ask.times.moment(at).ago));
    all.push((say!("about.last_backup"), made.unwrap_or_else(|| say!("about.none_was_made_yet"))));
    if let Some(drill) = backups.tried {
        let found = match drill.fault {
            None => say!("about.it_brings_a_box", n = drill.messages),
            Some(why) => say!("about.it_brings_no_box", why = why),
        };
        all.push((
            say!("about.last_one_tried"),
            say!("about.tried", at = ask.times.moment(drill.at).long, found = found),
        ));
    }
    all
}

/// Makes a backup and gives it to the owner, who says their password once more: it holds all secrets of the box.
pub fn backup(ask: &Ask) -> Reply {
    if let Err(wait) = ask.app.try_once(ask.request, ask.me()) {
        return shown(ask, 429, &[("password", login::too_many(wait))]);
    }
    if !ask.service.is_own_password(ask.request.form.get("password")) {
        return shown(ask, 422, &[("password", say!("about.the_password_is_wrong"))]);
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
        problems.push(("restore_password", say!("about.the_password_is_wrong")));
    }
    match &ask.request.file {
        None => problems.push(("file", say!("about.choose_the_file_of"))),
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
    Ok(login::bare(ask.app, ask.request, 200, "restoring.html", context! { title => say!("about.the_backup_is_put") }))
}

/// Why a file will not do, without the path under which it lies here.
fn unfit(file: &Path, fault: &Fault) -> String {
    fault.why().replace(&file.display().to_string(), &say!("about.this_file"))
}

fn read(place: &Path) -> Result<Vec<u8>, Fault> {
    let size = std::fs::metadata(place).map_err(Fault::temporary)?.len();
    match size > BACKUP_MOST {
        true => Err(Fault::permanent(say!("about.the_backup_has_too", bytes = bytes(size)))),
        false => std::fs::read(place).map_err(Fault::temporary),
    }
}

/// A section of a text file.
pub fn section(text: &mut String, title: &str, lines: impl IntoIterator<Item = String>) {
    text.push_str(&format!("\n== {title}\n"));
    lines.into_iter().for_each(|line| text.push_str(&format!("{}\n", line.replace('\n', " "))));
}
