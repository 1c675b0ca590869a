//! What was found at a serial port that no link has.

use serde::{Deserialize, Serialize};

use super::{Foreign, Obstacle};

/// What somebody plugged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Contact {
    /// It is being asked.
    Asking,
    /// A modem that a driver works with.
    Modem {
        /// The driver.
        driver: String,
        /// What it calls itself.
        model: String,
    },
    /// Something else.
    Other {
        /// What it looks like.
        looks_like: Foreign,
    },
    /// It says nothing that anybody knows.
    Silent,
    /// Its port cannot be opened.
    Unopened {
        /// What is in the way.
        obstacle: Obstacle,
    },
}
