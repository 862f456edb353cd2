//! Panics of dependencies over bad configuration, turned into errors.
//!
//! The SDK panics where there is no certificate authority, and in some corners of its providers of credentials. What is
//! known to do so is called through [`caught`]; everything else keeps its panic.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};

thread_local! {
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// What `work` gives, or `None` for a panic in it. Whatever it had in hand is not used again.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    let outer = CAUGHT.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    CAUGHT.set(outer);
    result.ok()
}

/// Whether a panic of this thread is going to be an error, so that it need not be printed.
pub(crate) fn is_caught() -> bool {
    CAUGHT.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caught_panic_is_no_value() {
        let inner = caught(|| {
            assert_eq!(caught(|| panic!("for the test")), None::<()>);
            is_caught()
        });
        assert_eq!((inner, is_caught()), (Some(true), false));
    }
}
