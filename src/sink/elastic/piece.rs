//! Documents that are sent together.

use std::collections::HashMap;
use std::ops::Range;

use crate::flow::Origin;
use crate::sink::identity::Content;

/// A document.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) content: Content,
    /// How many of this content come before it.
    pub(super) ordinal: u32,
    /// The record that it came by, where that is known.
    pub(super) origin: Option<Origin>,
    pub(super) source: Range<usize>,
}

/// Documents that are sent together.
#[derive(Debug, Default)]
pub(super) struct Piece {
    pub(super) text: Vec<u8>,
    pub(super) documents: Vec<Document>,
}

/// Those of `part` that have different ids, and for each of these the others that have its id: equal
/// flows, of which the first one is sent alone.
pub(super) fn apart(piece: &Piece, part: Vec<usize>) -> (Vec<usize>, HashMap<usize, Vec<usize>>) {
    let (mut first, mut equal) = (HashMap::new(), HashMap::<usize, Vec<usize>>::new());
    let alone = part.into_iter().filter(|&at| {
        let Document { content, ordinal, .. } = piece.documents[at];
        let of = *first.entry((content, ordinal)).or_insert(at);
        if of != at {
            equal.entry(of).or_default().push(at);
        }
        of == at
    });
    let alone = alone.collect();
    (alone, equal)
}
