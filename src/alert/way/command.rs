//! A program that gets the alert on its standard input. No shell lies between.

use std::env;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command as Process, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::text::{one_line, short_line};
use super::view::json;
use super::{Carrier, Failure};
use crate::alert::Kept;

/// The exit status that says that a message is refused for good (`EX_DATAERR` of sysexits).
const REFUSED: i32 = 65;
/// Of what a program prints so many bytes are read, and so many are told.
const MAX_READ: u64 = 4_000;
const MAX_TOLD: usize = 200;
/// How often it is looked whether the program ended.
/// So long it is waited for what a program said last, once it has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

const LOOK_EVERY: Duration = Duration::from_millis(10);
/// What of our own environment a program gets; there may be passwords in the rest.
const PASSED_ON: [&str; 6] = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"];

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The program.
    pub program: PathBuf,
    /// Its arguments, which never change.
    pub arguments: Vec<String>,
    /// So long it may take.
    pub patience: Duration,
}

impl Carrier for Command {
    fn send(&self, alerts: &[&Kept]) -> Result<String, Failure> {
        let mut said = String::new();
        for kept in alerts {
            said = self.run(kept)?;
        }
        Ok(said)
    }
}

impl Command {
    fn run(&self, kept: &Kept) -> Result<String, Failure> {
        let name = self.program.display();
        let failed = |error: io::Error| Failure::passing(format_args!("{name}: {error}"));
        let alert = &kept.alert;
        let mut process = Process::new(&self.program);
        process
            .args(&self.arguments)
            .env_clear()
            .envs(PASSED_ON.iter().filter_map(|name| Some((name, env::var_os(name)?))))
            .env("EARLGREY_ALERT_ID", one_line(&alert.id))
            .env("EARLGREY_ALERT_COUNT", kept.count.to_string())
            .env("EARLGREY_ALERT_SOURCE", alert.source.name())
            .env("EARLGREY_ALERT_NAME", one_line(&alert.name))
            .env("EARLGREY_ALERT_SEVERITY", alert.severity.name())
            .env("EARLGREY_ALERT_TITLE", one_line(&alert.title))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // All that it starts ends with it.
            .process_group(0);
        let mut child = process.spawn().map_err(failed)?;
        let body = json(kept) + "\n";
        let mut stdin = child.stdin.take();
        // A program that reads nothing is no failure: its exit status says what is.
        let writer = thread::spawn(move || {
            if let Some(stdin) = &mut stdin {
                let _ = stdin.write_all(body.as_bytes());
            }
        });
        let stderr = child.stderr.take();
        let (say, heard) = mpsc::channel();
        thread::spawn(move || {
            let mut said = Vec::new();
            if let Some(stderr) = stderr {
                let mut stderr = stderr;
                let _ = (&mut stderr).take(MAX_READ).read_to_end(&mut said);
                let _ = say.send(said);
                // It must not be stopped by what nobody reads.
                let _ = io::copy(&mut stderr, &mut io::sink());
            }
        });
        let ended = self.wait(&mut child);
        // What it left behind in its group holds the pipes.
        kill(&child);
        let ended = ended.map_err(failed)?;
        // What left the group may hold them for ever: neither thread is waited for.
        drop(writer);
        let said = heard.recv_timeout(LAST_WORDS).unwrap_or_default();
        let said = short_line(String::from_utf8_lossy(&said).trim(), MAX_TOLD);
        let Some(status) = ended else {
            let told = format_args!("{name} did not end within {:?}", self.patience);
            return Err(Failure::passing(told));
        };
        let told = if said.is_empty() { format!("{status}") } else { format!("{status}: {said}") };
        match status.code() {
            Some(0) => Ok(told),
            Some(REFUSED) => Err(Failure::Lasting(format!("{name}: {told}"))),
            _ => Err(Failure::passing(format_args!("{name}: {told}"))),
        }
    }

    /// Waits for the end of `child`; none if it takes too long, and is killed.
    fn wait(&self, child: &mut Child) -> io::Result<Option<ExitStatus>> {
        let until = Instant::now() + self.patience;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() >= until {
                kill(child);
                child.wait()?;
                return Ok(None);
            }
            thread::sleep(LOOK_EVERY);
        }
    }
}

fn kill(child: &Child) {
    if let Ok(group) = i32::try_from(child.id()) {
        // Where all have ended there is none of it.
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::alert::tests::{kept, kept_saying};

    fn shell(script: &str, patience: Duration) -> Command {
        let arguments = vec!["-c".to_owned(), script.to_owned()];
        Command { program: "/bin/sh".into(), arguments, patience }
    }

    const LONG: Duration = Duration::from_mins(1);

    #[test]
    fn a_program_gets_the_alert_and_says_by_its_status_how_it_went() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("got");
        let script = format!("cat > {0}; env >> {0}", file.display());
        shell(&script, LONG).send(&[&kept()]).unwrap();
        let got = fs::read_to_string(&file).unwrap();
        let alert: serde_json::Value = serde_json::from_str(got.lines().next().unwrap()).unwrap();
        assert_eq!(alert["id"], "00000000000000aa");
        assert!(got.contains("\nEARLGREY_ALERT_TITLE=beacon: 10.0.0.1 -> 192.0.2.1 TCP/443\n"));
        assert!(!got.contains("CARGO_MANIFEST_DIR"), "our own environment is not passed on");

        let refused = shell("echo no such queue >&2; exit 65", LONG).send(&[&kept()]).unwrap_err();
        let told = "/bin/sh: exit status: 65: no such queue".to_owned();
        assert_eq!(refused, Failure::Lasting(told));
        let failed = shell("exit 75", LONG).send(&[&kept()]).unwrap_err();
        assert_eq!(failed, Failure::passing("/bin/sh: exit status: 75"));
        let none = Command { program: "/no/such".into(), ..shell("", LONG) };
        assert!(matches!(none.send(&[&kept()]), Err(Failure::Passing { .. })));
    }

    #[test]
    fn one_that_hangs_is_killed_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let script = format!("sleep 1000 & echo $! > {}; wait", file.display());
        let failed = shell(&script, Duration::from_millis(500)).send(&[&kept()]).unwrap_err();
        assert!(matches!(failed, Failure::Passing { told, .. } if told.contains("did not end")));
        let pid = fs::read_to_string(&file).unwrap();
        // What was killed may wait to be reaped by who took it over.
        let state = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        let gone = state.map_or(true, |state| state.contains(") Z "));
        assert!(gone, "{pid} goes on");
    }

    #[test]
    fn what_others_say_is_no_code_and_no_second_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("got");
        let script = format!("printf '%s\\n' \"$EARLGREY_ALERT_NAME\" > {}", file.display());
        let said = "$(touch x); `id`\nEARLGREY_ALERT_ID=1\0";
        shell(&script, LONG).send(&[&kept_saying(said)]).unwrap();
        let got = fs::read_to_string(&file).unwrap();
        assert_eq!(got, "$(touch x); `id` EARLGREY_ALERT_ID=1 \n");
    }
}
