//! Questions as others ask them: over HTTP, by programs and by browsers.
//!
//! A [`Server`] listens, and gives requests to the [`router`]. Around all routes lie, from the
//! outside: the account of each request (`account`), of which the audit log and the counters learn,
//! what every answer has (`around`), who may ask at all and who it is that asks ([`auth`]), and how
//! much he may ask for ([`limits`]). A route says whom it answers ([`routes`]), and what goes wrong
//! is a [`problem`].

mod account;
mod alert_counters;
mod api;
mod around;
mod assets;
pub mod audit;
mod audit_file;
mod audited;
pub mod auth;
pub mod caller;
mod connection;
mod counters;
mod detecting;
mod error;
mod exporters;
mod health;
pub mod jobs;
pub mod limits;
mod listen;
mod lists;
pub mod lookout;
mod noted;
mod options;
mod page;
mod places;
pub mod problem;
mod refusal;
pub mod routes;
mod tls;
mod turns;

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use tokio::sync::Notify;

use crate::alert::{self, Alerts, Way};
use crate::collect::{self, Collector};
use crate::store::Store;
use audit::Audit;
use audited::Audited;
use auth::Guard;
use counters::Counters;
use health::Readiness;
use jobs::{Jobs, Tasks};
use limits::Limiter;
use lists::Lists;
use lookout::Lookout;
use routes::Routes;
use turns::Turns;

pub use error::ServiceError;
pub use listen::Server;
pub use noted::{Notes, Rows};
pub use options::{Access, Options, TlsFiles};
pub use page::report_page;

/// At the end of a service, jobs have so long to end.
const JOBS_END_WITHIN: Duration = Duration::from_secs(5);
/// And messages so long to be sent.
const ALERTS_END_WITHIN: Duration = Duration::from_secs(5);

/// What every route works with.
pub type Shared = Arc<Service>;

/// A store that is asked over HTTP.
pub struct Service {
    /// Where the answers come from.
    pub store: Arc<dyn Store>,
    /// How it was asked to work.
    pub options: Options,
    lists: Lists,
    lookout: Lookout,
    jobs: Jobs,
    alerts: Alerts,
    ways: Mutex<Vec<Way>>,
    guard: Guard,
    limiter: Limiter,
    audit: Arc<Audit>,
    counters: Counters,
    readiness: Readiness,
    turns: Arc<Turns>,
    collector: OnceLock<Weak<Collector>>,
    stopping: AtomicBool,
    stopped: Notify,
}

impl Service {
    /// Prepares to serve `store`, and makes its folder where there is none. Alerts go out by `ways`.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if `options` would let in whom they should not, or the folder or what is in
    /// it cannot be used.
    pub fn new(
        store: Arc<dyn Store>,
        mut options: Options,
        ways: Vec<Way>,
    ) -> Result<Self, ServiceError> {
        options.prepare_folder()?;
        // What sums may take is shared by all that may be at work.
        options.sums.memory_bytes /= Turns::everything() + options.job_options.at_once.max(1);
        let guard = Guard::new(&options)?;
        let lists = Lists {
            store: Arc::clone(&store),
            folder: options.folder.join("lists"),
            meaning: Arc::clone(&options.meaning),
        };
        let tasks = Tasks {
            store: Arc::clone(&store),
            zone: options.zone.clone(),
            sums: options.sums.clone(),
            files: Box::new(lists.clone()),
            loads: options.loads.clone(),
            load_folders: options.load_folders.clone(),
            exports: options.exports(),
            deciding: options.deciding.clone(),
            folder: options.folder.clone(),
        };
        let audit = Arc::new(Audit::open(&options.folder, options.audit)?);
        tasks.clean();
        let work = Audited { work: tasks, audit: Arc::clone(&audit) };
        let keeper = jobs::keeper(options.jobs.as_deref(), &options.folder)
            .map_err(|error| ServiceError::Jobs(error.into()))?;
        let jobs = Jobs::new(keeper, Box::new(work), options.job_options.clone());
        let keeper = alert::keeper(options.jobs.as_deref(), &options.folder)
            .map_err(ServiceError::Alerts)?;
        let alerts = Alerts::new(keeper, &ways, options.alerts.clone());
        Ok(Self {
            store,
            lists,
            lookout: Lookout::default(),
            jobs,
            alerts,
            ways: Mutex::new(ways),
            guard,
            limiter: Limiter::new(&options.limits),
            audit,
            counters: Counters::default(),
            readiness: Readiness::default(),
            turns: Turns::new(&options.limits),
            collector: OnceLock::new(),
            stopping: AtomicBool::new(false),
            stopped: Notify::new(),
            options,
        })
    }

    /// Has jobs carried out, also those that an earlier process left behind.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Thread`].
    pub fn begin_jobs(&self) -> Result<(), ServiceError> {
        self.jobs.begin().map_err(ServiceError::Thread)
    }

    /// Has jobs end that are under way, as far as they do within some seconds.
    pub fn close_jobs(&self) {
        self.jobs.close(JOBS_END_WITHIN);
    }

    /// Has alerts sent, also those that an earlier process left behind.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Thread`].
    pub fn begin_alerts(&self) -> Result<(), ServiceError> {
        let ways = std::mem::take(&mut *self.ways.lock().unwrap_or_else(PoisonError::into_inner));
        self.alerts.begin(ways).map_err(ServiceError::Thread)
    }

    /// Has messages end that are being sent, as far as they do within some seconds.
    pub fn close_alerts(&self) {
        self.alerts.close(ALERTS_END_WITHIN);
    }

    /// Has rules, detections and watch lists looked for.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Thread`].
    pub fn begin_lookout(self: &Arc<Self>) -> Result<(), ServiceError> {
        self.lookout.begin(self)
    }

    /// Has looks end that are under way, as far as they do within some seconds.
    pub fn close_lookout(&self) {
        self.lookout.close(ALERTS_END_WITHIN);
    }

    /// Its alerts.
    pub(crate) fn alerts(&self) -> &Alerts {
        &self.alerts
    }

    /// Its jobs.
    pub(crate) fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    /// Has the collector's counters told, too, which works beside this.
    pub fn tell_of(&self, collector: &Arc<Collector>) {
        // It is told once, before anything is served.
        let _ = self.collector.set(Arc::downgrade(collector));
    }

    /// How the collector stands that works beside this, if one does.
    pub fn collector(&self) -> Option<collect::Status> {
        self.collector.get().and_then(Weak::upgrade).map(|collector| collector.status())
    }

    /// Has everything come to an end that waits or goes on: streams of events, answers.
    pub fn stop(&self) {
        self.stopping.store(true, SeqCst);
        self.stopped.notify_waiters();
    }

    /// Whether it is to come to an end.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(SeqCst)
    }

    /// Waits until it is to come to an end.
    pub async fn stopped(&self) {
        let stopped = self.stopped.notified();
        if !self.is_stopping() {
            stopped.await;
        }
    }
}

/// All routes, with whom they answer.
pub fn routes() -> Routes {
    Routes::default()
        .and(health::routes())
        .and(auth::routes())
        .and(api::routes())
        .and(page::routes())
}

/// What answers all requests.
pub fn router(service: &Shared) -> Router {
    let guarded = routes()
        .into_router()
        .fallback(around::not_found)
        .method_not_allowed_fallback(around::method_not_allowed)
        // How long a body may be is for `auth::admit` to say, of all routes alike.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(Arc::clone(service), auth::admit));
    // A machine that looks after this one knows no name of it, and is told nothing.
    let router = guarded.merge(health::open_routes().into_router());
    around::layers(router, service).with_state(Arc::clone(service))
}
