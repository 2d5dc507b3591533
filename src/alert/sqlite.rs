//! Alerts in a file of SQLite's, which several processes may have open: a server, and commands that
//! ask what it keeps.

use std::fmt;
use std::path::Path;

use rusqlite::types::{Type, Value};
use rusqlite::{OptionalExtension, Row, Transaction, params_from_iter};

use super::Kept;
use super::keeper::{Keeper, Wanted, rank};
use crate::flow::UnixMillis;
use crate::keep::{Result, Sharing, SqliteFile, Tables, bounded};

const TABLES: Tables = Tables {
    format: 1,
    make: "
CREATE TABLE alerts (
    id TEXT PRIMARY KEY NOT NULL,
    raised INTEGER NOT NULL,
    source TEXT NOT NULL,
    name TEXT NOT NULL,
    severity INTEGER NOT NULL,
    state TEXT NOT NULL,
    version INTEGER NOT NULL,
    alert TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX alerts_raised ON alerts (raised, id);
CREATE TABLE waiting (
    way TEXT NOT NULL,
    due INTEGER NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (way, due, id)
) WITHOUT ROWID;
CREATE INDEX waiting_id ON waiting (id);",
};

/// So many alerts are forgotten at once; others have their turn in between.
const FORGOTTEN_AT_ONCE: u32 = 500;

/// Keeps alerts in a file.
pub struct SqliteKeeper {
    file: SqliteFile,
}

impl SqliteKeeper {
    /// Opens the file at `path`, and makes it where there is none.
    ///
    /// # Errors
    ///
    /// [`KeepError::Newer`](crate::keep::KeepError::Newer) if a later version wrote it; else what
    /// the system meets.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self { file: SqliteFile::open(path, &TABLES, Sharing::Among)? })
    }
}

impl fmt::Display for SqliteKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.file.fmt(f)
    }
}

/// What of an alert is looked for, beside its document.
fn columns(kept: &Kept) -> rusqlite::Result<[Value; 8]> {
    let text = serde_json::to_string(kept)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let alert = &kept.alert;
    Ok([
        Value::Text(alert.id.clone()),
        Value::Integer(bounded(kept.raised.0)),
        Value::Text(alert.source.name().to_owned()),
        Value::Text(alert.name.clone()),
        Value::Integer(rank(alert.severity)),
        Value::Text(kept.state.name().to_owned()),
        Value::Integer(bounded(kept.version)),
        Value::Text(text),
    ])
}

/// The alert whose version and document are the first columns of `row`.
fn kept_of(row: &Row<'_>) -> rusqlite::Result<Kept> {
    let (version, text) = (row.get::<_, i64>(0)?, row.get::<_, String>(1)?);
    let damaged = |error| rusqlite::Error::FromSqlConversionFailure(1, Type::Text, error);
    let kept: Kept = serde_json::from_str(&text).map_err(|error| damaged(error.into()))?;
    Ok(Kept { version: version.cast_unsigned(), ..kept })
}

fn keep_waiting(transaction: &Transaction<'_>, kept: &Kept) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM waiting WHERE id = ?1", [&kept.alert.id])?;
    for message in kept.waiting() {
        let row = (&message.way, bounded(message.due.0), &kept.alert.id);
        transaction.execute("INSERT INTO waiting VALUES (?1, ?2, ?3)", row)?;
    }
    Ok(())
}

impl Keeper for SqliteKeeper {
    fn add(&self, kept: &Kept) -> Result<bool> {
        self.file.transact("keep an alert", |transaction| {
            let all = "INSERT INTO alerts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                ON CONFLICT (id) DO NOTHING";
            let added = transaction.execute(all, params_from_iter(columns(kept)?))? > 0;
            if added {
                keep_waiting(transaction, kept)?;
            }
            Ok(added)
        })
    }

    fn replace(&self, kept: &Kept) -> Result<bool> {
        self.file.transact("keep an alert", |transaction| {
            let known = "UPDATE alerts SET raised = ?2, source = ?3, name = ?4, severity = ?5,
                state = ?6, version = ?7, alert = ?8 WHERE id = ?1 AND version = ?7 - 1";
            let replaced = transaction.execute(known, params_from_iter(columns(kept)?))? > 0;
            if replaced {
                keep_waiting(transaction, kept)?;
            }
            Ok(replaced)
        })
    }

    fn alert(&self, id: &str) -> Result<Option<Kept>> {
        self.file.read("read an alert", |connection| {
            let one = "SELECT version, alert FROM alerts WHERE id = ?1";
            connection.prepare(one)?.query_row([id], kept_of).optional()
        })
    }

    fn alerts(&self, wanted: &Wanted) -> Result<Vec<Kept>> {
        let Wanted { since, source, name, severity, state, after, limit } = wanted;
        let text = |text: &str| Value::Text(text.to_owned());
        let terms = [
            since.map(|since| ("raised >= ?", vec![Value::Integer(bounded(since.0))])),
            source.map(|source| ("source = ?", vec![text(source.name())])),
            name.as_deref().map(|name| ("name = ?", vec![text(name)])),
            severity.map(|least| ("severity >= ?", vec![Value::Integer(rank(least))])),
            state.map(|state| ("state = ?", vec![text(state.name())])),
            after.as_ref().map(|(raised, id)| {
                ("(raised, id) < (?, ?)", vec![Value::Integer(bounded(raised.0)), text(id)])
            }),
        ];
        let (terms, values): (Vec<_>, Vec<_>) = terms.into_iter().flatten().unzip();
        let terms = if terms.is_empty() { "TRUE".to_owned() } else { terms.join(" AND ") };
        let question = format!(
            "SELECT version, alert FROM alerts WHERE {terms} ORDER BY raised DESC, id DESC LIMIT ?"
        );
        let values = values.into_iter().flatten().chain([Value::Integer(bounded(*limit))]);
        self.file.read("list the alerts", |connection| {
            connection.prepare(&question)?.query_map(params_from_iter(values), kept_of)?.collect()
        })
    }

    fn due(&self, way: &str, limit: u64) -> Result<Vec<Kept>> {
        self.file.read("list what is to be sent", |connection| {
            let first = "SELECT version, alert FROM waiting JOIN alerts USING (id)
                WHERE way = ?1 ORDER BY due, id LIMIT ?2";
            let these = (way, bounded(limit));
            connection.prepare(first)?.query_map(these, kept_of)?.collect()
        })
    }

    fn waiting(&self, way: &str) -> Result<u64> {
        self.file.read("count what is to be sent", |connection| {
            let count = "SELECT count(*) FROM waiting WHERE way = ?1";
            let count: i64 = connection.prepare(count)?.query_row([way], |row| row.get(0))?;
            Ok(count.cast_unsigned())
        })
    }

    fn forget(&self, then: UnixMillis) -> Result<u64> {
        let mut forgotten = 0;
        loop {
            let some = self.file.transact("forget alerts", |transaction| {
                let old = "DELETE FROM alerts WHERE id IN
                    (SELECT id FROM alerts WHERE raised < ?1 ORDER BY raised, id LIMIT ?2)";
                let some = transaction.execute(old, (bounded(then.0), FORGOTTEN_AT_ONCE))?;
                let orphans = "DELETE FROM waiting WHERE id NOT IN (SELECT id FROM alerts)";
                transaction.execute(orphans, [])?;
                Ok(some)
            })?;
            forgotten += some as u64;
            if some < FORGOTTEN_AT_ONCE as usize {
                break;
            }
        }
        if forgotten > 0 {
            self.file.give_room_back()?;
        }
        Ok(forgotten)
    }
}
