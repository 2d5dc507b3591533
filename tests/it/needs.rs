//! What tests need beside the project: captures from elsewhere, tools, servers.
//!
//! Where something is missing, a line says so and the test is skipped; with
//! `EARLGREY_REQUIRE_SERVICES=1`, which continuous integration sets, that is a failure.

use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Tells that something is missing.
///
/// # Panics
///
/// If everything is to be there.
#[track_caller]
pub(crate) fn missing(what: impl Display) {
    let required = std::env::var_os("EARLGREY_REQUIRE_SERVICES").is_some_and(|it| it == "1");
    assert!(!required, "EARLGREY_REQUIRE_SERVICES is 1, but {what}");
    // Past the test runner, which shows what passing tests print to nobody.
    let _ = writeln!(std::io::stderr(), "skipped: {what}");
}

/// The real captures, with what other tools make of them.
pub(crate) fn captures() -> Option<PathBuf> {
    shared("captures")
}

/// Small captures of situations that were answered wrongly, with what is right.
pub(crate) fn cases() -> Option<PathBuf> {
    shared("cases")
}

/// What nfdump prints of a capture, and the capture, `s.pcap`.
pub(crate) fn golden() -> Option<PathBuf> {
    shared("golden")
}

/// A folder of others' files. Not all of their licences let them be part of the project, so they
/// lie beside it.
#[track_caller]
fn shared(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    missing(format_args!("there is no folder {}", folder.display()));
    None
}

/// What a tool prints; none where it is missing.
#[track_caller]
pub(crate) fn tool(name: &str, arguments: &[&str]) -> Option<String> {
    match Command::new(name).args(arguments).stdin(Stdio::null()).output() {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(error) => {
            missing(format_args!("{name} cannot be run: {error}"));
            None
        }
    }
}

/// Whether all of these tools are there.
#[track_caller]
pub(crate) fn tools(names: &[&str]) -> bool {
    names.iter().all(|name| tool(name, &["--version"]).is_some())
}

/// Whether nfdump and its collector are there.
#[track_caller]
pub(crate) fn nfdump() -> bool {
    tools(&["nfcapd", "nfdump"])
}

/// Runs a script of Python's that uses DuckDB, and gives what it prints. `scripts/test` says by
/// `EARLGREY_PYTHON` which Python has it.
#[track_caller]
pub(crate) fn duckdb() -> Option<impl Fn(&str, &[&str]) -> String> {
    let python = named("EARLGREY_PYTHON", "a Python that has duckdb")?;
    Some(move |script: &str, arguments: &[&str]| {
        tool(&python, &[&["-c", script], arguments].concat()).unwrap()
    })
}

/// Runs a script of Python's that reads and writes databases of addresses, and gives what it prints.
/// The Python that has it is that of [`duckdb`].
#[track_caller]
pub(crate) fn meant() -> Option<impl Fn(&str, &[&str]) -> String> {
    let python = named("EARLGREY_PYTHON", "a Python that has mmdb-writer and maxminddb")?;
    let needed = "import maxminddb, mmdb_writer, netaddr";
    let found = Command::new(&python).args(["-c", needed]).output().ok()?;
    if !found.status.success() {
        missing("EARLGREY_PYTHON has no mmdb-writer and maxminddb");
        return None;
    }
    Some(move |script: &str, arguments: &[&str]| {
        tool(&python, &[&["-c", script], arguments].concat()).unwrap()
    })
}

/// Runs a script of Python's that uses Spark, and gives what it prints. The Python that has it is
/// that of [`duckdb`].
#[track_caller]
pub(crate) fn spark() -> Option<impl Fn(&str, &[&str]) -> String> {
    let python = named("EARLGREY_PYTHON", "a Python that has pyspark")?;
    tool("java", &["-version"])?;
    let found = Command::new(&python).args(["-c", "import pyspark"]).output().ok()?;
    if !found.status.success() {
        missing("EARLGREY_PYTHON has no pyspark");
        return None;
    }
    Some(move |script: &str, arguments: &[&str]| {
        tool(&python, &[&["-c", script], arguments].concat()).unwrap()
    })
}

/// Runs schemathesis, which finds nothing. The Python that has it is that of [`duckdb`].
#[track_caller]
pub(crate) fn schemathesis() -> Option<impl Fn(&[&str])> {
    let python = named("EARLGREY_PYTHON", "a Python that has schemathesis")?;
    let program = std::path::Path::new(&python).with_file_name("schemathesis");
    Some(move |arguments: &[&str]| {
        // It leaves files where it is run.
        let folder = tempfile::tempdir().unwrap();
        let mut command = std::process::Command::new(&program);
        let run = command.current_dir(folder.path()).args(arguments).output().unwrap();
        let told = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success(), "{told}\n{}", String::from_utf8_lossy(&run.stderr));
    })
}

/// The folder of playwright-core and axe-core, which `scripts/test` installs, where there is a
/// chromium and a node to go with them.
#[track_caller]
pub(crate) fn browser() -> Option<String> {
    let modules = named("EARLGREY_BROWSER", "a folder with playwright-core and axe-core")?;
    tools(&["node", "chromium"]).then_some(modules)
}

/// The gateway of an HBase, which `scripts/test` and `scripts/hbase up` start.
#[track_caller]
pub(crate) fn hbase(variable: &str) -> Option<String> {
    named(variable, "a gateway of HBase, as scripts/hbase up starts one")
}

/// The URL of a MongoDB, which `scripts/test` and `scripts/services up mongodb` start.
#[cfg(feature = "mongodb")]
#[track_caller]
pub(crate) fn mongodb() -> Option<String> {
    named("EARLGREY_MONGODB", "a MongoDB, as scripts/services up mongodb starts one")
}

/// What a variable says of a server that `scripts/test` and `scripts/services up` start.
#[track_caller]
pub(crate) fn elastic(variable: &str, service: &str) -> Option<String> {
    named(variable, &format!("what scripts/services up {service} starts"))
}

/// The root of a Debian in which the package is tried, which `scripts/test` makes.
#[track_caller]
pub(crate) fn package_root() -> Option<String> {
    named("EARLGREY_PACKAGE_ROOT", "the root that scripts/package.d/root makes")
}

/// What a variable says of a broker of Kafka, likewise.
#[track_caller]
pub(crate) fn kafka(variable: &str) -> Option<String> {
    named(variable, "what scripts/services up kafka starts")
}

/// The folder of the jars of Kafka and of its tools, which `scripts/services up kafka` fetches.
#[track_caller]
pub(crate) fn kafka_jars() -> Option<String> {
    named("EARLGREY_KAFKA_JARS", "the folder of the jars of Kafka")
}

/// The program goflow2, which `scripts/test` installs.
#[track_caller]
pub(crate) fn goflow2() -> Option<String> {
    named("EARLGREY_GOFLOW2", "the program goflow2")
}

#[track_caller]
fn named(variable: &str, what: &str) -> Option<String> {
    let value = std::env::var(variable).ok();
    if value.is_none() {
        missing(format_args!("{variable} does not name {what}"));
    }
    value
}
