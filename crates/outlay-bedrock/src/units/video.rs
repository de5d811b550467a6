//! Videos that a job generates.

use aws_smithy_types::{Document, Number};
use outlay_price::{Unit, UnitCount};

use super::unit_counts::RequestedUnits;

/// The seconds of a Nova Reel shot, and the default length of a video.
const SHOT_SECONDS: u64 = 6;

/// Nova Reel: the requested length, or one shot for each description.
pub(super) fn nova_reel(input: &Document) -> Option<RequestedUnits> {
    let shots = member(input, "multiShotManualParams").and_then(|params| member(params, "shots"));
    let seconds = match shots.and_then(Document::as_array) {
        Some(shots) => shots.len() as u64 * SHOT_SECONDS,
        None => {
            let config = member(input, "videoGenerationConfig");
            match config.and_then(|config| member(config, "durationSeconds")) {
                Some(seconds) => whole(seconds)?,
                None => SHOT_SECONDS,
            }
        }
    };
    Some(RequestedUnits::exactly(UnitCount::new(Unit::OutputVideoSecond, seconds)))
}

/// Luma Ray: `"duration": "5s"`, with a price for each resolution.
pub(super) fn luma_ray(input: &Document) -> Option<RequestedUnits> {
    let text = |name| member(input, name).and_then(Document::as_string);
    let seconds = text("duration").unwrap_or("5s").strip_suffix('s')?.parse().ok()?;
    let resolution = text("resolution").unwrap_or("720p").to_owned();
    Some(RequestedUnits::exactly(UnitCount::new(Unit::OutputVideoSecond, seconds).with_word(resolution)))
}

pub(super) fn member<'a>(document: &'a Document, name: &str) -> Option<&'a Document> {
    document.as_object()?.get(name)
}

/// Returns a number without a fraction.
fn whole(document: &Document) -> Option<u64> {
    match *document.as_number()? {
        Number::PosInt(n) => Some(n),
        Number::NegInt(_) => None,
        Number::Float(n) => (n.fract() == 0.0 && (0.0..1e9).contains(&n)).then_some(n as u64),
    }
}

/// Returns seconds in thousandths.
pub(super) fn thousandths(document: &Document) -> Option<u64> {
    let seconds = document.as_number()?.to_f64_lossy();
    (0.0..1e9).contains(&seconds).then_some((seconds * 1_000.0).ceil() as u64)
}
