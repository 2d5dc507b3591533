//! A gateway that fails: it passes bytes on to a real one, and cuts or silences connections.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

/// What becomes of a connection once it has passed so many bytes, in both directions together.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fate {
    /// It is closed.
    Cut,
    /// Nothing more comes, and nobody says so.
    Silence,
    /// It is closed, and so is every other one from then on: the gateway is gone.
    Gone,
}

/// The proxy's address, and how many connections met their fate so far.
pub(super) struct Proxy {
    pub address: String,
    pub met: Arc<AtomicU64>,
}

impl Proxy {
    /// A proxy before `gateway`. The first connections pass `least` bytes, and each further one
    /// twice as many, so that what is tried again goes through in the end; but all of them together
    /// pass `least` bytes where the gateway is to be gone.
    pub(super) fn before(gateway: &str, fate: Fate, least: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (gateway, met) = (gateway.to_owned(), Arc::<AtomicU64>::default());
        let counter = Arc::clone(&met);
        thread::spawn(move || {
            let mut passes = least;
            let mut left = Arc::new(AtomicU64::new(least));
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&gateway).unwrap());
                if !matches!(fate, Fate::Gone) {
                    left = Arc::new(AtomicU64::new(passes));
                    passes *= 2;
                }
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let (left, met) = (Arc::clone(&left), Arc::clone(&counter));
                    thread::spawn(move || pass(from, to, &left, fate, &met));
                }
            }
        });
        Self { address, met }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, left: &AtomicU64, fate: Fate, met: &AtomicU64) {
    let mut bytes = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        let before =
            left.fetch_update(Relaxed, Relaxed, |left| Some(left.saturating_sub(read as u64)));
        if before.unwrap() <= read as u64 {
            met.fetch_add(1, Relaxed);
            if let Fate::Silence = fate {
                // Both ends stay open until one has enough; what comes is thrown away.
                while matches!(from.read(&mut bytes), Ok(1..)) {}
            }
            // Not a byte of this goes on: half a message with the end of another has been the death
            // of a gateway.
            break;
        }
        if to.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

/// The address of a gate before `gateway`, and whether it is open: where it is not, connections are
/// closed, old ones and new ones.
pub(crate) fn gate(gateway: &str) -> (String, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (gateway, open) = (gateway.to_owned(), Arc::new(AtomicBool::new(true)));
    let is_open = Arc::clone(&open);
    thread::spawn(move || {
        for client in listener.incoming().map(Result::unwrap) {
            if !is_open.load(Relaxed) {
                continue;
            }
            let server = TcpStream::connect(&gateway).unwrap();
            for (from, to) in [(&client, &server), (&server, &client)] {
                let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                let is_open = Arc::clone(&is_open);
                thread::spawn(move || pass_while_open(from, to, &is_open));
            }
        }
    });
    (address, open)
}

fn pass_while_open(mut from: TcpStream, mut to: TcpStream, is_open: &AtomicBool) {
    from.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut bytes = [0; 4096];
    while is_open.load(Relaxed) {
        match from.read(&mut bytes) {
            Ok(0) => break,
            Ok(read) => {
                if to.write_all(&bytes[..read]).is_err() {
                    break;
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

/// The address of a way to `server` on which all takes so much longer.
pub(crate) fn slow(server: &str, by: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = server.to_owned();
    thread::spawn(move || {
        for client in listener.incoming().map(Result::unwrap) {
            let server = TcpStream::connect(&server).unwrap();
            for (from, to) in [(&client, &server), (&server, &client)] {
                let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                thread::spawn(move || {
                    let mut bytes = vec![0; 1 << 20];
                    while let Ok(read @ 1..) = from.read(&mut bytes) {
                        thread::sleep(by);
                        if to.write_all(&bytes[..read]).is_err() {
                            break;
                        }
                    }
                    let _ = from.shutdown(Shutdown::Both);
                    let _ = to.shutdown(Shutdown::Both);
                });
            }
        }
    });
    address
}
