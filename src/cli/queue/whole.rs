//! `satpost queue whole`: the rest of a mail of which the text came.

use argh::{ArgsInfo, FromArgs};

use crate::cli::session::{Done, Failure, Session};
use crate::engine::link::whole::request;
use crate::message::Id;

/// Get the whole mail of a message of which the text came over a link. Says which link brings it, and what that costs.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "whole")]
pub struct Whole {
    /// message, such as m12
    #[argh(positional)]
    id: Id,
    /// say so, and ask for nothing
    #[argh(switch)]
    dry_run: bool,
}

impl Whole {
    /// Does it.
    pub fn act(&self, session: &mut Session) -> Done {
        let message = super::found(session, self.id)?;
        let nothing = || Failure::failed(format!("there is no more of {} than is here", self.id));
        let offer = request::offer(session.context, &message)?.ok_or_else(nothing)?;
        session.line(offer.words());
        if offer.link.is_none() {
            return Err(Failure::failed("no link of this box brings whole mails: satpost link add".to_owned()));
        }
        if !self.dry_run {
            session.service().get_whole(self.id)?;
            session.line(format!("the whole mail of {} was asked for", self.id));
        }
        Ok(())
    }
}
