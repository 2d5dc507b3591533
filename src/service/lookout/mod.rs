//! Who looks out: rules are evaluated over what is new, detections on a schedule, and hits of watch
//! lists as they come; what they find is raised as alerts.
//!
//! Each has a thread of its own, so that a long look of one keeps no other waiting. A look that fails is
//! told and made again; alerts have ids of their own, so what is found twice is one alert.

mod detections;
mod rules;
mod watched;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Shared;
use super::error::ServiceError;
use crate::alert::{join_within, suppressions};
use crate::detect::Suppression;
use crate::flow::UnixMillis;
use crate::load::chain;
use crate::request::{Detect, RuleOptions, Surroundings};

/// How often it is looked whether anything is new.
const TICK: Duration = Duration::from_millis(500);

/// A look that failed is made again after this.
const AGAIN: Duration = Duration::from_secs(5);

/// What is looked out for.
#[derive(Debug, Clone)]
pub struct Options {
    /// The rules, by name.
    pub rules: Vec<(String, RuleOptions)>,
    /// What is looked for on a schedule, if anything is.
    pub detect: Option<Detect>,
    /// How long it is from one such look to the next.
    pub detect_every: Duration,
}

/// The threads that look out.
#[derive(Default)]
pub(super) struct Lookout {
    threads: Mutex<Vec<JoinHandle<()>>>,
    pub(super) counters: Counters,
}

/// What looks came to since the process began.
#[derive(Default)]
pub(super) struct Counters {
    /// By kind of look: how many, how many failed, how long they took in all, in milliseconds.
    looks: [Looks; 3],
    /// How often each rule told of a key, in the order of the rules.
    told: Mutex<Vec<u64>>,
    /// What the greatest key of each rule came to in the windows that were open last.
    greatest: Mutex<Vec<Option<u64>>>,
}

#[derive(Default)]
struct Looks {
    made: AtomicU64,
    failed: AtomicU64,
    took_ms: AtomicU64,
}

/// A kind of look.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Rules,
    Detections,
    Watched,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Rules, Self::Detections, Self::Watched];

    const fn name(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Detections => "detections",
            Self::Watched => "watch",
        }
    }
}

/// Why a look came to nothing.
type Failed = Box<dyn std::error::Error + Send + Sync>;

impl Lookout {
    /// Has everything looked for that `service` is to look for.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Thread`].
    pub(super) fn begin(&self, service: &Shared) -> Result<(), ServiceError> {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let mut spawn = |name: &str, work: fn(&Shared)| {
            let service = Arc::clone(service);
            let thread = thread::Builder::new().name(name.to_owned());
            let thread = thread.spawn(move || work(&service)).map_err(ServiceError::Thread)?;
            threads.push(thread);
            Ok(())
        };
        let options = &service.options.lookout;
        if !options.rules.is_empty() {
            spawn("rules", rules::look_out)?;
        }
        if options.detect.is_some() {
            spawn("detections", detections::look_out)?;
        }
        spawn("watch", watched::look_out)
    }

    /// Waits for the threads, which end when the service stops; at most for `patience`.
    pub(super) fn close(&self, patience: Duration) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        join_within(threads.drain(..), patience);
    }
}

impl Counters {
    /// Makes a look, and counts it; what it met is told. Says whether it went well.
    fn look(&self, kind: Kind, look: impl FnOnce() -> Result<(), Failed>) -> bool {
        let began = Instant::now();
        let looks = &self.looks[kind as usize];
        let looked = look();
        if let Err(error) = &looked {
            looks.failed.fetch_add(1, Relaxed);
            tracing::warn!("{}: {}", kind.name(), chain(&**error));
        }
        looks.made.fetch_add(1, Relaxed);
        looks.took_ms.fetch_add(began.elapsed().as_millis() as u64, Relaxed);
        looked.is_ok()
    }

    fn told(&self, rule: usize, times: u64) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() <= rule {
            told.resize(rule + 1, 0);
        }
        told[rule] += times;
    }

    fn came_to(&self, rule: usize, greatest: Option<u128>) {
        let mut all = self.greatest.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() <= rule {
            all.resize(rule + 1, None);
        }
        all[rule] = greatest.map(|value| u64::try_from(value).unwrap_or(u64::MAX));
    }

    /// What Prometheus is told of looks, and of the rules of these names.
    pub(super) fn page<'a>(&self, rules: impl Iterator<Item = &'a str> + Clone) -> String {
        use std::fmt::Write as _;
        let mut page = String::new();
        let mut family = |name: &str, kind: &str, help: &str, lines: Vec<(String, String)>| {
            if lines.is_empty() {
                return;
            }
            let _ = writeln!(page, "# HELP earlgrey_{name} {help}\n# TYPE earlgrey_{name} {kind}");
            for (labels, value) in lines {
                let _ = writeln!(page, "earlgrey_{name}{{{labels}}} {value}");
            }
        };
        let of_kind = |value: fn(&Looks) -> String| {
            let line = |kind: Kind| {
                (format!("kind=\"{}\"", kind.name()), value(&self.looks[kind as usize]))
            };
            Kind::ALL.map(line).to_vec()
        };
        let made = of_kind(|looks| looks.made.load(Relaxed).to_string());
        family("looks_total", "counter", "Looks for what stands out.", made);
        let failed = of_kind(|looks| looks.failed.load(Relaxed).to_string());
        family("looks_failed_total", "counter", "Looks that came to nothing.", failed);
        let took = of_kind(|looks| format!("{:.3}", looks.took_ms.load(Relaxed) as f64 / 1e3));
        family("look_seconds_total", "counter", "How long looks took.", took);
        let named = |name: &str| format!("rule=\"{name}\"");
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let times = |(at, name)| (named(name), told.get(at).copied().unwrap_or(0).to_string());
        let told = rules.clone().enumerate().map(times).collect();
        family("rule_told_total", "counter", "How often a rule told of a key.", told);
        let greatest = self.greatest.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let value = |(at, name)| {
            let value = greatest.get(at).copied().flatten();
            value.map(|value: u64| (named(name), value.to_string()))
        };
        let greatest = rules.enumerate().filter_map(value).collect();
        let help = "What the greatest key came to that was too much in the open windows.";
        family("rule_value", "gauge", help, greatest);
        page
    }
}

/// What rules and detections are read in: as requests over HTTP are.
fn around(service: &Shared) -> Surroundings<'_> {
    Surroundings {
        zone: &service.options.zone,
        now: UnixMillis::now(),
        limits: service.options.sums.clone(),
        files: &service.lists,
    }
}

/// Alerts of rules and watch lists that need not be told, by their ids.
type Quieted = BTreeSet<String>;

/// Which these are; while that cannot be read, which they were before.
fn quieted(service: &Shared, before: &Quieted) -> Quieted {
    let now = UnixMillis::now();
    let id = |suppression: &Suppression| suppression.id_alone(now).map(str::to_owned);
    match suppressions(&service.options.folder) {
        Ok(all) => all.iter().filter_map(id).collect(),
        Err(error) => {
            tracing::debug!("{}", chain(&error));
            before.clone()
        }
    }
}

/// Waits for `pause`, or less where the service is to end; says whether it is.
fn wait(service: &Shared, pause: Duration) -> bool {
    let until = Instant::now() + pause;
    while !service.is_stopping() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        thread::sleep(left.min(Duration::from_millis(100)));
    }
    true
}
