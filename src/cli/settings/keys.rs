//! Every setting by its name in the configuration file, with the other ways to set it.

/// A setting that the configuration file, the environment and a flag can give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    /// Its name in the file: the table, a dot, and the key in it.
    pub(crate) name: &'static str,
    /// The environment variable that overrides the file.
    pub(crate) variable: &'static str,
    /// The flag that overrides both.
    pub(crate) flag: &'static str,
    /// Whether it takes a list.
    pub(crate) list: bool,
}

const fn key(name: &'static str, variable: &'static str, flag: &'static str) -> Key {
    Key { name, variable, flag, list: false }
}

pub(crate) const STORE: Key = key("store", "EARLGREY_STORE", "--store");
pub(crate) const LOAD_PATHS: Key =
    Key { list: true, ..key("load.paths", "EARLGREY_LOAD_PATHS", "PATH") };
pub(crate) const FORMAT: Key = key("output.format", "EARLGREY_FORMAT", "--output");
pub(crate) const TZ: Key = key("output.tz", "EARLGREY_TZ", "--tz");
pub(crate) const PRINT: Key = key("output.print", "EARLGREY_PRINT", "--print");
pub(crate) const COMMUNITY_ID_SEED: Key =
    key("output.community_id_seed", "EARLGREY_COMMUNITY_ID_SEED", "--community-id-seed");
pub(crate) const PROGRESS: Key = key("output.progress", "EARLGREY_PROGRESS", "--progress");
pub(crate) const BATCH_FLOWS: Key =
    key("limits.batch_flows", "EARLGREY_BATCH_FLOWS", "--batch-flows");
pub(crate) const COMMIT_SECS: Key =
    key("limits.commit_secs", "EARLGREY_COMMIT_SECS", "--commit-every");
pub(crate) const THREADS: Key = key("limits.threads", "EARLGREY_THREADS", "--threads");
pub(crate) const CONNECTIONS: Key =
    key("hbase.connections", "EARLGREY_HBASE_CONNECTIONS", "--hbase-connections");
pub(crate) const ANSWER_SECS: Key =
    key("hbase.answer_secs", "EARLGREY_HBASE_ANSWER_SECS", "--answer-secs");
pub(crate) const RECOVERY_SECS: Key =
    key("hbase.recovery_secs", "EARLGREY_HBASE_RECOVERY_SECS", "--recovery-secs");
pub(crate) const ELASTIC_USER: Key = key("elastic.user", "EARLGREY_ELASTIC_USER", "");
pub(crate) const ELASTIC_PASSWORD: Key = key("elastic.password", "EARLGREY_ELASTIC_PASSWORD", "");
pub(crate) const ELASTIC_API_KEY: Key = key("elastic.api_key", "EARLGREY_ELASTIC_API_KEY", "");
pub(crate) const ELASTIC_CA: Key = key("elastic.ca", "EARLGREY_ELASTIC_CA", "--ca");
pub(crate) const KAFKA_USER: Key = key("kafka.user", "EARLGREY_KAFKA_USER", "");
pub(crate) const KAFKA_PASSWORD: Key = key("kafka.password", "EARLGREY_KAFKA_PASSWORD", "");
pub(crate) const KAFKA_MECHANISM: Key = key("kafka.mechanism", "EARLGREY_KAFKA_MECHANISM", "");
pub(crate) const KAFKA_CA: Key = key("kafka.ca", "EARLGREY_KAFKA_CA", "--ca");
pub(crate) const NETWORKS: Key = key("meaning.networks", "EARLGREY_NETWORKS", "--networks");
pub(crate) const HOSTS: Key = key("meaning.hosts", "EARLGREY_HOSTS", "--hosts");
pub(crate) const NAMED_EXPORTERS: Key =
    key("meaning.exporters", "EARLGREY_EXPORTERS", "--exporters-file");
pub(crate) const DATABASES: Key =
    Key { list: true, ..key("meaning.databases", "EARLGREY_DATABASES", "--database") };
pub(crate) const AS_NUMBERS: Key = key("meaning.as", "EARLGREY_AS", "--as");
pub(crate) const MEMORY: Key = key("limits.memory", "EARLGREY_MEMORY", "--memory");

pub(crate) const COLLECT_LISTEN: Key =
    Key { list: true, ..key("collect.listen", "EARLGREY_COLLECT_LISTEN", "--listen") };
pub(crate) const COLLECT_EXPORTERS: Key =
    Key { list: true, ..key("collect.exporters", "EARLGREY_COLLECT_EXPORTERS", "--exporter") };
pub(crate) const COLLECT_TEES: Key =
    Key { list: true, ..key("collect.tees", "EARLGREY_COLLECT_TEES", "--tee") };
pub(crate) const COLLECT_TO: Key = key("collect.to", "EARLGREY_COLLECT_TO", "--to");
pub(crate) const COLLECT_FORMAT: Key = key("collect.format", "EARLGREY_COLLECT_FORMAT", "--format");
pub(crate) const COLLECT_SPOOL: Key = key("collect.spool", "EARLGREY_COLLECT_SPOOL", "--spool");
pub(crate) const COLLECT_SPOOL_SIZE: Key =
    key("collect.spool_size", "EARLGREY_COLLECT_SPOOL_SIZE", "--spool-size");
pub(crate) const COLLECT_COMMIT_SECS: Key =
    key("collect.commit_secs", "EARLGREY_COLLECT_COMMIT_SECS", "--commit-every");
pub(crate) const COLLECT_METRICS: Key =
    key("collect.metrics", "EARLGREY_COLLECT_METRICS", "--metrics");
pub(crate) const COLLECT_SOCKETS: Key =
    key("collect.sockets", "EARLGREY_COLLECT_SOCKETS", "--sockets");
pub(crate) const COLLECT_RECEIVE_BUFFER: Key =
    key("collect.receive_buffer", "EARLGREY_COLLECT_RECEIVE_BUFFER", "--receive-buffer");

pub(crate) const SERVE_LISTEN: Key =
    Key { list: true, ..key("serve.listen", "EARLGREY_SERVE_LISTEN", "--listen") };
pub(crate) const SERVE_COLLECT: Key =
    Key { list: true, ..key("serve.collect", "EARLGREY_SERVE_COLLECT", "--collect") };
pub(crate) const SERVE_FOLDER: Key = key("serve.folder", "EARLGREY_SERVE_FOLDER", "--folder");
pub(crate) const SERVE_TLS_CERT: Key =
    key("serve.tls_cert", "EARLGREY_SERVE_TLS_CERT", "--tls-cert");
pub(crate) const SERVE_TLS_KEY: Key = key("serve.tls_key", "EARLGREY_SERVE_TLS_KEY", "--tls-key");
pub(crate) const SERVE_HOSTS: Key =
    Key { list: true, ..key("serve.hosts", "EARLGREY_SERVE_HOSTS", "--host") };
pub(crate) const SERVE_PROXIES: Key =
    Key { list: true, ..key("serve.proxies", "EARLGREY_SERVE_PROXIES", "--proxy") };
pub(crate) const SERVE_PROXY_ROLE: Key =
    key("serve.proxy_role", "EARLGREY_SERVE_PROXY_ROLE", "--proxy-role");
pub(crate) const SERVE_LOCAL_ROLE: Key =
    key("serve.local_role", "EARLGREY_SERVE_LOCAL_ROLE", "--local-role");
pub(crate) const SERVE_JOBS: Key = key("serve.jobs", "EARLGREY_SERVE_JOBS", "--jobs");
pub(crate) const SERVE_LOAD_FOLDERS: Key =
    Key { list: true, ..key("serve.load_folders", "EARLGREY_SERVE_LOAD_FOLDERS", "--load-folder") };
pub(crate) const SERVE_MAX_BODY: Key =
    key("serve.max_body", "EARLGREY_SERVE_MAX_BODY", "--max-body");
pub(crate) const SERVE_MAX_ROWS: Key =
    key("serve.max_rows", "EARLGREY_SERVE_MAX_ROWS", "--max-rows");
pub(crate) const SERVE_MAX_SECS: Key =
    key("serve.max_secs", "EARLGREY_SERVE_MAX_SECS", "--max-secs");
pub(crate) const SERVE_MAX_QUESTIONS: Key =
    key("serve.max_questions", "EARLGREY_SERVE_MAX_QUESTIONS", "--max-questions");
pub(crate) const SERVE_MAX_REQUESTS: Key =
    key("serve.max_requests", "EARLGREY_SERVE_MAX_REQUESTS", "--max-requests");
pub(crate) const SERVE_MAX_CONNECTIONS: Key =
    key("serve.max_connections", "EARLGREY_SERVE_MAX_CONNECTIONS", "--max-connections");
pub(crate) const SERVE_AUDIT_SIZE: Key =
    key("serve.audit_size", "EARLGREY_SERVE_AUDIT_SIZE", "--audit-size");
pub(crate) const SERVE_AUDIT_FILES: Key =
    key("serve.audit_files", "EARLGREY_SERVE_AUDIT_FILES", "--audit-files");

pub(crate) const SERVE_JOBS_AT_ONCE: Key =
    key("serve.jobs_at_once", "EARLGREY_SERVE_JOBS_AT_ONCE", "--jobs-at-once");
pub(crate) const SERVE_JOB_SECS: Key =
    key("serve.job_secs", "EARLGREY_SERVE_JOB_SECS", "--job-secs");
pub(crate) const SERVE_JOBS_AGAIN: Key =
    key("serve.jobs_again", "EARLGREY_SERVE_JOBS_AGAIN", "--jobs-again");
pub(crate) const SERVE_KEEP_JOBS: Key =
    key("serve.keep_jobs", "EARLGREY_SERVE_KEEP_JOBS", "--keep-jobs");
pub(crate) const SERVE_RESULTS_SIZE: Key =
    key("serve.results_size", "EARLGREY_SERVE_RESULTS_SIZE", "--results-size");

pub(crate) const SERVE_DETECT: Key = key("serve.detect", "EARLGREY_SERVE_DETECT", "--detect");
pub(crate) const SERVE_DETECT_EVERY: Key =
    key("serve.detect_every", "EARLGREY_SERVE_DETECT_EVERY", "--detect-every");
pub(crate) const SERVE_DETECT_SINCE: Key =
    key("serve.detect_since", "EARLGREY_SERVE_DETECT_SINCE", "--detect-since");
pub(crate) const SERVE_RESEND_ALERTS: Key =
    key("serve.resend_alerts", "EARLGREY_SERVE_RESEND_ALERTS", "--resend-alerts");
pub(crate) const SERVE_KEEP_ALERTS: Key =
    key("serve.keep_alerts", "EARLGREY_SERVE_KEEP_ALERTS", "--keep-alerts");
pub(crate) const DETECT_SCAN_HOSTS: Key =
    key("detect.scan_hosts", "EARLGREY_DETECT_SCAN_HOSTS", "--scan-hosts");
pub(crate) const DETECT_SCAN_PORTS: Key =
    key("detect.scan_ports", "EARLGREY_DETECT_SCAN_PORTS", "--scan-ports");
pub(crate) const DETECT_DARK_DAYS: Key =
    key("detect.dark_days", "EARLGREY_DETECT_DARK_DAYS", "--dark-days");
pub(crate) const DETECT_BEACON_SCORE: Key =
    key("detect.beacon_score", "EARLGREY_DETECT_BEACON_SCORE", "--beacon-score");
pub(crate) const DETECT_BEACON_CONTACTS: Key =
    key("detect.beacon_contacts", "EARLGREY_DETECT_BEACON_CONTACTS", "--beacon-contacts");
pub(crate) const DETECT_BEACON_HOSTS: Key =
    key("detect.beacon_hosts", "EARLGREY_DETECT_BEACON_HOSTS", "--beacon-hosts");
pub(crate) const DETECT_LONG_HOURS: Key =
    key("detect.long_hours", "EARLGREY_DETECT_LONG_HOURS", "--long-hours");
pub(crate) const DETECT_SPREAD_HOSTS: Key =
    key("detect.spread_hosts", "EARLGREY_DETECT_SPREAD_HOSTS", "--spread-hosts");
pub(crate) const DETECT_FLOOD_PACKETS: Key =
    key("detect.flood_packets", "EARLGREY_DETECT_FLOOD_PACKETS", "--flood-packets");
pub(crate) const DETECT_FLOOD_TIMES: Key =
    key("detect.flood_times", "EARLGREY_DETECT_FLOOD_TIMES", "--flood-times");
pub(crate) const DETECT_EXFIL_OCTETS: Key =
    key("detect.exfil_octets", "EARLGREY_DETECT_EXFIL_OCTETS", "--exfil-octets");
pub(crate) const DETECT_EXFIL_Z: Key =
    key("detect.exfil_z", "EARLGREY_DETECT_EXFIL_Z", "--exfil-z");
pub(crate) const DETECT_EXFIL_RATIO: Key =
    key("detect.exfil_ratio", "EARLGREY_DETECT_EXFIL_RATIO", "--exfil-ratio");
pub(crate) const DETECT_NEW_PEERS: Key =
    key("detect.new_peers", "EARLGREY_DETECT_NEW_PEERS", "--new-peers");
pub(crate) const DETECT_NEW_TIMES: Key =
    key("detect.new_times", "EARLGREY_DETECT_NEW_TIMES", "--new-times");
pub(crate) const DETECT_SILENT_MINUTES: Key =
    key("detect.silent_minutes", "EARLGREY_DETECT_SILENT_MINUTES", "--silent-minutes");
pub(crate) const DETECT_SILENT_TIMES: Key =
    key("detect.silent_times", "EARLGREY_DETECT_SILENT_TIMES", "--silent-times");

/// Those of what decides in `detect`.
pub(crate) const DETECT: [Key; 17] = [
    DETECT_SCAN_HOSTS,
    DETECT_SCAN_PORTS,
    DETECT_DARK_DAYS,
    DETECT_BEACON_SCORE,
    DETECT_BEACON_CONTACTS,
    DETECT_BEACON_HOSTS,
    DETECT_LONG_HOURS,
    DETECT_SPREAD_HOSTS,
    DETECT_FLOOD_PACKETS,
    DETECT_FLOOD_TIMES,
    DETECT_EXFIL_OCTETS,
    DETECT_EXFIL_Z,
    DETECT_EXFIL_RATIO,
    DETECT_NEW_PEERS,
    DETECT_NEW_TIMES,
    DETECT_SILENT_MINUTES,
    DETECT_SILENT_TIMES,
];

/// The table of what the file says of exporters, by their addresses.
pub(crate) const EXPORTERS: &str = "exporters";
/// The table of the ways on which alerts go out, by their names.
pub(crate) const WAYS: &str = "ways";

/// The table of rules, by their names.
pub(crate) const RULES: &str = "rules";

/// All of them, in the order in which they are shown.
pub(crate) const ALL: [Key; 84] = [
    STORE,
    LOAD_PATHS,
    FORMAT,
    TZ,
    PRINT,
    COMMUNITY_ID_SEED,
    PROGRESS,
    BATCH_FLOWS,
    COMMIT_SECS,
    THREADS,
    MEMORY,
    CONNECTIONS,
    ANSWER_SECS,
    RECOVERY_SECS,
    ELASTIC_USER,
    ELASTIC_PASSWORD,
    ELASTIC_API_KEY,
    ELASTIC_CA,
    KAFKA_USER,
    KAFKA_PASSWORD,
    KAFKA_MECHANISM,
    KAFKA_CA,
    NETWORKS,
    HOSTS,
    NAMED_EXPORTERS,
    DATABASES,
    AS_NUMBERS,
    COLLECT_LISTEN,
    COLLECT_EXPORTERS,
    COLLECT_TEES,
    COLLECT_TO,
    COLLECT_FORMAT,
    COLLECT_SPOOL,
    COLLECT_SPOOL_SIZE,
    COLLECT_COMMIT_SECS,
    COLLECT_METRICS,
    COLLECT_SOCKETS,
    COLLECT_RECEIVE_BUFFER,
    SERVE_LISTEN,
    SERVE_COLLECT,
    SERVE_FOLDER,
    SERVE_TLS_CERT,
    SERVE_TLS_KEY,
    SERVE_HOSTS,
    SERVE_PROXIES,
    SERVE_PROXY_ROLE,
    SERVE_LOCAL_ROLE,
    SERVE_JOBS,
    SERVE_LOAD_FOLDERS,
    SERVE_MAX_BODY,
    SERVE_MAX_ROWS,
    SERVE_MAX_SECS,
    SERVE_MAX_QUESTIONS,
    SERVE_MAX_REQUESTS,
    SERVE_MAX_CONNECTIONS,
    SERVE_AUDIT_SIZE,
    SERVE_AUDIT_FILES,
    SERVE_JOBS_AT_ONCE,
    SERVE_JOB_SECS,
    SERVE_JOBS_AGAIN,
    SERVE_KEEP_JOBS,
    SERVE_RESULTS_SIZE,
    SERVE_DETECT,
    SERVE_DETECT_EVERY,
    SERVE_DETECT_SINCE,
    SERVE_RESEND_ALERTS,
    SERVE_KEEP_ALERTS,
    DETECT_SCAN_HOSTS,
    DETECT_SCAN_PORTS,
    DETECT_DARK_DAYS,
    DETECT_BEACON_SCORE,
    DETECT_BEACON_CONTACTS,
    DETECT_BEACON_HOSTS,
    DETECT_LONG_HOURS,
    DETECT_SPREAD_HOSTS,
    DETECT_FLOOD_PACKETS,
    DETECT_FLOOD_TIMES,
    DETECT_EXFIL_OCTETS,
    DETECT_EXFIL_Z,
    DETECT_EXFIL_RATIO,
    DETECT_NEW_PEERS,
    DETECT_NEW_TIMES,
    DETECT_SILENT_MINUTES,
    DETECT_SILENT_TIMES,
];

/// The names of the tables that keys are in.
pub(crate) fn is_table(name: &str) -> bool {
    ALL.iter().any(|key| key.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
}

/// The known name, of a key or a table, that `name` may be a slip of.
pub(crate) fn nearest(name: &str) -> Option<&'static str> {
    let tables = ALL.iter().filter_map(|key| Some(key.name.split_once('.')?.0));
    let tables = tables.chain([EXPORTERS, RULES, WAYS]);
    ALL.iter()
        .map(|key| key.name)
        .chain(tables)
        .filter_map(|known| {
            Some((slips(known, name)?, strsim::damerau_levenshtein(known, name), known))
        })
        .min()
        .map(|(.., known)| known)
}

/// How many letters are wrong in `name`, where only the table may be missing or another; None if
/// they are too many.
fn slips(known: &str, name: &str) -> Option<usize> {
    let whole = strsim::damerau_levenshtein(known, name);
    let key = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let in_key = strsim::damerau_levenshtein(&key(known), &key(name));
    let in_key = (in_key * 3 <= key(known).len()).then_some(in_key);
    (whole <= MAX_SLIPS).then_some(whole).into_iter().chain(in_key).min()
}

/// So many wrong letters are taken for slips.
const MAX_SLIPS: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_is_told_from_a_strange_one() {
        for (name, nearest_name) in [
            ("stores", Some("store")),
            ("limits.batchflows", Some("limits.batch_flows")),
            ("limit.threads", Some("limits.threads")),
            ("tz", Some("output.tz")),
            ("outputs", Some("output")),
            ("exporter", Some("exporters")),
            ("output.colour", None),
        ] {
            assert_eq!(nearest(name), nearest_name, "{name}");
        }
    }
}
