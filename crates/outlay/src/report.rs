//! Reports and totals of tasks, and whose cost it is.

pub use outlay_ledger::{
    AgentId, AttemptRecord, CallRecord, ChargeRecord, CostKind, Dimension, Dimensions, DirectionTotals, Elided,
    KindTotals, ModelTotals, ParseIdError, PricedAs, Record, RemoteRecord, ScopeKind, ScopeRecord, StepId, StepKind,
    TaskRecord,
};
pub use outlay_otel::{Attribution, OpenTask, UnattributedSite};
pub use outlay_report::{Repriced, RepricedCall, Style};

#[doc(no_inline)]
pub use crate::{Cost, CostStatus, Report, TaskId, Totals};
