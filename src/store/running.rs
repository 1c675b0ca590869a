//! The long work that a box is at: the page shows how far it is, and stops what can be stopped.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::work::{self, Stage};

/// A drill of another process is over when nothing was heard of it for so long.
const HEARD: Duration = Duration::from_secs(60);

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
    fn can_stop(&self) -> bool {
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
    /// It is past its last step that could be taken back.
    pub committed: bool,
}

impl AtWork {
    /// True while it can be stopped.
    pub fn can_stop(&self) -> bool {
        self.job.can_stop() && !self.committed
    }
}

/// What a stop came upon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// What the work is for.
    pub job: Job,
    /// Somebody had stopped it before.
    pub again: bool,
}

/// All that a box is at; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Works(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    all: Mutex<BTreeMap<u64, AtWork>>,
    /// The drills among them, by the number that their process gave them; and when that was heard last.
    drills: Mutex<BTreeMap<u64, (u64, Instant)>>,
    next: AtomicU64,
    /// How often something was to be seen.
    changes: AtomicU64,
}

impl Works {
    /// Notes a work that begins; it is over when what this gives is dropped.
    pub fn begin(&self, job: Job) -> Running {
        Running { works: self.clone(), number: self.add(job) }
    }

    /// Hears how far a drill is, from a process that gave it this number; says whether it goes on. It is over when it says so, or is
    /// heard no more.
    pub fn drill_at(&self, drill: u64, stage: Stage, done: u64, total: u64) -> bool {
        let mut drills = self.drills();
        let number = drills.get(&drill).map_or_else(|| self.add(Job::Drill), |(number, _)| *number);
        drills.insert(drill, (number, Instant::now()));
        self.drop_unheard(&mut drills);
        self.at(number, stage, done, total)
    }

    /// The drill of this number is over; false when somebody stopped it before.
    pub fn drill_over(&self, drill: u64) -> bool {
        let ended = self.drills().remove(&drill).and_then(|(number, _)| self.remove(number));
        ended.is_none_or(|work| !work.stopped)
    }

    /// What is going on, the oldest first.
    pub fn all(&self) -> Vec<AtWork> {
        self.drop_unheard(&mut self.drills());
        self.lock().values().cloned().collect()
    }

    fn drop_unheard(&self, drills: &mut BTreeMap<u64, (u64, Instant)>) {
        drills.retain(|_, (number, heard)| {
            let goes_on = heard.elapsed() < HEARD;
            if !goes_on {
                self.remove(*number);
            }
            goes_on
        });
    }

    fn add(&self, job: Job) -> u64 {
        let number = self.0.next.fetch_add(1, Ordering::Relaxed) + 1;
        let work = AtWork { number, job, stage: None, percent: None, stopped: false, committed: false };
        self.lock().insert(number, work);
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

    fn commits(&self, number: u64) -> bool {
        let mut all = self.lock();
        let Some(work) = all.get_mut(&number) else { return true };
        work.committed = !work.stopped;
        self.changed();
        work.committed
    }

    fn remove(&self, number: u64) -> Option<AtWork> {
        let work = self.lock().remove(&number);
        self.changed();
        work
    }

    fn drills(&self) -> MutexGuard<'_, BTreeMap<u64, (u64, Instant)>> {
        self.0.drills.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops a work with its next step; what it is for. `None` when it is over, or cannot be stopped.
    pub fn stop(&self, number: u64) -> Option<Stopped> {
        let mut all = self.lock();
        let work = all.get_mut(&number).filter(|work| work.can_stop())?;
        let again = std::mem::replace(&mut work.stopped, true);
        self.changed();
        Some(Stopped { job: work.job.clone(), again })
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
        work::waited(stage, &|| self.works.at(self.number, stage, done, total))
    }

    /// Says whether what comes now, which cannot be taken back, may be done; nobody can stop it from then on. False when somebody
    /// did before: they were told that nothing of it stays.
    pub fn commits(&self) -> bool {
        self.works.commits(self.number)
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
        for again in [false, true] {
            assert_eq!(works.stop(all[0].number), Some(Stopped { job: Job::Backup, again }));
        }
        assert!(!backup.at(Stage::Writing, 2, 3) && coder.at(Stage::Priming, 1, 2));
        drop(backup);
        assert_eq!(works.all().len(), 1);
        assert_eq!(works.stop(all[0].number), None, "it is over");
        assert!(works.changes() > before);
    }

    /// Either it is stopped and nothing of it stays, or it is done and nobody is told that it was stopped.
    #[test]
    fn what_commits_cannot_be_stopped_and_what_was_stopped_does_not_commit() {
        let works = Works::default();
        let backup = works.begin(Job::Backup);
        let number = works.all()[0].number;
        assert!(works.all()[0].can_stop() && backup.commits() && !works.all()[0].can_stop());
        assert!(works.stop(number).is_none() && backup.at(Stage::Copying, 1, 1) && backup.commits());
        let other = works.begin(Job::Rewrite);
        assert!(works.stop(works.all()[1].number).is_some());
        assert!(!other.commits() && !other.at(Stage::Rewriting, 1, 1));
    }

    #[test]
    fn drills_are_heard_from_other_processes() {
        let works = Works::default();
        assert!(works.drill_at(7, Stage::Restoring, 1, 4) && works.drill_at(7, Stage::Restoring, 2, 4));
        let all = works.all();
        assert_eq!((all.len(), all[0].percent), (1, Some(50)));
        assert!(works.drill_at(8, Stage::Restoring, 1, 4) && works.all().len() == 2);
        assert!(works.drill_over(7) && works.drill_over(7) && works.all().len() == 1);
        assert_eq!(works.stop(works.all()[0].number), Some(Stopped { job: Job::Drill, again: false }));
        assert!(!works.drill_at(8, Stage::Restoring, 4, 4), "it hears that it was stopped");
        assert!(!works.drill_over(8) && works.all().is_empty(), "also at its end");
        works.drill_at(9, Stage::Restoring, 1, 4);
        works.drills().get_mut(&9).unwrap().1 -= HEARD;
        assert!(works.drill_at(10, Stage::Restoring, 1, 4));
        assert_eq!(works.all().len(), 1, "the other was killed");
        works.drills().get_mut(&10).unwrap().1 -= HEARD;
        assert!(works.all().is_empty());
    }
}
