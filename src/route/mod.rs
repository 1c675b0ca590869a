//! Decisions, as pure functions: what a mail says, who may write to whom, which way a message goes.

pub mod choose;
pub mod plan;
pub mod price;
pub mod proof;
pub mod rehearse;
pub mod rules;
pub mod segments;
pub mod size;
pub mod terms;
