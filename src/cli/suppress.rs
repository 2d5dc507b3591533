//! `detect suppress`: what need not be told.

use clap::Subcommand;
use nix::unistd::{Uid, User};

use super::failure::{Ending, Usage};
use super::output::{self, Output, say};
use super::outside::{Outside, surroundings};
use super::serve::ServiceFolder;
use super::settings::{Flags, Settings};
use crate::alert::{SuppressionsError, suppress, suppressions, unsuppress};
use crate::answer::words::columns;
use crate::detect::Suppression;
use crate::request::{Suppress, Zone, show};

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase detect suppress add --kind beacon --where 'dst net 198.51.100.0/24' \\
      --reason 'updates of the printers' --until 2027-01-01
  earlgrey-hbase detect suppress add --kind scan --where 'src network \"scanner\"' --reason 'ours'
  earlgrey-hbase detect suppress add --id 8c1f2a90b3d47e65 --reason 'looked at: a backup'
  earlgrey-hbase detect suppress list
  earlgrey-hbase detect suppress remove 3

The source of a filter is who did it, its destination whom it was done to; of a flood the source is who
suffers it.";

/// Say which detections need not be told. A suppression holds when a report is made: what is stored stays,
/// and what was suppressed is told again when it is removed.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Suppress detections of a kind, of an id, or that a filter holds of
    Add {
        #[command(flatten)]
        suppress: Suppress,
        #[command(flatten)]
        place: ServiceFolder,
    },
    /// Print what is suppressed, why, by whom and until when
    List {
        #[command(flatten)]
        place: ServiceFolder,
        /// How it is written
        #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
        output: Output,
    },
    /// Have told again what was suppressed
    Remove {
        /// Its number, as list has it
        number: u64,
        #[command(flatten)]
        place: ServiceFolder,
    },
}

impl Args {
    pub(super) fn flags(&self) -> Flags {
        let (Action::Add { place, .. } | Action::List { place, .. } | Action::Remove { place, .. }) =
            &self.action;
        vec![place.flag()]
    }
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    let folder = settings.service_folder()?;
    let outside = Outside(settings);
    let around = surroundings(&outside);
    match &args.action {
        Action::Add { suppress: what, .. } => {
            let number = suppress(folder, what.suppression(&user(), &around)?)?;
            say(format_args!("{number} is suppressed"));
        }
        Action::List { output: Output::Json, .. } => {
            output::print_json(&suppressions(folder)?)?;
        }
        Action::List { .. } => {
            output::print_all(&text(&suppressions(folder)?, &settings.tz.value))?;
        }
        Action::Remove { number, .. } => {
            unsuppress(folder, *number).map_err(|error| match error {
                error @ SuppressionsError::Unknown(_) => Usage(error.to_string()).into(),
                error => anyhow::Error::new(error),
            })?;
            say(format_args!("{number} is told again"));
        }
    }
    Ok(Ending::Done)
}

/// Who works with this.
pub(super) fn user() -> String {
    let uid = Uid::current();
    let user = User::from_uid(uid).ok().flatten();
    user.map_or_else(|| uid.to_string(), |user| user.name)
}

fn text(all: &[Suppression], zone: &Zone) -> String {
    let head = ["number", "what", "why", "by", "added", "until"].map(str::to_owned);
    let mut rows = vec![head.to_vec()];
    rows.extend(all.iter().map(|suppression| {
        let until = suppression.until.map_or("removed".to_owned(), |until| show(until, zone));
        vec![
            suppression.number.to_string(),
            what(suppression),
            suppression.reason.clone(),
            suppression.by.clone(),
            show(suppression.added, zone),
            until,
        ]
    }));
    columns(&rows, &[true, false, false, false, false, false])
}

/// `beacon, dst net 198.51.100.0/24`.
fn what(suppression: &Suppression) -> String {
    let kinds = suppression.kinds.iter().map(|kind| kind.name().to_owned());
    let id = suppression.id.iter().map(|id| format!("id {id}"));
    kinds.chain(id).chain(suppression.written.clone()).collect::<Vec<_>>().join(", ")
}
