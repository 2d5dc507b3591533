//! Jobs in a file of SQLite's.
//!
//! The file is this process's alone while it is open. Jobs are rows with the document of each as
//! JSON; results lie in pieces, as they came: lines of JSON, compressed.

use std::fmt;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params};

use super::keeper::Result;
use super::{Job, JobId, Keeper, KeeperError, Status};
use crate::keep::{Sharing, SqliteFile, Tables, bounded};

const TABLES: Tables = Tables {
    format: 1,
    make: "
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
);",
};

/// So many pieces of results go at once; others have their turn in between.
const PIECES_AT_ONCE: u32 = 64;
const OTHERS_TURN: Duration = Duration::from_millis(1);

/// Compression costs less than writing what it saves.
const ZSTD_LEVEL: i32 = 1;

/// Keeps jobs in a file.
pub struct SqliteKeeper {
    file: SqliteFile,
}

impl SqliteKeeper {
    /// Opens the file at `path`, and makes it where there is none.
    ///
    /// # Errors
    ///
    /// [`KeepError::InUse`](crate::keep::KeepError::InUse) if another process has it, [`KeepError::Newer`](crate::keep::KeepError::Newer) if a later
    /// version wrote it; else what the system meets.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self { file: SqliteFile::open(path, &TABLES, Sharing::Alone)? })
    }

    fn transact<T>(
        &self,
        doing: &'static str,
        work: impl Fn(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        Ok(self.file.transact(doing, work)?)
    }

    fn read<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        Ok(self.file.read(doing, work)?)
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
        self.file.fmt(f)
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
        // Results take no room that is needed for more than them.
        let append = |transaction: &Transaction<'_>| {
            let rows = zstd::bulk::compress(rows.join("\n").as_bytes(), ZSTD_LEVEL)
                .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
            let (second, number) = job.id.numbers();
            let row = (second, number, bounded(first), rows);
            transaction.execute("REPLACE INTO results VALUES (?1, ?2, ?3, ?4)", row).map(drop)
        };
        Ok(self.file.transact_within_reserve("keep results", append)?)
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
        Ok(self.file.give_room_back()?)
    }

    fn remove(&self, job: &Job) -> Result<()> {
        self.forget_results(job.id)?;
        self.transact("forget a job", |transaction| {
            let one = "DELETE FROM jobs WHERE second = ?1 AND number = ?2";
            transaction.execute(one, job.id.numbers()).map(drop)
        })?;
        Ok(self.file.give_room_back()?)
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
}

/// The lines of a piece.
fn lines_of(piece: &[u8]) -> rusqlite::Result<String> {
    let damaged = |error| rusqlite::Error::FromSqlConversionFailure(1, Type::Blob, error);
    let lines = zstd::decode_all(piece).map_err(|error| damaged(error.into()))?;
    String::from_utf8(lines).map_err(|error| damaged(error.into()))
}
