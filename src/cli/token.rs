//! `token`: what programs prove by who they are.

use clap::Subcommand;
use serde::Serialize;

use super::failure::{Ending, Usage};
use super::output::{self, Output, say};
use super::serve::ServiceFolder;
use super::settings::{Flags, Settings};
use crate::answer::words::columns;
use crate::flow::UnixMillis;
use crate::request::{Zone, show, span_ms};
use crate::service::auth::{self, Accounts, Role, Token};

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase token add grafana --role reader
  earlgrey-hbase token add nightly --role analyst --expires 90d
  curl -H \"Authorization: Bearer $TOKEN\" https://flows.example.org:8742/metrics
  earlgrey-hbase token list
  earlgrey-hbase token revoke grafana                    a running server knows at once

A reader may ask, an analyst may also start jobs, and an admin may also load and delete.";

/// Make and revoke the tokens by which programs ask a server.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    place: ServiceFolder,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a token, and print it: nobody can find it out later
    #[command(after_help = EXAMPLES)]
    Add {
        /// What it is called
        name: String,
        /// What it may be used for: reader, analyst, admin
        #[arg(long, default_value = "reader")]
        role: Role,
        /// When it ends [default: never]
        #[arg(long, value_name = "SPAN", value_parser = span_ms)]
        expires: Option<u64>,
    },
    /// Print all tokens, but not what proves them
    List {
        /// How they are written
        #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
        output: Output,
    },
    /// Take a token away
    Revoke {
        /// What it is called
        name: String,
    },
}

impl Args {
    pub(super) fn flags(&self) -> Flags {
        vec![self.place.flag()]
    }
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    let folder = settings.service_folder()?;
    match &args.action {
        Action::Add { name, role, expires } => {
            let ends = |span_ms: &u64| UnixMillis::now() + *span_ms;
            let expires = expires.as_ref().map(ends);
            let add = |accounts: &mut Accounts| accounts.add_token(name, *role, expires);
            let token = auth::change(folder, add)?;
            output::print_all(&format!("{token}\n"))?;
            say("keep it: it is not shown again");
        }
        Action::List { output } => {
            let accounts = Accounts::read(folder)?;
            let zone = &settings.tz.value;
            let tokens: Vec<Shown> =
                accounts.tokens.values().map(|token| Shown::of(token, zone)).collect();
            output.print(&tokens, |tokens| text(tokens))?;
        }
        Action::Revoke { name } => {
            auth::change(folder, |accounts| accounts.revoke(name))
                .map_err(|error| Usage(error.to_string()))?;
            say(format_args!("{name} is revoked"));
        }
    }
    Ok(Ending::Done)
}

/// A token as it is listed.
#[derive(Serialize)]
struct Shown {
    name: String,
    role: Role,
    created: String,
    expires: Option<String>,
    over: bool,
}

impl Shown {
    fn of(token: &Token, zone: &Zone) -> Self {
        Self {
            name: token.name.clone(),
            role: token.role,
            created: show(token.created, zone),
            expires: token.expires.map(|time| show(time, zone)),
            over: token.is_over(UnixMillis::now()),
        }
    }
}

fn text(tokens: &[Shown]) -> String {
    let heads = ["name", "role", "created", "expires"].map(str::to_owned).to_vec();
    let rows = tokens.iter().map(|token| {
        let expires = token.expires.clone().unwrap_or_else(|| "never".to_owned());
        let expires = if token.over { format!("{expires} (over)") } else { expires };
        vec![token.name.clone(), token.role.to_string(), token.created.clone(), expires]
    });
    columns(&std::iter::once(heads).chain(rows).collect::<Vec<_>>(), &[false; 4])
}
