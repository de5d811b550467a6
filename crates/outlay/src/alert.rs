//! Alerts, which [`OutlayBuilder::on_alert`](crate::OutlayBuilder::on_alert) receives.

pub use outlay_ledger::AlertKind;
pub use outlay_otel::Notice;
