//! Images, seconds and queries that are billed by the unit, as far as the request states their number.

use aws_smithy_types::Document;
use outlay_price::{CostStatus, ModelRef, Unit, UnitCount, Units};

mod embeddings;
mod images;
mod rerank;
mod unit_counts;
mod video;

pub(crate) use unit_counts::{ReportedUnits, RequestedUnits};

impl RequestedUnits {
    /// Returns the units after the answer. If the answer reports none, they are the requested units.
    pub(crate) fn with_answer(&self, reported: ReportedUnits) -> (Units, CostStatus) {
        let answered = match reported {
            // A source may report an unknown count as zero.
            ReportedUnits { searches: Some(searches @ 1..), .. } => Some(UnitCount::new(Unit::Query, searches).into()),
            ReportedUnits { images: Some(images), .. } => images::counted(&self.likely, images),
            ReportedUnits { images: None, .. } => None,
        };
        match answered {
            Some(units) if units == self.likely => (units, self.status),
            // Fewer images than requested: it is not documented whether the others are billed.
            Some(units) if reported.searches.unwrap_or(0) == 0 => (units, self.status.weakest(CostStatus::Estimated)),
            Some(units) => (units, CostStatus::Exact),
            None => (self.likely.clone(), self.status),
        }
    }
}

/// Returns the units of an InvokeModel request, or `None` if the model is not billed by the unit or the units are
/// unknown.
pub(crate) fn requested_of_model(model: &str, body: &[u8]) -> Option<RequestedUnits> {
    let id = ModelRef::parse(model).ok()?.base_id()?;
    let (vendor, name) = id.split_once('.')?;
    match vendor {
        "amazon" if name.starts_with("titan-image") || name.starts_with("nova-canvas") => images::amazon(body),
        "amazon" if name.starts_with("titan-embed-image") => embeddings::titan(body),
        // Embed v4 counts its images as tokens.
        "cohere" if name.starts_with("embed") && name.split(':').next().is_some_and(|name| name.ends_with("-v3")) => {
            embeddings::cohere_v3(body)
        }
        "amazon" if name.starts_with("nova-2-multimodal-embeddings") => embeddings::nova(body),
        "stability" => images::stability(name, body),
        "twelvelabs" if name.starts_with("marengo") => embeddings::marengo(body),
        _ if name.starts_with("rerank") => rerank::requested(body),
        _ => None,
    }
}

/// Returns the units of a StartAsyncInvoke request. No answer reports what the job has made.
pub(crate) fn requested_of_job(model: &str, input: &Document) -> Option<RequestedUnits> {
    let id = ModelRef::parse(model).ok()?.base_id()?;
    let requested = match id.split_once('.')? {
        ("amazon", name) if name.starts_with("nova-reel") => video::nova_reel(input),
        ("luma", name) if name.starts_with("ray") => video::luma_ray(input),
        ("twelvelabs", name) if name.starts_with("marengo") => embeddings::marengo_job(input),
        _ => None,
    };
    Some(requested?.with_status(CostStatus::Estimated))
}

#[cfg(test)]
mod units_tests;
