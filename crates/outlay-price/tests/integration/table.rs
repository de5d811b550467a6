//! A parser for the bundled table that is independent of the crate's own.

use std::sync::LazyLock;

use outlay_price::{CacheTtl, ModelRef, PriceQuery, Usage};

/// The number of token kinds. They are in the order of the table's columns.
pub(crate) const KINDS: usize = 8;

/// A line of the table, for one of its regions and routings.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// The model id in calls.
    pub(crate) wire: String,
    /// The region that is called.
    pub(crate) region: Option<String>,
    /// The region of a price from this line.
    pub(crate) place: Option<String>,
    pub(crate) tier: String,
    pub(crate) latency: String,
    pub(crate) over: u64,
    pub(crate) start: Option<String>,
    /// Pico-dollars per token.
    pub(crate) rates: [Option<i128>; KINDS],
    pub(crate) units: String,
}

/// Returns all lines of the committed table.
pub(crate) fn lines() -> &'static [Line] {
    static LINES: LazyLock<Vec<Line>> =
        LazyLock::new(|| include_str!("../../data/prices.tsv").lines().skip(2).flat_map(line).collect());
    &LINES
}

fn line(text: &str) -> Vec<Line> {
    let fields: Vec<&str> = text.split('\t').collect();
    fields[2]
        .split(',')
        .flat_map(|routing| places(fields[1], routing).into_iter().map(|place| (routing, place)).collect::<Vec<_>>())
        .map(|(routing, (region, place))| one(&fields, routing, region, place))
        .collect()
}

/// Returns the regions that can be called with a routing, each with the region of its price.
fn places(regions: &str, routing: &str) -> Vec<(Option<String>, Option<String>)> {
    if regions == "*" {
        return vec![(None, None)];
    }
    if let Some(geo) = regions.strip_prefix("geo:") {
        let region = REGIONS.iter().find(|(_, geos)| geos.contains(&geo)).expect("a region of the geography").0;
        return vec![(Some(region.to_owned()), Some(geo.to_owned()))];
    }
    let can_call = |region: &&str| matches!(routing, "in-region" | "global") || geos(region).contains(&routing);
    regions.split(',').filter(can_call).map(|region| (Some(region.to_owned()), Some(region.to_owned()))).collect()
}

const REGIONS: [(&str, &[&str]); 9] = [
    ("us-gov-", &["us-gov"]),
    ("us-", &["us"]),
    ("eu-", &["eu"]),
    ("il-", &["eu"]),
    ("ap-northeast-1", &["jp", "apac"]),
    ("ap-southeast-2", &["au", "apac"]),
    ("ap-south-1", &["in", "apac"]),
    ("ca-", &["ca", "us"]),
    ("me-central-1", &["apac"]),
];

/// Returns the geographies of a region.
fn geos(region: &str) -> &'static [&'static str] {
    let equivalent = match region {
        "ap-northeast-3" => "ap-northeast-1",
        "ap-southeast-4" => "ap-southeast-2",
        "ap-south-2" => "ap-south-1",
        other => other,
    };
    let known = REGIONS
        .iter()
        .find(|(prefix, _)| equivalent == *prefix || (prefix.ends_with('-') && equivalent.starts_with(prefix)));
    known.map_or(if region.starts_with("ap-") { &["apac"] } else { &[] }, |(_, geos)| geos)
}

fn one(fields: &[&str], routing: &str, region: Option<String>, place: Option<String>) -> Line {
    let some = |at: usize| (!fields[at].is_empty()).then(|| fields[at].to_owned());
    Line {
        wire: if routing == "in-region" { fields[0].to_owned() } else { format!("{routing}.{}", fields[0]) },
        // Complete a region prefix to a region.
        region: region.map(|region| if region.ends_with('-') { format!("{region}west-1") } else { region }),
        place,
        tier: fields[3].to_owned(),
        latency: if fields[4].is_empty() { "standard".to_owned() } else { fields[4].to_owned() },
        over: fields[5].parse().unwrap_or(0),
        start: some(6),
        rates: std::array::from_fn(|kind| some(7 + kind).map(|text| picos(&text))),
        units: fields[16].to_owned(),
    }
}

/// Converts US dollars per million tokens, with at most six decimals, to pico-dollars per token.
fn picos(text: &str) -> i128 {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{decimals:0<6}").parse().expect("an amount with at most six decimals")
}

impl Line {
    /// Returns a query that this line answers, at the start of the line.
    pub(crate) fn query(&self) -> PriceQuery<'_> {
        let model = ModelRef::parse(&self.wire).expect("a model id");
        let at = match &self.start {
            Some(day) => format!("{day}T00:00:00Z").parse().expect("a day"),
            None => "2020-01-01T00:00:00Z".parse().expect("a day"),
        };
        let mut query = PriceQuery::new(model, at);
        query.region = self.region.as_deref();
        query.tier = self.tier.parse().expect("a tier");
        query.latency = self.latency.parse().expect("a latency mode");
        query
    }

    /// Returns whether both lines only differ in the context size and prices.
    pub(crate) fn has_same_key(&self, other: &Self) -> bool {
        let key = |line: &Self| {
            (line.wire.clone(), line.region.clone(), line.tier.clone(), line.latency.clone(), line.start.clone())
        };
        key(self) == key(other)
    }

    /// Returns whether the line applies to calls, unlike those of guardrails and capacity.
    pub(crate) fn applies_to_calls(&self) -> bool {
        self.wire.contains('.') && self.tier != "provisioned"
    }
}

/// Returns the usage for counts in the order of the columns.
pub(crate) fn usage(counts: [u64; KINDS]) -> Usage {
    let [input, output, read, five, thirty, hour, input_audio, output_audio] = counts;
    Usage::new()
        .with_uncached_input(input)
        .with_output(output)
        .with_cache_read(read)
        .with_cache_write(CacheTtl::FiveMinutes, five)
        .with_cache_write(CacheTtl::ThirtyMinutes, thirty)
        .with_cache_write(CacheTtl::OneHour, hour)
        .with_input_audio(input_audio)
        .with_output_audio(output_audio)
}
