//! Generated images.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use outlay_price::{CostStatus, Unit, UnitCount, Units};
use serde::Deserialize;

use super::unit_counts::RequestedUnits;
use crate::usage::lenient::{Count, Object, Text};

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct AmazonRequest {
    task_type: Text,
    image_generation_config: Object<ImageConfig>,
    in_painting_params: Object<EditedImage>,
    out_painting_params: Object<EditedImage>,
    background_removal_params: Object<EditedImage>,
    virtual_try_on_params: Object<TryOn>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EditedImage {
    image: Text,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct TryOn {
    source_image: Text,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ImageConfig {
    number_of_images: Count,
    width: Count,
    height: Count,
    quality: Text,
}

/// The tasks whose result is as large as the image that they edit.
const EDITS: [&str; 4] = ["INPAINTING", "OUTPAINTING", "BACKGROUND_REMOVAL", "VIRTUAL_TRY_ON"];
/// The default width and height of a generated image.
const SIDE: u64 = 1_024;
/// The longest side of any image.
const LARGEST_SIDE: u32 = 2_048;

/// Titan Image Generator and Nova Canvas. The default is one image in standard quality, of 1,024 pixels or as large
/// as the edited image.
pub(super) fn amazon(body: &[u8]) -> Option<RequestedUnits> {
    let request: AmazonRequest = serde_json::from_slice(body).ok()?;
    let is_edit = request.task_type.0.as_deref().is_some_and(|task| EDITS.contains(&task));
    let config = request.image_generation_config.0.unwrap_or_default();
    let edited = [request.in_painting_params, request.out_painting_params, request.background_removal_params];
    let edited = edited.into_iter().find_map(|params| params.0?.image.0);
    let edited = edited.or_else(|| request.virtual_try_on_params.0?.source_image.0);
    let side = match (config.width.0, config.height.0) {
        (None, None) if is_edit => edited.as_deref().and_then(side_of),
        (width, height) => Some(longer(width.unwrap_or(SIDE), height.unwrap_or(SIDE))?),
    };
    let status = if side.is_some() { CostStatus::Exact } else { CostStatus::Bounded };
    let side = side.unwrap_or(LARGEST_SIDE);
    let quality = config.quality.0.unwrap_or_else(|| "standard".to_owned());
    let images = UnitCount::new(Unit::OutputImage, config.number_of_images.0.unwrap_or(1));
    Some(RequestedUnits::exactly(images.with_side(side).with_word(quality)).with_status(status))
}

/// Returns the longer side of an image in base64, or `None` if it cannot be read.
fn side_of(base64: &str) -> Option<u32> {
    let base64: String = base64.split_ascii_whitespace().collect();
    let image = STANDARD.decode(base64).ok()?;
    let size = imagesize::blob_size(&image).ok()?;
    longer(size.width as u64, size.height as u64)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StabilityRequest {
    samples: Count,
    width: Count,
    height: Count,
    steps: Count,
}

/// Stability's models make one image of a fixed size. Only Stable Diffusion XL accepts other sizes and numbers.
pub(super) fn stability(name: &str, body: &[u8]) -> Option<RequestedUnits> {
    if !name.starts_with("stable-diffusion-xl") {
        return Some(RequestedUnits::exactly(UnitCount::new(Unit::OutputImage, 1)));
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
    // The default size and number of steps depend on the model, so they are priced as the most expensive ones.
    let status = if side.is_some() && steps.is_some() { CostStatus::Exact } else { CostStatus::Bounded };
    Some(RequestedUnits::exactly(images).with_status(status))
}

/// Returns the number of images in the answer, with the requested size and quality.
pub(super) fn counted(requested: &Units, images: u64) -> Option<Units> {
    let of_size = requested.iter().find(|count| count.unit() == Unit::OutputImage)?;
    Some(of_size.with_count(images).into())
}

fn longer(width: u64, height: u64) -> Option<u32> {
    u32::try_from(width.max(height)).ok()
}
