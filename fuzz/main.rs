//! The targets of `tests/it/fuzz/targets.rs` under libFuzzer, which is guided by what an input
//! reaches. The target is that which `EARLGREY_FUZZ_TARGET` names.

#![no_main]

use std::sync::LazyLock;

#[path = "../tests/it/fuzz/targets.rs"]
#[allow(dead_code, reason = "what seeds are made with is for the tests only")]
mod targets;

static TARGET: LazyLock<targets::Target> = LazyLock::new(|| {
    let wanted = std::env::var("EARLGREY_FUZZ_TARGET").unwrap_or_default();
    let mut known = targets::TARGETS.into_iter();
    known.find(|(name, _)| *name == wanted).expect("EARLGREY_FUZZ_TARGET names a target").1
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| TARGET(input));
