//! Searches for inputs that break a promise of `tests/it/fuzz/targets.rs`. `FUZZ_TARGET` names the target; all else is
//! libFuzzer's.
#![no_main]

#[path = "../../tests/it/fuzz/targets.rs"]
mod targets;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<targets::Target> = LazyLock::new(|| {
    let wanted = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let found = targets::TARGETS.iter().find(|(name, _)| *name == wanted);
    found.unwrap_or_else(|| panic!("FUZZ_TARGET is none of {:?}", targets::TARGETS.map(|(name, _)| name))).1
});

fuzz_target!(|data: &[u8]| (*TARGET)(data));
