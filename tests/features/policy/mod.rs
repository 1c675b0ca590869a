//! Who may write over the air, and what costs nothing.

mod strangers;
mod unwanted;
