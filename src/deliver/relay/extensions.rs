//! What a relay offers in its answer to EHLO (RFC 5321 section 4.1.1.1), as far as this client makes use of it.

use super::reply::Reply;

/// The extensions of the relay, all absent until it offers them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Extensions {
    /// STARTTLS: TLS on an open connection (RFC 3207).
    pub(super) starttls: bool,
    /// 8BITMIME: a body with bytes above 127 (RFC 6152).
    pub(super) eight_bit: bool,
    /// SMTPUTF8: addresses and headers in UTF-8 (RFC 6531).
    pub(super) utf8: bool,
    /// PIPELINING: several commands at once (RFC 2920).
    pub(super) pipelining: bool,
    /// SIZE: the size of a mail is announced (RFC 1870).
    pub(super) size: bool,
    /// DSN: reports can be asked for (RFC 3461).
    pub(super) dsn: bool,
    /// The largest message that it takes, in bytes; `None` where it sets no limit.
    pub(super) max_size: Option<u64>,
    /// AUTH PLAIN (RFC 4616).
    pub(super) plain: bool,
    /// AUTH LOGIN, which no standard describes and everybody speaks.
    pub(super) login: bool,
}

impl Extensions {
    /// Reads the lines behind the first one, which is the relay's name. What is not understood is skipped.
    pub(super) fn read(reply: &Reply) -> Self {
        let mut found = Self::default();
        for line in reply.lines.iter().skip(1) {
            // Old servers write AUTH=PLAIN.
            let line = line.to_ascii_uppercase().replace('=', " ");
            let mut words = line.split_whitespace();
            match words.next() {
                Some("STARTTLS") => found.starttls = true,
                Some("8BITMIME") => found.eight_bit = true,
                Some("SMTPUTF8") => found.utf8 = true,
                Some("PIPELINING") => found.pipelining = true,
                Some("DSN") => found.dsn = true,
                Some("SIZE") => {
                    found.size = true;
                    // 0 means no limit (section 5).
                    found.max_size = words.next().and_then(|number| number.parse().ok()).filter(|limit| *limit > 0);
                }
                Some("AUTH") => {
                    for word in words {
                        found.plain |= word == "PLAIN";
                        found.login |= word == "LOGIN";
                    }
                }
                _ => {}
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Extensions {
        Extensions::read(&Reply { code: 250, lines: lines.iter().map(|line| (*line).to_owned()).collect() })
    }

    #[test]
    fn offers_are_read_in_any_case_and_order() {
        let all = read(&[
            "x",
            "pipelining",
            "SIZE 1000",
            "8BitMime",
            "SMTPUTF8",
            "STARTTLS",
            "AUTH LOGIN PLAIN",
            "dsn",
            "X Y",
        ]);
        assert_eq!(all.max_size, Some(1000));
        assert!(
            all.starttls
                && all.eight_bit
                && all.utf8
                && all.dsn
                && all.pipelining
                && all.size
                && all.plain
                && all.login
        );
        assert_eq!(read(&["8BITMIME"]), Extensions::default(), "the first line is a name");
        assert!(read(&["x", "AUTH=LOGIN"]).login);
    }

    #[test]
    fn a_size_without_a_sensible_number_is_no_limit() {
        for line in ["SIZE", "SIZE 0", "SIZE abc", "SIZE 99999999999999999999999"] {
            let size = read(&["x", line]);
            assert!(size.size && size.max_size.is_none(), "{line}");
        }
    }
}
