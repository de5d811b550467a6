//! What nobody should do to a ledger, and some do all the same.

mod crowds;
mod extremes;
mod interceptors;
mod panics;
mod settling;
mod sources;
