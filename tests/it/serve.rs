//! `serve` as a process of its own, asked over real sockets.

mod accounts;
mod admin;
mod alerts;
mod api;
mod attacks;
mod audit;
mod browsers;
mod detect;
mod health;
mod jobs;
mod killed;
mod limits;
mod pages;
mod start;
mod tls;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::cli::{Home, until};

/// A server under way.
pub(crate) struct Serving {
    child: Child,
    said: Arc<Mutex<String>>,
    listener: Option<JoinHandle<()>>,
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The names are in small letters.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Home {
    /// A server that listens at a port of its own.
    pub(crate) fn serves(&self, arguments: &[&str]) -> Serving {
        let listen: &[&str] =
            if arguments.contains(&"--listen") { &[] } else { &["--listen", "127.0.0.1:0"] };
        Serving::start(self.command(&[&["serve"], listen, arguments].concat()))
    }
}

impl Home {
    /// A server with a variable set in its environment.
    fn serves_with(&self, variable: &str, value: &str) -> Serving {
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env(variable, value);
        Serving::start(command)
    }
}

impl Serving {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said = Arc::<Mutex<String>>::default();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let writer = Arc::clone(&said);
        let listener = thread::spawn(move || {
            for line in stderr.lines() {
                *writer.lock().unwrap() += &(line.unwrap() + "\n");
            }
        });
        let mut serving = Self { child, said, listener: Some(listener) };
        until("serving", || {
            let ended = serving.child.try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?}: {}", serving.said());
            serving.said().contains("serving ")
        });
        serving
    }

    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Where it listens.
    pub(crate) fn at(&self) -> SocketAddr {
        let said = self.said();
        let address = said.split("://").nth(1).unwrap().split_whitespace().next().unwrap();
        address.parse().unwrap()
    }

    /// Asks for `path`, with further fields.
    pub(crate) fn get(&self, path: &str, fields: &[&str]) -> Answer {
        self.send("GET", path, fields, "")
    }

    /// Sends a request that names the server as a client does.
    pub(crate) fn send(&self, method: &str, path: &str, fields: &[&str], body: &str) -> Answer {
        let host = format!("Host: {}", self.at());
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        let named = fields.iter().any(|field| field.to_ascii_lowercase().starts_with("host:"));
        let host = (!named).then_some(host.as_str());
        for field in host.iter().chain(fields) {
            head = format!("{head}{field}\r\n");
        }
        if !body.is_empty() {
            head = format!("{head}Content-Length: {}\r\n", body.len());
        }
        self.raw(format!("{head}\r\n{body}").as_bytes())
    }

    /// Asks from another address of this machine.
    pub(crate) fn from(&self, address: &str, path: &str, fields: &[&str]) -> Answer {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-i", "--raw", "--max-time", "60", "--interface", address]);
        for field in fields {
            // This is how it is told to send a field without a value.
            let empty = field.strip_suffix(':').map(|name| format!("{name};"));
            curl.args(["-H", empty.as_deref().unwrap_or(field)]);
        }
        let output = curl.arg(format!("http://{}{path}", self.at())).output().unwrap();
        Answer::parse(&output.stdout)
    }

    /// Sends bytes, and reads the answer to its end.
    pub(crate) fn raw(&self, request: &[u8]) -> Answer {
        Answer::parse(&self.bytes(request))
    }

    /// As [`Self::raw`]; nothing where the connection is closed without an answer.
    pub(crate) fn bytes(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.at()).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        let _ = stream.write_all(request);
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        bytes
    }

    /// Ends it by a signal, and gives the exit status with what it said.
    pub(crate) fn ends(mut self, name: &str) -> (Option<i32>, String) {
        crate::cli::signal(&self.child, name);
        let status = self.child.wait().unwrap();
        self.listener.take().unwrap().join().unwrap();
        (status.code(), self.said())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // A test that failed leaves none behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text}"));
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let fields: Vec<_> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let mut answer = Self { status, fields, body: body.to_owned() };
        if answer.field("transfer-encoding") == Some("chunked") {
            answer.body = whole(body);
        }
        answer
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Sees that it is a problem of this status, and says so much.
    #[track_caller]
    pub(crate) fn refuses(&self, status: u16, says: &str) -> &Self {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.field("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(says), "{says:?} is not in {detail:?}");
        self
    }
}

/// A body that came in chunks.
fn whole(mut chunks: &str) -> String {
    let mut body = String::new();
    while let Some((size, rest)) = chunks.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        body += &rest[..size];
        chunks = &rest[(size + 2).min(rest.len())..];
    }
    body
}
