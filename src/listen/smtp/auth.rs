//! AUTH PLAIN and AUTH LOGIN (RFC 4954, RFC 4616): the lines that carry a password.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use smtp_proto::{AUTH_LOGIN, AUTH_PLAIN};

use super::{SessionContext, SmtpSession};
use crate::listen::reply::{Next, answer, say};

/// Wrong passwords in one session before it ends.
const MAX_WRONG: u32 = 3;

/// What the next line answers.
#[derive(Debug)]
pub enum Exchange {
    /// Name and password in one line, in PLAIN.
    Plain,
    /// The name, in LOGIN.
    User,
    /// The password of this name, in LOGIN.
    Password(String),
}

impl SmtpSession {
    /// Takes the AUTH command with its mechanism (a bit of smtp-proto) and the response that came with it.
    pub(super) fn auth(
        &mut self,
        mechanism: u64,
        response: &str,
        context: SessionContext<'_>,
        out: &mut Vec<u8>,
    ) -> Next {
        if self.caller.person.is_some() {
            return self.fail(out, 503, "logged in already");
        }
        if !self.may_log_in() {
            return self.fail(out, 538, "STARTTLS first: a password needs an encrypted connection");
        }
        if !self.caller.esmtp {
            return self.fail(out, 503, "EHLO first");
        }
        let (exchange, prompt) = match mechanism {
            AUTH_PLAIN => (Exchange::Plain, ""),
            // "Username:", as all clients of this old mechanism expect it.
            AUTH_LOGIN => (Exchange::User, "VXNlcm5hbWU6"),
            _ => return self.fail(out, 504, "log in with PLAIN or LOGIN"),
        };
        self.exchange = Some(exchange);
        match response {
            "" => self.ask(prompt, out),
            "=" => self.auth_line(b"", context, out),
            response => self.auth_line(response.as_bytes(), context, out),
        }
    }

    /// Takes a line within the exchange.
    pub(super) fn auth_line(&mut self, line: &[u8], context: SessionContext<'_>, out: &mut Vec<u8>) -> Next {
        let exchange = self.exchange.take();
        if line == b"*" {
            return self.fail(out, 501, "log-in given up");
        }
        let decoded = STANDARD.decode(line).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let Some(text) = decoded else {
            return self.fail(out, 501, "this is not base64 of UTF-8");
        };
        match exchange {
            Some(Exchange::User) => {
                self.exchange = Some(Exchange::Password(text));
                // "Password:"
                self.ask("UGFzc3dvcmQ6", out)
            }
            Some(Exchange::Password(user)) => self.log_in(&user, &text, context, out),
            Some(Exchange::Plain) => match text.split('\0').collect::<Vec<_>>()[..] {
                [acting_as, user, password] if acting_as.is_empty() || acting_as == user => {
                    self.log_in(user, password, context, out)
                }
                [_, _, _] => self.fail(out, 535, "nobody can act for somebody else here"),
                _ => self.fail(out, 501, "PLAIN is: nothing, NUL, name, NUL, password"),
            },
            None => self.fail(out, 503, "AUTH first"),
        }
    }

    fn ask(&self, prompt: &str, out: &mut Vec<u8>) -> Next {
        // Not `say`: an empty prompt still has the blank (RFC 4954 section 4).
        out.extend_from_slice(format!("334 {prompt}\r\n").as_bytes());
        Next::Command
    }

    fn log_in(&mut self, user: &str, password: &str, context: SessionContext<'_>, out: &mut Vec<u8>) -> Next {
        let Some(trial) = context.counters.passwords.begin(self.caller.peer, user, context.now) else {
            return self.fail(out, 454, "too many wrong passwords from your address: one try each 30 s");
        };
        if let Some(person) = context.intake.login(&self.caller, user, password) {
            trial.right(context.now);
            self.caller.person = Some(person);
            return answer(out, 235, "logged in");
        }
        log::warn!("smtp: wrong name or password from {}", self.caller.peer);
        self.wrong_passwords += 1;
        if self.wrong_passwords >= MAX_WRONG {
            say(out, 421, "wrong name or password; too many tries, closing");
            return Next::Close;
        }
        self.fail(out, 535, "wrong name or password")
    }
}
