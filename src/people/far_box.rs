//! Far boxes: who is at the other end of the links. One record for each, whatever links lead to it; its people, and what the
//! two boxes know of each other, hang on its number.

use serde::{Deserialize, Serialize};

use crate::address::{Address, LinkAddress, PeerId};
use crate::clock::Time;
use crate::fault::UnknownWord;

/// Longest name of a far box, in characters.
const LONGEST_NAME: usize = 40;
/// Addresses that a far box may have.
const MOST_ADDRESSES: usize = 16;

/// What becomes of somebody of a far box who has no address here and writes, or whom their box names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Newcomers {
    /// The owner of this box is asked; what they wrote waits for that.
    #[default]
    Ask,
    /// They get an address at once.
    Allow,
    /// They get none, and what they wrote is not carried.
    Refuse,
}

impl Newcomers {
    /// All choices, in the order in which pages offer them.
    pub const ALL: [Self; 3] = [Self::Ask, Self::Allow, Self::Refuse];

    /// The word of the pages and commands.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Allow => "allow",
            Self::Refuse => "refuse",
        }
    }
}

impl std::str::FromStr for Newcomers {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let found = Self::ALL.into_iter().find(|choice| choice.word() == word);
        let (what, known) = ("answer to new people", "ask, allow or refuse");
        found.ok_or_else(|| UnknownWord { what, word: word.to_owned(), known })
    }
}

/// A box at the other end of a link, as this one knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FarBox {
    /// Given by the store; 0 before.
    pub id: PeerId,
    /// What people call it; empty: its address.
    #[serde(default)]
    pub name: String,
    /// Where it is reached, one for each way that leads to it. An address is that of one far box only.
    #[serde(default)]
    pub addresses: Vec<LinkAddress>,
    /// Whether its people may come by themselves.
    #[serde(default)]
    pub newcomers: Newcomers,
    /// Who is meant where it names nobody, as it said when it was paired; empty: it did not say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub first: String,
    /// Names of people there who wait for the owner's answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<String>,
    /// Names of people there to whom the owner said no.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
    /// When this box first knew it.
    #[serde(default)]
    pub added: Time,
    /// It went to another gateway: this box takes nothing from there, and sends nothing there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_out: Option<MovedOut>,
}

/// A move of a far box to another gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovedOut {
    /// When this box gave it away.
    pub at: Time,
    /// Names this move, and no other one.
    pub ticket: String,
    /// The addresses that it had here.
    pub addresses: Vec<LinkAddress>,
}

impl FarBox {
    /// One that is known by its address only.
    pub fn at(address: LinkAddress, added: Time) -> Self {
        Self { addresses: vec![address], ..Self::unnamed(added) }
    }

    /// Makes one without name and address.
    pub fn unnamed(added: Time) -> Self {
        Self {
            id: PeerId(0),
            name: String::new(),
            addresses: Vec::new(),
            newcomers: Newcomers::default(),
            first: String::new(),
            asked: Vec::new(),
            refused: Vec::new(),
            added,
            moved_out: None,
        }
    }

    /// The addresses that it has, or had before it went to another gateway.
    pub fn all_addresses(&self) -> &[LinkAddress] {
        self.moved_out.as_ref().map_or(&self.addresses, |moved| &moved.addresses)
    }

    /// What people read: its name, or else its address.
    pub fn shown(&self) -> String {
        match (self.name.as_str(), self.all_addresses().first()) {
            ("", Some(address)) => address.shown(),
            ("", None) => format!("far box {}", self.id),
            (name, _) => name.to_owned(),
        }
    }

    /// What names it in commands and in forms: its address, that of a device alone, or else its name.
    pub fn handle(&self) -> String {
        self.all_addresses().first().map_or_else(|| self.name.clone(), |address| Address::Device(*address).to_string())
    }

    /// Its name as the end of a name in a mail address: `m/y Vela` becomes `m-y-vela`.
    pub fn suffix(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let name: String = self.name.chars().map(plain).collect();
        let parts: Vec<_> = name.split('-').filter(|part| !part.is_empty()).collect();
        if parts.is_empty() { format!("box{}", self.id) } else { parts.join("-") }
    }

    /// Checks the record.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), FarBoxError> {
        if self.name.chars().count() > LONGEST_NAME || self.name.chars().any(char::is_control) {
            return Err(FarBoxError::Name);
        }
        if self.name.parse::<LinkAddress>().is_ok() {
            return Err(FarBoxError::LooksLikeAddress);
        }
        if self.addresses.len() > MOST_ADDRESSES {
            return Err(FarBoxError::TooManyAddresses);
        }
        if self.all_addresses().is_empty() && self.name.is_empty() {
            return Err(FarBoxError::Nothing);
        }
        Ok(())
    }
}

/// What is wrong with the record of a far box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FarBoxError {
    /// Such a name cannot be.
    Name,
    /// The name reads as an address or a number of a far box.
    LooksLikeAddress,
    /// It has more addresses than a far box may have.
    TooManyAddresses,
    /// It has neither a name nor an address.
    Nothing,
}

impl std::fmt::Display for FarBoxError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name => write!(f, "the name of a far box is one line of at most {LONGEST_NAME} characters"),
            Self::LooksLikeAddress => f.write_str("that is an address: a far box needs a name that is none"),
            Self::TooManyAddresses => write!(f, "a far box may have {MOST_ADDRESSES} addresses"),
            Self::Nothing => f.write_str("a far box needs a name or an address"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_far_box_is_shown_by_its_name_or_its_address() {
        let mut far_box = FarBox::at("6846".parse().unwrap(), Time(0));
        far_box.id = PeerId(3);
        assert_eq!(
            (far_box.shown(), far_box.handle(), far_box.suffix()),
            ("device 0x001abe".into(), "0x001abe".into(), "box3".into())
        );
        far_box.name = "M/Y Vela".into();
        assert_eq!((far_box.shown(), far_box.suffix()), ("M/Y Vela".into(), "m-y-vela".into()));
        assert_eq!(far_box.check(), Ok(()));
        far_box.addresses.clear();
        assert_eq!(far_box.handle(), "M/Y Vela");
        for (name, wrong) in [
            ("", FarBoxError::Nothing),
            ("7", FarBoxError::LooksLikeAddress),
            ("imei:300234010753370", FarBoxError::LooksLikeAddress),
            ("a\nb", FarBoxError::Name),
            (&"x".repeat(41), FarBoxError::Name),
        ] {
            assert_eq!(FarBox { name: name.into(), ..far_box.clone() }.check(), Err(wrong), "{name}");
        }
    }

    #[test]
    fn records_keep_their_form() {
        let text = r#"{"id":3,"name":"Vela","addresses":["m138:0x001abe"],"newcomers":"ask","added":7}"#;
        let far_box: FarBox = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&far_box).unwrap(), text);
        assert_eq!(serde_json::from_str::<FarBox>(r#"{"id":3}"#).unwrap().newcomers, Newcomers::Ask);
    }
}
