//! Guides, one for each topic.
//!
//! - Whose cost it is: [`attribution`], and by AWS's own identities: [`aws_identities`].
//! - What it costs: [`prices`], and how sure a figure is: [`accuracy`].
//! - Limits: [`budgets`], [`fleets`], [`policy`], and [`watching`] tasks that run.
//! - How work is followed: [`streaming`] and async, and across [`processes`].
//! - Where it is seen: [`opentelemetry`] and the [`conventions`] of its names.
//! - In [`production`]: versions, replicas, shutdown, logs. Its [`limitations`] and [`overhead`].
//! - Tests of an agent's cost: [`testing`](crate::testing) (feature `testing`).
//! - The words that all of them use: [`glossary`].

macro_rules! guide {
    ($($name:ident),* $(,)?) => {
        $(
            #[doc = include_str!(concat!("../docs/guide/", stringify!($name), ".md"))]
            pub mod $name {}
        )*
    };
}

guide! {
    accuracy,
    attribution,
    aws_identities,
    budgets,
    conventions,
    fleets,
    glossary,
    limitations,
    opentelemetry,
    overhead,
    policy,
    prices,
    processes,
    production,
    streaming,
    watching,
}
