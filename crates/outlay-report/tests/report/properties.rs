//! Properties of every report, whatever the task did.

use outlay_ledger::{Scope, StepKind};
use outlay_price::{Charge, CostStatus, Usd};
use outlay_report::Style;
use proptest::collection::vec;
use proptest::prelude::*;
use unicode_width::UnicodeWidthStr;

use crate::fixture::{Fixture, HAIKU, SONNET, UNICODE, call, report, usage, with_status};

/// An event in a scope.
#[derive(Clone, Debug)]
enum Event {
    Call { is_expensive: bool, input: u64, output: u64, status: CostStatus },
    Charge { picos: u64 },
    Scope { kind: usize, name: String, fails: bool, events: Vec<Self> },
}

fn event() -> impl Strategy<Value = Event> {
    let status = prop_oneof![
        8 => Just(CostStatus::Exact),
        1 => Just(CostStatus::Estimated),
        1 => Just(CostStatus::Bounded),
        1 => Just(CostStatus::Unpriced),
    ];
    let leaf = prop_oneof![
        4 => (any::<bool>(), 0..100_000_u64, 0..5_000_u64, status)
            .prop_map(|(is_expensive, input, output, status)| Event::Call { is_expensive, input, output, status }),
        1 => (0..10_000_000_u64).prop_map(|picos| Event::Charge { picos }),
    ];
    leaf.prop_recursive(6, 80, 8, |inner| {
        (0..5_usize, "\\PC{0,40}", prop::bool::weighted(0.2), vec(inner, 0..8))
            .prop_map(|(kind, name, fails, events)| Event::Scope { kind, name, fails, events })
    })
}

fn run_events(fixture: &Fixture, scope: &Scope, events: &[Event]) {
    for event in events {
        match event {
            Event::Call { is_expensive, input, output, status } => {
                let model = if *is_expensive { SONNET } else { HAIKU };
                fixture.call(scope, 100, with_status(call(model, usage(*input, *output)), *status));
            }
            Event::Charge { picos } => {
                scope.charge("charge", Charge::external(Usd::from_picos(i128::from(*picos))));
            }
            Event::Scope { kind, name, fails, events } => {
                let child = match kind {
                    0 => scope.agent(name),
                    1 => scope.step(StepKind::Retry, name),
                    2 => scope.step(StepKind::from_name(name), name),
                    _ => scope.step(StepKind::Tool, name),
                };
                run_events(fixture, &child, events);
                if *fails {
                    child.fail(name);
                }
                child.finish();
            }
        }
    }
}

/// Returns the depth, cost in micro-dollars and share in thousandths of each row. Tiny amounts and words count as zero.
fn rows(text: &str) -> Vec<(usize, i64, i64)> {
    let table = text.lines().skip_while(|line| !line.trim_start().starts_with("cost  share"));
    table.skip(1).take_while(|line| !line.is_empty()).map(row).collect()
}

fn row(line: &str) -> (usize, i64, i64) {
    let prefix = line.chars().take_while(|c| " │├└─".contains(*c)).count();
    let cost = line.split(' ').find(|word| is_money(word)).map_or(0, |word| {
        let digits: String = word.chars().filter(char::is_ascii_digit).collect();
        if word.contains('<') { 0 } else { digits.parse().unwrap() }
    });
    let share =
        line.split(' ').find(|word| word.ends_with('%') && !word.starts_with('<')).map_or(0, |word| match word {
            "100%" => 1_000,
            word => word.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap(),
        });
    (prefix / 3, cost, share)
}

fn is_money(word: &str) -> bool {
    let digits = word.trim_start_matches(['$', '≤', '≥', '~', '<']);
    digits.split_once('.').is_some_and(|(whole, decimals)| {
        decimals.len() == 6 && [whole, decimals].iter().all(|part| part.bytes().all(|b| b.is_ascii_digit()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_report_fits_its_style(events in vec(event(), 0..12), name in "\\PC{0,80}") {
        let fixture = Fixture::new();
        let task = fixture.task(&name);
        run_events(&fixture, &task, &events);
        task.finish();
        for style in [UNICODE, Style::plain(), Style { width: 72, ..UNICODE }] {
            let text = report(&task).render(style);
            prop_assert!(text.lines().count() <= 30, "{}", text);
            for line in text.lines() {
                prop_assert!(line.width() <= style.width, "{} columns: {}", line.width(), line);
                prop_assert_eq!(line, line.trim_end());
            }
            prop_assert!(style.unicode || text.is_ascii());
        }
    }

    #[test]
    fn shown_parts_add_up(events in vec(event(), 0..12), lines in 15..60_usize, records in prop_oneof![Just(5_u32), Just(1_000)]) {
        let fixture = Fixture::with_records(records);
        // Names that look like numbers or branches would confuse the parser of this test.
        let task = fixture.task("task");
        run_events(&fixture, &task, &renamed(&events));
        task.finish();
        let text = report(&task).render(Style { max_lines: lines, width: 140, ..UNICODE });
        let rows = rows(&text);
        prop_assert_eq!(rows.is_empty(), events.is_empty(), "{}", text);
        for (i, (depth, cost, share)) in rows.iter().enumerate() {
            let below: Vec<_> = rows[i + 1..].iter().take_while(|row| row.0 > *depth).filter(|row| row.0 == depth + 1).collect();
            if !below.is_empty() {
                prop_assert_eq!(*cost, below.iter().map(|row| row.1).sum::<i64>(), "{}", text);
                prop_assert_eq!(*share, below.iter().map(|row| row.2).sum::<i64>(), "{}", text);
            }
        }
    }
}

fn renamed(events: &[Event]) -> Vec<Event> {
    let rename = |event: &Event| match event {
        Event::Scope { kind, fails, events, .. } => {
            Event::Scope { kind: *kind, name: "scope".to_owned(), fails: *fails, events: renamed(events) }
        }
        other => other.clone(),
    };
    events.iter().map(rename).collect()
}
