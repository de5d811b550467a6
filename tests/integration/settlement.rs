//! Every call that went out settles exactly once, whatever becomes of it on its way.

mod hooks;
mod mocks;
mod waits;
