/// An error that stopped the build of a table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot build the price table:\n{}", problems.join("\n"))]
pub struct BuildError {
    pub(super) problems: Vec<String>,
}

impl BuildError {
    pub(super) fn one(problem: impl Into<String>) -> Self {
        Self { problems: vec![problem.into()] }
    }
}
