//! The long work that the box is at: what it is, how far it is, and its stop.

use serde::Serialize;

use super::{Ask, Reply};
use crate::admin::words::say;
use crate::store::running::Job;
use crate::store::work::Stage;

/// A work as the page shows it.
#[derive(Debug, Serialize)]
pub struct Row {
    number: u64,
    words: String,
    percent: Option<u64>,
    can_stop: bool,
    stopped: bool,
}

/// All that is going on, the oldest first.
pub fn rows(ask: &Ask) -> Vec<Row> {
    let row = |work: crate::store::running::AtWork| Row {
        number: work.number,
        words: words(&work.job, work.stage),
        percent: work.percent,
        can_stop: work.can_stop(),
        stopped: work.stopped,
    };
    ask.app.store.works().all().into_iter().map(row).collect()
}

fn words(job: &Job, stage: Option<Stage>) -> String {
    match (job, stage) {
        (Job::Backup, Some(Stage::Checking)) => say!("work.backup_checked"),
        (Job::Backup, Some(Stage::Sealing)) => say!("work.backup_sealed"),
        (Job::Backup, _) => say!("work.backup_written"),
        (Job::Export(name), _) => say!("work.export", name = name),
        (Job::Import(name), _) => say!("work.import", name = name),
        (Job::Drill, _) => say!("work.drill"),
        (Job::Rewrite, _) => say!("work.rewrite"),
        (Job::Coder(number), _) => say!("work.coder", number = number),
    }
}

/// Stops a work, and says what becomes of it.
pub fn stop(ask: &Ask, number: &str) -> Reply {
    let stopped = number.parse().map_or(Ok(None), |number| ask.service.stop_work(number))?;
    let told = match stopped {
        Some(Job::Rewrite) if ask.app.store.owes_erasure()? => say!("work.erasure_is_stopped"),
        Some(_) => say!("work.is_stopped"),
        None => say!("work.is_over"),
    };
    ask.done("/about", told)
}
