//! The number of a link of this box.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Names a link of this box for good: no number is given twice, also after its link is gone. Whatever a link was given, or
/// said, carries it, as evidence comes only from the link that was given a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LinkId(pub u32);

impl LinkId {
    /// The link of boxes that had only one: what their records hold without a link is of this one.
    pub const FIRST: Self = Self(1);

    /// No link, but the box itself: what it measures without one.
    pub const BOX: Self = Self(0);

    /// [`LinkId::FIRST`], for records without a link.
    pub fn first() -> Self {
        Self::FIRST
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
