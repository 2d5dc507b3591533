//! Pieces of files of other tools, on their way into a feed.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering::Relaxed;

use super::feed::Feed;
use super::{Options, Progress};
use crate::flow::Names;
use crate::import::{Piece, Pieces};
use crate::store::StoreError;

/// Takes what is read of a file to a feed.
pub(super) struct Imports<'a> {
    pub(super) feed: &'a mut Feed,
    pub(super) options: &'a Options,
    pub(super) progress: &'a Progress,
    /// What the store said when it failed.
    pub(super) failure: &'a mut Option<StoreError>,
}

impl Pieces for Imports<'_> {
    fn piece(&mut self, piece: Piece) -> ControlFlow<()> {
        let records = piece.records();
        let pushed = self.feed.push_piece(piece).and_then(|()| self.feed.commit_if_due());
        self.progress.records.fetch_add(records, Relaxed);
        *self.failure = pushed.err();
        let is_over = self.failure.is_some() || self.options.stop.load(Relaxed);
        if is_over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn wrong(&mut self, problem: String) {
        self.feed.accounts().wrong(problem);
    }

    fn damaged(&mut self) {
        self.feed.accounts().load.account.damaged_pieces += 1;
    }

    fn names(&mut self, names: &Names) {
        self.feed.push_names(names);
    }

    fn passed_over(&mut self, what: String, times: u64) {
        self.feed.accounts().passed_over(&what, times);
    }
}
