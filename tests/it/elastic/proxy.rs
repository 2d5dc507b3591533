//! A server that fails: it passes requests on to a real one, but for some that it treats otherwise.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

/// What becomes of a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fate {
    /// It is passed on, and so is the answer.
    Pass,
    /// It is answered with this status, and not passed on.
    Status(u16),
    /// It is answered with what is no answer.
    Nonsense,
    /// It is passed on, and of the answer the first half comes back.
    Half,
    /// It is passed on, and the connection is closed without an answer.
    Lost,
    /// The connection is closed at once.
    Cut,
    /// It is passed on after so many milliseconds.
    Late(u64),
}

/// A proxy before a server.
pub(super) struct Proxy {
    pub address: String,
    /// How many requests met a fate of their own so far.
    pub met: Arc<AtomicUsize>,
}

impl Proxy {
    /// A proxy before `server`: those requests whose first line has `part` in it meet `fates`, one
    /// after the other, and all others, and those after the last, are passed on.
    pub(super) fn before(server: &str, part: &'static str, fates: &[Fate]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let met = Arc::<AtomicUsize>::default();
        let (server, fates, counter) = (server.to_owned(), fates.to_vec(), Arc::clone(&met));
        thread::spawn(move || {
            for client in listener.incoming() {
                let (server, fates) = (server.clone(), fates.clone());
                let counter = Arc::clone(&counter);
                thread::spawn(move || serve(client.unwrap(), &server, part, &fates, &counter));
            }
        });
        Self { address, met }
    }
}

/// Serves one request.
fn serve(
    mut client: TcpStream,
    server: &str,
    part: &str,
    fates: &[Fate],
    met: &AtomicUsize,
) -> Option<()> {
    let request = read_request(&mut client)?;
    let line = request.split(|&byte| byte == b'\n').next()?;
    let fate = if String::from_utf8_lossy(line).contains(part) {
        fates.get(met.fetch_add(1, Relaxed)).copied().unwrap_or(Fate::Pass)
    } else {
        Fate::Pass
    };
    let answer = match fate {
        Fate::Cut => return None,
        Fate::Status(status) => {
            let body = r#"{"error":{"type":"made_up","reason":"so the test wants it"}}"#;
            let length = body.len();
            format!("HTTP/1.1 {status} No\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
                .into_bytes()
        }
        Fate::Nonsense => {
            b"HTTP/1.1 200 OK\r\ncontent-length: 13\r\nconnection: close\r\n\r\n<html></html>"
                .to_vec()
        }
        Fate::Pass => pass_on(&request, server)?,
        Fate::Late(millis) => {
            thread::sleep(Duration::from_millis(millis));
            pass_on(&request, server)?
        }
        Fate::Lost => {
            pass_on(&request, server)?;
            return None;
        }
        Fate::Half => {
            let answer = pass_on(&request, server)?;
            answer[..answer.len() / 2].to_vec()
        }
    };
    client.write_all(&answer).ok()
}

/// The bytes of a request: its head, and as many as that says.
fn read_request(client: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut piece = vec![0; 65_536];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length = length.map_or(0, |length| length.trim().parse::<usize>().unwrap());
            if bytes.len() >= end + 4 + length {
                return Some(bytes);
            }
        }
        match client.read(&mut piece) {
            Ok(read @ 1..) => bytes.extend_from_slice(&piece[..read]),
            _ => return None,
        }
    }
}

/// What the server answers.
fn pass_on(request: &[u8], server: &str) -> Option<Vec<u8>> {
    let mut to = TcpStream::connect(server).ok()?;
    // One request a connection, so that the answer ends where the connection does.
    let line = request.iter().position(|&byte| byte == b'\n')? + 1;
    to.write_all(&request[..line]).ok()?;
    to.write_all(b"connection: close\r\n").ok()?;
    to.write_all(&request[line..]).ok()?;
    let mut answer = Vec::new();
    to.read_to_end(&mut answer).ok()?;
    Some(answer)
}
