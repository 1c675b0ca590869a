//! What was found at a serial port that no link has.

use serde::{Deserialize, Serialize};

use super::{Foreign, Obstacle};

/// What somebody plugged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Contact {
    /// Its answer is awaited, some seconds.
    Asking,
    /// A modem that a driver works with.
    Modem {
        /// Name of the driver, as in the table of drivers.
        driver: String,
        /// What it calls itself.
        model: String,
    },
    /// A device that no driver works with.
    Other {
        /// Kind of device, by what it said.
        looks_like: Foreign,
    },
    /// It says nothing that anybody knows.
    Silent,
    /// Its port cannot be opened.
    Unopened {
        /// Why its port could not be opened.
        obstacle: Obstacle,
    },
}
