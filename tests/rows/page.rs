//! A page that says nothing.

use minijinja::context;

use super::{Ask, Reply};

/// Shows the page.
pub fn show(ask: &Ask) -> Reply {
    Ok(ask.page(200, "added.html", "added", "Added", context! {}))
}
