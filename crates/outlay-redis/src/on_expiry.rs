/// What happens to the reservations of a process that was killed or cut off, and has sent no heartbeat for
/// [`Builder::expire_after`](crate::Builder::expire_after).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnExpiry {
    /// Counts them as spent: the calls may have been sent, and cost up to their bound. If the process comes back and
    /// settles the calls after all, the amounts are corrected.
    #[default]
    Spend,
    /// Releases them, as if nothing had been sent. A limit can be exceeded by what the calls cost.
    Release,
}
