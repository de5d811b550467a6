//! The integration tests: the real SDK client against a simulator, and what comes out of it.
#![allow(missing_docs)]

mod roll_up;
