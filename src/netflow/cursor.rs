//! A place in bytes that are being read; a copy of it is a checkpoint.

/// Reads forward and knows how far it is. What is not all there reads as `None`, and the cursor
/// stays.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Cursor<'a> {
    /// At the start of `bytes`.
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// How many bytes were read.
    pub(super) const fn offset(self) -> usize {
        self.offset
    }

    /// What is left.
    pub(super) fn rest(self) -> &'a [u8] {
        self.bytes.get(self.offset..).unwrap_or_default()
    }

    /// The next `count` bytes.
    #[inline]
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let end = self.offset.checked_add(count)?;
        let taken = self.bytes.get(self.offset..end)?;
        self.offset = end;
        Some(taken)
    }

    /// The next bytes, as many as the array has.
    #[inline]
    pub(super) fn take_array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        self.take(N)?.first_chunk()
    }

    /// The next `count` bytes, or as many as there are.
    pub(super) fn take_up_to(&mut self, count: usize) -> &'a [u8] {
        let rest = self.rest();
        let taken = rest.get(..count).unwrap_or(rest);
        self.offset += taken.len();
        taken
    }

    /// One byte.
    #[inline]
    pub(super) fn read_u8(&mut self) -> Option<u8> {
        self.take_array().map(|&[byte]| byte)
    }

    /// Two bytes, in network order.
    #[inline]
    pub(super) fn read_u16(&mut self) -> Option<u16> {
        self.take_array().map(|&bytes| u16::from_be_bytes(bytes))
    }

    /// Four bytes, in network order.
    #[inline]
    pub(super) fn read_u32(&mut self) -> Option<u32> {
        self.take_array().map(|&bytes| u32::from_be_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_all_there_is_not_read_and_the_cursor_stays() {
        let mut cursor = Cursor::new(&[0, 7, 1, 2, 3]);
        assert_eq!(cursor.read_u16(), Some(7));
        let checkpoint = cursor;
        assert_eq!((cursor.read_u32(), cursor.offset()), (None, 2));
        assert_eq!(cursor.take(usize::MAX), None);
        assert_eq!((cursor.read_u8(), cursor.rest()), (Some(1), &[2, 3][..]));
        assert_eq!((cursor.take_up_to(9), cursor.rest()), (&[2, 3][..], &[][..]));
        assert_eq!(checkpoint.rest(), [1, 2, 3]);
    }
}
