//! Names that could corrupt the terminal or the layout.

use outlay_ledger::{CallRecord, Dimension, Dimensions, StepKind, TaskSpec};
use outlay_price::{Charge, Usd};
use outlay_report::Style;

use crate::fixture::{Fixture, HAIKU, UNICODE, attempt, call, error, report, usage};

#[test]
fn control_characters_are_not_printed() {
    let fixture = Fixture::new();
    let evil = "\x1b]0;owned\x07\x1b[2Jrm -rf\r\n\u{202e}gpj\u{9b}31m";
    let mut dimensions = Dimensions::default();
    dimensions.set(Dimension::Team, "red\u{1b}[31m \u{202e}team");
    dimensions.set_custom("k\u{200b}=", evil);
    let task = fixture.ledger.task(TaskSpec::new(evil).dimensions(dimensions));
    let step = task.step(StepKind::from_name(evil), evil);
    fixture.call(
        &step,
        10,
        CallRecord {
            failed: true,
            attempts: vec![error(None, evil)],
            price_version: Some(evil.into()),
            ..call(evil, usage(1, 1))
        },
    );
    step.charge(evil, Charge::external(Usd::from_cents(1)));
    step.fail(evil);
    step.finish();
    task.finish();
    for style in [UNICODE, Style::plain()] {
        let text = report(&task).with_hint(evil).render(style);
        assert!(!text.chars().any(|c| c != '\n' && (c.is_control() || c == '\u{202e}' || c == '\u{200b}')), "{text:?}");
    }
    insta::assert_snapshot!(report(&task).with_hint(evil).render(UNICODE), @r"
    ]0;owned[2Jrm -rf  gpj31m  abandoned  ≥$0.010000  1 call unpriced   1 call   10 ms
    team=red[31m team  k__=]0;owned[2Jrm -rfgpj31m

                                                       cost  share  in tok  out   time
    ]0;owned[2J… ]0;owned[2Jrm -rf  g…  ✗ failed ≥$0.010000   100%       1    1   10ms  ]0;owned[2Jrm…
    ├─ chat ]0;owned[2Jrm -rf  gpj31m  ✗ failed    unpriced              1    1   ]0;owned[2Jrm -rf…
    └─ charge ]0;owned[2Jrm -rf  gpj31m            0.010000   100%

    by model      ]0;owned[2Jrm -rf  gpj31m unpriced   external $0.010000 (100%)
    by direction  external 100%
    wasted        ≥$0.010000 (100%) under ]0;owned[2J… ]0;owned[2Jrm -rf  gpj31m
    sure of       exact $0.010000   estimated $0   bounded $0   unpriced 1 call
                  prices ]0;owned[2Jrm -rf  gpj31m
    see it        ]0;owned[2Jrm -rf  gpj31m
    ");
}

#[test]
fn wide_and_long_names_keep_columns_aligned() {
    let fixture = Fixture::new();
    let mut dimensions = Dimensions::default();
    dimensions.set(Dimension::Product, &"very ".repeat(60));
    for i in 0..20 {
        dimensions.set_custom(&format!("key{i}"), "value");
    }
    let task = fixture.ledger.task(TaskSpec::new(&"部署チェック".repeat(10)).dimensions(dimensions));
    let agent = task.agent("検索エージェント 🔎");
    let step = agent.step(StepKind::from_name("要約する仕事の名前はとても長い"), &"name ".repeat(30));
    let model =
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdefghijklmnopqrstuvwxyz0123456789";
    fixture.call(
        &step,
        10,
        CallRecord { attempts: vec![attempt(503); 12], streamed: true, ..call(model, usage(1, 1)) },
    );
    step.fail("the answer was not what the customer had in mind when asking for it");
    step.finish();
    let short = agent.step(StepKind::Plan, "kurz");
    fixture.call(&short, 4_000_000, call(HAIKU, usage(250_000_000, 1)));
    short.finish();
    agent.finish();
    task.finish();
    insta::assert_snapshot!(report(&task).with_trace_id("7f3a0a9b8c7d6e5f4a3b2c1d0e9fc21e").render(UNICODE), @r"
    部署チェック部署チェック部…  abandoned  ≥$275.000006  1 call unpriced   2 calls, 13 attempts   1h06m
    product=very very very very very very very…   trace 7f3a…c21e  key0=value  key1=value  key2=value
    key3=value  key4=value  key5=value  key6=value  key7=value  key8=value  key9=value   … 10 more

                                                       cost  share  in tok  out   time
    agent 検索エージェント 🔎                  ≥$275.000006   100%  250.0M    2   1h06m
    ├─ 要約する仕…  name name name…  ✗ failed      unpriced              1    1   10ms  the answer was…
    │  └─ chat application-inference-profile/…     unpriced              1    1   ↻ 12 attempts: 503…
    └─ plan         kurz                         275.000006   100%  250.0M    1   1h06m
       └─ chat us.claude-haiku-4-5               275.000006   100%  250.0M    1

    by model      haiku-4-5 $275.000006 (100%)
                  application-inference-profile/abcdefghijklmnopqrstuvwxyz0123456789 unpriced
    by direction  input 100%   output <1%
    wasted        unpriced under 要約する仕… name name name name name name name name name name name nam…
    sure of       exact $275.000006   estimated $0   bounded $0   unpriced 1 call   prices 2026-11-28
    ");
}
