//! What HBase's errors mean, told by the names of its exceptions: whether the same call may go
//! through now, later, or never. What an error says of itself (`canRetry`) is not to be trusted.

use hbase_thrift::hbase::{IOError, IllegalArgument};
use thrift::ApplicationErrorKind;

/// What helps against an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// The same call at once: over a new connection, or with a new scanner.
    Now,
    /// The same call after a pause: a region, a server, or the cluster is busy or on the move.
    Later,
    /// Nothing but somebody who does something about it.
    Never(Cause),
}

/// Why a call will never go through as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    NoTable,
    NoFamily,
    Disabled,
    Refused,
}

/// Classes of exceptions by the names that HBase gives them, the telling ones first: an error that
/// wraps another names both.
const CLASSES: &[(&str, Remedy)] = &[
    ("NoSuchColumnFamilyException", Remedy::Never(Cause::NoFamily)),
    ("TableNotFoundException", Remedy::Never(Cause::NoTable)),
    ("TableNotEnabledException", Remedy::Never(Cause::Disabled)),
    ("AccessDeniedException", Remedy::Never(Cause::Refused)),
    ("NamespaceNotFoundException", Remedy::Never(Cause::NoTable)),
    ("UnknownScannerException", Remedy::Now),
    ("LeaseException", Remedy::Now),
    ("OutOfOrderScannerNextException", Remedy::Now),
    ("ScannerResetException", Remedy::Now),
    ("RegionMovedException", Remedy::Now),
    ("NotServingRegionException", Remedy::Later),
    ("Cannot append; log is closed", Remedy::Later),
    ("DoNotRetryIOException", Remedy::Never(Cause::Refused)),
    ("IllegalArgumentException", Remedy::Never(Cause::Refused)),
];

/// What helps against `error`.
pub(super) fn remedy(error: &thrift::Error) -> Remedy {
    match error {
        // The connection's state is not known any more, or it is gone.
        thrift::Error::Transport(_) | thrift::Error::Protocol(_) => Remedy::Now,
        thrift::Error::Application(error) => match error.kind {
            // An exception in the gateway that has no place in the interface: mostly a region in
            // transition, but a bad filter comes out the same.
            ApplicationErrorKind::InternalError => Remedy::Later,
            ApplicationErrorKind::UnknownMethod => Remedy::Never(Cause::Refused),
            _ => Remedy::Now,
        },
        thrift::Error::User(error) => {
            if let Some(IOError { message: Some(text), .. }) = error.downcast_ref() {
                return CLASSES
                    .iter()
                    .find(|(class, _)| text.contains(class))
                    // All else is a cluster that is not well: it may get better.
                    .map_or(Remedy::Later, |&(_, remedy)| remedy);
            }
            match error.downcast_ref() {
                Some(IllegalArgument { message: Some(text) }) if is_about_a_scanner(text) => {
                    Remedy::Now
                }
                _ => Remedy::Never(Cause::Refused),
            }
        }
    }
}

/// The gateway's own words for a scanner that it does not know, or knows no more.
fn is_about_a_scanner(text: &str) -> bool {
    text.to_ascii_lowercase().contains("scanner id")
}

/// Whether HBase names this class of exceptions in `error`.
pub(super) fn says(error: &thrift::Error, class: &str) -> bool {
    let thrift::Error::User(error) = error else { return false };
    error.downcast_ref().is_some_and(|IOError { message, .. }| {
        message.as_ref().is_some_and(|text| text.contains(class))
    })
}

/// The error in one line: HBase sends whole stack traces.
pub(super) fn line(error: &thrift::Error) -> String {
    let text = match error {
        thrift::Error::Transport(error) => error.message.clone(),
        thrift::Error::Protocol(error) => error.message.clone(),
        thrift::Error::Application(error) => error.message.clone(),
        thrift::Error::User(error) => match (error.downcast_ref(), error.downcast_ref()) {
            (Some(IOError { message: Some(text), .. }), _)
            | (_, Some(IllegalArgument { message: Some(text) })) => text.clone(),
            _ => error.to_string(),
        },
    };
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("no reason given");
    first.trim().chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn io_error(text: &str) -> thrift::Error {
        let message = Some(text.to_owned());
        thrift::Error::User(Box::new(IOError { message, can_retry: Some(true) }))
    }

    #[test]
    fn errors_are_sorted_by_the_class_that_they_name() {
        for (text, expected) in [
            (
                "org.apache.hadoop.hbase.TableNotFoundException: t\n\tat x",
                Remedy::Never(Cause::NoTable),
            ),
            (
                "org.apache.hadoop.hbase.client.RetriesExhaustedWithDetailsException: Failed 1 action: \
                 org.apache.hadoop.hbase.regionserver.NoSuchColumnFamilyException: Column family x",
                Remedy::Never(Cause::NoFamily),
            ),
            ("org.apache.hadoop.hbase.exceptions.RegionMovedException: Region moved", Remedy::Now),
            ("org.apache.hadoop.hbase.RegionTooBusyException: over memstore limit", Remedy::Later),
            ("org.apache.hadoop.hbase.PleaseHoldException: Master is initializing", Remedy::Later),
            ("org.apache.hadoop.hbase.UnknownScannerException: Unknown scanner '7'", Remedy::Now),
            ("something new", Remedy::Later),
        ] {
            assert_eq!(remedy(&io_error(text)), expected, "{text}");
        }
    }

    #[test]
    fn a_stack_trace_is_told_in_one_line() {
        let error = io_error("\norg.apache.X: gone\n\tat a.b(C.java:1)\n\tat d");
        assert_eq!(line(&error), "org.apache.X: gone");
    }
}
