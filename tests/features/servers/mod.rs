//! Postfix, Exim and OpenSMTPD on the other side of the line: as the relay of a box, and as those who deliver to it.

mod as_clients;
mod as_relays;
mod gateways;
mod machine;
