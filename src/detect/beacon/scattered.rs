//! Numbers that are as good as random, and the same each time.

/// So many numbers from 0 to 1, others for each `seed`.
pub(super) fn scattered(seed: u64, count: u64) -> impl Iterator<Item = f64> {
    let mix = move |at: u64| {
        let mixed = (seed << 32 | (at + 1)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..count).map(mix)
}
