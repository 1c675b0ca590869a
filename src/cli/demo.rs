//! demo
use super::session::Failure;
use argh::FromArgs;
use std::process::ExitCode;
/// Both boxes with a simulated sky.
#[derive(FromArgs)]
#[argh(subcommand, name = "demo")]
pub struct Demo {
    /// one letter each way, then end
    #[argh(switch)]
    once: bool,
}
impl Demo {
    pub(super) fn go(self) -> Result<ExitCode, Failure> {
        Err(Failure::failed("not yet"))
    }
}
