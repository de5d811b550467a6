//! Reranking is billed by the query: one for each hundred documents of up to 512 tokens, including the query's own. A
//! longer document counts as several.

use outlay_price::{CostStatus, Unit, UnitCount};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::unit_counts::RequestedUnits;
use crate::usage::lenient::Text;

const DOCUMENTS: u64 = 100;
const TOKENS: u64 = 512;
/// Approximate bytes of text per token, for an estimate.
const BYTES_PER_TOKEN: u64 = 4;

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(default)]
    query: Text,
    #[serde(borrow)]
    documents: Vec<&'a RawValue>,
}

pub(super) fn requested(body: &[u8]) -> Option<RequestedUnits> {
    let request: Request<'_> = serde_json::from_slice(body).ok()?;
    let query = request.query.0.unwrap_or_default().len() as u64;
    // No document has more tokens than bytes.
    let queries = |bytes_per_token: u64| {
        let chunks = |document: &&RawValue| (document.get().len() as u64 + query).div_ceil(bytes_per_token * TOKENS);
        let chunks: u64 = request.documents.iter().map(|document| chunks(document).max(1)).sum();
        chunks.div_ceil(DOCUMENTS).max(1)
    };
    let (likely, most) = (queries(BYTES_PER_TOKEN), queries(1));
    let requested = RequestedUnits::exactly(UnitCount::new(Unit::Query, likely));
    if most == likely {
        return Some(requested);
    }
    let most = UnitCount::new(Unit::Query, most).into();
    Some(RequestedUnits { most, ..requested }.with_status(CostStatus::Estimated))
}
