//! What `serve` works with.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::collect::{address, folder, list, net};
use super::jobs::Jobs;
use super::{Layers, RuleTable, Setting, Settings, Shown, keys, shown, user_folder, values};
use crate::alert;
use crate::answer::words::span;
use crate::cli::failure::Usage;
use crate::flow::UnixMillis;
use crate::load;
use crate::request::{Detect, span_ms};
use crate::service::auth::Role;
use crate::service::limits::Limits;
use crate::service::{Access, Options, TlsFiles, audit, lookout};

/// The settings of a server.
#[derive(Debug)]
pub(crate) struct Serve {
    /// Where it listens.
    pub(crate) listen: Setting<Vec<SocketAddr>>,
    /// Where exporters send to, if it collects, too.
    pub(crate) collect: Setting<Vec<SocketAddr>>,
    /// Its own folder. None where neither it nor the user's folders are known.
    folder: Setting<Option<PathBuf>>,
    tls_cert: Setting<Option<PathBuf>>,
    tls_key: Setting<Option<PathBuf>>,
    hosts: Setting<Vec<String>>,
    proxies: Setting<Vec<IpNet>>,
    proxy_role: Setting<Role>,
    local_role: Setting<Option<Role>>,
    jobs: Setting<Option<String>>,
    load_folders: Setting<Vec<PathBuf>>,
    max_body: Setting<u64>,
    max_rows: Setting<usize>,
    max_time: Setting<Duration>,
    max_questions: Setting<usize>,
    max_requests: Setting<usize>,
    max_connections: Setting<usize>,
    audit_size: Setting<u64>,
    audit_files: Setting<usize>,
    /// What is looked for on a schedule, if anything is; how often, and how far back.
    detect: Setting<Option<String>>,
    detect_every: Setting<Duration>,
    detect_since: Setting<String>,
    resend_alerts: Setting<Duration>,
    keep_alerts: Setting<Duration>,
    job_settings: Jobs,
}

const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8742);

impl Serve {
    pub(super) fn resolve(layers: &Layers) -> Result<Self, Usage> {
        let (limits, audit) = (Limits::default(), audit::Options::default());
        let alerts = alert::Options::default();
        let own = user_folder("XDG_DATA_HOME", ".local/share").map(|folder| folder.join("serve"));
        Ok(Self {
            listen: layers.all(&keys::SERVE_LISTEN, vec![LISTEN], |texts| list(texts, address))?,
            collect: layers.all(&keys::SERVE_COLLECT, Vec::new(), |texts| list(texts, address))?,
            folder: layers.one(&keys::SERVE_FOLDER, own, folder)?,
            tls_cert: layers.one(&keys::SERVE_TLS_CERT, None, folder)?,
            tls_key: layers.one(&keys::SERVE_TLS_KEY, None, folder)?,
            hosts: layers.all(&keys::SERVE_HOSTS, Vec::new(), |texts| list(texts, host))?,
            proxies: layers.all(&keys::SERVE_PROXIES, Vec::new(), |texts| list(texts, net))?,
            proxy_role: layers.text(&keys::SERVE_PROXY_ROLE, Role::Reader, str::parse)?,
            local_role: layers.text(&keys::SERVE_LOCAL_ROLE, Some(Role::Analyst), role_or_none)?,
            jobs: layers.text(&keys::SERVE_JOBS, None, |text| Ok(Some(text.to_owned())))?,
            load_folders: layers.all(&keys::SERVE_LOAD_FOLDERS, Vec::new(), |folders| {
                Ok(folders.iter().map(PathBuf::from).collect())
            })?,
            max_body: layers.text(
                &keys::SERVE_MAX_BODY,
                limits.body_bytes as u64,
                values::bytes,
            )?,
            max_rows: layers.text(&keys::SERVE_MAX_ROWS, limits.rows, values::positive)?,
            max_time: layers.text(&keys::SERVE_MAX_SECS, limits.run, values::positive_seconds)?,
            max_questions: layers.text(
                &keys::SERVE_MAX_QUESTIONS,
                limits.questions,
                values::positive,
            )?,
            max_requests: layers.text(
                &keys::SERVE_MAX_REQUESTS,
                limits.requests_per_sec as usize,
                values::positive,
            )?,
            max_connections: layers.text(
                &keys::SERVE_MAX_CONNECTIONS,
                limits.connections,
                values::positive,
            )?,
            audit_size: layers.text(&keys::SERVE_AUDIT_SIZE, audit.file_bytes, values::bytes)?,
            audit_files: layers.text(&keys::SERVE_AUDIT_FILES, audit.files, values::count)?,
            detect: layers.text(&keys::SERVE_DETECT, None, detected)?,
            detect_every: layers.text(
                &keys::SERVE_DETECT_EVERY,
                Duration::from_hours(1),
                spanned,
            )?,
            detect_since: layers.text(&keys::SERVE_DETECT_SINCE, "-1d".to_owned(), since)?,
            resend_alerts: layers.text(&keys::SERVE_RESEND_ALERTS, alerts.resend, spanned)?,
            keep_alerts: layers.text(&keys::SERVE_KEEP_ALERTS, alerts.keep, spanned)?,
            job_settings: Jobs::resolve(layers)?,
        })
    }

    pub(super) fn shown(&self) -> Vec<Shown> {
        fn texts<T: ToString>(values: &[T]) -> Vec<String> {
            values.iter().map(ToString::to_string).collect()
        }
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let folders = self.load_folders.value.iter().map(|path| path.display().to_string());
        let local_role = self.local_role.value.map_or("none", Role::name);
        let jobs = self.jobs.value.as_deref().map(without_password);
        let mut all = vec![
            shown(&keys::SERVE_LISTEN, &self.listen, texts(&self.listen.value)),
            shown(&keys::SERVE_COLLECT, &self.collect, texts(&self.collect.value)),
            shown(&keys::SERVE_FOLDER, &self.folder, path(&self.folder.value)),
            shown(&keys::SERVE_TLS_CERT, &self.tls_cert, path(&self.tls_cert.value)),
            shown(&keys::SERVE_TLS_KEY, &self.tls_key, path(&self.tls_key.value)),
            shown(&keys::SERVE_HOSTS, &self.hosts, self.hosts.value.clone()),
            shown(&keys::SERVE_PROXIES, &self.proxies, texts(&self.proxies.value)),
            shown(&keys::SERVE_PROXY_ROLE, &self.proxy_role, self.proxy_role.value.name()),
            shown(&keys::SERVE_LOCAL_ROLE, &self.local_role, local_role),
            shown(&keys::SERVE_JOBS, &self.jobs, jobs),
            shown(&keys::SERVE_LOAD_FOLDERS, &self.load_folders, folders.collect::<Vec<_>>()),
            shown(&keys::SERVE_MAX_BODY, &self.max_body, self.max_body.value),
            shown(&keys::SERVE_MAX_ROWS, &self.max_rows, self.max_rows.value),
            shown(&keys::SERVE_MAX_SECS, &self.max_time, self.max_time.value.as_secs_f64()),
            shown(&keys::SERVE_MAX_QUESTIONS, &self.max_questions, self.max_questions.value),
            shown(&keys::SERVE_MAX_REQUESTS, &self.max_requests, self.max_requests.value),
            shown(&keys::SERVE_MAX_CONNECTIONS, &self.max_connections, self.max_connections.value),
            shown(&keys::SERVE_AUDIT_SIZE, &self.audit_size, self.audit_size.value),
            shown(&keys::SERVE_AUDIT_FILES, &self.audit_files, self.audit_files.value),
        ];
        let span = |time: Duration| span(time.as_millis() as u64);
        let (resend, keep) = (&self.resend_alerts, &self.keep_alerts);
        all.extend(self.job_settings.shown());
        let (detect, every) = (&self.detect, &self.detect_every);
        let kinds = detect.value.as_deref().unwrap_or("none");
        all.push(shown(&keys::SERVE_DETECT, detect, kinds));
        all.push(shown(&keys::SERVE_DETECT_EVERY, every, span(every.value)));
        all.push(shown(&keys::SERVE_DETECT_SINCE, &self.detect_since, &*self.detect_since.value));
        all.push(shown(&keys::SERVE_RESEND_ALERTS, resend, span(resend.value)));
        all.push(shown(&keys::SERVE_KEEP_ALERTS, keep, span(keep.value)));
        all
    }
}

impl Settings {
    /// How a service is asked to work.
    ///
    /// # Errors
    ///
    /// [`Usage`] if it has no folder, or half of a certificate.
    pub(crate) fn service(&self) -> Result<Options, Usage> {
        let serve = &self.serve;
        let tls = match (&serve.tls_cert.value, &serve.tls_key.value) {
            (Some(cert), Some(key)) => Some(TlsFiles { cert: cert.clone(), key: key.clone() }),
            (None, None) => None,
            _ => return Err(Usage("--tls-cert and --tls-key go together".to_owned())),
        };
        Ok(Options {
            listen: serve.listen.value.clone(),
            tls,
            access: Access {
                hosts: serve.hosts.value.clone(),
                proxies: serve.proxies.value.clone(),
                proxy_role: serve.proxy_role.value,
                local_role: serve.local_role.value,
            },
            folder: self.service_folder()?.to_owned(),
            zone: self.tz.value.clone(),
            sums: self.limits(),
            loads: load::Options {
                batch_flows: self.batch_flows.value,
                commit_every: self.commit_every.value,
                rates: self.rates(),
                ..load::Options::default()
            },
            jobs: serve.jobs.value.clone(),
            job_options: serve.job_settings.options(),
            meaning: Arc::clone(&self.meaning.sources),
            load_folders: serve.load_folders.value.clone(),
            limits: Limits {
                body_bytes: usize::try_from(serve.max_body.value).unwrap_or(usize::MAX),
                rows: serve.max_rows.value,
                run: serve.max_time.value,
                questions: serve.max_questions.value,
                requests_per_sec: u32::try_from(serve.max_requests.value).unwrap_or(u32::MAX),
                connections: serve.max_connections.value,
            },
            audit: audit::Options {
                file_bytes: serve.audit_size.value,
                files: serve.audit_files.value,
            },
            alerts: self.alerts(),
            deciding: self.detect.deciding(),
            lookout: self.lookout()?,
        })
    }

    /// What a service looks out for.
    ///
    /// # Errors
    ///
    /// [`Usage`] for kinds of detections that are none.
    fn lookout(&self) -> Result<lookout::Options, Usage> {
        let Setting { value: kinds, origin } = &self.serve.detect;
        let since = &self.serve.detect_since.value;
        let detect = kinds.as_ref().map(|kinds| {
            Detect::of(kinds, since).map_err(|error| Usage(format!("{origin}: {}", error.message)))
        });
        Ok(lookout::Options {
            rules: self.rules.iter().map(RuleTable::named).collect(),
            detect: detect.transpose()?,
            detect_every: self.serve.detect_every.value,
        })
    }

    /// Where jobs and alerts are kept, if not in the folder of the service.
    pub(crate) fn jobs_url(&self) -> Option<&str> {
        self.serve.jobs.value.as_deref()
    }

    /// How alerts are kept and told.
    pub(crate) fn alerts(&self) -> alert::Options {
        alert::Options {
            resend: self.serve.resend_alerts.value,
            keep: self.serve.keep_alerts.value,
            ..alert::Options::default()
        }
    }

    /// The ways on which alerts go out, ready to send.
    ///
    /// # Errors
    ///
    /// [`Usage`] with the place of one that cannot be as it is set.
    pub(crate) fn alert_ways(&self) -> Result<Vec<alert::Way>, Usage> {
        self.ways.iter().map(super::ways::WaySettings::open).collect()
    }

    /// The folder of a service, where its accounts are, too.
    ///
    /// # Errors
    ///
    /// [`Usage`] if none is named, and there is none of the user's.
    pub(crate) fn service_folder(&self) -> Result<&Path, Usage> {
        let folder = self.serve.folder.value.as_deref();
        folder.ok_or_else(|| Usage("no folder is named; name one with --folder".to_owned()))
    }
}

/// Kinds of detections, or `none`.
fn detected(text: &str) -> Result<Option<String>, String> {
    if text == "none" {
        return Ok(None);
    }
    Detect::of(text, "-1d").map(|_| Some(text.to_owned())).map_err(|error| error.message)
}

/// A time that goes by now.
fn since(text: &str) -> Result<String, String> {
    let now = UnixMillis::now();
    UnixMillis::parse(text, &jiff::tz::TimeZone::UTC, now)
        .map(|_| text.to_owned())
        .map_err(|error| error.to_string())
}

fn spanned(text: &str) -> Result<Duration, String> {
    span_ms(text).map(Duration::from_millis)
}

fn role_or_none(text: &str) -> Result<Option<Role>, String> {
    if text == "none" {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .map_err(|_| format!("{text:?} is no role; write reader, analyst, admin, or none"))
}

/// A name of a host, or an address.
fn host(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
    if text.parse::<SocketAddr>().is_ok() || text.is_empty() || !text.chars().all(fits) {
        return Err(format!("{text:?} is no name of a host; write flows.example.org"));
    }
    Ok(text.trim_matches('.').to_owned())
}

/// A URL as it may be shown.
fn without_password(url: &str) -> String {
    let parts = || {
        let (scheme, rest) = url.split_once("://")?;
        let (user, host) = rest.rsplit_once('@')?;
        let name = user.split_once(':')?.0;
        Some(format!("{scheme}://{name}:…@{host}"))
    };
    parts().unwrap_or_else(|| url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_password() {
        for (url, shown) in [
            ("mongodb://anna:se@cret@db:27017/x", "mongodb://anna:…@db:27017/x"),
            ("mongodb://anna@db", "mongodb://anna@db"),
            ("mongodb://db1,db2/?w=1", "mongodb://db1,db2/?w=1"),
            ("sqlite", "sqlite"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }

    #[test]
    fn names_of_hosts_are_told_from_what_is_none() {
        for text in ["flows.example.org", "flows", "10.0.0.1", "2001:db8::1", "a-b_c."] {
            assert_eq!(host(text).unwrap(), text.trim_end_matches('.'));
        }
        for text in ["", "a b", "http://x", "10.0.0.1:80", "[::1]:80", "x/y", "*"] {
            assert!(host(text).unwrap_err().contains("is no name of a host"), "{text}");
        }
    }
}
