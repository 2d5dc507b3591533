//! How a command ended: exit statuses, and the hint that goes with an error.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use super::whole_file::WriteFileError;
use crate::answer::AnswerError;
use crate::collect::CollectError;
use crate::load::LoadError;
use crate::request::{AskError, Refused};
use crate::sink::SinkError;
use crate::store::StoreError;

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Done, also where nothing was found.
    Done,
    /// The input was partly unusable; what was whole is stored, and that was said.
    Partly,
    /// Interrupted; what was kept was said.
    Interrupted,
    /// Something was found that was to be told by the exit status.
    Found,
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Done => Self::SUCCESS,
            Ending::Partly => Self::from(3),
            Ending::Interrupted => Self::from(INTERRUPTED as u8),
            Ending::Found => Self::from(FOUND),
        }
    }
}

/// The exit status of what was interrupted: 128 and the number of the signal.
pub(crate) const INTERRUPTED: i32 = 130;
const FAILED: u8 = 1;
const WRONG_USAGE: u8 = 2;
const UNREACHABLE: u8 = 4;
const UNREAD: u8 = 5;
const FOUND: u8 = 6;

/// The command, or the configuration, asks for what cannot be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// What was to be checked could not be read, and so is neither sound nor damaged.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unread(pub(crate) String);

/// The exit status of a command that failed.
pub(crate) fn status(error: &anyhow::Error) -> ExitCode {
    // It may be what another error was met in, and that is no cause of it.
    let mut status = if error.is::<Unread>() { UNREAD } else { FAILED };
    for cause in error.chain() {
        if cause.is::<Usage>() || cause.is::<Refused>() || refused(cause) {
            status = WRONG_USAGE;
        } else if let Some(StoreError::Unreachable { .. }) = store_error(cause) {
            status = UNREACHABLE;
        }
        if let Some(SinkError::Other { .. }) = cause.downcast_ref() {
            status = WRONG_USAGE;
        }
    }
    ExitCode::from(status)
}

/// Whether `cause` passes on that a request was refused.
fn refused(cause: &(dyn Error + 'static)) -> bool {
    matches!(cause.downcast_ref(), Some(AskError::Refused(_)))
}

/// Whether it is that whoever asked gave the answer up.
pub(crate) fn is_stopped(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| matches!(store_error(cause), Some(StoreError::Stopped)))
}

/// What to do about it, where that is known; `stores` says whether the command was to store flows,
/// and may be given again when that came to no end.
pub(crate) fn hint(error: &anyhow::Error, stores: bool) -> Option<String> {
    if let Some(written) = error.downcast_ref::<WriteFileError>() {
        return written.hint().map(str::to_owned);
    }
    if let Some(SinkError::Io { source, .. }) = error.downcast_ref() {
        return sink_hint(source).map(str::to_owned);
    }
    error.chain().find_map(|cause| match store_error(cause) {
        Some(error) => store_hint(error, stores),
        None => system_hint(cause.downcast_ref()?, stores),
    })
}

/// The store's error in `cause`, also where that only passes it on.
fn store_error<'a>(cause: &'a (dyn Error + 'static)) -> Option<&'a StoreError> {
    if let Some(LoadError::Open(error)) = cause.downcast_ref() {
        return Some(error);
    }
    if let Some(CollectError::Store(error)) = cause.downcast_ref() {
        return Some(error);
    }
    if let Some(AskError::Store(error)) = cause.downcast_ref() {
        return Some(error);
    }
    if let Some(AnswerError::Store(error)) = cause.downcast_ref() {
        return Some(error);
    }
    if let Some(SinkError::Store(error)) = cause.downcast_ref() {
        return Some(error);
    }
    cause.downcast_ref()
}

fn store_hint(error: &StoreError, stores: bool) -> Option<String> {
    Some(match error {
        StoreError::Missing { place } if place.starts_with("elastic") => {
            "run `earlgrey-hbase export elastic URL` or `load --to URL` to make it".to_owned()
        }
        StoreError::Missing { .. } => {
            "run `earlgrey-hbase load FILE…` to make one, or name another with --store".to_owned()
        }
        StoreError::NotAStore { place, .. } if place.starts_with("hbase://") => {
            "name tables of another name, --store hbase://HOST/NAME, or delete these in HBase's shell"
                .to_owned()
        }
        StoreError::NotAStore { place, .. } if place.starts_with("elastic") => {
            "name an index that `export elastic` or `load --to` wrote, or the alias of several"
                .to_owned()
        }
        StoreError::NotAStore { .. } => {
            "name a folder that is empty, or not there yet, with --store".to_owned()
        }
        StoreError::InUse { .. } => {
            "wait for the other load to end; queries need not wait".to_owned()
        }
        StoreError::LostLock { .. } => {
            "leave the lock files in the store's folder alone, they are of no harm; run the same \
             command again"
                .to_owned()
        }
        StoreError::Newer { .. } | StoreError::UnknownColumn { .. } => {
            "use the version of earlgrey-hbase that wrote it".to_owned()
        }
        StoreError::Damaged { .. } => {
            "run `earlgrey-hbase verify` to see all that is damaged".to_owned()
        }
        StoreError::Unreachable { place, .. } if place.starts_with("kafka") => {
            "check that Kafka runs there, on port 9092 unless it is set otherwise; kafkas:// is for \
             encrypted connections"
                .to_owned()
        }
        StoreError::Unreachable { place, .. } if place.starts_with("elastic") => {
            "check that Elasticsearch runs there, on port 9200 unless it is set otherwise; \
             elastics:// is for encrypted connections"
                .to_owned()
        }
        StoreError::Unreachable { .. } => {
            "check that HBase's Thrift server runs there, on port 9090 unless it is set otherwise, or \
             leave --store out to use the embedded store"
                .to_owned()
        }
        StoreError::Io { source, .. } => return system_hint(source, stores),
        _ => return None,
    })
}

/// Of a folder that others read.
fn sink_hint(error: &io::Error) -> Option<&'static str> {
    Some(match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "make room, and run the same command again: what is there is not written again"
        }
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            "check who owns the folder, or name another"
        }
        _ => return None,
    })
}

fn system_hint(error: &io::Error, stores: bool) -> Option<String> {
    Some(match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
            if stores =>
        {
            "make room, and run the same command again: what is stored is not stored twice"
                .to_owned()
        }
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            "check who owns the folder, or name another with --store".to_owned()
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn an_error_has_its_exit_status_and_its_hint_however_deep_it_lies() {
        let full = StoreError::Io {
            path: "/s/run".into(),
            doing: "write",
            source: io::ErrorKind::StorageFull.into(),
        };
        let far = StoreError::Unreachable {
            place: "hbase://h".to_owned(),
            source: io::ErrorKind::ConnectionRefused.into(),
        };
        for (error, expected, hint_start) in [
            (Err::<(), _>(full), 1, Some("make room")),
            (Err(far), 4, Some("check that HBase's Thrift server")),
            (Err(StoreError::Injected { at: "write" }), 1, None),
        ] {
            let error = error.context("load").context("again").unwrap_err();
            assert_eq!(status(&error), ExitCode::from(expected), "{error:#}");
            let start = hint(&error, true);
            let start = start.map(|hint| hint.starts_with(hint_start.unwrap_or_default()));
            assert_eq!(start, hint_start.map(|_| true), "{error:#}");
        }
        let usage = anyhow::Error::new(Usage("no".to_owned()));
        assert_eq!(status(&usage), ExitCode::from(2));
    }
}
