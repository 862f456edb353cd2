//! Leave to make one mutating call.

use std::marker::PhantomData;

/// Leave to make one mutating call, right now.
///
/// No call that changes anything can be made without, and only `execute::Gate` grants one, after it has asked the
/// lease: that is what keeps a process without the lease from writing.
#[derive(Debug)]
pub struct Permit<'gate>(PhantomData<&'gate ()>);

impl Permit<'_> {
    /// For the gate alone; `tests/it/tidy.rs` keeps others from calling it.
    pub(crate) fn granted() -> Self {
        Self(PhantomData)
    }
}
