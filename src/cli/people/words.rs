//! The arguments of `satpost people`.

use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};

use crate::people::{Home, Role};

/// Manage the people of the box: who has an address here, and where they read.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "people",
    example = "Somebody who reads on this box, with a password from a file:

  satpost people add anna --full-name 'Anna Smith' --password-file anna.txt

Somebody with a modem out in the field, without a log-in:

  satpost people add ben --device 0x001abe < /dev/null"
)]
pub struct People {
    #[argh(subcommand)]
    pub(super) what: What,
}

#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand)]
pub(super) enum What {
    Add(Add),
    List(List),
    Edit(Edit),
    Try(Try),
    Passwd(Passwd),
    Device(Device),
    Number(Number),
    Disable(Disable),
    Enable(Enable),
    Remove(Remove),
    Export(Export),
    Import(Import),
    Erase(Erase),
}

/// Add a person. The password is the first line of standard input; with none there is no log-in until 'passwd'.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "add")]
pub(super) struct Add {
    /// name in the address: a-z, 0-9, dot, hyphen, underscore
    #[argh(positional)]
    pub(super) name: String,
    /// full name
    #[argh(option, default = "String::new()")]
    pub(super) full_name: String,
    /// other names in their address, separated by spaces
    #[argh(option, default = "String::new()")]
    pub(super) aliases: String,
    /// their modem, hex or decimal: 0x001abe or 6846; or another address of their far box
    #[argh(option, default = "String::new()")]
    pub(super) device: String,
    /// the far box that they share with others, by its name or an address of it
    #[argh(option)]
    pub(super) far_box: Option<String>,
    /// what people call that modem
    #[argh(option, default = "String::new()")]
    pub(super) device_name: String,
    /// where they read: here or device (default: device when one is given)
    #[argh(option, from_str_fn(home))]
    pub(super) home: Option<Home>,
    /// mail address that messages go on to as well
    #[argh(option, default = "String::new()")]
    pub(super) forward: String,
    /// packets a message to them may take (default: that of the box, air.max_parts)
    #[argh(option, default = "String::new()")]
    pub(super) max_parts: String,
    /// what they may do: person, operator or owner (default: person); an owner needs a password of 12 characters
    #[argh(option, default = "Role::Person")]
    pub(super) role: Role,
    /// file whose first line is the password; - is standard input
    #[argh(option)]
    pub(super) password_file: Option<String>,
    /// print JSON
    #[argh(switch)]
    pub(super) json: bool,
}

/// List the people.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "list")]
pub(super) struct List {
    /// print JSON
    #[argh(switch)]
    pub(super) json: bool,
}

/// Change what is given, and leave the rest. An empty text ('') clears a field.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "edit")]
pub(super) struct Edit {
    /// name
    #[argh(positional)]
    pub(super) name: String,
    /// full name
    #[argh(option)]
    pub(super) full_name: Option<String>,
    /// other names in their address, separated by spaces
    #[argh(option)]
    pub(super) aliases: Option<String>,
    /// what people call their modem
    #[argh(option)]
    pub(super) device_name: Option<String>,
    /// the far box that they share with others, by its name or an address of it; empty for none
    #[argh(option)]
    pub(super) far_box: Option<String>,
    /// where they read: here or device
    #[argh(option, from_str_fn(home))]
    pub(super) home: Option<Home>,
    /// mail address that messages go on to as well
    #[argh(option)]
    pub(super) forward: Option<String>,
    /// packets a message to them may take
    #[argh(option)]
    pub(super) max_parts: Option<String>,
    /// packets that messages to and from them may take in a month; empty for no limit
    #[argh(option)]
    pub(super) budget_packets: Option<String>,
    /// money that these may cost in a month; empty for no limit
    #[argh(option)]
    pub(super) budget_money: Option<String>,
    /// senders who may always write to them over the air, as in air.allow
    #[argh(option)]
    pub(super) allow: Option<String>,
    /// blocked senders, as in air.block
    #[argh(option)]
    pub(super) block: Option<String>,
    /// machines that may write to them over the air, as in air.machines
    #[argh(option)]
    pub(super) machines: Option<String>,
    /// messages of strangers over the air: hold, refuse, allow, or empty to use the box default
    #[argh(option)]
    pub(super) strangers: Option<String>,
    /// what they may do: person, operator or owner
    #[argh(option)]
    pub(super) role: Option<Role>,
}

/// Try lists of a person on past messages to them, and change nothing; what is not given stays as it is.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "try", example = "  satpost people try anna --allow 'mum@example.org' --strangers refuse")]
pub(super) struct Try {
    /// name
    #[argh(positional)]
    pub(super) name: String,
    /// senders who may always write to them over the air, as in air.allow
    #[argh(option)]
    pub(super) allow: Option<String>,
    /// blocked senders, as in air.block
    #[argh(option)]
    pub(super) block: Option<String>,
    /// machines that may write to them over the air, as in air.machines
    #[argh(option)]
    pub(super) machines: Option<String>,
    /// messages of strangers over the air: hold, refuse, allow, or empty to use the box default
    #[argh(option)]
    pub(super) strangers: Option<String>,
}

/// Set a password: the first line of standard input, or typed twice on a terminal.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "passwd")]
pub(super) struct Passwd {
    /// name
    #[argh(positional)]
    pub(super) name: String,
    /// file whose first line is the password; - is standard input
    #[argh(option)]
    pub(super) password_file: Option<String>,
    /// remove the password, and with it the log-in
    #[argh(switch)]
    pub(super) none: bool,
}

/// Assign a modem to a person, who reads there from then on, or remove it.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "device")]
pub(super) struct Device {
    /// name
    #[argh(positional)]
    pub(super) name: String,
    /// device id, hex or decimal, or 'none'
    #[argh(positional)]
    pub(super) device: String,
    /// where they read from now on: here or device (default: device; here with 'none')
    #[argh(option, from_str_fn(home))]
    pub(super) home: Option<Home>,
}

/// Assign a service number to a person: texts to it are theirs, and theirs come from it. Or remove it.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "number", example = "  satpost people number anna +14155550123")]
pub(super) struct Number {
    /// name
    #[argh(positional)]
    pub(super) name: String,
    /// phone number, with a plus or as people in sms.country write it, or 'none'
    #[argh(positional)]
    pub(super) number: String,
}

/// Disable a person: no log-in and no mail, until 'enable'.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "disable")]
pub(super) struct Disable {
    /// name
    #[argh(positional)]
    pub(super) name: String,
}

/// Enable a person again.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "enable")]
pub(super) struct Enable {
    /// name
    #[argh(positional)]
    pub(super) name: String,
}

/// Remove a person; their messages stay in the list and in the totals.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "remove")]
pub(super) struct Remove {
    /// name
    #[argh(positional)]
    pub(super) name: String,
}

/// Copy all that the box has of a person into a file: a tar archive with messages.mbox, the folders
/// as a Maildir, and data.json.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "export")]
pub(super) struct Export {
    /// name
    #[argh(positional)]
    pub(super) name: String,
    /// file to make; it must not be there yet
    #[argh(positional)]
    pub(super) file: PathBuf,
}

/// Put mails from an mbox file or a Maildir into a person's folders. They are kept, and sent nowhere; who does it twice has
/// them twice.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "import",
    example = "  satpost people import anna ~/Maildir\n  satpost people import anna old.mbox --folder Archive"
)]
pub(super) struct Import {
    /// name
    #[argh(positional)]
    pub(super) name: String,
    /// mbox file, or folder that is a Maildir
    #[argh(positional)]
    pub(super) from: PathBuf,
    /// folder to put them into (default: INBOX); folders of a Maildir keep their names
    #[argh(option, default = "\"INBOX\".to_owned()")]
    pub(super) folder: String,
}

/// Erase a person and their data: log-ins, counts, and all messages from and to them but those that somebody else here
/// wrote or received. This cannot be undone.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "erase")]
pub(super) struct Erase {
    /// name
    #[argh(positional)]
    pub(super) name: String,
}

fn home(word: &str) -> Result<Home, String> {
    match word {
        "here" => Ok(Home::Here),
        "device" => Ok(Home::FarBox),
        _ => Err(format!("'{}' is no place to read: write here or device", word.escape_debug())),
    }
}
