//! Every call that was sent settles exactly once, however it ends.

mod hooks;
mod mocks;
mod waits;
