//! `satpost pair`: pairs this box with another over the internet.

use argh::{ArgsInfo, FromArgs};
use serde_json::json;

use super::session::{Done, Failure, Session};
use super::table::columns;
use crate::settings::Key;

/// Pair this box with another, so that messages go between them over the internet.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "pair",
    example = "On the gateway, and then on the station:

  satpost pair new
  satpost pair join box.example.net:443 K7QM-3XPD-0V9A-TN5C-R2HJ"
)]
pub struct Pair {
    #[argh(subcommand)]
    what: What,
}

#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand)]
enum What {
    New(New),
    Join(Join),
    List(List),
    Remove(Remove),
}

/// On a gateway: print a code that one station can enter within ten minutes.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "new")]
struct New {
    /// the far box that the station is, where it is known already by its modem: a name or an address; messages for its people
    /// go by either
    #[argh(option)]
    far_box: Option<String>,
}

/// On a station: enter the code of a gateway.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "join")]
struct Join {
    /// where the gateway listens: a name or number, and a port (443 without one)
    #[argh(positional)]
    address: String,
    /// its code; case, dashes and spaces do not matter
    #[argh(positional)]
    code: String,
}

/// List the boxes that this one is paired with.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "list")]
struct List {
    /// print JSON
    #[argh(switch)]
    json: bool,
}

/// Forget a box: it cannot connect any more, and messages for it wait.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "remove")]
struct Remove {
    /// its name, or the first digits of its key
    #[argh(positional)]
    which: String,
}

impl Pair {
    /// True for 'join', which talks to the gateway.
    pub(super) fn joins(&self) -> bool {
        matches!(self.what, What::Join(_))
    }

    pub(super) fn act(self, session: &mut Session) -> Done {
        let service = session.service();
        match self.what {
            What::New(new) => {
                let given = service.new_pairing_code(new.far_box.as_deref()).map_err(Failure::of_request)?;
                session.line(given.code);
                session.err.push_str(&format!(
                    "Enter it on the station within 10 minutes: satpost pair join ADDRESS {}\n",
                    given.code
                ));
                if session.context.store.settings().text(Key::IpListen).is_empty()
                    && session.context.status.facts().listen.get("ip").is_none_or(Vec::is_empty)
                {
                    session.err.push_str(
                        "This box does not listen for others yet: set ip.listen, to 0.0.0.0:443 for instance\n",
                    );
                }
                if service.links().iter().all(|link| link.driver != "ip") {
                    session.err.push_str(
                        "Its line is a link of this box: satpost link add line ip link.price 0 where it costs nothing\n",
                    );
                }
                tell_unpriced(session);
            }
            What::Join(join) => {
                let paired = service
                    .pair_with(&session.context.callers, &join.address, &join.code)
                    .map_err(Failure::of_request)?;
                session.line(format!("paired with {}, {}", paired.name, paired.address.shown()));
                tell_unpriced(session);
            }
            What::List(list) if list.json => {
                let rows = service.paired()?.into_iter().map(|paired| {
                    json!({
                        "key": paired.address.to_string(), "name": paired.name, "domain": paired.domain,
                        "dialled": paired.dialled, "since": paired.since.to_string(),
                    })
                });
                session.json(&rows.collect::<Vec<_>>());
            }
            What::List(_) => {
                let rows = service.paired()?.into_iter().map(|paired| {
                    let how = if paired.dialled { "this box calls it" } else { "it calls this box" };
                    vec![paired.name, paired.address.shown(), paired.domain, how.to_owned(), paired.since.to_string()]
                });
                session.out.push_str(&columns(&rows.collect::<Vec<_>>()));
            }
            What::Remove(remove) => {
                let paired = service.unpair(&session.context.callers, &remove.which).map_err(Failure::of_request)?;
                session.line(format!("{} is not paired any more", paired.name));
            }
        }
        Ok(())
    }
}

/// Says which line takes nothing yet.
fn tell_unpriced(session: &mut Session) {
    for link in session.service().links().iter().filter(|link| link.driver == "ip" && link.price().is_none()) {
        session.err.push_str(&format!(
            "Nothing goes by it until it has a price: satpost link set {} link.price 0 where it costs nothing\n",
            link.name
        ));
    }
}
