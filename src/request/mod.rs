//! What can be asked, in words: the options of the commands that ask, which are also the parameters
//! of the routes and of the jobs that ask the same.
//!
//! A request is read by one definition from a command line or from [`Parameters`], so both have the
//! same names, the same defaults, and refuse the same things in the same words. It becomes a
//! question and lookups, and carries these out; what an answer looks like is the affair of
//! [`answer`](crate::answer).

mod active_flow;
mod beside;
mod connections;
mod deciding;
mod detect;
mod diff;
mod export;
mod filter;
mod flows;
mod format;
mod loads;
mod parameters;
mod question;
mod refused;
mod report;
mod rule;
mod stats;
mod suppress;
mod surroundings;
mod timeline;
mod top;
mod usage;
mod values;
mod watch;
mod window;
mod zone;

pub use active_flow::ActiveFlow;
pub(crate) use beside::beside;
pub use deciding::Deciding;
pub use detect::Detect;
pub use diff::Diff;
pub use export::{Export, Selection, Target};
pub use filter::shown;
pub use flows::{Flows, FlowsAnswer, Found};
pub use format::FormatParser;
pub use loads::{LoadView, load_state, nothing_read};
pub use parameters::{Described, Parameters, described, read};
pub use question::{QuestionOptions, Scaling, SummaryOptions};
pub use refused::{AskError, Place, Refused};
pub use report::{Report, ReportOptions};
pub use rule::RuleOptions;
pub use stats::{Stats, StatsAnswer};
pub use suppress::{Suppress, Suppressions};
pub use surroundings::Surroundings;
pub use timeline::{Timeline, TimelineAnswer};
pub use top::{Top, keys_of};
pub use usage::UsageAnswer;
pub use values::{amount, one_of, whole_number};
pub use watch::{HitTeller, HitView, ListKind, ListView, OtherView, write_hits_csv};
pub use window::{Window, moment, range_text, show, span_ms};
pub use zone::Zone;
