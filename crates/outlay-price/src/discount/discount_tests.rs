use proptest::prelude::*;

use super::*;
use crate::{Confidence, ModelRef, Price, PriceQuery, Prices, Unit, UnitCount, Usage, Usd};

const LUNA: &str = "us.openai.gpt-5.6-luna";
const SONNET: &str = "us.anthropic.claude-sonnet-4-6";

fn query<'a>(model: &'a str, day: &str) -> PriceQuery<'a> {
    PriceQuery::new(ModelRef::parse(model).unwrap(), format!("{day}T00:00:00Z").parse().unwrap())
}

/// Returns dollars per million tokens of plain input.
fn input(price: &Price) -> Usd {
    price.charge(&Usage::new().with_uncached_input(1_000)).input().saturating_mul(1_000)
}

fn now(prices: &Prices, model: &str) -> String {
    input(prices.lookup(&query(model, "2026-11-20")).unwrap()).to_decimal()
}

fn prices(file: &str) -> Prices {
    Prices::from_toml(file).unwrap()
}

#[test]
fn a_discount_applies_to_prices_below_the_file_and_not_to_its_own_rows() {
    let prices = prices(
        r#"
        [[discount]]
        percent = "12.5"
        [[price]]
        model = "us.anthropic.claude-opus-5"
        input = "5"
        "#,
    );
    assert_eq!(now(&prices, SONNET), "2.8875", "of 3.3");
    assert_eq!(now(&prices, "us.anthropic.claude-opus-5"), "5", "its own row");
}

#[test]
fn a_discounted_price_has_a_note() {
    let prices = prices("version = \"acme\"\n[[discount]]\npercent = \"10\"\nnote = \"contract 7\"");
    let query = PriceQuery { region: Some("us-east-1"), ..query("amazon.nova-lite-v1:0", "2026-11-20") };
    let price = prices.lookup(&query).unwrap();
    assert_eq!(price.note(), "discount 10%: contract 7,nova-writes-are-free");
    assert_eq!((&**price.source(), &**price.version()), ("user", "acme"));
    assert_eq!(price.confidence(), Confidence::Own);
    assert_eq!(&**price.as_of(), "2026-11-20", "the day of the list price");
}

#[test]
fn a_discount_keeps_the_history_of_list_prices() {
    let prices = prices(
        "[[discount]]\npercent = 50\nmodel = \"openai.gpt-5.6-luna\"\neffective_from = \"2026-07-01\"\n\
         effective_to = \"2026-09-01\"",
    );
    // The list price was cut on 2026-07-30.
    for (day, expected, start) in [
        ("2026-06-30", "1.1", None),
        ("2026-07-01", "0.55", Some("2026-07-01")),
        ("2026-07-29", "0.55", Some("2026-07-01")),
        ("2026-07-30", "0.11", Some("2026-07-30")),
        ("2026-08-31", "0.11", Some("2026-07-30")),
        ("2026-09-01", "0.22", Some("2026-07-30")),
        ("2026-11-20", "0.22", Some("2026-07-30")),
    ] {
        let price = prices.lookup(&query(LUNA, day)).unwrap();
        assert_eq!(input(price).to_decimal(), expected, "{day}");
        assert_eq!(price.effective_from().map(|start| &**start), start, "{day}");
        let discounted = ("2026-07-01".."2026-09-01").contains(&day);
        assert_eq!(price.confidence() == Confidence::Own, discounted, "{day}");
    }
}

#[test]
fn there_are_only_list_prices_before_the_first_discount() {
    let prices =
        prices("[[discount]]\npercent = 50\nmodel = \"us.openai.gpt-5.6-luna\"\neffective_from = \"2026-07-01\"");
    let is_luna = |price: &&Price| price.model() == "openai.gpt-5.6-luna" && price.routing().as_str() == "us";
    let rows = |prices: &Prices| prices.rows().filter(is_luna).filter(|price| price.tier() == Tier::Default).count();
    assert_eq!((rows(&Prices::bundled()), rows(&prices)), (2, 4), "from 2026-07-01, and from the cut on");
    let idle =
        self::prices("[[discount]]\npercent = 50\nregion = \"eu-west-1\"\naccount = \"111122223333\"\nmodel = \"a.b\"");
    assert_eq!(idle.rows().count(), Prices::bundled().rows().count());
}

#[test]
fn a_discount_without_a_price_is_idle() {
    let prices = prices(
        r#"
        [[discount]]
        percent = "12.50"
        model = "us.anthropic.claude-opsu-5"
        tier = "batch"
        note = "misspelt"
        [[discount]]
        percent = 1
        provider = "anthropic"
        [[discount]]
        percent = 2
        provider = "nobody"
        account = "111122223333"
        region = "eu-west-1"
        "#,
    );
    assert_eq!(
        prices.idle_discounts(),
        [
            "discount 12.50%: misspelt (model anthropic.claude-opsu-5, routing us, tier batch)",
            "discount 2% (provider nobody, account 111122223333, region eu-west-1)",
        ]
    );
    assert_eq!(prices.without_bundled().idle_discounts().len(), 3, "no prices below");
}

#[test]
fn the_most_specific_discount_wins_or_the_later_one_on_a_tie() {
    let prices = prices(
        r#"
        [[discount]]
        percent = 40
        model = "us.anthropic.claude-opus-5"
        [[discount]]
        percent = 10
        provider = "anthropic"
        [[discount]]
        percent = 20
        routing = "us"
        [[discount]]
        percent = 1
        "#,
    );
    assert_eq!(now(&prices, "us.anthropic.claude-opus-5"), "3.3", "by model, of 5.5");
    assert_eq!(now(&prices, SONNET), "2.64", "the later one, of 3.3");
    assert_eq!(now(&prices, "global.anthropic.claude-sonnet-4-6"), "2.7", "by provider, of 3");
    assert_eq!(now(&prices, "deepseek.v3.1"), prices_off(1, "deepseek.v3.1"));
}

fn prices_off(percent: i128, model: &str) -> String {
    let list = input(Prices::bundled().lookup(&query(model, "2026-11-20")).unwrap());
    Usd::from_picos(list.picos() * (100 - percent) / 100).to_decimal()
}

#[test]
fn a_base_id_selects_all_routings_and_a_prefix_selects_one() {
    let all = prices("[[discount]]\npercent = 50\nmodel = \"anthropic.claude-sonnet-4-6\"");
    let one = prices("[[discount]]\npercent = 50\nmodel = \"global.anthropic.claude-sonnet-4-6\"");
    assert_eq!((now(&all, SONNET), now(&one, SONNET)), ("1.65".to_owned(), "3.3".to_owned()));
    let global = "global.anthropic.claude-sonnet-4-6";
    assert_eq!((now(&all, global), now(&one, global)), ("1.5".to_owned(), "1.5".to_owned()));
}

#[test]
fn a_discount_can_select_an_account_and_a_region() {
    let prices = prices(
        "[[discount]]\npercent = 50\naccount = \"111122223333\"\nregion = \"eu-central-1\"\nprovider = \"amazon\"",
    );
    let price = |account, region| {
        let query = PriceQuery { account, region, ..query("amazon.nova-pro-v1:0", "2026-11-20") };
        prices.lookup(&query).map(|price| (input(price).to_decimal(), price.region().map(str::to_owned)))
    };
    let eu = Some("eu-central-1".to_owned());
    assert_eq!(price(Some("111122223333"), Some("eu-central-1")), Some(("0.525".to_owned(), eu.clone())));
    assert_eq!(price(Some("444455556666"), Some("eu-central-1")), Some(("1.05".to_owned(), eu)));
    assert_eq!(
        price(Some("111122223333"), Some("eu-north-1")),
        Some(("0.87".to_owned(), Some("eu-north-1".to_owned())))
    );
    let gov = PriceQuery { region: Some("us-gov-west-1"), ..query("ai21.jamba-1-5-mini-v1:0", "2026-11-20") };
    let everywhere = Prices::from_toml("[[discount]]\npercent = 50").unwrap();
    assert!(everywhere.lookup(&gov).is_none(), "a discount creates no price");
}

#[test]
fn halves_of_a_pico_dollar_are_rounded_up() {
    let rate = |text| Rate::per_million(text).ok();
    let discounted = |percent, text| {
        let rates = Rates { input: rate(text), ..Rates::default() };
        Percent::parse(percent).unwrap().discount_rates(&rates).input
    };
    assert_eq!(discounted("50", "0.000003"), rate("0.000002"), "1.5");
    assert_eq!(discounted("50.000001", "0.000003"), rate("0.000001"), "just below 1.5");
    assert_eq!(discounted("12.5", "3.3"), rate("2.8875"));
    assert_eq!(discounted("100", "3.3"), rate("0"));
    assert_eq!(discounted("0.000001", "1000000000"), rate("999999990"));
    assert_eq!(discounted("33.333333", "0"), rate("0"));
}

#[test]
fn prices_of_units_are_discounted_to_billionths_of_a_dollar() {
    let prices = prices("[[discount]]\npercent = \"33.333333\"");
    let query = query("cohere.rerank-v3-5:0", "2026-11-20");
    let price = prices.lookup(&query).unwrap();
    assert_eq!(price.units()[0].to_string(), "query=0.001333333");
    let queries = UnitCount::of_thousandths(Unit::Query, 1);
    assert_eq!(price.charge_units(&queries.into()).total().picos(), 1_333_333, "a thousandth of a query");
    let guardrails = prices.guardrails(Some("us-east-1"), query.at).unwrap();
    assert!(guardrails.note().starts_with("discount 33.333333%"));
}

#[test]
fn discounts_apply_again_to_any_prices_below() {
    let discount = prices("version = \"off\"\n[[discount]]\npercent = 10").without_bundled();
    assert_eq!((discount.version(), discount.rows().count()), ("off", 0));
    let below = prices("version = \"own\"\n[[price]]\nmodel = \"a.b\"\ninput = 1");
    let once = discount.over(&below);
    assert_eq!(once.version(), "2026-11-28+own+off");
    assert_eq!((now(&once, "a.b"), now(&once, SONNET)), ("0.9".to_owned(), "2.97".to_owned()));
    let twice = discount.over(&once);
    assert_eq!((now(&twice, "a.b"), now(&twice, SONNET)), ("0.81".to_owned(), "2.673".to_owned()));
}

const MODELS: [&str; 3] = ["a.x", "a.y", "b.z"];
const REGIONS: [Option<&str>; 3] = [None, Some("eu-west-1"), Some("us-gov-west-1")];
const ACCOUNTS: [Option<&str>; 3] = [None, Some("111111111111"), Some("222222222222")];
const DAYS: [Option<&str>; 4] = [None, Some("2026-01-01"), Some("2026-02-01"), Some("2026-03-01")];

type Place = (usize, usize, usize);

fn keys(of: &[(&str, Option<&str>)]) -> String {
    let some = of.iter().filter_map(|(key, value)| value.map(|value| format!("{key} = \"{value}\"\n")));
    some.collect()
}

fn layer(rows: &[(Place, usize, u32)]) -> Prices {
    let rows: std::collections::BTreeMap<_, _> =
        rows.iter().map(|&(place, day, price)| ((place, day), price)).collect();
    let text = rows.into_iter().map(|(((model, region, account), day), price)| {
        let keys = keys(&[("region", REGIONS[region]), ("account", ACCOUNTS[account]), ("effective_from", DAYS[day])]);
        format!("[[price]]\nmodel = \"{}\"\ninput = {price}\n{keys}", MODELS[model])
    });
    prices(&text.collect::<String>()).without_bundled()
}

proptest! {
    #[test]
    fn a_lookup_returns_the_list_price_with_the_most_specific_discount(
        layers in prop::collection::vec(
            prop::collection::vec(((0..3_usize, 0..3_usize, 0..3_usize), 0..4_usize, 1..99_u32), 0..8),
            1..3,
        ),
        discounts in prop::collection::vec(
            (0..4_usize, (0..4_usize, 0..3_usize, 0..3_usize), 0..4_usize, 0..4_usize),
            1..4,
        ),
        (model, region, account) in (0..3_usize, 0..3_usize, 0..3_usize),
        day in 0..4_usize,
    ) {
        let below = layers.iter().map(|rows| layer(rows)).reduce(|below, above| above.over(&below)).unwrap();
        let mut text = String::new();
        for (index, &(provider, (model, region, account), from, to)) in discounts.iter().enumerate() {
            let keys = keys(&[
                ("provider", [None, Some("a"), None, None][provider].filter(|_| model == 3)),
                ("model", MODELS.get(model).copied()),
                ("region", REGIONS[region]),
                ("account", ACCOUNTS[account]),
                ("effective_from", DAYS[from]),
                ("effective_to", DAYS[to].filter(|_| to > from)),
            ]);
            text.push_str(&format!("[[discount]]\npercent = {}\n{keys}", 10 + index));
        }
        let above = prices(&text).without_bundled();
        let layers = crate::user_file::parse(&text, crate::user_file::Syntax::Toml, None).unwrap();
        let query = PriceQuery {
            region: REGIONS[region],
            account: ACCOUNTS[account],
            ..query(MODELS[model], DAYS[day].unwrap_or("2025-01-01"))
        };
        let list = &layers[0].discounts.as_ref().unwrap().list;
        let matching = list.iter().filter(|of| {
            of.applies_to(MODELS[model], Routing::InRegion, Tier::Default)
                && of.is_in_force(query.account, query.region, query.at)
        });
        let best = matching.max_by_key(|of| of.specificity());
        let listed = below.lookup(&query).map(|price| input(price).picos());
        let expected = listed.map(|picos| best.map_or(picos, |of| picos - picos * of.percent.parts / Percent::ALL));
        let combined = above.over(&below);
        prop_assert_eq!(combined.lookup(&query).map(|price| input(price).picos()), expected, "{}", text);
    }
}

#[test]
fn an_ended_discount_does_not_hide_later_prices() {
    let list = "confidence = \"agreed\"\nsource = \"litellm\"";
    let own = format!(
        "[[discount]]\npercent = 50\nmodel = \"openai.gpt-5.6-luna\"\neffective_from = \"2026-01-01\"\n\
         effective_to = \"2026-06-01\"\n\
         [[price]]\nmodel = \"us.openai.gpt-5.6-luna\"\ninput = \"0.1\"\noutput = \"1\"\n{list}\n\
         effective_from = \"2026-11-01\""
    );
    let prices = prices(&own);
    for (day, expected) in
        [("2026-05-31", "0.55"), ("2026-06-01", "1.1"), ("2026-07-30", "0.22"), ("2026-11-01", "0.1")]
    {
        assert_eq!(input(prices.lookup(&query(LUNA, day)).unwrap()).to_decimal(), expected, "{day}");
    }
    let is_luna = |price: &&Price| price.model() == "openai.gpt-5.6-luna";
    assert!(prices.rows().filter(is_luna).all(|price| !price.note().contains("ended")));
}

#[test]
fn a_discount_for_an_account_keeps_estimates() {
    let prices = prices("[[discount]]\npercent = 10\naccount = \"123456789012\"");
    let of = |region| {
        let query = PriceQuery {
            region,
            account: Some("123456789012"),
            ..query("us.anthropic.claude-3-5-sonnet-20241022-v2:0", "2026-02-10")
        };
        let price = prices.lookup(&query).unwrap();
        let most = prices.in_any_region(&query).map(input).max().unwrap();
        (input(price).to_decimal(), price.confidence() == Confidence::Elsewhere, most.to_decimal())
    };
    assert_eq!(of(Some("us-east-1")), ("5.4".to_owned(), false, "5.4".to_owned()));
    let (own, is_fallback, most) = of(None);
    assert_eq!((own.as_str(), is_fallback), ("5.4", true));
    assert!(most.as_str() >= "5.4", "{most}");
}

#[test]
fn a_discount_for_an_unknown_region_is_idle() {
    let idle = |selectors: &str| prices(&format!("[[discount]]\npercent = 10\n{selectors}")).idle_discounts().len();
    assert_eq!(idle("region = \"geo:eu\""), 1);
    assert_eq!(idle("region = \"eu-centrl-1\""), 1);
    assert_eq!(idle("region = \"us-east-1\"\nrouting = \"eu\""), 1);
    assert_eq!(idle("region = \"eu-central-1\"\nrouting = \"eu\""), 0);
    assert_eq!(idle("region = \"mx-central-1\""), 0);
}
