//! Every command through the real binary: what it prints, where, and its exit status.

mod answers;
mod both_ways;
mod cases;
mod charts;
mod collect;
mod config;
mod descriptors;
mod diff;
mod expire;
mod export;
mod filter;
mod live;
mod load;
mod nat;
mod store;
mod top;

use std::fs;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub(super) use collect::{Collecting, until};
use earlgrey_hbase::netflow::v5;
pub(super) use load::signal;
pub(super) use nat::nat_events;
use tempfile::TempDir;

/// A user's home of its own, so that no test sees another's store or configuration.
pub(super) struct Home(TempDir);

/// What a command did.
pub(super) struct Run {
    pub(super) status: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Home {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A home whose store holds [`FLOWS`].
    pub(super) fn with_store() -> Self {
        let home = Self::new();
        home.run(&["load", &home.file("day.pcap", &capture(&[exports(0, &FLOWS)]))]).succeeds();
        home
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Where the store is that no option names.
    fn store(&self) -> PathBuf {
        self.path("data/earlgrey-hbase/store")
    }

    /// Writes a file, and returns its path.
    pub(super) fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path.into_os_string().into_string().unwrap()
    }

    /// The command with these arguments, in an environment that holds nothing of the tester's.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_earlgrey-hbase"));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env_clear()
            .env("HOME", self.0.path())
            .env("XDG_DATA_HOME", self.path("data"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .stdin(Stdio::null());
        command
    }

    /// The command, without the superuser's power to open what is `closed` to everybody else.
    pub(super) fn powerless(&self, arguments: &[&str], closed: &Path) -> Command {
        let command = self.command(arguments);
        if fs::File::open(closed).is_err() {
            return command;
        }
        let mut powerless = Command::new("setpriv");
        powerless
            .args(["--bounding-set=-all", "--inh-caps=-all"])
            .arg(command.get_program())
            .args(command.get_args())
            .current_dir(self.0.path())
            .env("XDG_DATA_HOME", self.path("data"))
            .stdin(Stdio::null());
        powerless
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments).output().unwrap())
    }

    fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Run {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        Run::of(child.wait_with_output().unwrap())
    }
}

impl Run {
    pub(super) fn of(output: Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Sees that it ended with `status`, and said `message` on standard error.
    #[track_caller]
    pub(super) fn ends(self, status: i32, message: &str) -> Self {
        let Self { stdout, stderr, .. } = &self;
        assert_eq!(self.status, Some(status), "stdout:\n{stdout}\nstderr:\n{stderr}");
        assert!(stderr.contains(message), "{message:?} is not in:\n{stderr}");
        self
    }

    #[track_caller]
    pub(super) fn succeeds(self) -> Self {
        self.ends(0, "")
    }

    #[track_caller]
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    pub(super) fn lines(&self) -> Vec<&str> {
        self.stdout.lines().collect()
    }
}

/// A flow of the tests: src, dst, octets, and how many seconds after [`BEGIN_SECS`] it began.
type Flow = (&'static str, &'static str, u32, u32);

/// 2007-08-02T07:42:00Z.
const BEGIN_SECS: u32 = 1_186_040_520;

/// What most tests ask about: pairs in both directions, one host with flows at three times.
pub(super) const FLOWS: [Flow; 6] = [
    ("122.166.26.132", "10.0.0.1", 1000, 0),
    ("122.166.26.132", "10.0.0.2", 200, 20),
    ("122.166.26.132", "10.0.0.1", 30, 10),
    ("10.0.0.1", "122.166.26.132", 4, 5),
    ("10.0.0.2", "10.0.0.3", 5000, 30),
    ("9.9.9.9", "10.0.0.3", 1, 40),
];

/// A NetFlow v5 datagram of these flows, the first of which is the exporter's `sequence`-th.
pub(super) fn exports(sequence: u32, flows: &[Flow]) -> Vec<u8> {
    let records: Vec<v5::Record> = flows
        .iter()
        .map(|&(src, dst, octets, second)| v5::Record {
            src_addr: src.parse().unwrap(),
            dst_addr: dst.parse().unwrap(),
            octets,
            packets: 1 + octets / 100,
            first_ms: 1000 * second,
            last_ms: 1000 * second + 250,
            src_port: 50_000,
            dst_port: 443,
            protocol: 6,
            tcp_flags: 0x1b,
            ..v5::Record::default()
        })
        .collect();
    let header = v5::Header {
        count: records.len() as u16,
        uptime_ms: 60_000,
        unix_secs: BEGIN_SECS + 60,
        flow_sequence: sequence,
        ..v5::Header::default()
    };
    let mut payload = Vec::new();
    v5::encode(&header, &records, &mut payload);
    payload
}

/// A pcap of raw IP packets from 192.0.2.1, a datagram for each payload.
pub(super) fn capture(payloads: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [0xa1b2_c3d4u32, 0x0002_0004, 0, 0, 65_535, 101] {
        bytes.extend_from_slice(&word.to_be_bytes());
    }
    for payload in payloads {
        bytes.extend_from_slice(&packet(payload));
    }
    bytes
}

/// One packet of such a pcap.
fn packet(payload: &[u8]) -> Vec<u8> {
    let udp_bytes = 8 + payload.len() as u16;
    let ip_bytes = 20 + udp_bytes;
    let mut bytes = Vec::new();
    for word in [BEGIN_SECS + 60, 0, ip_bytes.into(), ip_bytes.into()] {
        bytes.extend_from_slice(&word.to_be_bytes());
    }
    bytes.extend_from_slice(&[0x45, 0]);
    bytes.extend_from_slice(&ip_bytes.to_be_bytes());
    bytes.extend_from_slice(&[0, 1, 0, 0, 64, 17, 0, 0]);
    bytes.extend_from_slice(&Ipv4Addr::new(192, 0, 2, 1).octets());
    bytes.extend_from_slice(&Ipv4Addr::new(192, 0, 2, 2).octets());
    for half in [40_000, 2055, udp_bytes, 0] {
        bytes.extend_from_slice(&half.to_be_bytes());
    }
    bytes.extend_from_slice(payload);
    bytes
}

/// Files below a folder.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_in(&path) } else { vec![path] }).collect()
}

#[test]
fn every_command_has_help_with_examples() {
    let home = Home::new();
    let help = home.run(&["--help"]).succeeds().stdout;
    let (_, listed) = help.split_once("Commands:\n").unwrap();
    let listed = listed.lines().take_while(|line| !line.is_empty());
    let mut commands: Vec<Vec<&str>> = listed
        .filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')))
        .map(|line| line.split_whitespace().take(1).collect())
        .filter(|command| *command != ["help"])
        .collect();
    assert!(commands.len() >= 21, "{commands:?}");
    commands.extend([vec!["collect", "status"], vec!["config", "show"], vec!["token", "add"]]);
    for command in commands {
        let help = home.run(&[&command[..], &["--help"]].concat()).succeeds();
        assert!(help.stdout.contains("--store <URL>"), "{command:?}");
        assert!(help.stdout.contains("Examples:"), "{command:?}");
        assert!(!help.stdout.contains('\u{1b}'), "colours in a pipe: {command:?}");
    }
    assert!(home.run(&["--version"]).succeeds().stdout.starts_with("earlgrey-hbase 0."));
}

#[test]
fn wrong_usage_is_status_2_and_says_what_would_be_right() {
    let home = Home::with_store();
    for (arguments, message) in [
        (&[][..], "Usage: earlgrey-hbase"),
        (&["quarry"], "unrecognized subcommand 'quarry'"),
        (&["query"], "whose flows? Name an address or a block"),
        (&["query", "10.0.0"], "\"10.0.0\" is no address; write 10.0.0.1"),
        (&["query", "10.0.0.1", "--direction", "up"], "[possible values: src, dst, any]"),
        (&["query", "10.0.0.1", "-o", "xml"], "\"xml\" is no format; write line, long"),
        (&["query", "10.0.0.1", "--since", "soon"], "--since: \"soon\" is no time"),
        (
            &["query", "10.0.0.1", "--since", "2007-08-03", "--until", "2007-08-02"],
            "--until 2007-08-02T00:00:00.000Z is before --since 2007-08-03T00:00:00.000Z",
        ),
        (
            &["query", "10.0.0.1", "--since", "1960-01-01"],
            "--since: \"1960-01-01\" is out of range",
        ),
        (&["query", "10.0.0.1", "--limit", "1k"], "\"1k\" is no whole number"),
        (&["query", "10.0.0.1", "--tz", "Mars"], "--tz: \"Mars\" is no time zone"),
        (&["query", "10.0.0.1", "-print", "3"], "unexpected argument"),
        (&["active-flow", "--print", "some"], "--print: \"some\" is no whole number"),
        (&["active-flow", "--by", "colour"], "possible values: octets, packets, flows"),
        (&["load", "--batch-flows", "0", "x"], "--batch-flows: must be more than 0"),
        (&["load"], "nothing to load"),
        (
            &["loads", "--store", "hbase://gateway:909090/netflow"],
            "--store: hbase://gateway:909090/netflow: \"909090\" is no port",
        ),
        (&["verify", "--store", "hbase://gateway"], "this command is for the embedded store"),
        (&["schema", "check", "--store", "somewhere"], "schema is for a store in HBase"),
        (&["loads", "--store", "s3://bucket"], "no kind of store that is known"),
        (&["loads", "--store", "file:relative"], "there is no store"),
        (&["completions", "csh"], "possible values: bash"),
        (&["generate", "x.pcap", "--loss", "2"], "shares from 0 to 1"),
        (&["generate", "x.pcap", "--start", "soon"], "--start: \"soon\" is no time"),
        (&["man", "nothing"], "no command has the page earlgrey-hbase-nothing"),
    ] {
        let expected = if message == "there is no store" { 1 } else { 2 };
        home.run(arguments).ends(expected, message);
    }
}

#[test]
fn completions_and_manual_pages_are_printed() {
    let home = Home::new();
    for (shell, sign) in [
        ("bash", "-F _clap_complete_earlgrey_hbase earlgrey-hbase"),
        ("zsh", "#compdef earlgrey-hbase"),
        ("fish", "--command earlgrey-hbase"),
        ("elvish", "set edit:completion:arg-completer[earlgrey-hbase]"),
        ("powershell", "-CommandName earlgrey-hbase"),
    ] {
        let script = home.run(&["completions", shell]).succeeds().stdout;
        assert!(script.contains(sign) && script.contains("EARLGREY_COMPLETE"), "{shell}");
    }
    let page = home.run(&["man"]).succeeds().stdout;
    assert!(page.contains(".TH earlgrey-hbase 1") && page.contains("SUBCOMMANDS"), "{page}");
    let page = home.run(&["man", "active-flow"]).succeeds().stdout;
    assert!(page.contains(".TH earlgrey-hbase-active-flow 1") && page.contains(r"\-\-directed"));
    home.run(&["man", "--dir", "pages"]).succeeds();
    let pages = files_in(&home.path("pages"));
    assert!(pages.contains(&home.path("pages/earlgrey-hbase-load.1")), "{pages:?}");
}

/// What bash offers for the last of these words.
fn offered(home: &Home, script: &str, words: &[&str]) -> Vec<String> {
    const ASK: &str = r#"
source "$1"; shift
PATH=$(dirname "$1"):$PATH; shift
COMP_WORDS=(earlgrey-hbase "$@"); COMP_CWORD=$#; COMP_TYPE=9
_clap_complete_earlgrey_hbase earlgrey-hbase "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"#;
    // With the surroundings of the program, which the script calls.
    let program = home.command(&[]);
    let mut bash = std::process::Command::new("bash");
    bash.args(["--norc", "-c", ASK, "bash", script]).arg(program.get_program()).args(words);
    bash.current_dir(program.get_current_dir().unwrap()).env_clear();
    bash.env("PATH", std::env::var_os("PATH").unwrap());
    bash.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let answer = bash.output().unwrap();
    assert!(answer.status.success() && answer.stderr.is_empty(), "{answer:?}");
    String::from_utf8(answer.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_keys_and_filters_with_the_names_that_are_configured() {
    let home = Home::with_store();
    let networks = "prefix,name\n10.1.0.0/16,office of Basel\n10.2.0.0/16,lab\n";
    let configured =
        format!("[meaning]\nnetworks = \"{}\"\n", home.file("networks.csv", networks.as_bytes()));
    home.file("config/earlgrey-hbase/earlgrey.toml", configured.as_bytes());
    home.file("others.csv", b"prefix,name\n10.1.0.0/16,attic\n");
    let script = home.run(&["completions", "bash"]).succeeds().stdout;
    let script = home.file("completions.bash", script.as_bytes());
    for (words, expected) in [
        (&["act"][..], &["active-flow"][..]),
        (&["top", "srcc"], &["srccountry", "srccity"]),
        (&["top", "dstn"], &["dstnet", "dstnetwork"]),
        (&["diff", "ten"], &["tenant"]),
        (&["timeline", "--key", "ro"], &["role"]),
        (&["report", "--by", "sit"], &["site"]),
        (&["top", "src", "--by", "p"], &["packets", "pps"]),
        (&["top", "dstport,srcc"], &["dstport,srccountry", "dstport,srccity"]),
        (&["query", "--where", "proto"], &["proto", "protocol"]),
        (&["query", "--where", "src network l"], &["src network lab"]),
        (&["query", "--where", "src network of"], &["src network \"office of Basel\""]),
        (&["query", "--where", "src network \"off"], &["src network \"office of Basel\""]),
        (
            &["query", "--networks", "others.csv", "--where", "src network a"],
            &["src network attic"],
        ),
        (&["load", "others"], &["others.csv"]),
    ] {
        let mut offered = offered(&home, &script, words);
        offered.sort_unstable();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(offered, expected, "{words:?}");
    }
}

#[test]
fn generated_captures_are_loaded_and_hold_the_host_of_the_examples() {
    let home = Home::new();
    let small = ["--flows", "3000", "--hours", "0.5", "--seed", "7", "--exporters", "3"];
    home.run(&[&["generate", "a.pcap"], &small[..]].concat()).ends(0, "made 3,000 flows in ");
    let piped = home
        .command(&[&["generate", "-"], &small[..]].concat())
        .stderr(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(fs::read(home.path("a.pcap")).unwrap(), piped.stdout);
    home.run(&["load", "a.pcap"]).ends(0, "3,000 stored, 0 duplicate");
    let flows = home.run(&["query", "122.166.26.132", "--count"]).succeeds();
    assert_ne!(flows.stdout, "0\n");

    let bad = ["--loss", "0.05", "--duplicates", "0.05", "--damage", "0.05"];
    let made = home.run(&[&["generate", "b.pcap"], &small[..], &bad].concat()).succeeds();
    for what in ["never arrived", "arrived twice", "are damaged"] {
        assert!(made.stderr.contains(what), "{}", made.stderr);
    }
    home.run(&["load", "b.pcap", "--store", "bad"]).ends(3, " malformed (");

    // What cannot be made empties no file.
    home.run(&["generate", "a.pcap", "--hours", "0"]).ends(2, "hours must be more than 0");
    assert_eq!(fs::read(home.path("a.pcap")).unwrap(), piped.stdout);
    home.run(&["generate", "gone/a.pcap"]).ends(1, "earlgrey-hbase: gone/a.pcap: No such file");
}
