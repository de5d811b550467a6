//! What is billed by the unit: images, seconds and queries, as far as the request tells how many it asks for.

use aws_smithy_types::Document;
use outlay_price::{CostStatus, ModelRef, Unit, UnitCount, Units};

mod embeddings;
mod images;
mod rerank;
mod video;

/// What a request asks for that is billed by the unit.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// What it comes to, as far as the request tells.
    pub(crate) likely: Units,
    /// What it comes to at the most.
    pub(crate) most: Units,
    /// How sure a figure of these units can be once the request has been answered.
    pub(crate) status: CostStatus,
    /// Whether tokens are billed beside them.
    pub(crate) tokens_too: bool,
    /// Whether the request has text.
    pub(crate) has_text: bool,
}

impl Asked {
    /// So much, and nothing else.
    fn exactly(count: UnitCount) -> Self {
        let units = Units::from(count);
        Self { likely: units.clone(), most: units, status: CostStatus::Exact, tokens_too: false, has_text: false }
    }

    fn with_status(self, status: CostStatus) -> Self {
        Self { status: self.status.weakest(status), ..self }
    }

    /// What the answer makes of it. Without a word of its own, the answer is what was asked for.
    pub(crate) fn answered(&self, made: Made) -> (Units, CostStatus) {
        let told = match made {
            // A zero is told by whoever does not know.
            Made { searches: Some(searches @ 1..), .. } => Some(UnitCount::new(Unit::Query, searches).into()),
            Made { images: Some(images), .. } => images::counted(&self.likely, images),
            Made { images: None, .. } => None,
        };
        match told {
            Some(units) if units == self.likely => (units, self.status),
            // Fewer images than were asked for: whether the others are billed is not said anywhere.
            Some(units) if made.searches.unwrap_or(0) == 0 => (units, self.status.weakest(CostStatus::Estimated)),
            Some(units) => (units, CostStatus::Exact),
            None => (self.likely.clone(), self.status),
        }
    }
}

/// What an answer says that it is billed for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) images: Option<u64>,
    pub(crate) searches: Option<u64>,
}

impl Made {
    /// What either says.
    pub(crate) fn or(self, other: Self) -> Self {
        Self { images: self.images.or(other.images), searches: self.searches.or(other.searches) }
    }
}

/// Of an InvokeModel request; `None` where the model is not billed by the unit, or nobody can say from here.
pub(crate) fn asked_of_model(model: &str, body: &[u8]) -> Option<Asked> {
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
        _ if name.starts_with("rerank") => rerank::asked(body),
        _ => None,
    }
}

/// Of a StartAsyncInvoke request. What the job has made in the end, nobody says.
pub(crate) fn asked_of_job(model: &str, input: &Document) -> Option<Asked> {
    let id = ModelRef::parse(model).ok()?.base_id()?;
    let asked = match id.split_once('.')? {
        ("amazon", name) if name.starts_with("nova-reel") => video::nova_reel(input),
        ("luma", name) if name.starts_with("ray") => video::luma_ray(input),
        ("twelvelabs", name) if name.starts_with("marengo") => embeddings::marengo_job(input),
        _ => None,
    };
    Some(asked?.with_status(CostStatus::Estimated))
}

#[cfg(test)]
mod tests;
