use outlay_price::ModelRef;

/// Returns the model of an application inference profile, from the models that it routes to. A profile
/// with an empty region is global, one with several regions belongs to their geography, and one with a single region
/// is in that region.
pub(super) fn stands_for(arns: &[&str]) -> Option<String> {
    let models: Vec<ModelRef<'_>> = arns.iter().map(|arn| ModelRef::parse(arn).ok()).collect::<Option<_>>()?;
    let base = models.first()?.base_id()?;
    if models.iter().any(|model| model.base_id() != Some(base)) {
        return None;
    }
    let Some(regions) = models.iter().map(|model| model.region()).collect::<Option<Vec<_>>>() else {
        return Some(format!("global.{base}"));
    };
    match regions.as_slice() {
        [_] => arns.first().map(|&arn| arn.to_owned()),
        regions => geography(regions).map(|geo| format!("{geo}.{base}")),
    }
}

/// Returns the narrowest AWS geography that contains all of these regions.
fn geography(regions: &[&str]) -> Option<&'static str> {
    let within = |places: &[&str]| regions.iter().all(|region| places.iter().any(|place| region.starts_with(place)));
    [
        ("us-gov", &["us-gov-"][..]),
        ("ca", &["ca-"]),
        ("us", &["us-east-", "us-west-", "ca-"]),
        ("eu", &["eu-"]),
        ("jp", &["ap-northeast-1", "ap-northeast-3"]),
        ("au", &["ap-southeast-2", "ap-southeast-4"]),
        ("in", &["ap-south-"]),
        ("apac", &["ap-"]),
    ]
    .into_iter()
    .find_map(|(geo, places)| within(places).then_some(geo))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_resolves_by_the_regions_of_its_models() {
        let arn = |region: &str| format!("arn:aws:bedrock:{region}::foundation-model/anthropic.claude-sonnet-5");
        for (regions, expected) in [
            (&["us-east-1"][..], Some("arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-5")),
            (&["us-east-1", "us-east-2", "us-west-2"], Some("us.anthropic.claude-sonnet-5")),
            (&["us-gov-east-1", "us-gov-west-1"], Some("us-gov.anthropic.claude-sonnet-5")),
            (&["eu-central-1", "eu-west-1"], Some("eu.anthropic.claude-sonnet-5")),
            (&["ap-northeast-1", "ap-northeast-3"], Some("jp.anthropic.claude-sonnet-5")),
            (&["ap-southeast-2", "ap-southeast-4"], Some("au.anthropic.claude-sonnet-5")),
            (&["ap-northeast-1", "ap-southeast-1", "ap-south-1"], Some("apac.anthropic.claude-sonnet-5")),
            (&["", "us-east-1"], Some("global.anthropic.claude-sonnet-5")),
            (&["us-east-1", "eu-west-1"], None),
            (&[], None),
        ] {
            let arns: Vec<String> = regions.iter().map(|region| arn(region)).collect();
            let arns: Vec<&str> = arns.iter().map(String::as_str).collect();
            assert_eq!(stands_for(&arns).as_deref(), expected, "{regions:?}");
        }
        let other = "arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-pro-v1:0";
        assert_eq!(stands_for(&[&arn("us-east-1"), other]), None);
        assert_eq!(stands_for(&["odd"]), None);
    }
}
