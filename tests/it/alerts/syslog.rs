//! Syslog and CEF, to a real rsyslogd.

use std::fs;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use earlgrey_hbase::alert::way::Carrier;
use earlgrey_hbase::alert::way::cef::Cef;
use earlgrey_hbase::alert::way::syslog::{Options, Syslog};
use tempfile::TempDir;

use super::{NASTY_LINE, kept};
use crate::cli::until;
use crate::needs::tool;

/// An rsyslogd that writes what it reads of messages into a file.
struct Rsyslogd {
    child: Child,
    folder: TempDir,
    tcp: u16,
    udp: u16,
}

impl Rsyslogd {
    fn start() -> Option<Self> {
        tool("rsyslogd", &["-v"])?;
        let folder = tempfile::tempdir().unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let fields = "%pri%\\t%app-name%\\t%msgid%\\t%structured-data%\\t%msg%\\n";
        let configuration = format!(
            "global(workDirectory=\"{}\" parser.escapeControlCharactersOnReceive=\"off\")\n\
             module(load=\"imtcp\")\nmodule(load=\"imudp\")\nmodule(load=\"imuxsock\" SysSock.Use=\"off\")\n\
             input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{tcp}\")\n\
             input(type=\"imudp\" address=\"127.0.0.1\" port=\"{udp}\")\n\
             input(type=\"imuxsock\" socket=\"{}\" useSpecialParser=\"off\" parseHostname=\"on\")\n\
             template(name=\"fields\" type=\"string\" string=\"{fields}\")\n\
             action(type=\"omfile\" file=\"{}\" template=\"fields\")\n",
            folder.path().display(),
            at("log"),
            at("got"),
        );
        fs::write(folder.path().join("conf"), configuration).unwrap();
        let mut child = Command::new("rsyslogd")
            .args(["-n", "-f", &at("conf"), "-i", &at("pid")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until("rsyslogd listens", || {
            assert!(child.try_wait().unwrap().is_none(), "rsyslogd does not run");
            TcpStream::connect(("127.0.0.1", tcp)).is_ok()
        });
        Some(Self { child, folder, tcp, udp })
    }

    /// What it read: of each message the fields.
    fn got(&self, messages: usize) -> Vec<Vec<String>> {
        let path: PathBuf = self.folder.path().join("got");
        let read = || fs::read_to_string(&path).unwrap_or_default();
        until("messages", || read().lines().count() >= messages);
        read().lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    }
}

impl Drop for Rsyslogd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn options(place: &str) -> Options {
    let place = place.parse().unwrap();
    Options { place, facility: 4, enterprise: 32_473, ca: None }
}

#[test]
fn rsyslog_reads_messages_as_they_were_meant() {
    let Some(receiver) = Rsyslogd::start() else { return };
    let socket = format!("unix://{}", receiver.folder.path().join("log").display());
    let places = [
        format!("tcp://127.0.0.1:{}", receiver.tcp),
        format!("udp://127.0.0.1:{}", receiver.udp),
        socket,
    ];
    for (sent, place) in places.iter().enumerate() {
        Syslog::new(&options(place)).unwrap().send(&[&kept()]).unwrap();
        let got = receiver.got(sent + 1);
        let [priority, program, kind, data, message] = &got[sent][..] else { panic!("{got:?}") };
        // auth (4) × 8 + alert (1).
        assert_eq!((&**priority, &**program, &**kind), ("33", "earlgrey-hbase", "rule"), "{place}");
        assert!(data.starts_with("[earlgrey@32473 id=\"00000000000000aa\" count=\"1\""), "{data}");
        assert!(data.contains("filter=\"ip 10.0.0.1 and port 443\""), "{data}");
        assert!(data.ends_with(']'), "{data}");
        let message = message.trim_start_matches([' ', '\u{feff}']);
        assert_eq!(message.trim_end(), NASTY_LINE.trim_end(), "{place}");
    }
}

#[test]
fn cef_goes_in_messages_of_syslog() {
    let Some(receiver) = Rsyslogd::start() else { return };
    let place = format!("tcp://127.0.0.1:{}", receiver.tcp);
    let cef = Cef::new(&options(&place)).unwrap();
    // Two messages are two, though one has what could end it.
    cef.send(&[&kept()]).unwrap();
    cef.send(&[&kept()]).unwrap();
    let got = receiver.got(2);
    assert_eq!(got.len(), 2, "{got:?}");
    let message = got[0][4].trim_start();
    assert!(message.starts_with("CEF:0|Earl Grey|earlgrey-hbase|"), "{message}");
    // ArcSight: `|` and `\` in the header, `=` and `\` in the extension have a `\` before them.
    let header = NASTY_LINE.replace('\\', "\\\\").replace('|', "\\|");
    assert!(message.contains(&format!("|rule:odd|{header}|9|rt=")), "{message}");
    let value = NASTY_LINE.replace('\\', "\\\\").replace('=', "\\=");
    assert!(message.contains(&format!(" msg={}", value.trim_end())), "{message}");
}
