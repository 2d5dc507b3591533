//! Lines of syslog to a receiver: by UDP, TCP, TLS, or a socket of this machine.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::ClientConfig;

use super::connection::{addresses, connect, encrypted, tls};
use super::{Failure, PATIENCE, WayError};

/// Who closes a connection that we have ended tells that all was read. A receiver that does not is
/// waited for no longer.
const FAREWELL: Duration = Duration::from_secs(2);

/// Where a receiver of syslog is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A datagram for each message (RFC 5426).
    Udp(String),
    /// Messages with their lengths before them (RFC 6587 §3.4.1).
    Tcp(String),
    /// The same, encrypted (RFC 5425).
    Tls(String),
    /// A socket of this machine, usually `/dev/log`.
    Socket(PathBuf),
}

/// Text that names no place of syslog.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no receiver of syslog; write udp://HOST[:PORT], tcp://, tls:// or unix:///dev/log"
)]
pub struct ParsePlaceError(String);

impl FromStr for Place {
    type Err = ParsePlaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParsePlaceError(text.to_owned());
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let host = |port| with_port(rest, port).ok_or_else(wrong);
        match scheme {
            "udp" => Ok(Self::Udp(host(514)?)),
            "tcp" => Ok(Self::Tcp(host(514)?)),
            "tls" => Ok(Self::Tls(host(6514)?)),
            "unix" if rest.starts_with('/') => Ok(Self::Socket(rest.into())),
            _ => Err(wrong()),
        }
    }
}

/// `host` with the port that it names, else with `usual`.
fn with_port(host: &str, usual: u16) -> Option<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    if host.is_empty() || !host.chars().all(fits) {
        return None;
    }
    // The last colon of an address of IPv6 in brackets is before the bracket.
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port.parse().ok()?),
        _ => (host, usual),
    };
    let bare = !name.contains(':') || name.starts_with('[') && name.ends_with(']');
    (bare && !name.is_empty()).then(|| format!("{name}:{port}"))
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp(host) => write!(f, "udp://{host}"),
            Self::Tcp(host) => write!(f, "tcp://{host}"),
            Self::Tls(host) => write!(f, "tls://{host}"),
            Self::Socket(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

/// A receiver of lines.
pub(super) struct Lines {
    place: Place,
    /// What encrypted connections are made with.
    tls: Option<Arc<ClientConfig>>,
}

impl Lines {
    /// The receiver at `place`. Nothing is reached yet.
    ///
    /// # Errors
    ///
    /// [`WayError`] if the file of certificates is none.
    pub(super) fn new(place: &Place, ca: Option<&Path>) -> Result<Self, WayError> {
        let tls = match place {
            Place::Tls(_) => Some(Arc::new(tls(ca)?)),
            _ => None,
        };
        Ok(Self { place: place.clone(), tls })
    }

    /// Sends `line`; gives what is known of its fate.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the receiver cannot be reached.
    pub(super) fn send(&self, line: &str) -> Result<String, Failure> {
        let place = &self.place;
        let sent = match place {
            Place::Udp(host) => datagram(host, line),
            Place::Tcp(host) => connect(host).and_then(|stream| framed(stream, line)),
            Place::Tls(host) => self.encrypted(host, line),
            Place::Socket(path) => local(path, line),
        };
        sent.map(|()| format!("sent to {place}, which acknowledges nothing"))
            .map_err(|error| Failure::passing(format_args!("{place}: {error}")))
    }

    fn encrypted(&self, host: &str, line: &str) -> io::Result<()> {
        let Some(tls) = &self.tls else { return Err(io::ErrorKind::Unsupported.into()) };
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let mut stream = encrypted(tls, name, connect(host)?)?;
        stream.write_all(&frame(line))?;
        stream.conn.send_close_notify();
        stream.flush()?;
        farewell(&stream.sock)
    }
}

fn datagram(host: &str, line: &str) -> io::Result<()> {
    let to = addresses(host)?[0];
    let from: SocketAddr =
        if to.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(from)?;
    socket.connect(to)?;
    socket.send(line.as_bytes()).map(drop)
}

fn frame(line: &str) -> Vec<u8> {
    format!("{} {line}", line.len()).into_bytes()
}

fn framed(mut stream: TcpStream, line: &str) -> io::Result<()> {
    stream.write_all(&frame(line))?;
    farewell(&stream)
}

/// Ends the connection, and learns whether the receiver broke it off.
fn farewell(mut stream: &TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(FAREWELL))?;
    match stream.read(&mut [0; 512]) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Err(error),
        _ => Ok(()),
    }
}

fn local(path: &Path, line: &str) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    match socket.send_to(line.as_bytes(), path) {
        Ok(_) => Ok(()),
        // Some listen at a stream there.
        Err(error) if error.raw_os_error() == Some(libc::EPROTOTYPE) => {
            let mut stream = UnixStream::connect(path)?;
            stream.set_write_timeout(Some(PATIENCE))?;
            stream.write_all(&[line.as_bytes(), b"\n"].concat())
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_have_the_ports_of_their_kind() {
        for (text, place) in [
            ("udp://logs", "udp://logs:514"),
            ("tcp://10.0.0.1:601", "tcp://10.0.0.1:601"),
            ("tls://logs.example.org", "tls://logs.example.org:6514"),
            ("tcp://[2001:db8::1]", "tcp://[2001:db8::1]:514"),
            ("udp://[2001:db8::1]:5514", "udp://[2001:db8::1]:5514"),
            ("unix:///dev/log", "unix:///dev/log"),
        ] {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), place);
        }
        for text in
            ["logs", "udp://", "http://logs", "tcp://a b", "tcp://x:y", "unix://log", "tcp://::1"]
        {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
