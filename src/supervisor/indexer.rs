//! The worker that builds the indexes of searches and lists: of an old store all that it lacks, then what came since.

use std::time::{Duration, Instant};

use crate::engine::Context;
use crate::fault::Fault;
use crate::listen::imap::searched;

/// Time between two looks whether there is something to do.
const ROUND: Duration = Duration::from_secs(60);
/// The least rest after a piece of work; it rests at least as long as it worked, so half of a processor is left.
const REST: Duration = Duration::from_millis(50);

/// Returns when the box stops.
///
/// # Errors
/// When the store fails; the supervisor starts it again.
pub fn run(context: &Context) -> Result<(), Fault> {
    let (_never, nothing) = smol::channel::bounded(1);
    // Told once after each start as well.
    let mut built = true;
    while !context.stopping() {
        let began = Instant::now();
        let worked = context.store.read_only().is_none() && context.store.build_index(searched::words)?;
        if built && !worked {
            log::info!("the search index is up to date");
        }
        built = worked;
        context.rest(&nothing, if worked { began.elapsed().max(REST) } else { ROUND });
    }
    Ok(())
}
