//! `scripts/hbase admin`: what is done to tables that no store asks for.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub(super) const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/hbase");

/// A session, in which one command comes after the other.
pub(super) struct Admin {
    process: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Admin {
    /// Of the instance in `EARLGREY_HBASE_DIR`; `arguments` may be `--cluster`.
    pub(super) fn start(arguments: &[&str]) -> Self {
        let mut process = Command::new(Path::new(SCRIPT))
            .arg("admin")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let commands = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().unwrap());
        let mut session = Self { process, commands, answers };
        assert_eq!(session.answer(), "ready");
        session
    }

    /// Carries out one command that must go through.
    pub(super) fn carry_out(&mut self, command: &str) {
        let commands = self.commands.as_mut().unwrap();
        writeln!(commands, "{command}").unwrap();
        commands.flush().unwrap();
        assert_eq!(self.answer(), "done", "{command}");
    }

    fn answer(&mut self) -> String {
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.commands = None;
        let _ = self.process.wait();
    }
}
