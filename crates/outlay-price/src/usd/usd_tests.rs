use proptest::prelude::*;

use super::*;

fn usd(text: &str) -> Usd {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn amounts_show_six_decimals_rounded_half_to_even() {
    for (amount, expected) in [
        ("0", "$0.000000"),
        ("0.00421", "$0.004210"),
        ("0.0000005", "$0.0000005"),
        ("0.0000015", "$0.000002"),
        ("0.0000025", "$0.000002"),
        ("0.00000250001", "$0.000003"),
        ("-0.5", "-$0.500000"),
        ("1234567.891", "$1234567.891000"),
        ("0.9999999", "$1.000000"),
    ] {
        assert_eq!(usd(amount).to_string(), expected, "{amount}");
    }
}

#[test]
fn precision_width_fill_and_sign_are_supported() {
    let cost = usd("0.0042105");
    assert_eq!(format!("{cost:.2}"), "$0.00");
    assert_eq!(format!("{cost:.0}"), "$0");
    assert_eq!(format!("{cost:.7}"), "$0.0042105");
    assert_eq!(format!("{cost:.40}"), "$0.004210500000");
    assert_eq!(format!("{cost:#}"), "$0.0042105");
    assert_eq!(format!("{:#}", usd("2")), "$2.000000");
    assert_eq!(format!("[{cost:>12}]"), "[   $0.004210]");
    assert_eq!(format!("[{cost:12}]"), "[$0.004210   ]");
    assert_eq!(format!("[{cost:*^13.2}]"), "[****$0.00****]");
    assert_eq!(format!("{:+.2}", usd("1")), "+$1.00");
}

#[test]
fn the_smallest_amount_is_not_displayed_as_zero() {
    assert_eq!(Usd::from_picos(1).to_string(), "$0.000000000001");
    assert_eq!(Usd::from_picos(-1).to_string(), "-$0.000000000001");
}

#[test]
fn debug_shows_the_exact_amount() {
    assert_eq!(format!("{:?}", usd("0.00421")), "Usd($0.00421)");
    assert_eq!(format!("{:?}", usd("-1")), "Usd(-$1)");
}

#[test]
fn invalid_amounts_are_rejected_with_the_reason() {
    let error = |text: &str| text.parse::<Usd>().unwrap_err();
    assert_eq!(error(""), ParseUsdError::Empty);
    assert_eq!(error("$"), ParseUsdError::Empty);
    assert_eq!(error("$-3"), ParseUsdError::BadCharacter { at: 1 });
    assert_eq!(error("-$x"), ParseUsdError::BadCharacter { at: 2 });
    assert_eq!(error("1 USD"), ParseUsdError::BadCharacter { at: 1 });
    assert_eq!(error("0.0000000000001"), ParseUsdError::TooManyDecimals);
    assert_eq!(error("1e40"), ParseUsdError::TooLarge);
    assert_eq!(usd("0.5000000000000000"), Usd::from_cents(50));
    assert_eq!(usd("1e-6"), Usd::from_micros(1));
    assert_eq!(usd("-3"), Usd::from_dollars(-3));
}

#[test]
fn sums_are_exact() {
    // In doubles, 0.1 + 0.2 is 0.30000000000000004.
    let sum: Usd = [usd("0.1"), usd("0.2")].iter().sum();
    assert_eq!(sum, usd("0.3"));
    assert_eq!(sum.to_f64(), 0.3);
    let many: Usd = std::iter::repeat_n(usd("0.000001"), 1_000_000).sum();
    assert_eq!(many, Usd::from_dollars(1));
}

#[test]
fn arithmetic_saturates() {
    assert_eq!(Usd::MAX.checked_add(Usd::from_picos(1)), None);
    assert_eq!(Usd::MAX.saturating_add(Usd::from_picos(1)), Usd::MAX);
    assert_eq!(Usd::MAX + Usd::MAX, Usd::MAX);
    assert_eq!(Usd::MAX.saturating_mul(u64::MAX), Usd::MAX);
    assert_eq!(Usd::from_picos(i128::MIN).checked_sub(Usd::from_picos(1)), None);
    assert_eq!(Usd::MAX.picos_i64(), i64::MAX);
    assert_eq!(Usd::from_picos(i128::MIN).picos_i64(), i64::MIN);
    // The longest text.
    assert_eq!(Usd::from_picos(i128::MIN).to_string().len(), "-$170141183460469231731687303.715884".len());
}

#[test]
fn amounts_are_decimal_text_in_json() {
    let json = serde_json::to_string(&usd("-0.00421")).unwrap();
    assert_eq!(json, r#""-0.00421""#);
    assert_eq!(serde_json::from_str::<Usd>(&json).unwrap(), usd("-0.00421"));
    assert!(serde_json::from_str::<Usd>("0.5").is_err());
}

proptest! {
    #[test]
    fn exact_text_round_trips(picos in any::<i128>()) {
        let amount = Usd::from_picos(picos);
        if picos != i128::MIN {
            prop_assert_eq!(format!("{amount:#}").parse::<Usd>(), Ok(amount));
            prop_assert_eq!(format!("{amount:.12}").parse::<Usd>(), Ok(amount));
        }
    }

    #[test]
    fn only_zero_is_displayed_as_zero(picos in -10_000_000_i128..10_000_000) {
        let shown: Usd = Usd::from_picos(picos).to_string().parse().unwrap();
        prop_assert_eq!(shown.is_zero(), picos == 0);
    }

    #[test]
    fn the_double_equals_the_parsed_text(picos in prop_oneof![any::<i64>().prop_map(i128::from), any::<i128>()]) {
        let text = format!("{:.12}", Usd::from_picos(picos)).replace('$', "");
        prop_assert_eq!(Usd::from_picos(picos).to_f64(), text.parse::<f64>().unwrap());
    }

    #[test]
    fn any_text_parses_or_is_rejected(text in "\\PC*|[-+$0-9.eE]{0,60}") {
        let _ = text.parse::<Usd>();
    }
}
