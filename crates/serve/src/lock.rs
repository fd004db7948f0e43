//! Locks that outlive a panic.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is kept under locks here is changed in one step: whoever panics beside one leaves it right.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
