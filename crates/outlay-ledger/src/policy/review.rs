use std::time::SystemTime;

/// Models that a rule allows, with the date of the next review.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Review {
    /// The rule's name.
    pub rule: String,
    /// The models.
    pub models: Vec<String>,
    /// The person or role responsible.
    pub owner: String,
    /// The reason why they are allowed.
    pub reason: String,
    /// The date of the next review, such as `2026-12-01`.
    pub due: String,
    /// The start of that day in UTC.
    pub due_at: SystemTime,
}
