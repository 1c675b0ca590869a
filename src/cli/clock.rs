//! `satpost clock`: what the box and the system hold for the time, and the owner's word that the system is right.

use argh::{ArgsInfo, FromArgs};

use super::session::{Done, Failure, Session};

/// Show what time it is for the box, and for its system; tell the box that the system is right.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "clock",
    note = "A box does not go back behind the time that it remembers unless it is told that this is right: by the network ('timedatectl'),
the satellites of a modem, whoever sets the clock of the system while the box runs, or you with --right. Messages that
wait keep their age and the time that they have left; what was dated wrong is dated right.",
    example = "satpost clock
  satpost clock --right",
    error_code(1, "no box runs that could be told")
)]
pub struct Clock {
    /// the clock of the system is right: follow it
    #[argh(switch)]
    right: bool,
}

impl Clock {
    pub fn act(self, session: &mut Session) -> Done {
        let clock = session.context.store.clock();
        if self.right && !session.live {
            return Err(Failure::failed("no box runs that could be told: start it first"));
        }
        if self.right {
            clock.vouch();
        }
        let (now, system) = (clock.now(), clock.of_system());
        let words = match (self.right, clock.set()) {
            (true, Some(_)) => "it follows within half a minute; what was dated wrong is dated right then",
            (true, None) => "they agree",
            (false, Some(_)) => "it follows the system within half a minute",
            (false, None) if clock.believable() => "the box holds its time for right",
            (false, None) => {
                "the time of the box is not known to be right; if the system is, say so with 'satpost clock --right'"
            }
        };
        session.out.push_str(&format!("box     {now}\nsystem  {system}\n{words}\n"));
        Ok(())
    }
}
