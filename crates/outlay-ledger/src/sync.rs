//! Locks that ignore poisoning: the ledger is consistent between any two statements under a lock.
//!
//! All shared state uses these types, so that the package `proof` can build the same sources with the locks of a model
//! checker.

use std::sync::PoisonError;

#[cfg(outlay_shuttle)]
pub(crate) use shuttle::{
    sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, atomic},
    thread,
};
#[cfg(not(outlay_shuttle))]
pub(crate) use std::{
    sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, atomic},
    thread,
};

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
