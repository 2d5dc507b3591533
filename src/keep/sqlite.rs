//! A file of SQLite's: opened for its owner alone, durable over a loss of power, and of use on a
//! full disk.

use std::fmt;
use std::fs::{self, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

use super::{KeepError, Result};

const EMPTY_LOG: &str = "PRAGMA wal_checkpoint(TRUNCATE);";

/// The log is put where it belongs when it has so many pages, of 4 kB.
const LOG_PAGES: u32 = 256;

/// So much room is kept for what must not fail: the log, and what it becomes when it is put where it
/// belongs.
const RESERVE_BYTES: usize = 4 << 20;

/// So many pages go back to the file system at once; others have their turn in between.
const PAGES_AT_ONCE: u32 = 2_000;
const PAUSE: Duration = Duration::from_millis(1);

/// So long are other processes waited for that have a turn at a file that is shared.
const OTHERS_TURN: Duration = Duration::from_secs(5);

/// The tables of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tables {
    /// The version of them.
    pub(crate) format: u32,
    /// What makes them.
    pub(crate) make: &'static str,
}

/// Who may have a file open at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// One process.
    Alone,
    /// Several, turn by turn.
    Among,
}

/// An open file.
pub(crate) struct SqliteFile {
    path: PathBuf,
    /// A file of nothing, which goes where there is no room for what must not fail.
    reserve: PathBuf,
    connection: Mutex<Connection>,
}

impl SqliteFile {
    /// Opens the file at `path`, and makes it where there is none.
    ///
    /// # Errors
    ///
    /// [`KeepError::InUse`] if another process has it, [`KeepError::Newer`] if a later version
    /// wrote it; else what the system meets.
    pub(crate) fn open(path: &Path, tables: &Tables, sharing: Sharing) -> Result<Self> {
        let failed = |error| refused(path, "open", error);
        // What lies beside it has its mode.
        keep_for_us(path).map_err(|error| KeepError::Refused {
            place: path.display().to_string(),
            doing: "open",
            source: error.into(),
        })?;
        let mut connection = Connection::open(path).map_err(failed)?;
        prepare(&mut connection, sharing).map_err(failed)?;
        match make(&mut connection, tables).map_err(failed)? {
            found if found == tables.format => {}
            found => {
                let place = path.display().to_string();
                return Err(KeepError::Newer { place, found, known: tables.format });
            }
        }
        let (path, reserve) = (path.to_owned(), path.with_extension("reserve"));
        Ok(Self { path, reserve, connection: Mutex::new(connection) })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out `work` as a whole or not at all, also on a full disk.
    pub(crate) fn transact<T>(
        &self,
        doing: &'static str,
        work: impl Fn(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let done = match self.try_transact(&work) {
            Err(error) if is_full(&error) => {
                let _ = fs::remove_file(&self.reserve);
                self.try_transact(&work)
            }
            done => done,
        };
        done.map_err(|error| refused(&self.path, doing, error))
    }

    /// As [`Self::transact`], of what may not have the room that is kept for more than it.
    pub(crate) fn transact_within_reserve<T>(
        &self,
        doing: &'static str,
        work: impl Fn(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        self.keep_reserve().map_err(|error| KeepError::Refused {
            place: self.path.display().to_string(),
            doing,
            source: error.into(),
        })?;
        self.try_transact(work).map_err(|error| refused(&self.path, doing, error))
    }

    fn try_transact<T>(
        &self,
        work: impl Fn(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let mut connection = self.connection();
        let transact = |connection: &mut Connection| {
            // What reads first and writes then must not find that another wrote in between.
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        };
        match transact(&mut connection) {
            // It may be the log that has no room to grow: it begins anew when its content is where it
            // belongs.
            Err(error) if is_full(&error) => match connection.execute_batch(EMPTY_LOG) {
                Ok(()) => transact(&mut connection),
                Err(_) => Err(error),
            },
            done => done,
        }
    }

    /// Sees that there is room for what must not fail.
    fn keep_reserve(&self) -> io::Result<()> {
        if self.reserve.exists() {
            return Ok(());
        }
        let written = keep_for_us(&self.reserve)
            .and_then(|()| fs::write(&self.reserve, vec![0; RESERVE_BYTES]));
        written.inspect_err(|_| drop(fs::remove_file(&self.reserve)))
    }

    /// Reads by `work`.
    pub(crate) fn read<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        work(&self.connection()).map_err(|error| refused(&self.path, doing, error))
    }

    /// Gives the room of what was deleted back to the file system.
    pub(crate) fn give_room_back(&self) -> Result<()> {
        const DOING: &str = "give room back";
        let give = |connection: &Connection| {
            let some = format!("PRAGMA incremental_vacuum({PAGES_AT_ONCE})");
            // A page goes with each row that it gives.
            let mut given = connection.prepare(&some)?;
            let mut pages = given.query([])?;
            while pages.next()?.is_some() {}
            connection.query_row("PRAGMA freelist_count", [], |row| row.get::<_, u32>(0))
        };
        let mut before = u32::MAX;
        loop {
            let left = self.read(DOING, give)?;
            if left == 0 || left >= before {
                return self.empty_log(DOING);
            }
            before = left;
            sleep(PAUSE);
        }
    }

    /// Puts the log where it belongs.
    pub(crate) fn empty_log(&self, doing: &'static str) -> Result<()> {
        self.read(doing, |connection| connection.execute_batch(EMPTY_LOG))
    }
}

impl fmt::Display for SqliteFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

/// Makes a file where there is none, and sees that its owner alone may read it. One that is there is
/// not opened: to close it would take the locks off that this process has on it.
fn keep_for_us(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::set_permissions(path, Permissions::from_mode(0o600))
        }
        made => made.map(drop),
    }
}

/// What is promised holds over a loss of power, and no other process comes between.
fn prepare(connection: &mut Connection, sharing: Sharing) -> rusqlite::Result<()> {
    match sharing {
        Sharing::Alone => {
            connection.busy_timeout(Duration::ZERO)?;
            connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        }
        Sharing::Among => connection.busy_timeout(OTHERS_TURN)?,
    }
    // Before there are tables: room that results leave goes back to the file system.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    // The lock is taken by the first that writes.
    connection.transaction_with_behavior(TransactionBehavior::Immediate)?.commit()
}

/// Makes the tables where there are none; the format that there is then.
fn make(connection: &mut Connection, tables: &Tables) -> rusqlite::Result<u32> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found != 0 {
        return Ok(found);
    }
    transaction.execute_batch(tables.make)?;
    transaction.pragma_update(None, "user_version", tables.format)?;
    transaction.commit()?;
    Ok(tables.format)
}

fn is_full(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure))
}

fn refused(path: &Path, doing: &'static str, error: rusqlite::Error) -> KeepError {
    let place = path.display().to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => KeepError::InUse { place },
        _ => KeepError::Refused { place, doing, source: error.into() },
    }
}
