//! Images that are made.

use outlay_price::{CostStatus, Unit, UnitCount, Units};
use serde::Deserialize;

use super::Asked;
use crate::usage::lenient::{Count, Object, Text};

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct AmazonRequest {
    image_generation_config: Object<ImageConfig>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ImageConfig {
    number_of_images: Count,
    width: Count,
    height: Count,
    quality: Text,
}

/// Titan Image Generator and Nova Canvas. What a request leaves out is one image of 1,024 pixels in standard quality.
pub(super) fn amazon(body: &[u8]) -> Option<Asked> {
    let request: AmazonRequest = serde_json::from_slice(body).ok()?;
    let config = request.image_generation_config.0.unwrap_or_default();
    let side = longer(config.width.0.unwrap_or(1_024), config.height.0.unwrap_or(1_024))?;
    let quality = config.quality.0.unwrap_or_else(|| "standard".to_owned());
    let images = UnitCount::new(Unit::OutputImage, config.number_of_images.0.unwrap_or(1));
    Some(Asked::exactly(images.with_side(side).with_word(quality)))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StabilityRequest {
    samples: Count,
    width: Count,
    height: Count,
    steps: Count,
}

/// Stability's models make one image of a size of their own; only Stable Diffusion XL can be asked for others.
pub(super) fn stability(name: &str, body: &[u8]) -> Option<Asked> {
    if !name.starts_with("stable-diffusion-xl") {
        return Some(Asked::exactly(UnitCount::new(Unit::OutputImage, 1)));
    }
    let request: StabilityRequest = serde_json::from_slice(body).ok()?;
    let mut images = UnitCount::new(Unit::OutputImage, request.samples.0.unwrap_or(1));
    let side = request.width.0.zip(request.height.0).and_then(|(width, height)| longer(width, height));
    let steps = request.steps.0.and_then(|steps| u32::try_from(steps).ok());
    if let Some(side) = side {
        images = images.with_side(side);
    }
    if let Some(steps) = steps {
        images = images.with_steps(steps);
    }
    // A size or a number of steps that is left out is the model's default, and priced as the dearest.
    let status = if side.is_some() && steps.is_some() { CostStatus::Exact } else { CostStatus::Bounded };
    Some(Asked::exactly(images).with_status(status))
}

/// As many images as the answer has, of the size and quality that was asked for.
pub(super) fn counted(asked: &Units, images: u64) -> Option<Units> {
    let of_size = asked.iter().find(|count| count.unit() == Unit::OutputImage)?;
    Some(of_size.with_count(images).into())
}

fn longer(width: u64, height: u64) -> Option<u32> {
    u32::try_from(width.max(height)).ok()
}
