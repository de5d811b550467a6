use std::error::Error;

use proptest::prelude::*;

use super::*;
use crate::Prices;

fn error(text: &str) -> String {
    parse(text, None).unwrap_err().to_string()
}

#[test]
fn errors_say_line_field_what_and_what_to_do() {
    for (text, want) in [
        (
            "[[price]]\nmodel = \"a.b\"\ninput = 3.3",
            "line 3: price.input: a float is inexact: write the amount in quotes, such as \"3.30\"",
        ),
        (
            "[[price]]\nmodel = \"a.b\"\ninput = \"3,3\"",
            "line 3: price.input: a comma in the amount: write a point, such as \"3.30\"",
        ),
        (
            "[[price]]\nmodel = \"a.b\"\ninput = \"three\"",
            "line 3: price.input: not a decimal number: write it such as \"3.30\"",
        ),
        ("[[price]]\nmodel = \"a.b\"\ninput = \"-3\"", "line 3: price.input: a price cannot be negative"),
        (
            "[[price]]\nmodel = \"a.b\"\ninput = \"0.0000033\"",
            "line 3: price.input: more than 6 decimals: amounts are US dollars per million tokens, not per token",
        ),
        (
            "[[price]]\nmodel = \"a.b\"\ninput = true",
            "line 3: price.input: expected an amount in quotes, found boolean",
        ),
        ("[[price]]\nmodel = \"a.b\"", "line 1: price: no rate: add at least `input` or `output`"),
        ("\n[[price]]\ninput = \"3\"", "line 2: price.model: missing: add it"),
        (
            "[[price]]\nmodel = \"a b\"\ninput = \"3\"",
            "line 2: price.model: not a model id: unexpected character at byte 1 of the model id",
        ),
        (
            "[[price]]\nmodel = \"sa.meta.x\"\ninput = \"3\"",
            "line 2: price.model: an unknown geo prefix: write the model without it, and give `routing`",
        ),
        (
            "[[price]]\nmodel = \"us.meta.x\"\nrouting = \"eu\"\ninput = \"3\"",
            "line 3: price.routing: the model says another routing: remove the key, or the prefix",
        ),
        (
            "[[price]]\nmodel = \"a.b\"\ntier = \"turbo\"\ninput = \"3\"",
            "line 3: price.tier: unknown tier `turbo`: one of default, flex, priority, reserved, batch, ultrafast, provisioned is known",
        ),
        (
            "[[price]]\nmodel = \"a.b\"\neffective_from = \"yesterday\"\ninput = \"3\"",
            "line 3: price.effective_from: not a date: write a day, such as \"2026-11-01\"",
        ),
        (
            "[[price]]\nmodel = \"a.b\"\ncontext_over = \"200k\"\ninput = \"3\"",
            "line 3: price.context_over: not a number of tokens: write a whole number, such as 200000",
        ),
        (
            "[[price]]\nmodel = \"a.b\"\ncontext_over = 200000\ninput = \"3\"",
            "line 1: price.context_over: there is no row of the same key without `context_over`: add one for shorter contexts",
        ),
        (
            "[[price]]\nmodel = \"a.b\"\ninput = \"3\"\ninputs = \"4\"",
            "line 4: price.inputs: unknown key: remove it, or check its spelling",
        ),
        ("prices = 1", "line 1: prices: unknown key: remove it, or check its spelling"),
        ("price = 1", "line 1: price: expected [[tables]], found integer"),
        (
            "[[price]]\nmodel = \"a.b\"\ninput = 3\n[[price]]\nmodel = \"a.b\"\ninput = 4",
            "line 4: price: the same key as the row on line 1: remove one of them",
        ),
        ("[[alias]]\nfrom = \"x\"", "line 1: alias.to: missing: add it"),
        (
            "[[alias]]\nfrom = \"x\"\nto = \"a/b\"",
            "line 3: alias.to: not a model id: unexpected character at byte 1 of the model id",
        ),
    ] {
        assert_eq!(error(text), want, "{text}");
    }
    assert!(error("a = ").starts_with("line 1: not valid TOML: "), "{}", error("a = "));
}

#[test]
fn a_file_is_named_in_its_errors() {
    let missing = Prices::from_path("no/such/prices.toml").unwrap_err();
    assert_eq!(missing.to_string(), "no/such/prices.toml: cannot read the price file");
    assert!(missing.source().is_some());
    assert_eq!(missing.file().and_then(Path::to_str), Some("no/such/prices.toml"));
}

#[test]
fn amounts_are_integers_or_decimal_text() {
    let own =
        "[[price]]\nmodel = \"a.b\"\nrouting = \"global\"\ninput = 3\noutput = \"15.000001\"\nsource = \"contract\"";
    let table = parse(own, Some("prices.toml")).unwrap();
    let price = table.prices().next().unwrap();
    assert_eq!(price.routing(), Routing::Global);
    assert_eq!(&**price.source(), "contract");
    let usage = crate::Usage::new().with_uncached_input(1).with_output(1);
    assert_eq!(price.charge(&usage).total().picos(), 18_000_001);
    assert_eq!(&*table.version, "d5e60652");
}

proptest! {
    #[test]
    fn any_text_loads_or_says_why(text in "\\PC*") {
        let _ = parse(&text, None);
    }

    #[test]
    fn anything_like_a_price_file_loads_or_says_why(
        lines in prop::collection::vec(
            (
                "version|model|routing|region|tier|latency|effective_from|context_over|input|output|cache_read|from|to|\\[\\[price\\]\\]|\\[\\[alias\\]\\]|x",
                "= [0-9.e_-]{0,12}|= \"[a-z0-9.:/, -]{0,20}\"|= \\[1\\]|= \\{\\}|= 2026-01-01|",
            ),
            0..12,
        ),
    ) {
        let text: String = lines.iter().map(|(key, value)| format!("{key} {value}\n")).collect();
        let _ = parse(&text, None);
    }

    #[test]
    fn any_bytes_in_a_file_load_or_say_why(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = String::from_utf8(bytes).map(|text| parse(&text, None));
    }
}

#[test]
fn a_file_on_disk_is_laid_over_the_bundle() {
    let path = std::env::temp_dir().join(format!("outlay-price-{}.toml", std::process::id()));
    std::fs::write(&path, "version = \"acme\"\n[[price]]\nmodel = \"a.b\"\ninput = \"3\"\n").unwrap();
    let prices = Prices::from_path(&path).unwrap();
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    let garbage = Prices::from_path(&path).unwrap_err();
    std::fs::remove_file(&path).unwrap();
    assert!(prices.version().ends_with("+acme"));
    let own = prices.rows().find(|price| price.model() == "a.b").unwrap();
    assert_eq!(&**own.source(), path.file_name().and_then(|name| name.to_str()).unwrap());
    assert_eq!(garbage.file(), Some(&*path));
    assert!(garbage.to_string().ends_with("not UTF-8 text: save the price file as UTF-8"));
}
