//! A conversation with a server of mail (RFC 5321): as much of it as sends a mail.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::Failure;
use super::connection::{connect, encrypted};
use super::text::short_line;

/// A conversation takes no longer.
const LONGEST: Duration = Duration::from_mins(1);
/// A line of a reply has so many bytes at most (RFC 5321 §4.5.3.1.5 asks for 512), a reply so many
/// lines.
const MAX_LINE: usize = 2_000;
const MAX_LINES: usize = 100;
/// So much of a reply is told.
const MAX_TOLD: usize = 300;

/// How a connection to a server of mail is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// After a greeting; a server that does not know how gets no mail.
    StartTls,
    /// From the beginning.
    Tls,
    /// Not.
    None,
}

/// A server of mail.
pub(super) struct Server {
    pub(super) name: String,
    pub(super) port: u16,
    pub(super) encryption: Encryption,
    /// What encrypted connections are made with, where there are any.
    pub(super) tls: Option<Arc<ClientConfig>>,
    /// Name and password of who sends.
    pub(super) user: Option<(String, String)>,
}

/// A mail on its way. The addresses are of visible ASCII and have no angle brackets.
pub(super) struct Envelope<'a> {
    pub(super) from: &'a str,
    pub(super) to: Vec<&'a str>,
    /// Header and body; lines end with CR LF.
    pub(super) mail: &'a str,
}

impl Server {
    /// Sends a mail; gives what the server said.
    ///
    /// # Errors
    ///
    /// [`Failure`] if it did not take it for all who are to get it.
    pub(super) fn send(&self, envelope: &Envelope<'_>) -> Result<String, Failure> {
        // A server that will not talk now may do so later.
        let mut talk = self.greeted().map_err(Failure::for_now)?;
        if let Some((user, password)) = &self.user {
            let proof = STANDARD.encode(format!("\0{user}\0{password}"));
            // A password may be put right.
            talk.command("AUTH", &format!("AUTH PLAIN {proof}")).map_err(Failure::for_now)?;
        }
        talk.command("MAIL", &format!("MAIL FROM:<{}>", envelope.from))?;
        let mut refused = Vec::new();
        for to in &envelope.to {
            match talk.command("RCPT", &format!("RCPT TO:<{to}>")) {
                Err(Failure::Lasting(told)) => refused.push(told),
                taken => drop(taken?),
            }
        }
        if refused.len() == envelope.to.len() {
            return Err(Failure::Lasting(refused.join("; ")));
        }
        talk.command("DATA", "DATA")?;
        let said = talk.command("the mail", &format!("{}\r\n.", stuffed(envelope.mail)))?;
        // It has the mail, whatever comes of this.
        let _ = talk.command("QUIT", "QUIT");
        // The others have it.
        Ok([vec![said.join(" ")], refused].concat().join("; not "))
    }

    /// A conversation that has got as far as it must to send mail.
    fn greeted(&self) -> Result<Talk, Failure> {
        let Self { name, port, .. } = self;
        let failed = |error: io::Error| Failure::passing(format_args!("{name}:{port}: {error}"));
        let stream = connect(&format!("{name}:{port}")).map_err(failed)?;
        let stream = match (self.encryption, &self.tls) {
            (Encryption::Tls, Some(tls)) => {
                Stream::Encrypted(Box::new(encrypted(tls, name, stream).map_err(failed)?))
            }
            _ => Stream::Plain(stream),
        };
        let mut talk = Talk { stream, begun: Vec::new(), until: Instant::now() + LONGEST };
        talk.reply("the greeting")?;
        // A name that servers take from whoever has none.
        let hello = "EHLO [127.0.0.1]";
        let offers = talk.command("EHLO", hello)?;
        if self.encryption == Encryption::StartTls {
            if !offers.iter().any(|offer| offer.eq_ignore_ascii_case("STARTTLS")) {
                return Err(Failure::passing(format_args!("{name} offers no STARTTLS")));
            }
            talk.command("STARTTLS", "STARTTLS")?;
            talk = talk.encrypted(self).map_err(failed)?;
            talk.command("EHLO", hello)?;
        }
        Ok(talk)
    }
}

enum Stream {
    Plain(TcpStream),
    Encrypted(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes),
            Self::Encrypted(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(bytes),
            Self::Encrypted(stream) => stream.read(bytes),
        }
    }
}

struct Talk {
    stream: Stream,
    /// What was read of the next line.
    begun: Vec<u8>,
    until: Instant,
}

impl Talk {
    /// The same, encrypted from here on.
    fn encrypted(self, server: &Server) -> io::Result<Self> {
        let (Stream::Plain(stream), Some(tls)) = (self.stream, &server.tls) else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        // What came before it was encrypted may be of anybody.
        if !self.begun.is_empty() {
            return Err(io::Error::other("something was said between STARTTLS and encryption"));
        }
        let stream = Stream::Encrypted(Box::new(encrypted(tls, &server.name, stream)?));
        Ok(Self { stream, ..self })
    }

    /// Sends a command, of which errors tell the name alone: there may be a password in it.
    fn command(&mut self, name: &str, line: &str) -> Result<Vec<String>, Failure> {
        let sent = self.stream.write(format!("{line}\r\n").as_bytes());
        sent.map_err(|error| Failure::passing(format_args!("{name}: {error}")))?;
        self.reply(name)
    }

    /// The lines of a reply, without its number.
    fn reply(&mut self, to: &str) -> Result<Vec<String>, Failure> {
        let failed = |error: io::Error| Failure::passing(format_args!("{to}: {error}"));
        let mut lines = Vec::new();
        while lines.len() < MAX_LINES {
            let line = self.line().map_err(failed)?;
            let (number, rest) = line.split_at_checked(3).unwrap_or((&line, ""));
            lines.push(rest.get(1..).unwrap_or_default().to_owned());
            if rest.starts_with('-') {
                continue;
            }
            let told = || short_line(&format!("{to}: {number} {}", lines.join(" ")), MAX_TOLD);
            return match number.as_bytes() {
                [b'2' | b'3', ..] => Ok(lines),
                [b'5', ..] => Err(Failure::Lasting(told())),
                _ => Err(Failure::passing(told())),
            };
        }
        Err(Failure::passing(format_args!("{to}: the reply does not end")))
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.begun.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.begun.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.begun.len() > MAX_LINE {
                return Err(io::Error::other("a line of its reply does not end"));
            }
            if Instant::now() >= self.until {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let mut bytes = [0; 1_024];
            match self.stream.read(&mut bytes)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.begun.extend_from_slice(&bytes[..count]),
            }
        }
    }
}

/// A dot that begins a line is doubled (RFC 5321 §4.5.2): alone it would end the mail.
fn stuffed(mail: &str) -> String {
    let stuffed = mail.trim_end_matches("\r\n").replace("\r\n.", "\r\n..");
    if stuffed.starts_with('.') { format!(".{stuffed}") } else { stuffed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_ends_a_mail_before_its_end() {
        assert_eq!(stuffed("a\r\n.\r\n..b\r\n"), "a\r\n..\r\n...b");
        assert_eq!(stuffed(".a"), "..a");
    }
}
