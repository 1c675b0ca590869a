//! The long work that a box is at: the page shows how far it is, and stops what can be stopped.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::work::Stage;

/// A drill of another process is over when nothing was heard of it for so long.
const HEARD: Duration = Duration::from_secs(10);

/// What a work is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// A backup of the box.
    Backup,
    /// A copy of what the box has of this person.
    Export(String),
    /// Mails that go into the folders of this person.
    Import(String),
    /// The file of the store is written anew.
    Rewrite,
    /// A coding model of this number learns.
    Coder(u8),
    /// A command tries a backup out, in a process of its own.
    Drill,
}

impl Job {
    /// True when it can be stopped: nothing is half done then. A model that does not learn would have to do so for the next
    /// message.
    pub fn can_stop(&self) -> bool {
        !matches!(self, Self::Coder(_))
    }
}

/// A work at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtWork {
    /// Its number since the start of the box.
    pub number: u64,
    /// What it is for.
    pub job: Job,
    /// What it does now; `None` before its first step.
    pub stage: Option<Stage>,
    /// How much of this stage is done, in percent; `None` where nobody knows how much there is.
    pub percent: Option<u64>,
    /// Somebody stopped it: it ends with its next step.
    pub stopped: bool,
}

/// All that a box is at; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Works(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    all: Mutex<BTreeMap<u64, AtWork>>,
    /// The drill among them, and when its process was heard last.
    drill: Mutex<Option<(u64, Instant)>>,
    next: AtomicU64,
    /// How often something was to be seen.
    changes: AtomicU64,
}

impl Works {
    /// Notes a work that begins; it is over when what this gives is dropped.
    pub fn begin(&self, job: Job) -> Running {
        Running { works: self.clone(), number: self.add(job) }
    }

    /// Hears how far the drill of another process is; says whether it goes on. It is over when it is heard no more.
    pub fn drill_at(&self, stage: Stage, done: u64, total: u64) -> bool {
        let mut drill = self.drill();
        let number = drill.map_or_else(|| self.add(Job::Drill), |(number, _)| number);
        let goes_on = self.at(number, stage, done, total);
        *drill = Some((number, Instant::now()));
        drop(drill);
        if !goes_on {
            self.drill_over();
        }
        goes_on
    }

    /// The drill of another process is over.
    pub fn drill_over(&self) {
        if let Some((number, _)) = self.drill().take() {
            self.remove(number);
        }
    }

    /// What is going on, the oldest first.
    pub fn all(&self) -> Vec<AtWork> {
        let unheard = self.drill().is_some_and(|(_, heard)| heard.elapsed() >= HEARD);
        if unheard {
            self.drill_over();
        }
        self.lock().values().cloned().collect()
    }

    fn add(&self, job: Job) -> u64 {
        let number = self.0.next.fetch_add(1, Ordering::Relaxed) + 1;
        self.lock().insert(number, AtWork { number, job, stage: None, percent: None, stopped: false });
        self.changed();
        number
    }

    fn at(&self, number: u64, stage: Stage, done: u64, total: u64) -> bool {
        let percent = (done.min(total) * 100).checked_div(total);
        let mut all = self.lock();
        let Some(work) = all.get_mut(&number) else { return true };
        if (work.stage, work.percent) != (Some(stage), percent) {
            (work.stage, work.percent) = (Some(stage), percent);
            self.changed();
        }
        !work.stopped
    }

    fn remove(&self, number: u64) {
        self.lock().remove(&number);
        self.changed();
    }

    fn drill(&self) -> MutexGuard<'_, Option<(u64, Instant)>> {
        self.0.drill.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops a work with its next step; what it is for. `None` when it is over, or cannot be stopped.
    pub fn stop(&self, number: u64) -> Option<Job> {
        let mut all = self.lock();
        let work = all.get_mut(&number).filter(|work| work.job.can_stop())?;
        work.stopped = true;
        self.changed();
        Some(work.job.clone())
    }

    /// A number that changes whenever there is something else to be seen.
    pub fn changes(&self) -> u64 {
        self.0.changes.load(Ordering::Relaxed)
    }

    fn changed(&self) {
        self.0.changes.fetch_add(1, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, AtWork>> {
        self.0.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A work that goes on.
#[derive(Debug)]
pub struct Running {
    works: Works,
    number: u64,
}

impl Running {
    /// So much of so much is done; says whether it goes on.
    pub fn at(&self, stage: Stage, done: u64, total: u64) -> bool {
        self.works.at(self.number, stage, done, total)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.works.remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_work_is_shown_until_it_is_over_and_hears_that_it_is_stopped() {
        let works = Works::default();
        let backup = works.begin(Job::Backup);
        let coder = works.begin(Job::Coder(5));
        assert!(backup.at(Stage::Writing, 1, 3) && coder.at(Stage::Priming, 0, 0));
        let all = works.all();
        assert_eq!((all[0].stage, all[0].percent, all[1].percent), (Some(Stage::Writing), Some(33), None));
        let before = works.changes();
        assert!(backup.at(Stage::Writing, 10, 30));
        assert_eq!(works.changes(), before, "the same percent");
        assert_eq!(works.stop(all[1].number), None, "it cannot be stopped");
        assert_eq!(works.stop(all[0].number), Some(Job::Backup));
        assert!(!backup.at(Stage::Writing, 2, 3) && coder.at(Stage::Priming, 1, 2));
        drop(backup);
        assert_eq!(works.all().len(), 1);
        assert_eq!(works.stop(all[0].number), None, "it is over");
        assert!(works.changes() > before);
    }

    #[test]
    fn a_drill_is_heard_from_another_process() {
        let works = Works::default();
        assert!(works.drill_at(Stage::Restoring, 1, 4) && works.drill_at(Stage::Restoring, 2, 4));
        let all = works.all();
        assert_eq!((all.len(), all[0].percent), (1, Some(50)));
        works.drill_over();
        assert!(works.all().is_empty() && works.drill_at(Stage::Restoring, 3, 4));
        assert_eq!(works.stop(works.all()[0].number), Some(Job::Drill));
        assert!(!works.drill_at(Stage::Restoring, 4, 4), "it hears that it was stopped");
        assert!(works.all().is_empty());
        works.drill_at(Stage::Restoring, 1, 4);
        works.drill().as_mut().unwrap().1 -= HEARD;
        assert!(works.all().is_empty(), "it was killed");
    }
}
