//! `satpost setup-code`: shows the code that claims a new box.

use argh::{ArgsInfo, FromArgs};

use super::session::{Done, Session};

/// Print the code that the first owner types on the page of a new box.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "setup-code")]
pub struct SetupCode {
    /// make another code; the old one is void then
    #[argh(switch)]
    new: bool,
}

impl SetupCode {
    pub(super) fn act(&self, session: &mut Session) -> Done {
        let code = session.service().setup_code(self.new)?;
        session.line(code);
        Ok(())
    }
}
