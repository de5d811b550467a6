//! The example in the documentation.

use outlay_ledger::{Budget, CallRecord, Dimension, Dimensions, Outcome, StepKind, TaskSpec};
use outlay_price::{CacheTtl, Charge, Usage, Usd};
use outlay_report::{Report, Style};

use crate::fixture::{Fixture, HAIKU, SONNET, UNICODE, attempt, call, report, usage};

/// Returns the report of a support agent that plans, searches, asks a colleague, fails once and retries.
pub(crate) fn resolve_ticket() -> Report {
    let fixture = Fixture::new();
    let mut dimensions = Dimensions::default();
    dimensions.set(Dimension::Team, "support");
    dimensions.set(Dimension::Workflow, "tickets");
    dimensions.set(Dimension::Environment, "production");
    dimensions.set(Dimension::CostCenter, "cc-4711");
    let spec = TaskSpec::new("resolve-ticket").dimensions(dimensions).budget(Budget::new(Usd::from_cents(50)));
    let task = fixture.ledger.task(spec);
    let triage = task.agent("triage");

    let plan = triage.step(StepKind::Plan, "read the ticket");
    let used = usage(412, 186).with_cache_write(CacheTtl::FiveMinutes, 4_096);
    fixture.call(&plan, 1_600, call(SONNET, used));
    plan.finish();

    let tool = triage.step(StepKind::Tool, "search_kb");
    fixture.call(&tool, 650, call(HAIKU, usage(2_310, 58)));
    fixture.advance(50);
    tool.charge("serp-api", Charge::external(Usd::from_micros(5_000)));
    tool.finish();

    let researcher = triage.agent("researcher");
    fixture.call(&researcher, 1_000, call(HAIKU, usage(3_120, 240)));
    let again = CallRecord { attempts: vec![attempt(429), attempt(200)], ..call(HAIKU, usage(3_410, 310)) };
    fixture.call(&researcher, 1_200, again);
    researcher.finish();

    let cached = |input, output| -> Usage { usage(input, output).with_cache_read(4_096) };
    let act = triage.step(StepKind::Act, "draft the reply");
    fixture.call(&act, 2_300, call(SONNET, cached(1_240, 905)));
    act.fail("no citation");
    act.finish();

    let retry = triage.step(StepKind::Retry, "attempt 2");
    fixture.call(&retry, 1_600, CallRecord { streamed: true, ..call(SONNET, cached(1_655, 612)) });
    retry.finish();

    triage.finish();
    task.set_outcome(Outcome::success());
    task.finish();
    report(&task)
        .with_trace_id("7f3a0a9b8c7d6e5f4a3b2c1d0e9fc21e")
        .with_hint("OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 cargo run --example support_agent")
}

#[test]
fn a_task_is_a_tree_that_adds_up() {
    insta::assert_snapshot!(resolve_ticket().render(UNICODE), @r"
    resolve-ticket  success  $0.076680  exact   6 calls, 7 attempts   8.4 s   budget 15% of $0.50
    team=support  cost_center=cc-4711  environment=production  workflow=tickets   trace 7f3a…c21e

                                             cost  share  in tok   read    out   time
    agent triage                        $0.076680   100%  24,435  8,192  2,311   8.4s
    ├─ plan   read the ticket            0.021325  27.8%   4,508      0    186   1.6s
    │  └─ chat us.claude-sonnet-4-5      0.021325  27.8%   4,508      0    186   cache write 4,096
    ├─ tool   search_kb                  0.007860  10.2%   2,310      0     58   0.7s
    │  ├─ chat us.claude-haiku-4-5       0.002860   3.7%   2,310      0     58
    │  └─ charge serp-api                0.005000   6.5%
    ├─ agent  researcher                 0.010208  13.3%   6,530      0    550   2.2s
    │  ├─ chat us.claude-haiku-4-5       0.004752   6.2%   3,120      0    240
    │  └─ chat us.claude-haiku-4-5       0.005456   7.1%   3,410      0    310   ↻ 2 attempts: 429, 200
    ├─ act    draft the reply  ✗ failed  0.020376  26.6%   5,336  4,096    905   2.3s  no citation
    │  └─ chat us.claude-sonnet-4-5      0.020376  26.6%   5,336  4,096    905
    └─ retry  attempt 2                  0.016911  22.1%   5,751  4,096    612   1.6s
       └─ chat us.claude-sonnet-4-5      0.016911  22.1%   5,751  4,096    612   streamed

    by model      sonnet-4-5 $0.058612 (76%)   haiku-4-5 $0.013068 (17%)   external $0.005000 (7%)
    by direction  output 41%   input 27%   cache write 22%   cache read 3%   external 7%
    wasted        $0.020376 (27%) under act draft the reply, then asked again
    caching       saved $0.020951 net of writes
    sure of       exact $0.076680   estimated $0   bounded $0   unpriced 0 calls   prices 2026-11-28
    see it        OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 cargo run --example support_agent
    ");
}

#[test]
fn the_plain_style_is_ascii() {
    insta::assert_snapshot!(resolve_ticket().render(Style::plain()), @r"
    resolve-ticket  success  $0.076680  exact   6 calls, 7 attempts   8.4 s   budget 15% of $0.50
    team=support  cost_center=cc-4711  environment=production  workflow=tickets   trace 7f3a...c21e

                                             cost  share  in tok   read    out   time
    agent triage                        $0.076680   100%  24,435  8,192  2,311   8.4s
    |- plan   read the ticket            0.021325  27.8%   4,508      0    186   1.6s
    |  `- chat us.claude-sonnet-4-5      0.021325  27.8%   4,508      0    186   cache write 4,096
    |- tool   search_kb                  0.007860  10.2%   2,310      0     58   0.7s
    |  |- chat us.claude-haiku-4-5       0.002860   3.7%   2,310      0     58
    |  `- charge serp-api                0.005000   6.5%
    |- agent  researcher                 0.010208  13.3%   6,530      0    550   2.2s
    |  |- chat us.claude-haiku-4-5       0.004752   6.2%   3,120      0    240
    |  `- chat us.claude-haiku-4-5       0.005456   7.1%   3,410      0    310   retry 2 attempts...
    |- act    draft the reply  x failed  0.020376  26.6%   5,336  4,096    905   2.3s  no citation
    |  `- chat us.claude-sonnet-4-5      0.020376  26.6%   5,336  4,096    905
    `- retry  attempt 2                  0.016911  22.1%   5,751  4,096    612   1.6s
       `- chat us.claude-sonnet-4-5      0.016911  22.1%   5,751  4,096    612   streamed

    by model      sonnet-4-5 $0.058612 (76%)   haiku-4-5 $0.013068 (17%)   external $0.005000 (7%)
    by direction  output 41%   input 27%   cache write 22%   cache read 3%   external 7%
    wasted        $0.020376 (27%) under act draft the reply, then asked again
    caching       saved $0.020951 net of writes
    sure of       exact $0.076680   estimated $0   bounded $0   unpriced 0 calls   prices 2026-11-28
    see it        OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 cargo run --example support_agent
    ");
}

#[test]
fn only_failures_are_red() {
    let text = resolve_ticket().render(Style { colour: true, ..UNICODE });
    let red: Vec<&str> = text.split("\x1b[31m").skip(1).filter_map(|t| t.split("\x1b[0m").next()).collect();
    assert_eq!(red, ["✗ failed"]);
    assert_eq!(text.replace("\x1b[31m", "").replace("\x1b[0m", ""), resolve_ticket().render(UNICODE));
}

#[test]
fn a_narrow_style_cuts_names_and_notes_but_no_numbers() {
    insta::assert_snapshot!(resolve_ticket().render(Style { width: 72, ..UNICODE }), @r"
    resolve-ticket  success  $0.076680  exact   6 calls, 7 attempts   8.4 s
      budget 15% of $0.50
    team=support  cost_center=cc-4711  environment=production
    workflow=tickets   trace 7f3a…c21e

                                            cost  share   time
    agent triage                       $0.076680   100%   8.4s
    ├─ plan   read the ticket           0.021325  27.8%   1.6s
    │  └─ chat us.claude-sonnet-4-5     0.021325  27.8%   cache write 4,096
    ├─ tool   search_kb                 0.007860  10.2%   0.7s
    │  ├─ chat us.claude-haiku-4-5      0.002860   3.7%
    │  └─ charge serp-api               0.005000   6.5%
    ├─ agent  researcher                0.010208  13.3%   2.2s
    │  ├─ chat us.claude-haiku-4-5      0.004752   6.2%
    │  └─ chat us.claude-haiku-4-5      0.005456   7.1%   ↻ 2 attempts…
    ├─ act    draft the rep…  ✗ failed  0.020376  26.6%   2.3s  no citation
    │  └─ chat us.claude-sonnet-4-5     0.020376  26.6%
    └─ retry  attempt 2                 0.016911  22.1%   1.6s
       └─ chat us.claude-sonnet-4-5     0.016911  22.1%   streamed

    by model      sonnet-4-5 $0.058612 (76%)   haiku-4-5 $0.013068 (17%)
                  external $0.005000 (7%)
    by direction  output 41%   input 27%   cache write 22%   cache read 3%
                  external 7%
    wasted        $0.020376 (27%) under act draft the reply, then asked aga…
    caching       saved $0.020951 net of writes
    sure of       exact $0.076680   estimated $0   bounded $0
                  unpriced 0 calls   prices 2026-11-28
    see it        OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 cargo run --example support_agent
    ");
}

#[test]
fn few_lines_keep_the_most_expensive_branches() {
    insta::assert_snapshot!(resolve_ticket().render(Style { max_lines: 18, ..UNICODE }), @r"
    resolve-ticket  success  $0.076680  exact   6 calls, 7 attempts   8.4 s   budget 15% of $0.50
    team=support  cost_center=cc-4711  environment=production  workflow=tickets   trace 7f3a…c21e

                                             cost  share  in tok   read    out   time
    agent triage                        $0.076680   100%  24,435  8,192  2,311   8.4s
    ├─ plan   read the ticket            0.021325  27.8%   4,508      0    186   1.6s
    │  └─ chat us.claude-sonnet-4-5      0.021325  27.8%   4,508      0    186   cache write 4,096
    ├─ tool   search_kb                  0.007860  10.2%   2,310      0     58   0.7s  (1 call)
    ├─ agent  researcher                 0.010208  13.3%   6,530      0    550   2.2s  (2 calls)
    ├─ act    draft the reply  ✗ failed  0.020376  26.6%   5,336  4,096    905   2.3s  (1 call)  no…
    └─ retry  attempt 2                  0.016911  22.1%   5,751  4,096    612   1.6s  (1 call)

    by model      sonnet-4-5 $0.058612 (76%)   haiku-4-5 $0.013068 (17%)   external $0.005000 (7%)
    by direction  output 41%   input 27%   cache write 22%   cache read 3%   external 7%
    wasted        $0.020376 (27%) under act draft the reply, then asked again
    caching       saved $0.020951 net of writes
    sure of       exact $0.076680   estimated $0   bounded $0   unpriced 0 calls   prices 2026-11-28
    see it        OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 cargo run --example support_agent
    ");
}

#[test]
fn getters_return_what_the_report_shows() {
    let report = resolve_ticket();
    assert_eq!(report.outcome(), Outcome::success());
    assert_eq!(report.totals().calls(), 6);
    assert_eq!(report.budget().map(|b| b.limit.usd()), Some(Some(Usd::from_cents(50))));
    assert!(report.refusals().is_empty());
    assert_eq!(&*report.record().root.name, "resolve-ticket");
    assert_eq!(report.trace_id(), Some("7f3a0a9b8c7d6e5f4a3b2c1d0e9fc21e"));
    assert_eq!(report.to_string(), report.render(Style::detect()));
    assert_eq!(report.with_trace_id("no trace").trace_id(), None);
}
