//! A Debian that is booted, and forgets all when it ends.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::cli::Run;

pub(super) struct Machine {
    /// It runs until its input is closed.
    boot: Child,
    /// Its first process, as it is numbered here.
    first: String,
}

/// The package of the program that is tested, in `folder`.
pub(super) fn package(folder: &Path) -> PathBuf {
    let mut command = Command::new(script("package"));
    command.args(["--program", env!("CARGO_BIN_EXE_earlgrey-hbase"), "--output"]).arg(folder);
    let made = Run::of(command.output().unwrap()).succeeds();
    PathBuf::from(made.lines()[0])
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(name)
}

impl Machine {
    pub(super) fn boot(root: &str) -> Self {
        let mut command = Command::new(script("package.d/boot"));
        let mut boot =
            command.arg(root).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(boot.stdout.take().unwrap()).read_line(&mut first).unwrap();
        assert!(first.ends_with('\n'), "the machine does not start");
        Self { boot, first: first.trim().to_owned() }
    }

    /// A path of it, as it is reached from here.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.first))
    }

    /// Puts a file there.
    pub(super) fn put(&self, file: &Path, path: &str) {
        fs::copy(file, self.path(path)).unwrap();
    }

    /// What the shell does with this, as root.
    pub(super) fn run(&self, script: &str) -> Run {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.first, "--all", "--", "/bin/bash", "-euo", "pipefail"]);
        command.args(["-c", script]).stdin(Stdio::null()).env_clear();
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C.UTF-8");
        Run::of(command.output().unwrap())
    }

    /// What that prints, where it goes well.
    #[track_caller]
    pub(super) fn tells(&self, script: &str) -> String {
        self.run(script).succeeds().stdout.trim_end().to_owned()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.boot.stdin.take());
        let _ = self.boot.wait();
    }
}
