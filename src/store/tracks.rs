//! Where devices and far boxes were: two series among the measured values, noted at the same moments.

use super::journal::series;
use super::schema::{self, Tx, TxResult, View};
use crate::address::PeerId;
use crate::clock::Time;
use crate::message::LinkId;
use crate::store::schema::Readable;

/// Names of the two series of a track.
const NORTH: &str = "latitude";
const EAST: &str = "longitude";

/// When, and degrees north and east.
pub type Place = (Time, f64, f64);

/// Whose places a track has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Track {
    /// That of the device of a link; of [`LinkId::BOX`] that of the receiver of gpsd.
    Link(LinkId),
    /// That of a far box, as it told.
    FarBox(PeerId),
}

impl Track {
    fn series(self, name: &str) -> String {
        match self {
            Self::Link(link) => series(link, name),
            Self::FarBox(id) => format!("far-box {id}/{name}"),
        }
    }
}

impl Tx<'_> {
    /// Notes where somebody was at a time.
    pub fn note_place(&mut self, track: Track, (at, north, east): Place) -> TxResult<()> {
        for (name, value) in [(NORTH, north), (EAST, east)] {
            self.samples.insert((track.series(name).as_str(), at.0), value)?;
        }
        Ok(())
    }

    /// Forgets all places of a track.
    pub(super) fn drop_track(&mut self, track: Track) -> TxResult<()> {
        for series in [NORTH, EAST].map(|name| track.series(name)) {
            self.samples.retain_in((series.as_str(), i64::MIN)..=(series.as_str(), i64::MAX), |_, _| false)?;
        }
        Ok(())
    }
}

impl View {
    /// The places of a track since `from`, oldest first.
    pub fn track(&self, track: Track, from: Time) -> TxResult<Vec<Place>> {
        let table = schema::SAMPLES.read(&self.0)?;
        let values = |name: &str| -> TxResult<Vec<(Time, f64)>> {
            let (mut found, series) = (Vec::new(), track.series(name));
            for row in table.range((series.as_str(), from.0)..(series.as_str(), i64::MAX))? {
                let (key, value) = row?;
                found.push((Time(key.value().1), value.value()));
            }
            Ok(found)
        };
        let mut east = values(EAST)?.into_iter().peekable();
        let mut places = Vec::new();
        for (at, north) in values(NORTH)? {
            while east.next_if(|(known, _)| *known < at).is_some() {}
            if let Some((_, east)) = east.next_if(|(known, _)| *known == at) {
                places.push((at, north, east));
            }
        }
        Ok(places)
    }
}

#[cfg(test)]
mod tests {
    use testing::Folder;

    use super::*;
    use crate::people::FarBox;
    use crate::store::tests::store;

    #[test]
    fn a_track_is_kept_by_far_box_and_goes_with_it() {
        let folder = Folder::new();
        let store = store(&folder);
        let vela = FarBox { name: "vela".into(), ..FarBox::unnamed(Time(1)) };
        let id = store.write(move |tx| tx.put_far_box(&vela)).unwrap();
        let places = [(Time(10), 1.5, -2.5), (Time(20), 1.6, -2.6)];
        let other = Track::Link(LinkId::BOX);
        store
            .write(move |tx| {
                tx.note_place(other, (Time(10), 9.0, 9.0))?;
                places.iter().try_for_each(|place| tx.note_place(Track::FarBox(id), *place))
            })
            .unwrap();
        let track = |track: Track, from: i64| store.read(|view| view.track(track, Time(from))).unwrap();
        assert_eq!(
            (track(Track::FarBox(id), 0), track(Track::FarBox(id), 11)),
            (places.to_vec(), places[1..].to_vec())
        );
        // What a link measured under these names is the same track.
        store
            .write(|tx| tx.samples(LinkId::BOX, &[("latitude", Time(30), 1.0), ("longitude", Time(30), 2.0)]))
            .unwrap();
        assert_eq!(track(other, 11), [(Time(30), 1.0, 2.0)]);
        store.write(move |tx| tx.remove_far_box(id)).unwrap();
        assert_eq!((track(Track::FarBox(id), 0).len(), track(other, 0).len()), (0, 2));
    }
}
