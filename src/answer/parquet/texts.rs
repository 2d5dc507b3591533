//! Texts one behind the other, so that none needs memory of its own.

use bytes::Bytes;
use parquet::data_type::ByteArray;

#[derive(Default)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    /// Where each of them begins and ends.
    places: Vec<(usize, usize)>,
}

impl Texts {
    /// Adds what `push` appends.
    pub(super) fn push(&mut self, push: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        push(&mut self.bytes);
        self.places.push((start, self.bytes.len()));
    }

    /// Adds the last one again.
    pub(super) fn push_again(&mut self) {
        self.places.extend(self.places.last().copied());
    }

    /// How many bytes they take.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn values(self) -> Vec<ByteArray> {
        let bytes = Bytes::from(self.bytes);
        let places = self.places.into_iter();
        places.map(|(start, end)| ByteArray::from(bytes.slice(start..end))).collect()
    }
}
