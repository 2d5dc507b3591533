//! `user`: who may log in with a browser.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::Context;
use clap::Subcommand;
use nix::sys::termios::{self, LocalFlags, SetArg};
use serde::Serialize;

use super::failure::{Ending, Usage};
use super::output::{Output, say};
use super::serve::ServiceFolder;
use super::settings::{Flags, Settings};
use crate::answer::words::columns;
use crate::request::show;
use crate::service::auth::{self, Accounts, Role};

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase user add anna --role analyst            asks for the password
  earlgrey-hbase user add anna --role admin < password   or reads it, and changes what there was
  earlgrey-hbase user add berta --no-password            only a proxy lets her in
  earlgrey-hbase user list
  earlgrey-hbase user remove anna                        her sessions end at once";

/// A password has at least so many characters.
const MIN_PASSWORD: usize = 10;

/// Say who may log in to a server with a browser.
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
    /// Add a user, or change one. The password is asked for, or read from standard input
    #[command(after_help = EXAMPLES)]
    Add {
        /// The name
        name: String,
        /// What he may do: reader, analyst, admin
        #[arg(long, default_value = "reader")]
        role: Role,
        /// Without a password: only a proxy lets him in, by his name
        #[arg(long)]
        no_password: bool,
    },
    /// Print all users
    List {
        /// How they are written
        #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
        output: Output,
    },
    /// Take a user away
    Remove {
        /// The name
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
        Action::Add { name, role, no_password } => {
            let password = (!no_password).then(password).transpose()?;
            auth::change(folder, |accounts| accounts.set_user(name, *role, password.as_deref()))?;
            say(format_args!("{name} is {role}"));
        }
        Action::List { output } => {
            let accounts = Accounts::read(folder)?;
            let users = accounts.users.iter().map(|(name, user)| Shown {
                name,
                role: user.role,
                changed: show(user.changed, &settings.tz.value),
                password: user.has_password(),
            });
            output.print(&users.collect::<Vec<_>>(), |users| text(users))?;
        }
        Action::Remove { name } => {
            auth::change(folder, |accounts| accounts.remove_user(name))
                .map_err(|error| Usage(error.to_string()))?;
            say(format_args!("{name} is removed"));
        }
    }
    Ok(Ending::Done)
}

/// A user as he is listed.
#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    role: Role,
    changed: String,
    password: bool,
}

fn text(users: &[Shown]) -> String {
    let heads = ["name", "role", "changed", "password"].map(str::to_owned).to_vec();
    let rows = users.iter().map(|user| {
        let password = if user.password { "yes" } else { "no" };
        vec![user.name.to_owned(), user.role.to_string(), user.changed.clone(), password.to_owned()]
    });
    columns(&std::iter::once(heads).chain(rows).collect::<Vec<_>>(), &[false; 4])
}

/// The password: asked for twice at a terminal, else the first line of standard input.
fn password() -> anyhow::Result<String> {
    let stdin = io::stdin();
    let password = if stdin.is_terminal() {
        let first = unseen("password: ")?;
        if unseen("once more: ")? != first {
            return Err(Usage("the two are not the same".to_owned()).into());
        }
        first
    } else {
        line(&mut stdin.lock())?
    };
    if password.chars().count() < MIN_PASSWORD {
        let told = format!("a password has at least {MIN_PASSWORD} characters");
        return Err(Usage(told).into());
    }
    Ok(password)
}

fn line(from: &mut impl BufRead) -> anyhow::Result<String> {
    let mut line = String::new();
    from.read_line(&mut line).context("read the password from standard input")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Asks at the terminal, which does not show what is written.
fn unseen(question: &str) -> anyhow::Result<String> {
    let stdin = io::stdin();
    let _ = write!(io::stderr(), "{question}").and_then(|()| io::stderr().flush());
    let before = termios::tcgetattr(&stdin).context("terminal")?;
    let mut hidden = before.clone();
    hidden.local_flags.remove(LocalFlags::ECHO);
    termios::tcsetattr(&stdin, SetArg::TCSAFLUSH, &hidden).context("terminal")?;
    let read = line(&mut stdin.lock());
    termios::tcsetattr(&stdin, SetArg::TCSAFLUSH, &before).context("terminal")?;
    say("");
    read
}
