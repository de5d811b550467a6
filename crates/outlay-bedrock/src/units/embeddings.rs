//! Embeddings of images, sound and video.

use aws_smithy_types::Document;
use outlay_price::{Unit, UnitCount};
use serde::Deserialize;

use super::unit_counts::RequestedUnits;
use super::video::{member, thousandths};
use crate::usage::lenient::{List, Object, Present, Size, Text};

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct TitanRequest {
    input_image: Text,
    input_text: Text,
}

/// Titan Multimodal Embeddings: text is billed by the token, an image by the image.
pub(super) fn titan(body: &[u8]) -> Option<RequestedUnits> {
    let request: TitanRequest = serde_json::from_slice(body).ok()?;
    let is_there = |text: Text| text.0.is_some_and(|text| !text.is_empty());
    Some(images_and_tokens(u64::from(is_there(request.input_image)), is_there(request.input_text)))
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct NovaRequest {
    single_embedding_params: Object<NovaParams>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NovaParams {
    text: Present,
    image: Object<NovaImage>,
    audio: Present,
    video: Present,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct NovaImage {
    detail_level: Text,
}

/// Nova Multimodal Embeddings. The length of sound or video cannot be seen from here.
pub(super) fn nova(body: &[u8]) -> Option<RequestedUnits> {
    let request: NovaRequest = serde_json::from_slice(body).ok()?;
    let params = request.single_embedding_params.0?;
    if params.audio.0 || params.video.0 {
        return None;
    }
    let Some(image) = params.image.0 else {
        return Some(images_and_tokens(0, params.text.0));
    };
    let count = UnitCount::new(Unit::InputImage, 1);
    let count = match image.detail_level.0.as_deref() {
        None | Some("STANDARD_IMAGE") => count,
        Some("DOCUMENT_IMAGE") => count.with_word("document"),
        // A level without a known price.
        Some(_) => return None,
    };
    Some(RequestedUnits { bills_tokens: true, has_text: params.text.0, ..RequestedUnits::exactly(count) })
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CohereRequest {
    texts: Size,
    images: Size,
    inputs: List<CohereInput>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CohereInput {
    content: List<CohereContent>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CohereContent {
    text: Present,
    image_url: Present,
}

/// Cohere Embed v3: texts are billed by the token, images by the image.
pub(super) fn cohere_v3(body: &[u8]) -> Option<RequestedUnits> {
    let request: CohereRequest = serde_json::from_slice(body).ok()?;
    let parts = || request.inputs.0.iter().flat_map(|input| &input.content.0);
    let images = request.images.0.unwrap_or(0) + parts().filter(|part| part.image_url.0).count() as u64;
    let has_text = request.texts.0.unwrap_or(0) > 0 || parts().any(|part| part.text.0);
    Some(images_and_tokens(images, has_text))
}

fn images_and_tokens(images: u64, has_text: bool) -> RequestedUnits {
    RequestedUnits { bills_tokens: true, has_text, ..RequestedUnits::exactly(UnitCount::new(Unit::InputImage, images)) }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct MarengoRequest {
    input_type: Text,
}

/// Marengo answers synchronously for a text, which counts as a query, and for an image.
pub(super) fn marengo(body: &[u8]) -> Option<RequestedUnits> {
    let request: MarengoRequest = serde_json::from_slice(body).ok()?;
    match request.input_type.0.as_deref()? {
        "text" => Some(RequestedUnits::exactly(UnitCount::new(Unit::Query, 1))),
        "image" => Some(RequestedUnits::exactly(UnitCount::new(Unit::InputImage, 1))),
        _ => None,
    }
}

/// Sound or video with a length in the request. The length of a whole file cannot be seen from here.
pub(super) fn marengo_job(input: &Document) -> Option<RequestedUnits> {
    let unit = match member(input, "inputType")?.as_string()? {
        "audio" => Unit::InputAudioSecond,
        "video" => Unit::InputVideoSecond,
        _ => return None,
    };
    Some(RequestedUnits::exactly(UnitCount::of_thousandths(unit, thousandths(member(input, "lengthSec")?)?)))
}
