//! Progress on standard error: a bar on a terminal, lines elsewhere, or JSON.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::output::{say, stderr_is_drawn_on};
use crate::answer::words::{bytes, grouped, seconds};
use crate::load::Progress;

/// Whether, and how, progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A bar, if standard error is a terminal.
    Auto,
    /// A bar on a terminal, a line now and then elsewhere.
    Always,
    /// Nothing.
    Never,
    /// One JSON object a line.
    Json,
}

impl Mode {
    /// Every mode's name.
    pub(crate) const NAMES: [&str; 4] = ["auto", "always", "never", "json"];

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            "json" => Ok(Self::Json),
            _ => Err(format!(
                "{text:?} is no way to show progress; write auto, always, never or json"
            )),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Always => "always",
            Self::Never => "never",
            Self::Json => "json",
        }
    }
}

/// How far something is at one moment.
pub(super) trait Moment: Serialize {
    /// What an indicator without an end shows before [`Self::beside`], and what a bar does.
    const SPINNER: &'static str;
    const BAR: &'static str;

    /// What is done, and of how much; 0 where that is not known.
    fn done(&self) -> (u64, u64);

    /// What stands beside a bar.
    fn beside(&self) -> String;

    /// All of it, as a line.
    fn line(&self) -> String;
}

/// Shows how far something is until it is dropped.
pub(crate) struct Display {
    thread: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Display {
    /// Shows what `moment` says after so long, as `mode` says, from another thread.
    pub(super) fn start<M: Moment>(
        mode: Mode,
        moment: impl Fn(Duration) -> M + Send + 'static,
    ) -> Self {
        let Some(mut show) = Show::new::<M>(mode) else { return Self { thread: None } };
        let (end, ended) = mpsc::channel();
        let began = Instant::now();
        let handle = thread::spawn(move || {
            loop {
                let timeout = ended.recv_timeout(show.interval());
                let moment = moment(began.elapsed());
                if timeout != Err(RecvTimeoutError::Timeout) {
                    return show.end(&moment);
                }
                show.moment(&moment);
            }
        });
        Self { thread: Some((end, handle)) }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        if let Some((end, handle)) = self.thread.take() {
            drop(end);
            let _ = handle.join();
        }
    }
}

/// How far a load is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LoadMoment {
    bytes_done: u64,
    /// 0 where it is not known.
    bytes_total: u64,
    datagrams: u64,
    flows: u64,
    flows_per_second: u64,
    elapsed_seconds: f64,
    seconds_left: Option<f64>,
}

impl LoadMoment {
    pub(super) fn new(progress: &Progress, elapsed: Duration) -> Self {
        let done = progress.done();
        let elapsed_seconds = elapsed.as_secs_f64();
        let seconds_left = seconds_left(done.bytes_done, done.bytes_total, elapsed_seconds);
        Self {
            bytes_done: done.bytes_done,
            bytes_total: done.bytes_total,
            datagrams: done.datagrams,
            flows: done.records,
            flows_per_second: (done.records as f64 / elapsed_seconds.max(0.001)) as u64,
            elapsed_seconds,
            seconds_left,
        }
    }

    fn flows(&self) -> String {
        format!("{} flows, {} flows/s", grouped(self.flows), grouped(self.flows_per_second))
    }

    /// How much longer it takes. What was read last is written after the end of the input.
    fn left(&self) -> String {
        match self.seconds_left {
            None => String::new(),
            Some(_) if self.bytes_done >= self.bytes_total => ", writing".to_owned(),
            Some(left) => format!(", {} left", seconds(left)),
        }
    }
}

impl Moment for LoadMoment {
    const SPINNER: &'static str = "{spinner} {decimal_bytes}  {msg}";
    const BAR: &'static str =
        "{bar:30} {percent}%  {decimal_bytes} of {decimal_total_bytes}  {msg}";

    fn done(&self) -> (u64, u64) {
        (self.bytes_done, self.bytes_total)
    }

    fn beside(&self) -> String {
        self.flows() + &self.left()
    }

    fn line(&self) -> String {
        let total = if self.bytes_total > 0 {
            format!(" of {}", bytes(self.bytes_total))
        } else {
            String::new()
        };
        format!("{}{total}, {}{}", bytes(self.bytes_done), self.flows(), self.left())
    }
}

/// How much longer it takes at the speed up to now, where that is known.
pub(super) fn seconds_left(done: u64, total: u64, elapsed_seconds: f64) -> Option<f64> {
    let left = total.saturating_sub(done);
    (total > 0 && done > 0).then(|| elapsed_seconds * left as f64 / done as f64)
}

enum Show {
    Bar(ProgressBar),
    Lines,
    Json,
}

impl Show {
    fn new<M: Moment>(mode: Mode) -> Option<Self> {
        match mode {
            Mode::Json => Some(Self::Json),
            Mode::Auto | Mode::Always if stderr_is_drawn_on() => {
                let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
                bar.set_style(style(M::SPINNER));
                Some(Self::Bar(bar))
            }
            Mode::Always => Some(Self::Lines),
            Mode::Auto | Mode::Never => None,
        }
    }

    fn interval(&self) -> Duration {
        match self {
            Self::Bar(_) => Duration::from_millis(100),
            Self::Lines | Self::Json => Duration::from_secs(1),
        }
    }

    fn moment<M: Moment>(&mut self, moment: &M) {
        match self {
            Self::Bar(bar) => {
                let (done, total) = moment.done();
                if total > 0 && bar.length().is_none() {
                    bar.set_style(style(M::BAR));
                    bar.set_length(total);
                }
                bar.set_position(done);
                bar.set_message(moment.beside());
                bar.tick();
            }
            Self::Lines => say(moment.line()),
            Self::Json => {
                if let Ok(json) = serde_json::to_string(moment) {
                    say(json);
                }
            }
        }
    }

    /// What is shown at the end: a bar is taken away, lines get their last one.
    fn end<M: Moment>(mut self, moment: &M) {
        match &self {
            Self::Bar(bar) => bar.finish_and_clear(),
            Self::Lines | Self::Json => self.moment(moment),
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering::Relaxed;

    #[test]
    fn a_moment_tells_speed_and_time_left() {
        let progress = Progress::default();
        progress.bytes_total.store(4_000_000, Relaxed);
        progress.bytes_done.store(1_000_000, Relaxed);
        progress.records.store(20_000, Relaxed);
        let moment = LoadMoment::new(&progress, Duration::from_secs(2));
        assert_eq!(moment.line(), "1.0 MB of 4.0 MB, 20,000 flows, 10,000 flows/s, 6 s left");
        progress.bytes_done.store(4_000_000, Relaxed);
        let moment = LoadMoment::new(&progress, Duration::from_secs(2));
        assert_eq!(moment.line(), "4.0 MB of 4.0 MB, 20,000 flows, 10,000 flows/s, writing");
        progress.bytes_done.store(1_000_000, Relaxed);
        progress.bytes_total.store(0, Relaxed);
        let moment = LoadMoment::new(&progress, Duration::from_secs(2));
        assert_eq!(moment.line(), "1.0 MB, 20,000 flows, 10,000 flows/s");
    }

    #[test]
    fn a_mode_is_read_as_it_prints() {
        for name in Mode::NAMES {
            assert_eq!(Mode::parse(name).map(Mode::name), Ok(name));
        }
        assert!(Mode::parse("loud").is_err());
    }
}
