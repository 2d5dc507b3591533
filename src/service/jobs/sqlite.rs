//! Jobs in a file of SQLite's.
//!
//! The file is this process's alone while it is open. Jobs are rows with the document of each as
//! JSON; results lie in pieces, as they came: lines of JSON, compressed.

use std::fmt;
use std::fs::{self, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use rusqlite::types::Type;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, Transaction, named_params};

use super::keeper::{Result, bounded};
use super::{Job, JobId, Keeper, KeeperError, Status};

/// The version of the tables below.
const FORMAT: u32 = 1;

const TABLES: &str = "
CREATE TABLE jobs (
    second INTEGER NOT NULL,
    number INTEGER NOT NULL,
    status TEXT NOT NULL,
    job TEXT NOT NULL,
    PRIMARY KEY (second, number)
) WITHOUT ROWID;
CREATE TABLE results (
    second INTEGER NOT NULL,
    number INTEGER NOT NULL,
    first INTEGER NOT NULL,
    rows BLOB NOT NULL,
    PRIMARY KEY (second, number, first)
);";

const EMPTY_LOG: &str = "PRAGMA wal_checkpoint(TRUNCATE);";

/// The log is put where it belongs when it has so many pages, of 4 kB.
const LOG_PAGES: u32 = 256;

/// So much room is kept for what became of jobs: the log, and what it becomes when it is put where it
/// belongs.
const RESERVE_BYTES: usize = 4 << 20;

/// So many pieces of results go at once, and so many pages back to the file system; others have their
/// turn in between.
const PIECES_AT_ONCE: u32 = 64;
const PAGES_AT_ONCE: u32 = 2_000;
const OTHERS_TURN: Duration = Duration::from_millis(1);

/// Compression costs less than writing what it saves.
const ZSTD_LEVEL: i32 = 1;

/// Keeps jobs in a file.
pub struct SqliteKeeper {
    path: PathBuf,
    /// A file of nothing, which goes where there is no room for what became of a job.
    reserve: PathBuf,
    connection: Mutex<Connection>,
}

impl SqliteKeeper {
    /// Opens the file at `path`, and makes it where there is none.
    ///
    /// # Errors
    ///
    /// [`KeeperError::InUse`] if another process has it, [`KeeperError::Newer`] if a later version
    /// wrote it; else what the system meets.
    pub fn open(path: &Path) -> Result<Self> {
        let failed = |error| refused(path, "open", error);
        // What lies beside it has its mode.
        keep_for_us(path).map_err(|error| KeeperError::Refused {
            place: path.display().to_string(),
            doing: "open",
            source: error.into(),
        })?;
        let mut connection = Connection::open(path).map_err(failed)?;
        prepare(&mut connection).map_err(failed)?;
        let found: u32 =
            connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
        match found {
            0 => make(&mut connection).map_err(failed)?,
            FORMAT => {}
            _ => {
                let place = path.display().to_string();
                return Err(KeeperError::Newer { place, found, known: FORMAT });
            }
        }
        let (path, reserve) = (path.to_owned(), path.with_extension("reserve"));
        Ok(Self { path, reserve, connection: Mutex::new(connection) })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out `work` as a whole or not at all, also on a full disk.
    fn transact<T>(
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

    fn try_transact<T>(
        &self,
        work: impl Fn(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let mut connection = self.connection();
        let transact = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
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

    fn read<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        work(&self.connection()).map_err(|error| refused(&self.path, doing, error))
    }
}

/// What is promised holds over a loss of power, and no other process comes between.
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

fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::ZERO)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    // Before there are tables: room that results leave goes back to the file system.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    // The lock is taken by the first that writes.
    connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?.commit()
}

fn make(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

fn is_full(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure))
}

fn refused(path: &Path, doing: &'static str, error: rusqlite::Error) -> KeeperError {
    let place = path.display().to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => KeeperError::InUse { place },
        _ => KeeperError::Refused { place, doing, source: error.into() },
    }
}

/// A job as it is kept in the first column of `row`.
fn job_of(row: &Row<'_>) -> rusqlite::Result<Job> {
    let text: String = row.get(0)?;
    serde_json::from_str(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, error.into()))
}

fn text_of(job: &Job) -> rusqlite::Result<String> {
    serde_json::to_string(job)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

fn kept(connection: &Connection, id: JobId) -> rusqlite::Result<Option<Job>> {
    let one = "SELECT job FROM jobs WHERE second = ?1 AND number = ?2";
    connection.prepare(one)?.query_row(id.numbers(), job_of).optional()
}

impl fmt::Display for SqliteKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

impl Keeper for SqliteKeeper {
    fn add(&self, job: &Job) -> Result<()> {
        let other = self.transact("add a job", |transaction| {
            if let Some(known) = kept(transaction, job.id)? {
                return Ok(known != *job);
            }
            let (second, number) = job.id.numbers();
            let row = (second, number, job.status.name(), text_of(job)?);
            transaction.execute("INSERT INTO jobs VALUES (?1, ?2, ?3, ?4)", row)?;
            Ok(false)
        })?;
        if other { Err(KeeperError::Exists(job.id)) } else { Ok(()) }
    }

    fn job(&self, id: JobId) -> Result<Option<Job>> {
        self.read("read a job", |connection| kept(connection, id))
    }

    fn jobs(&self, offset: u64, limit: u64) -> Result<Vec<Job>> {
        self.read("list the jobs", |connection| {
            let newest =
                "SELECT job FROM jobs ORDER BY second DESC, number DESC LIMIT ?1 OFFSET ?2";
            let page = [bounded(limit), bounded(offset)];
            connection.prepare(newest)?.query_map(page, job_of)?.collect()
        })
    }

    fn unfinished(&self) -> Result<Vec<Job>> {
        self.read("list the jobs", |connection| {
            let oldest = "SELECT job FROM jobs WHERE status IN (?1, ?2) ORDER BY second, number";
            let unfinished = [Status::Created.name(), Status::Started.name()];
            connection.prepare(oldest)?.query_map(unfinished, job_of)?.collect()
        })
    }

    fn replace(&self, job: &Job, from: Status) -> Result<bool> {
        self.transact("keep a job", |transaction| {
            let known = kept(transaction, job.id)?;
            if known.as_ref() == Some(job) {
                return Ok(true);
            }
            if known.is_none_or(|known| known.status != from) {
                return Ok(false);
            }
            let (second, number) = job.id.numbers();
            let row = (second, number, job.status.name(), text_of(job)?);
            transaction.execute("REPLACE INTO jobs VALUES (?1, ?2, ?3, ?4)", row)?;
            Ok(true)
        })
    }

    fn append(&self, job: &Job, first: u64, rows: &[String]) -> Result<()> {
        let doing = "keep results";
        let full = |error: io::Error| KeeperError::Refused {
            place: self.path.display().to_string(),
            doing,
            source: error.into(),
        };
        // Results take no room that is needed for more than them.
        self.keep_reserve().map_err(full)?;
        let append = |transaction: &Transaction<'_>| {
            let rows = zstd::bulk::compress(rows.join("\n").as_bytes(), ZSTD_LEVEL)
                .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
            let (second, number) = job.id.numbers();
            let row = (second, number, bounded(first), rows);
            transaction.execute("REPLACE INTO results VALUES (?1, ?2, ?3, ?4)", row).map(drop)
        };
        self.try_transact(append).map_err(|error| refused(&self.path, doing, error))
    }

    fn results(&self, job: &Job, offset: u64, limit: u64) -> Result<Vec<String>> {
        let until = offset.saturating_add(limit);
        self.read("read results", |connection| {
            // From the piece that the first of them is in.
            let mut pieces = connection.prepare(
                "SELECT first, rows FROM results
                WHERE second = :second AND number = :number AND first < :until AND first >= (
                    SELECT max(first) FROM results
                    WHERE second = :second AND number = :number AND first <= :offset)
                ORDER BY first",
            )?;
            let (second, number) = job.id.numbers();
            let (offset_at, until_at) = (bounded(offset), bounded(until));
            let mut pieces = pieces.query(named_params! {
                ":second": second, ":number": number, ":offset": offset_at, ":until": until_at,
            })?;
            let mut results = Vec::new();
            while let Some(piece) = pieces.next()? {
                let first = piece.get::<_, i64>(0)?.cast_unsigned();
                let lines = lines_of(piece.get_ref(1)?.as_blob()?)?;
                let wanted = lines.lines().zip(first..until).filter(|&(_, at)| at >= offset);
                results.extend(wanted.map(|(line, _)| line.to_owned()));
            }
            Ok(results)
        })
    }

    fn clear(&self, job: &Job) -> Result<()> {
        self.forget_results(job.id)?;
        self.give_room_back()
    }

    fn remove(&self, job: &Job) -> Result<()> {
        self.forget_results(job.id)?;
        self.transact("forget a job", |transaction| {
            let one = "DELETE FROM jobs WHERE second = ?1 AND number = ?2";
            transaction.execute(one, job.id.numbers()).map(drop)
        })?;
        self.give_room_back()
    }
}

impl SqliteKeeper {
    /// Forgets the results of a job, the last ones first: what is left is the beginning.
    fn forget_results(&self, id: JobId) -> Result<()> {
        let last = "DELETE FROM results WHERE rowid IN (SELECT rowid FROM results
            WHERE second = ?1 AND number = ?2 ORDER BY first DESC LIMIT ?3)";
        let (second, number) = id.numbers();
        let pieces = (second, number, PIECES_AT_ONCE);
        while self.transact("forget results", |transaction| transaction.execute(last, pieces))?
            == PIECES_AT_ONCE as usize
        {
            sleep(OTHERS_TURN);
        }
        Ok(())
    }

    fn give_room_back(&self) -> Result<()> {
        let give = |connection: &Connection| {
            connection.execute_batch(&format!("PRAGMA incremental_vacuum({PAGES_AT_ONCE});"))?;
            connection.query_row("PRAGMA freelist_count", [], |row| row.get::<_, u32>(0))
        };
        let mut before = u32::MAX;
        loop {
            let left = self.read("give room back", give)?;
            if left == 0 || left >= before {
                return self.read("give room back", |c| c.execute_batch(EMPTY_LOG));
            }
            before = left;
            sleep(OTHERS_TURN);
        }
    }
}

/// The lines of a piece.
fn lines_of(piece: &[u8]) -> rusqlite::Result<String> {
    let damaged = |error| rusqlite::Error::FromSqlConversionFailure(1, Type::Blob, error);
    let lines = zstd::decode_all(piece).map_err(|error| damaged(error.into()))?;
    String::from_utf8(lines).map_err(|error| damaged(error.into()))
}
