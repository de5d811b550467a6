use proptest::prelude::*;

use super::*;

fn prices(text: &str) -> Prices {
    Prices::from_toml(text).unwrap().without_bundled()
}

const OLD: &str = r#"
    version = "old"
    [[price]]
    model = "us.anthropic.claude-x"
    input = "3"
    output = "15"
    cache_read = "0.3"
    [[price]]
    model = "us.anthropic.claude-x"
    context_over = 200_000
    input = "6"
    [[price]]
    model = "amazon.image"
    region = "eu-west-1"
    units = { "output_image[premium]" = "0.06", output_image = "0.04" }
    [[price]]
    model = "amazon.gone"
    input = "1"
    output = "0"
    [[price]]
    model = "amazon.same"
    input = "1"
"#;

const NEW: &str = r#"
    version = "new"
    [[price]]
    model = "amazon.same"
    input = "1.0"
    source = "elsewhere"
    [[price]]
    model = "us.anthropic.claude-x"
    input = "2"
    output = "20"
    cache_write_5m = "3.75"
    [[price]]
    model = "us.anthropic.claude-x"
    context_over = 200_000
    input = "6"
    [[price]]
    model = "us.anthropic.claude-x"
    account = "123456789012"
    effective_from = "2026-12-01"
    tier = "batch"
    input = "1"
    [[price]]
    model = "amazon.image"
    region = "eu-west-1"
    units = { "output_image[premium]" = "0.06", output_image = "0.0401" }
"#;

#[test]
fn a_diff_is_displayed_as_a_table() {
    assert_eq!(
        format!("{}\n", prices(OLD).diff(&prices(NEW))),
        "\
row      model               routing    region     account       tier     from        figure           old     new   change
removed  amazon.gone         in-region                           default              input              1
removed  amazon.gone         in-region                           default              output             0
changed  amazon.image        in-region  eu-west-1                default              output_image    0.04  0.0401   +0.25%
changed  anthropic.claude-x  us                                  default              input              3       2  -33.33%
changed  anthropic.claude-x  us                                  default              output            15      20  +33.33%
changed  anthropic.claude-x  us                                  default              cache_read       0.3
changed  anthropic.claude-x  us                                  default              cache_write_5m          3.75
added    anthropic.claude-x  us                    123456789012  batch    2026-12-01  input                      1
old to new: 1 added, 1 removed, 2 changed
"
    );
}

#[test]
fn equal_prices_have_no_differences() {
    let diff = Prices::bundled().diff(&Prices::bundled());
    assert!(diff.is_empty());
    assert_eq!(diff.to_string(), "2026-11-28 to 2026-11-28: 0 added, 0 removed, 0 changed");
}

#[test]
fn the_top_layer_counts() {
    let below = prices("version = \"a\"\n[[price]]\nmodel = \"a.b\"\ninput = 1");
    let above = prices("version = \"b\"\n[[price]]\nmodel = \"a.b\"\ninput = 2");
    let diff = below.diff(&above.over(&below));
    let fields: Vec<_> = diff.changes().flat_map(PriceChange::fields).map(ToString::to_string).collect();
    assert_eq!(fields, ["input 1 -> 2 (+100.00%)"]);
    assert_eq!((diff.old_version(), diff.new_version()), ("a", "a+b"));
    assert!(above.over(&below).diff(&above).is_empty());
}

#[test]
fn a_discount_is_shown_as_a_change() {
    let prices =
        Prices::from_toml("[[discount]]\npercent = \"12.5\"\nmodel = \"us.anthropic.claude-sonnet-4-6\"").unwrap();
    let diff = Prices::bundled().diff(&prices);
    let kinds: Vec<_> = diff.changes().map(|change| (change.kind(), change.key().routing().as_str())).collect();
    assert!(!kinds.is_empty() && kinds.iter().all(|kind| *kind == (ChangeKind::Changed, "us")), "{diff}");
    assert!(
        diff.changes().flat_map(PriceChange::fields).all(|field| field.percent_hundredths() == Some(-1_250)),
        "{diff}"
    );
}

#[test]
fn halves_of_percentages_are_rounded_away_from_zero() {
    let percent = |old: i128, new: i128| {
        let [old, new] = [old, new].map(|picos| Some(Usd::from_picos(picos)));
        FieldChange { field: String::new(), old, new }.percent_hundredths()
    };
    assert_eq!(percent(20_000, 20_001), Some(1), "0.5");
    assert_eq!(percent(20_000, 19_999), Some(-1), "-0.5");
    assert_eq!(percent(20_001, 20_002), Some(0), "just below a half");
    assert_eq!(percent(3, 2), Some(-3_333));
    assert_eq!(percent(3, 0), Some(-10_000));
    assert_eq!(percent(0, 3), None);
    assert_eq!(percent(1, i128::MAX), None, "no overflow");
}

fn any_prices() -> impl Strategy<Value = Prices> {
    prop::collection::btree_map((0..3_u8, "us|eu|global", prop::option::of("2026-0[1-9]-01")), 1..5_u32, 0..6).prop_map(
        |rows| {
            let row = |((model, routing, start), input): ((u8, String, Option<String>), u32)| {
                let start = start.map_or_else(String::new, |start| format!("effective_from = \"{start}\"\n"));
                format!("[[price]]\nmodel = \"a.m{model}\"\nrouting = \"{routing}\"\ninput = {input}\n{start}")
            };
            prices(&rows.into_iter().map(row).collect::<String>())
        },
    )
}

proptest! {
    #[test]
    fn a_reverse_diff_swaps_the_figures(old in any_prices(), new in any_prices()) {
        let (diff, reverse) = (old.diff(&new), new.diff(&old));
        prop_assert_eq!(diff.changes.len(), reverse.changes.len());
        for (change, reverse) in diff.changes().zip(reverse.changes()) {
            prop_assert_eq!(change.key(), reverse.key());
            let fields = change.fields().iter().map(|field| (field.field(), field.before(), field.after()));
            let swapped = reverse.fields().iter().map(|field| (field.field(), field.after(), field.before()));
            prop_assert_eq!(fields.collect::<Vec<_>>(), swapped.collect::<Vec<_>>());
        }
        let count = old.rows().count() + diff.count(ChangeKind::Added) - diff.count(ChangeKind::Removed);
        prop_assert_eq!(count, new.rows().count());
    }
}
