//! Locking that goes on after a panic elsewhere: the books are consistent between any two statements under a lock.
//!
//! What threads share comes from here, so that the package `proof` can build the same sources with locks that a model
//! checker steers.

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
