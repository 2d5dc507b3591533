//! Alerts on their ways, to receivers that others wrote: Python's HTTP, aiosmtpd, rsyslog.

mod lookout;
mod mail;
#[cfg(feature = "mongodb")]
mod mongodb;
mod serving;
mod syslog;
mod webhook;

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use earlgrey_hbase::UnixMillis;
use earlgrey_hbase::alert::{Alert, Kept, Source};
use earlgrey_hbase::detect::Severity;
use serde_json::{Value, json};

use crate::needs::missing;

/// What breaks forms: ends of lines, of values, of markup.
const NASTY: &str = "a\"b\\c]d|e=f\r\nBcc: x@example.org\r\n\r\n<script>`@here` &lt; ü\u{202e}";
/// The same on one line: each of what is no visible character is a space.
const NASTY_LINE: &str = "a\"b\\c]d|e=f  Bcc: x@example.org    <script>`@here` &lt; ü ";

fn alert() -> Alert {
    Alert {
        id: "00000000000000aa".to_owned(),
        source: Source::Rule,
        name: "odd".to_owned(),
        severity: Severity::High,
        title: NASTY.to_owned(),
        first: UnixMillis(1_185_488_138_007),
        last: UnixMillis(1_185_491_738_007),
        filter: "ip 10.0.0.1 and port 443".to_owned(),
        attack: Some("T1071".to_owned()),
        document: json!({ "host": "10.0.0.1", "said": NASTY }),
    }
}

fn kept() -> Kept {
    Kept::new(&alert(), UnixMillis(1_185_491_738_007), &[])
}

/// Sees that `message` is as its schema says.
fn check_message(message: &Value) {
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/alert.schema.json");
    let schema: Value = serde_json::from_slice(&std::fs::read(schema).unwrap()).unwrap();
    let schema = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let problems: Vec<_> = schema.iter_errors(message).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:?} in {message}");
}

/// A script of Python's that says a line when it is ready, and one of JSON for all that it gets.
struct Receiver {
    child: Child,
    said: BufReader<ChildStdout>,
    port: u16,
}

impl Receiver {
    /// None where `module` is missing.
    fn start(script: &str, arguments: &[&str], module: &str) -> Option<Self> {
        let named = std::env::var("EARLGREY_PYTHON");
        let python = named.unwrap_or_else(|_| "python3".to_owned());
        let needed = format!("import {module}");
        let found = Command::new(&python).args(["-c", &needed]).output();
        if !found.is_ok_and(|found| found.status.success()) {
            missing(format_args!("{python} has no {module}"));
            return None;
        }
        let mut child = Command::new(python)
            .args(["-u", "-c", script])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        Some(Self { child, said, port: line.trim().parse().unwrap() })
    }

    /// What it gets next.
    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that answers by what the path says, and knows by Python's own means whether a body is
/// signed.
const HTTP: &str = r#"
import hashlib, hmac, http.server, json, sys, time
key = sys.argv[1].encode()
port = int(sys.argv[2])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        wanted = "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()
        signed = hmac.compare_digest(wanted, self.headers.get("X-Earlgrey-Signature", ""))
        print(json.dumps({"path": self.path, "signed": signed, "body": body.decode(),
            "headers": {k.lower(): v for k, v in self.headers.items()}}))
        if self.path == "/nonsense":
            self.wfile.write(b"\x00\xff this is no HTTP\r\n\r\n")
            return
        status = int(self.path.strip("/") or 200)
        self.send_response(status)
        if status == 429: self.send_header("Retry-After", "7")
        if status == 302: self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()
        self.wfile.write(b"it said\nso")
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
print(server.server_address[1])
server.serve_forever()
"#;
