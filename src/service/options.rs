//! How a service is asked to work, and what of that cannot be.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ipnet::IpNet;

use super::audit;
use super::caller::Role;
use super::error::ServiceError;
use super::jobs;
use super::limits::Limits;
use super::lookout;
use crate::aggregate;
use crate::alert;
use crate::load;
use crate::meaning::Sources;
use crate::request::{Deciding, Zone};

/// How a service is asked to work.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens; port 0 is one that the system chooses.
    pub listen: Vec<SocketAddr>,
    /// With what connections are encrypted, if they are.
    pub tls: Option<TlsFiles>,
    /// Who is let in as whom.
    pub access: Access,
    /// The folder of its own: accounts, jobs, views, the audit log.
    pub folder: PathBuf,
    /// The zone of times that name none, unless whoever asks names another.
    pub zone: Zone,
    /// How much memory the sums of a question may take.
    pub sums: aggregate::Limits,
    /// Where jobs with their results, and alerts, are kept, if not in that folder.
    pub jobs: Option<String>,
    /// How jobs are carried out, and how long they are kept.
    pub job_options: jobs::Options,
    /// How captures are loaded.
    pub loads: load::Options,
    /// The folders out of which captures may be loaded.
    pub load_folders: Vec<PathBuf>,
    /// How much may be asked for.
    pub limits: Limits,
    /// What says what addresses mean.
    pub meaning: Arc<Sources>,
    /// How long the audit log grows.
    pub audit: audit::Options,
    /// How alerts are kept and told.
    pub alerts: alert::Options,
    /// What decides in `detect` where nobody says otherwise.
    pub deciding: Deciding,
    /// What is looked out for.
    pub lookout: lookout::Options,
}

/// A certificate chain and its key, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The file of the chain, the server's own certificate first.
    pub cert: PathBuf,
    /// The file of the key.
    pub key: PathBuf,
}

/// Who is let in as whom.
#[derive(Debug, Clone)]
pub struct Access {
    /// Names by which this server is known, beside `localhost` and its addresses.
    pub hosts: Vec<String>,
    /// Proxies, whose `Remote-User` is believed.
    pub proxies: Vec<IpNet>,
    /// What callers by a proxy may do who are no users here.
    pub proxy_role: Role,
    /// What callers from this machine may do without a token; none if they need one.
    pub local_role: Option<Role>,
}

impl Options {
    /// Whether nobody but this machine can reach it.
    pub(super) fn is_local(&self) -> bool {
        self.listen.iter().all(|address| address.ip().is_loopback())
    }

    /// The folder of files that jobs export.
    pub(super) fn exports(&self) -> PathBuf {
        self.folder.join("exports")
    }

    /// Makes the folder where there is none: what is in it is nobody else's.
    pub(super) fn prepare_folder(&self) -> Result<(), ServiceError> {
        prepare(&self.folder)
    }
}

/// Makes a folder for its owner alone, where there is none.
pub(super) fn prepare(folder: &Path) -> Result<(), ServiceError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(folder).map_err(ServiceError::file(folder, "make the folder"))
}
