//! Numbers in fewer bits, where that is meant.

/// `number`, or the greatest number there is where it is greater.
#[inline]
pub(crate) fn saturated_u32(number: impl TryInto<u32>) -> u32 {
    number.try_into().unwrap_or(u32::MAX)
}

/// Likewise.
#[inline]
pub(crate) fn saturated_u16(number: impl TryInto<u16>) -> u16 {
    number.try_into().unwrap_or(u16::MAX)
}

/// Likewise.
#[inline]
pub(crate) fn saturated_u8(number: impl TryInto<u8>) -> u8 {
    number.try_into().unwrap_or(u8::MAX)
}

/// Likewise.
#[inline]
pub(crate) fn saturated_usize(number: impl TryInto<usize>) -> usize {
    number.try_into().unwrap_or(usize::MAX)
}

/// The low bits of `number`, of what counts on from 0 behind the greatest number.
#[inline]
pub(crate) const fn low_u32(number: u64) -> u32 {
    (number & 0xffff_ffff) as u32
}

/// Likewise.
#[inline]
pub(crate) const fn low_u16(number: u64) -> u16 {
    (number & 0xffff) as u16
}
