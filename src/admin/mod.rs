//! The web page and the desk behind it.

pub mod desk;
pub mod password;
