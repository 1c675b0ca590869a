//! Every action of the pages and commands in one table: its name in the audit log, and the role it needs.

use crate::people::Role;

macro_rules! actions {
    ($($(#[$doc:meta])* $action:ident $word:literal $least:ident)*) => {
        /// What somebody can do by the pages and commands, as the audit names it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Action { $($(#[$doc])* $action,)* }

        impl Action {
            /// All actions, in the order of the table.
            #[cfg(test)]
            pub const ALL: &[Self] = &[$(Self::$action,)*];

            /// Its name in the audit log.
            pub fn word(self) -> &'static str {
                match self { $(Self::$action => $word,)* }
            }

            /// Gives the least role that may do it.
            pub fn least(self) -> Role {
                match self { $(Self::$action => Role::$least,)* }
            }
        }
    };
}

actions! {
    /// Somebody logged in on the page.
    LogIn "log-in" Person
    /// Somebody gave a wrong password or code.
    LogInFailed "log-in.failed" Person
    /// Somebody logged out on the page.
    LogOut "log-out" Person
    /// Somebody changed their own password.
    OwnPassword "own.password" Person
    /// Somebody took a copy of their own data.
    OwnExport "own.export" Person
    /// A person was added, with an address on this box.
    AddPerson "people.add" Operator
    /// A person's record was changed.
    EditPerson "people.edit" Operator
    /// A person got a password, or lost it.
    SetPassword "people.password" Operator
    /// A person was disabled: they can neither log in nor get mail.
    DisablePerson "people.disable" Operator
    /// A disabled person was enabled again.
    EnablePerson "people.enable" Operator
    /// Mails were put into a person's folders.
    ImportMails "people.import" Owner
    /// A person was removed; their messages stay.
    RemovePerson "people.remove" Operator
    /// A far box was added to those that are known.
    AddFarBox "far-box.add" Operator
    /// Name, addresses or choices of a far box were changed.
    EditFarBox "far-box.edit" Operator
    /// A far box was removed from those that are known.
    RemoveFarBox "far-box.remove" Operator
    /// A far box left for another gateway.
    MoveOut "far-box.move-out" Owner
    /// A far box came from another gateway.
    MoveIn "far-box.move-in" Owner
    /// The box ashore was told where this one is.
    TellPosition "position.send" Operator
    /// A far box was asked where it is.
    AskPosition "position.ask" Operator
    /// A message was held.
    Hold "queue.hold" Operator
    /// A held message was released.
    Release "queue.release" Operator
    /// A held message was released and its sender put on the list.
    Allow "queue.allow" Operator
    /// A message was cancelled.
    Cancel "queue.cancel" Operator
    /// A message was cancelled by the one who wrote it.
    TakeBack "queue.take-back" Person
    /// A message was tried again.
    Retry "queue.retry" Operator
    /// A message that may have arrived was sent again.
    Again "queue.again" Operator
    /// The whole mail of a message was asked for.
    GetWhole "queue.whole" Person
    /// The new items in quarantine were marked as seen.
    SeeQuarantine "quarantine.seen" Operator
    /// The box was claimed by its first owner.
    Claim "box.claim" Person
    /// The code for the first owner was read.
    SetupCode "box.setup-code" Owner
    /// A step of the set-up was taken off the list.
    WaiveStep "setup.waive" Owner
    /// Settings of the box were changed.
    SetSettings "settings.set" Owner
    /// A link was added, with its driver and settings.
    AddLink "link.add" Owner
    /// Settings of a link were changed.
    SetLink "link.set" Owner
    /// A link was switched on or off.
    SwitchLink "link.switch" Owner
    /// A link was removed, with its settings.
    RemoveLink "link.remove" Owner
    /// The console of the modem was unlocked.
    UnlockConsole "console.unlock" Owner
    /// The console of the modem was locked.
    LockConsole "console.lock" Owner
    /// A line was sent to the modem by hand.
    ConsoleLine "console.line" Owner
    /// A code was made with which another box can be paired.
    PairCode "pair.code" Owner
    /// This box was paired with another.
    Pair "pair.join" Owner
    /// A paired box was forgotten.
    Unpair "pair.remove" Owner
    /// Somebody's log-in was ended by another.
    EndLogIn "log-in.end" Owner
    /// A backup was written to a file or sent to a browser.
    Backup "backup" Owner
    /// A long work was stopped.
    StopWork "work.stop" Owner
    /// A backup was put in place.
    Restore "restore" Owner
    /// A backup was tried out.
    Drill "drill" Owner
    /// Somebody took a copy of another's data.
    ExportPerson "people.export" Owner
    /// A person's data was erased.
    ErasePerson "people.erase" Owner
}

/// Who does something, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Name of a person; `the command line`; empty for somebody who did not log in.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The address of their browser, or who gave the command.
    pub from: String,
}

impl Actor {
    /// Stands for somebody who is logged in on the page.
    pub fn person(name: &str, role: Role, from: &str) -> Self {
        Self { name: name.to_owned(), role, from: from.to_owned() }
    }

    /// Stands for somebody on the page who is not logged in.
    pub fn nobody(from: &str) -> Self {
        Self::person("", Role::Person, from)
    }

    /// Stands for root or the user of the box, on the command line: they own the file, so they own the box.
    pub fn command_line(uid: u32) -> Self {
        let from = if uid == 0 { "root".to_owned() } else { format!("user {uid}") };
        Self { name: COMMAND_LINE.to_owned(), role: Role::Owner, from }
    }

    /// Writes the actor for the list of events and the time lines of messages.
    pub fn sign(&self) -> String {
        match self.name.as_str() {
            "" => "somebody on the page".to_owned(),
            COMMAND_LINE => COMMAND_LINE.to_owned(),
            name => format!("{name} on the page"),
        }
    }
}

const COMMAND_LINE: &str = "the command line";
