//! What a command works with: flags over environment over configuration file over defaults.

mod collect;
mod detect;
mod elastic;
mod exporters;
mod file;
mod jobs;
mod kafka;
pub(crate) mod keys;
mod meaning;
mod rules;
mod serve;
mod values;
mod ways;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::failure::Usage;
use super::interrupt;
use crate::aggregate::Limits;
use crate::answer::{Format, PairFormat};
use crate::flow::CommunityId;
use crate::normalise::Rates;
use crate::request::Zone;
use crate::store::{elastic as elasticsearch, hbase};
use collect::Collect;
use detect::Detect;
use elastic::Elastic;
use exporters::Exporter;
pub(crate) use file::{CONFIG_VARIABLE, user_file};
use kafka::Kafka;
pub(crate) use keys::Key;
use meaning::Meaning;
pub(crate) use rules::RuleTable;
use serve::Serve;
pub(crate) use values::{ProgressMode, bytes};
use ways::WaySettings;

/// The settings, each with where its value came from.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The configuration file that was read, if any.
    pub(crate) file: Option<PathBuf>,
    /// The store, by path or URL. None where neither it nor the user's folders are known.
    pub(crate) store: Setting<Option<PathBuf>>,
    /// What `load` reads where it is given no path.
    pub(crate) load_paths: Setting<Vec<PathBuf>>,
    /// How answers are written; none for what is usual for each.
    pub(crate) format: Setting<Option<Format>>,
    /// The time zone of times without one.
    pub(crate) tz: Setting<Zone>,
    /// How many pairs `active-flow` prints.
    pub(crate) print: Setting<usize>,
    /// What Community IDs are made with.
    pub(crate) community_id_seed: Setting<u16>,
    /// Whether progress is shown.
    pub(crate) progress: Setting<ProgressMode>,
    /// How many flows `load` writes at once.
    pub(crate) batch_flows: Setting<usize>,
    /// How often `load` makes durable what it read.
    pub(crate) commit_every: Setting<Duration>,
    /// How many threads work.
    pub(crate) threads: Setting<usize>,
    /// How many bytes of memory an aggregate may use.
    pub(crate) memory: Setting<u64>,
    /// How many connections to HBase write side by side.
    pub(crate) connections: Setting<usize>,
    /// How long one answer of HBase is waited for.
    pub(crate) answer: Setting<Duration>,
    /// How long a call to HBase is repeated.
    pub(crate) recovery: Setting<Duration>,
    /// How Elasticsearch is reached.
    pub(crate) elastic: Elastic,
    /// How Kafka is reached.
    pub(crate) kafka: Kafka,
    /// What says what addresses mean.
    pub(crate) meaning: Meaning,
    /// What decides what stands out.
    pub(crate) detect: Detect,
    /// What a collector works with.
    pub(crate) collect: Collect,
    /// What a server works with.
    pub(crate) serve: Serve,
    /// What the configuration file says of exporters.
    pub(crate) exporters: Vec<Exporter>,
    /// What it says of rules.
    pub(crate) rules: Vec<RuleTable>,
    /// The ways on which alerts go out.
    pub(crate) ways: Vec<WaySettings>,
}

/// A value, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

/// Where a value came from, in the order of growing weight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    File { path: PathBuf, line: usize },
    Variable(&'static str),
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// Values as somebody wrote them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Raw {
    values: Vec<OsString>,
    origin: Origin,
}

/// The values of flags, as far as flags were given.
pub(crate) type Flags = Vec<(Key, Option<OsString>)>;

impl Settings {
    /// How much memory a summary may take.
    pub(crate) fn limits(&self) -> Limits {
        let memory_bytes = usize::try_from(self.memory.value).unwrap_or(usize::MAX);
        Limits { memory_bytes, watch: interrupt::watch(), ..Limits::default() }
    }

    /// Puts together what the file that `config` names, or the user's own, the environment and
    /// `flags` say.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or a value cannot mean anything; the message says where it is.
    pub(crate) fn resolve(config: Option<&Path>, flags: Flags) -> anyhow::Result<Self> {
        let file::Configuration { path: file, set, exporters, rules, ways } = file::read(config)?;
        let layers = Layers { file: set, flags };
        let defaults = crate::load::Options::default();
        let memory = Limits::default().memory_bytes as u64;
        let hbase = hbase::Options::default();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let store = user_folder("XDG_DATA_HOME", ".local/share").map(|folder| folder.join("store"));
        let store = layers.one(&keys::STORE, store, values::store)?;
        Ok(Self {
            file,
            exporters,
            rules,
            ways,
            collect: Collect::resolve(&layers, store.value.as_deref())?,
            serve: Serve::resolve(&layers)?,
            elastic: Elastic::resolve(&layers)?,
            kafka: Kafka::resolve(&layers)?,
            meaning: Meaning::resolve(&layers)?,
            detect: Detect::resolve(&layers)?,
            store,
            load_paths: layers.all(&keys::LOAD_PATHS, Vec::new(), |values| {
                Ok(values.iter().map(PathBuf::from).collect())
            })?,
            format: layers.text(&keys::FORMAT, None, values::format)?,
            tz: layers.text(&keys::TZ, Zone::utc(), Zone::parse)?,
            print: layers.text(&keys::PRINT, 10, values::count)?,
            community_id_seed: layers.text(&keys::COMMUNITY_ID_SEED, 0, values::seed)?,
            progress: layers.text(&keys::PROGRESS, ProgressMode::Auto, ProgressMode::parse)?,
            batch_flows: layers.text(&keys::BATCH_FLOWS, defaults.batch_flows, values::positive)?,
            commit_every: layers.text(
                &keys::COMMIT_SECS,
                defaults.commit_every,
                values::seconds,
            )?,
            threads: layers.text(&keys::THREADS, threads, values::positive)?,
            memory: layers.text(&keys::MEMORY, memory, values::bytes)?,
            connections: layers.text(&keys::CONNECTIONS, hbase.connections, values::connections)?,
            answer: layers.text(&keys::ANSWER_SECS, hbase.answer, values::positive_seconds)?,
            recovery: layers.text(&keys::RECOVERY_SECS, hbase.recovery, values::seconds)?,
        })
    }

    /// The format of flows.
    pub(crate) fn flow_format(&self) -> Format {
        self.format.value.clone().unwrap_or_default()
    }

    /// The format of pairs: their own line where the setting names a format that only flows have.
    pub(crate) fn pair_format(&self) -> PairFormat {
        self.flow_format().name().parse().unwrap_or_default()
    }

    /// How exporters sample, by the configuration.
    pub(crate) fn rates(&self) -> Rates {
        exporters::rates(&self.exporters)
    }

    /// How a store in HBase is reached.
    pub(crate) fn hbase_options(&self) -> hbase::Options {
        hbase::Options {
            connections: self.connections.value,
            answer: self.answer.value,
            recovery: self.recovery.value,
            ..hbase::Options::default()
        }
    }

    /// How Elasticsearch is reached.
    pub(crate) fn elastic_options(&self) -> elasticsearch::Options {
        elasticsearch::Options {
            connections: self.connections.value,
            answer: self.answer.value,
            recovery: self.recovery.value,
            credentials: self.elastic.credentials(),
            ca: self.elastic.ca.value.clone(),
        }
    }

    /// How Kafka is reached.
    pub(crate) fn kafka_options(&self) -> crate::kafka::Options {
        crate::kafka::Options {
            answer: self.answer.value,
            recovery: self.recovery.value,
            user: self.kafka.user(),
            mechanism: self.kafka.mechanism.value,
            ca: self.kafka.ca.value.clone(),
        }
    }

    /// The store as it may be shown.
    fn store_shown(&self) -> Option<String> {
        let store = self.store.value.as_ref()?.display().to_string();
        Some(elasticsearch::shown(&store).into_owned())
    }

    /// Makes Community IDs those of the site.
    pub(crate) fn use_community_id_seed(&self) {
        CommunityId::use_seed(self.community_id_seed.value);
    }

    /// Makes the work of this process use as many threads as were asked for. Those that read from
    /// HBase or Elasticsearch mostly wait for it: there are at least as many as connections that write.
    pub(crate) fn use_threads(&self) {
        let store = self.store.value.as_ref().and_then(|store| store.to_str());
        let far = store
            .is_some_and(|store| store.starts_with("hbase:") || elasticsearch::is_location(store));
        let threads = match self.threads.origin {
            Origin::Default if far => self.threads.value.max(self.connections.value),
            Origin::Default => return,
            _ => self.threads.value,
        };
        // It fails only where the threads run already.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    }

    /// Tells the log what is worked with.
    pub(crate) fn log(&self) {
        let shown =
            |path: Option<&PathBuf>| path.map_or("none".into(), |path| path.display().to_string());
        tracing::info!(
            "configuration file {}, store {} ({})",
            shown(self.file.as_ref()),
            self.store_shown().as_deref().unwrap_or("none"),
            self.store.origin
        );
    }

    /// Every setting by its name, as text, with its origin.
    pub(crate) fn shown(&self) -> Vec<Shown> {
        let paths = self.load_paths.value.iter().map(|path| path.display().to_string());
        let store = self.store_shown();
        let mut all = vec![
            shown(&keys::STORE, &self.store, store),
            shown(&keys::LOAD_PATHS, &self.load_paths, paths.collect::<Vec<_>>()),
            shown(&keys::FORMAT, &self.format, self.format.value.as_ref().map(Format::name)),
            shown(&keys::TZ, &self.tz, self.tz.value.name()),
            shown(&keys::PRINT, &self.print, self.print.value),
            shown(&keys::COMMUNITY_ID_SEED, &self.community_id_seed, self.community_id_seed.value),
            shown(&keys::PROGRESS, &self.progress, self.progress.value.name()),
            shown(&keys::BATCH_FLOWS, &self.batch_flows, self.batch_flows.value),
            shown(&keys::COMMIT_SECS, &self.commit_every, self.commit_every.value.as_secs_f64()),
            shown(&keys::THREADS, &self.threads, self.threads.value),
            shown(&keys::MEMORY, &self.memory, self.memory.value),
            shown(&keys::CONNECTIONS, &self.connections, self.connections.value),
            shown(&keys::ANSWER_SECS, &self.answer, self.answer.value.as_secs_f64()),
            shown(&keys::RECOVERY_SECS, &self.recovery, self.recovery.value.as_secs_f64()),
        ];
        all.extend(self.elastic.shown());
        all.extend(self.kafka.shown());
        all.extend(self.meaning.shown());
        all.extend(self.collect.shown());
        all.extend(self.serve.shown());
        all.extend(self.detect.shown());
        all.extend(exporters::shown(&self.exporters));
        all.extend(rules::shown(&self.rules));
        all.extend(ways::shown(&self.ways));
        all
    }
}

/// A setting as `config show` prints it.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    pub(crate) name: Cow<'static, str>,
    pub(crate) value: serde_json::Value,
    pub(crate) origin: String,
}

fn shown<T>(key: &Key, setting: &Setting<T>, value: impl Into<serde_json::Value>) -> Shown {
    Shown { name: key.name.into(), value: value.into(), origin: setting.origin.to_string() }
}

struct Layers {
    file: BTreeMap<&'static str, Raw>,
    flags: Flags,
}

impl Layers {
    /// What the heaviest layer that says anything says.
    fn raw(&self, key: &Key) -> Option<Raw> {
        let flags = self.flags.iter().filter(|(flag, _)| flag == key);
        let values: Vec<OsString> = flags.filter_map(|(_, value)| value.clone()).collect();
        if !values.is_empty() {
            return Some(Raw { values, origin: Origin::Flag(key.flag) });
        }
        // An empty store is nobody's wish: a script's own variable was not set, most likely.
        let value =
            if *key == keys::STORE { env::var_os(key.variable) } else { variable(key.variable) };
        if let Some(value) = value {
            let values =
                if [keys::LOAD_PATHS, keys::SERVE_LOAD_FOLDERS, keys::DATABASES].contains(key) {
                    env::split_paths(&value).map(OsString::from).collect()
                } else {
                    vec![value]
                };
            return Some(Raw { values, origin: Origin::Variable(key.variable) });
        }
        self.file.get(key.name).cloned()
    }

    fn all<T>(
        &self,
        key: &Key,
        default: T,
        parse: impl FnOnce(&[OsString]) -> Result<T, String>,
    ) -> Result<Setting<T>, Usage> {
        let Some(Raw { values, origin }) = self.raw(key) else {
            return Ok(Setting { value: default, origin: Origin::Default });
        };
        match parse(&values) {
            Ok(value) => Ok(Setting { value, origin }),
            Err(problem) if matches!(origin, Origin::File { .. }) => {
                Err(Usage(format!("{origin}: {}: {problem}", key.name)))
            }
            Err(problem) => Err(Usage(format!("{origin}: {problem}"))),
        }
    }

    fn one<T>(
        &self,
        key: &Key,
        default: T,
        parse: impl FnOnce(&OsStr) -> Result<T, String>,
    ) -> Result<Setting<T>, Usage> {
        self.all(key, default, |values| parse(values.first().map_or(OsStr::new(""), |value| value)))
    }

    fn text<T>(
        &self,
        key: &Key,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Setting<T>, Usage> {
        self.one(key, default, |value| {
            value.to_str().ok_or_else(|| format!("{} is no text", value.display())).and_then(parse)
        })
    }
}

/// An environment variable; an empty one counts as none.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// This program's folder among the user's: in what `variable` names, else in `fallback` at home.
fn user_folder(variable_name: &str, fallback: &str) -> Option<PathBuf> {
    let base = variable(variable_name)
        .map(PathBuf::from)
        // A relative one is to be ignored, says the XDG base directory specification.
        .filter(|folder| folder.is_absolute())
        .or_else(|| {
            env::home_dir()
                .filter(|home| !home.as_os_str().is_empty())
                .map(|home| home.join(fallback))
        })?;
    Some(base.join("earlgrey-hbase"))
}
