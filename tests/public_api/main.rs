//! Checks of the public API of `outlay`: each type of ours that a signature names can be reached from `outlay`, and the
//! foreign types are known. A list of them, each with a place, is written to `target/tmp/foreign_types.txt`.

mod documented;
mod signatures;

use std::collections::BTreeMap;

use crate::documented::Documented;
use crate::signatures::Signatures;

/// The crates of the workspace whose types are part of the API of `outlay`.
const OURS: [&str; 6] = ["outlay", "outlay_bedrock", "outlay_ledger", "outlay_otel", "outlay_price", "outlay_report"];

/// The foreign crates in the API, with the places where they may appear. The version of those with places is below 1.0.
const FOREIGN: [(&str, &[&str]); 14] = [
    ("aws_sdk_bedrock", &[]),
    ("aws_sdk_bedrockruntime", &[]),
    ("aws_sdk_sts", &[]),
    ("aws_smithy_runtime_api", &[]),
    ("aws_types", &[]),
    ("axum_core", &["outlay::CurrentTask"]),
    ("http", &[]),
    ("http_body", &[]),
    (
        "opentelemetry",
        &["outlay::OutlayBuilder::meter_provider", "outlay::OutlayBuilder::tracer_provider", "outlay::otel"],
    ),
    ("serde_core", &[]),
    ("std", &[]),
    ("tower_layer", &["outlay::tower"]),
    ("tower_service", &["outlay::tower"]),
    ("uuid", &[]),
];

/// The names at the root of `outlay`: those of the usual path. Others belong to a module.
const ROOT: usize = 42;

#[test]
fn the_types_in_the_api_can_be_reached_and_foreign_ones_are_known() {
    let Some(documented) = Documented::build() else { return };
    let Signatures { public, named, .. } = Signatures::of(&documented);
    assert!(public.len() > 300 && named.len() > 500, "{} and {}", public.len(), named.len());

    let (mut unreachable, mut foreign) = (BTreeMap::new(), BTreeMap::new());
    for name in &named {
        if OURS.contains(&&*name.krate) {
            if !public.contains_key(&name.path) && !name.path.ends_with("::sealed::Sealed") {
                unreachable.entry(&name.path).or_insert(&name.place);
            }
        } else {
            let places = FOREIGN.iter().find(|(krate, _)| *krate == name.krate).map(|(_, places)| *places);
            let is_known = places
                .is_some_and(|places| places.is_empty() || places.iter().any(|place| name.place.starts_with(place)));
            foreign.entry((&name.krate, &name.path, is_known)).or_insert(&name.place);
        }
    }
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/foreign_types.txt"), format!("{foreign:#?}")).unwrap();
    assert!(unreachable.is_empty(), "signatures name types that `outlay` does not export: {unreachable:#?}");
    let unknown: Vec<_> = foreign.iter().filter(|((_, _, is_known), _)| !is_known).collect();
    assert!(unknown.is_empty(), "foreign types that are not in the list: {unknown:#?}");

    let root = public.values().filter(|path| path.matches("::").count() == 1).collect::<Vec<_>>();
    assert!(root.len() <= ROOT, "{} names are at the root: {root:#?}", root.len());
}
