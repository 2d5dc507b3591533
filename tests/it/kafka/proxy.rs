//! What lies between us and a broker, and fails. It is told by the bytes where a broker says that it is,
//! so that everything goes through here.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

/// What becomes of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fate {
    /// It is passed on.
    Pass,
    /// It is closed when so many bytes of answers have passed.
    CutAfter(usize),
    /// Likewise when so many bytes of requests have passed: the last request may be carried out.
    CutRequestsAfter(usize),
    /// Of its answers this byte is another one.
    Corrupt(usize),
    /// Every answer is held back for so long, in milliseconds.
    Late(u64),
    /// What is no answer comes back.
    Nonsense,
}

/// A proxy before a broker.
pub(super) struct Proxy {
    pub(super) address: String,
    /// How many connections met a fate of their own so far.
    pub(super) met: Arc<AtomicUsize>,
    /// Whether every connection is closed, as if nobody were there.
    pub(super) down: Arc<AtomicBool>,
}

impl Proxy {
    /// Before `broker`; connections meet `fates`, one after the other, and all later ones pass.
    pub(super) fn before(broker: &str, fates: &[Fate]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let proxy = Self { address: address.clone(), met: Arc::default(), down: Arc::default() };
        let (met, down) = (Arc::clone(&proxy.met), Arc::clone(&proxy.down));
        let mut fates = Vec::from(fates).into_iter();
        let broker = broker.to_owned();
        thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                if down.load(Relaxed) {
                    continue;
                }
                let fate = fates.next();
                met.fetch_add(usize::from(fate.is_some()), Relaxed);
                let (broker, own) = (broker.clone(), address.clone());
                let (fate, down) = (fate.unwrap_or(Fate::Pass), Arc::clone(&down));
                thread::spawn(move || serve(client, &broker, &own, fate, &down));
            }
        });
        proxy
    }
}

fn serve(client: TcpStream, broker: &str, own: &str, fate: Fate, down: &Arc<AtomicBool>) {
    let Ok(server) = TcpStream::connect(broker) else { return };
    let (mut from_client, mut to_server) =
        (client.try_clone().unwrap(), server.try_clone().unwrap());
    let requests = match fate {
        Fate::CutRequestsAfter(bytes) => bytes,
        _ => usize::MAX,
    };
    let dead = Arc::clone(down);
    thread::spawn(move || {
        let mut bytes = vec![0; 65_536];
        let mut passed = 0;
        while let Ok(read @ 1..) = from_client.read(&mut bytes) {
            if dead.load(Relaxed) || to_server.write_all(&bytes[..read]).is_err() {
                break;
            }
            passed += read;
            if passed > requests {
                break;
            }
        }
        let _ = to_server.shutdown(Shutdown::Both);
        let _ = from_client.shutdown(Shutdown::Both);
    });
    answers(server, client, [broker, own], fate, down);
}

/// Passes answers on, whole ones, which begin with their lengths.
fn answers(
    mut server: TcpStream,
    mut client: TcpStream,
    at: [&str; 2],
    fate: Fate,
    down: &AtomicBool,
) {
    let mut passed = 0;
    while let Some(mut answer) = answer(&mut server) {
        rename(&mut answer, at);
        let mut bytes = &mut answer[..];
        match fate {
            Fate::CutAfter(most) if passed + bytes.len() > most => {
                bytes = &mut bytes[..most - passed];
            }
            Fate::Corrupt(at) if (passed..passed + bytes.len()).contains(&at) => {
                bytes[at - passed] ^= 0x55;
            }
            Fate::Late(millis) => thread::sleep(Duration::from_millis(millis)),
            Fate::Nonsense => bytes = &mut [],
            _ => {}
        }
        if let Fate::Nonsense = fate {
            let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
        if down.load(Relaxed) || client.write_all(bytes).is_err() {
            break;
        }
        passed += bytes.len();
        if matches!(fate, Fate::CutAfter(most) if passed >= most) || matches!(fate, Fate::Nonsense)
        {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}

fn answer(server: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    server.read_exact(&mut length).ok()?;
    let mut answer = length.to_vec();
    answer.resize(4 + u32::from_be_bytes(length) as usize, 0);
    server.read_exact(&mut answer[4..]).ok()?;
    Some(answer)
}

/// Where the broker says where it is, the proxy is: a text with its length in two bytes, and a port in
/// four.
fn rename(answer: &mut [u8], [broker, own]: [&str; 2]) {
    let named = |at: &str| {
        let (host, port) = at.rsplit_once(':').unwrap();
        let port: u32 = port.parse().unwrap();
        let length = (host.len() as u16).to_be_bytes();
        [&length[..], host.as_bytes(), &port.to_be_bytes()].concat()
    };
    let (theirs, ours) = (named(broker), named(own));
    for at in 0..answer.len().saturating_sub(theirs.len() - 1) {
        if answer[at..].starts_with(&theirs) {
            answer[at..at + ours.len()].copy_from_slice(&ours);
        }
    }
}
