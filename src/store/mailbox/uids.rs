//! UIDs in rising order, and their places.

/// UIDs in rising order, as runs of numbers that follow each other: mostly there are few of those.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UidRanges {
    runs: Vec<Run>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    first: u32,
    last: u32,
    /// UIDs before the first one.
    before: u32,
}

impl Run {
    fn len(self) -> u32 {
        self.last - self.first + 1
    }
}

impl UidRanges {
    /// All from one UID to another.
    pub(super) fn all(first: u32, last: u32) -> Self {
        Self { runs: vec![Run { first, last, before: 0 }] }
    }

    /// How many UIDs there are.
    pub fn len(&self) -> u32 {
        self.runs.last().map_or(0, |run| run.before + run.len())
    }

    /// How many runs of numbers they are.
    pub fn runs(&self) -> usize {
        self.runs.len()
    }

    /// Appends a UID, which has to be larger than all others.
    pub fn push(&mut self, uid: u32) {
        let before = self.len();
        match self.runs.last_mut() {
            Some(run) if run.last.checked_add(1) == Some(uid) => run.last = uid,
            Some(run) if run.last >= uid => {}
            _ => self.runs.push(Run { first: uid, last: uid, before }),
        }
    }

    /// The UID at a place; the first place is 1.
    pub fn at(&self, place: u32) -> Option<u32> {
        let left = place.checked_sub(1)?;
        let run = self.runs[..self.runs.partition_point(|run| run.before <= left)].last()?;
        (left < run.before + run.len()).then(|| run.first + (left - run.before))
    }

    /// Finds the run that a UID is in; `None` where the folder has no such UID.
    fn run_of(&self, uid: u32) -> Option<usize> {
        let at = self.runs.partition_point(|run| run.last < uid);
        self.runs.get(at).is_some_and(|run| run.first <= uid).then_some(at)
    }

    /// Gives the place of a UID, from 1; `None` where the folder has no such UID.
    pub fn place(&self, uid: u32) -> Option<u32> {
        let run = self.runs[self.run_of(uid)?];
        Some(run.before + (uid - run.first) + 1)
    }

    /// Takes a UID out and gives the place that it had.
    pub fn remove(&mut self, uid: u32) -> Option<u32> {
        let at = self.run_of(uid)?;
        let Run { first, last, before } = self.runs[at];
        let behind = match (uid == first, uid == last) {
            (true, true) => {
                self.runs.remove(at);
                at
            }
            (true, false) => {
                self.runs[at].first += 1;
                at + 1
            }
            (false, true) => {
                self.runs[at].last -= 1;
                at + 1
            }
            (false, false) => {
                self.runs[at].last = uid - 1;
                self.runs.insert(at + 1, Run { first: uid + 1, last, before: before + (uid - first) + 1 });
                at + 1
            }
        };
        self.runs[behind..].iter_mut().for_each(|run| run.before -= 1);
        Some(before + (uid - first) + 1)
    }

    /// Gives the largest UID; `None` of an empty folder.
    pub fn last(&self) -> Option<u32> {
        self.runs.last().map(|run| run.last)
    }

    /// Gives all UIDs, rising.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.runs.iter().flat_map(|run| run.first..=run.last)
    }

    /// Those from one to another UID, rising.
    pub fn between(&self, from: u32, to: u32) -> impl Iterator<Item = u32> + '_ {
        let inside = self.runs[self.runs.partition_point(|run| run.last < from)..].iter();
        let inside = inside.take_while(move |run| run.first <= to);
        inside.flat_map(move |run| run.first.max(from)..=run.last.min(to))
    }
}

#[cfg(test)]
mod tests {
    use super::UidRanges;

    #[test]
    fn ranges_are_a_list_of_numbers() {
        let mut ranges = UidRanges::default();
        let mut plain: Vec<u32> = (1..=40).chain(50..=50).chain(60..=75).collect();
        plain.iter().for_each(|uid| ranges.push(*uid));
        assert_eq!(ranges.runs(), 3);
        for gone in [1, 40, 50, 20, 21, 19, 60, 75, 99] {
            let place = plain.iter().position(|uid| *uid == gone);
            assert_eq!(ranges.remove(gone), place.map(|place| place as u32 + 1), "{gone}");
            plain.retain(|uid| *uid != gone);
            assert_eq!(ranges.iter().collect::<Vec<_>>(), plain);
            assert_eq!((ranges.len() as usize, ranges.last()), (plain.len(), plain.last().copied()));
            for (place, uid) in (1..).zip(&plain) {
                assert_eq!((ranges.at(place), ranges.place(*uid)), (Some(*uid), Some(place)));
            }
        }
        assert_eq!((ranges.at(0), ranges.at(99), ranges.place(50)), (None, None, None));
        assert_eq!((ranges.at(u32::MAX), ranges.place(0), ranges.remove(0)), (None, None, None));
        let some: Vec<_> = plain.iter().copied().filter(|uid| (18..=61).contains(uid)).collect();
        assert_eq!(ranges.between(18, 61).collect::<Vec<_>>(), some);
        plain.iter().for_each(|uid| assert!(ranges.remove(*uid).is_some()));
        assert_eq!((ranges.len(), ranges.last(), ranges.at(1)), (0, None, None));
        assert_eq!(UidRanges::all(3, 9).iter().collect::<Vec<_>>(), (3..=9).collect::<Vec<_>>());
    }
}
