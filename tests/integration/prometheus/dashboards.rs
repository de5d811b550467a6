//! Every query of the dashboards, the alerts and the documents, on a real Prometheus with simulated weeks. Each result is
//! compared with the ledger.

use std::collections::{BTreeMap, BTreeSet};

use outlay::{Outcome, OutcomeKind, Usd};
use outlay_tests::{HAIKU, SONNET};

use super::month::{Fact, HOURS, LAST_WEEK, Labels, Month, NOVEMBER, UNKNOWN, at};
use super::queries::{ALL, alert_queries, document_queries, panel_queries};

/// Values by the values of some labels.
type Rows = BTreeMap<Vec<String>, f64>;

/// The expected result of a query.
enum Expected {
    /// The value of each combination of these labels. Zeros are left out on both sides.
    Rows(Vec<&'static str>, Rows),
    /// A quantile by the values of these labels, which lies between the given bounds.
    Quantile(Vec<&'static str>, BTreeMap<Vec<String>, (f64, f64)>),
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_query_of_dashboards_alerts_and_documents_gives_the_ledgers_figure() {
    let Some(month) = Month::simulate().await else { return };
    let mut expected = month.of_finance();
    expected.extend(month.of_platform());
    expected.extend(month.of_engineer());
    expected.extend(month.of_documents());
    let mut names: BTreeSet<_> = expected.keys().cloned().collect();
    let mut table = "| query | labels | Prometheus | ledger |\n|---|---|---|---|\n".to_owned();
    for (name, query) in panel_queries(&ALL).into_iter().chain(alert_queries()).chain(document_queries()) {
        let expected = expected.get(&name).unwrap_or_else(|| panic!("no figure is expected of {name}: {query}"));
        names.remove(&name);
        table += &month.check(&name, &query, expected).await;
    }
    assert_eq!(names, BTreeSet::new(), "no panel has these queries");
    // For a person to look at.
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/queries.md"), table).unwrap();
}

impl Month {
    /// Compares the results of a query with the expected ones, and returns both as rows of a Markdown table.
    async fn check(&self, name: &str, query: &str, expected: &Expected) -> String {
        let (Expected::Rows(labels, _) | Expected::Quantile(labels, _)) = expected;
        let key = |row: &BTreeMap<String, String>| {
            let others: Vec<_> = row.keys().filter(|label| !labels.contains(&label.as_str())).collect();
            assert_eq!(others, Vec::<&String>::new(), "{name}: {query}");
            labels.iter().map(|label| row.get(*label).cloned().unwrap_or_default()).collect::<Vec<_>>()
        };
        let found = self.store.rows(query, at(HOURS)).await;
        let found: Rows =
            found.iter().map(|(row, value)| (key(row), *value)).filter(|(_, value)| *value != 0.0).collect();
        let mut table = String::new();
        let mut print = |key: &[String], ledger: String| {
            table += &format!("| {name} | {} | {} | {ledger} |\n", key.join(", "), found[key]);
        };
        match expected {
            Expected::Rows(_, rows) => {
                let rows: Rows =
                    rows.iter().filter(|(_, value)| **value != 0.0).map(|(k, v)| (k.clone(), *v)).collect();
                let keys = |rows: &Rows| rows.keys().cloned().collect::<Vec<_>>();
                assert_eq!(keys(&found), keys(&rows), "{name}: {found:?} and {rows:?} by {query}");
                for (key, value) in rows {
                    assert!(
                        (found[&key] - value).abs() < 1e-9,
                        "{name} {key:?}: {} is not {value} by {query}",
                        found[&key]
                    );
                    print(&key, value.to_string());
                }
            }
            Expected::Quantile(_, bounds) => {
                assert_eq!(found.len(), bounds.len(), "{name}: {found:?} by {query}");
                for (key, (low, high)) in bounds {
                    let value = found[key];
                    assert!(*low <= value && value <= *high, "{name} {key:?}: {value} is not in {low}..={high}");
                    print(key, format!("{low} to {high}"));
                }
            }
        }
        table
    }

    /// Returns the facts of a time: after the first hour, up to the second.
    fn during(&self, (after, to): (u64, u64)) -> impl Iterator<Item = &Fact> {
        self.facts.iter().filter(move |fact| fact.hour > after && fact.hour <= to)
    }

    /// Returns the sums of a figure of the facts by labels.
    fn sums(&self, time: (u64, u64), labels: &[&'static str], figure: impl Fn(&Fact) -> f64) -> Rows {
        self.split(time, labels, |fact| vec![(Vec::new(), figure(fact))])
    }

    /// Returns the sums of figures of the facts by labels, and by further values that come with the figures.
    fn split(
        &self,
        time: (u64, u64),
        labels: &[&'static str],
        figures: impl Fn(&Fact) -> Vec<(Vec<String>, f64)>,
    ) -> Rows {
        let mut rows = Rows::new();
        for fact in self.during(time) {
            for (more, figure) in figures(fact) {
                *rows.entry([key(&fact.labels, labels), more].concat()).or_default() += figure;
            }
        }
        rows
    }

    fn cost(&self, time: (u64, u64), labels: &[&'static str]) -> Rows {
        self.sums(time, labels, |fact| fact.cost.to_f64())
    }

    /// Returns the tasks that ended in success, with the revisions of that time.
    fn successes(&self, time: (u64, u64), labels: &[&'static str]) -> Rows {
        let is_success = |outcome: Outcome| f64::from(u8::from(outcome.kind() == OutcomeKind::Success));
        let mut rows = self.sums(time, labels, |fact| fact.outcome.map_or(0.0, is_success));
        for revision in self.revisions.iter().filter(|revision| revision.hour > time.0 && revision.hour <= time.1) {
            *rows.entry(key(&revision.labels, labels)).or_default() +=
                is_success(revision.after) - is_success(revision.before);
        }
        rows
    }

    fn wasted(&self, labels: &[&'static str]) -> Rows {
        self.sums(WEEK, labels, |fact| match fact.outcome.map(|outcome| outcome.kind()) {
            None => 0.0,
            // Its waste is that of the outer task.
            Some(_) if fact.is_inner => 0.0,
            Some(OutcomeKind::Success) => fact.failed_cost.to_f64(),
            Some(_) => fact.total.to_f64(),
        })
    }

    fn of_finance(&self) -> BTreeMap<String, Expected> {
        let mut all = BTreeMap::new();
        let mut add = |name: &str, labels: &[&'static str], rows: Rows| {
            assert!(all.insert(name.to_owned(), Expected::Rows(labels.to_vec(), rows)).is_none(), "{name} twice");
        };
        let (cost, before) = (self.cost(WEEK, &[])[NONE], self.cost(WEEK_BEFORE, &[])[NONE]);
        add("Spend A", &[], one(cost));
        add("Spend in the period before A", &[], one(before));
        add("Change A", &[], one(cost / before - 1.0));
        add("Cost per success A", &[], one(cost / self.successes(WEEK, &[])[NONE]));
        let of_teams: f64 =
            self.cost(WEEK, &["outlay_team"]).iter().filter(|(team, _)| !team[0].is_empty()).map(|(_, v)| v).sum();
        add("Without a team A", &[], one(1.0 - of_teams / cost));
        let outside = self.cost(WEEK, &["outlay_task_name"])[&vec!["unattributed".to_owned()]];
        add("Outside any task A", &[], one(outside));
        add("Spend by team A", &["outlay_team"], self.cost(DAY, &["outlay_team"]));
        let tables = [
            ("By cost center", "outlay_cost_center"),
            ("By team", "outlay_team"),
            ("By product", "outlay_product"),
            ("By customer segment", "outlay_customer_segment"),
            ("By workflow", "outlay_workflow"),
        ];
        for (title, label) in tables {
            let (cost, successes) = (self.cost(WEEK, &[label]), self.successes(WEEK, &[label]));
            let per_success = successes.iter().filter(|(_, n)| **n > 0.0).map(|(key, n)| (key.clone(), cost[key] / n));
            add(&format!("{title} D"), &[label], per_success.collect());
            add(&format!("{title} A"), &[label], cost);
            add(&format!("{title} B"), &[label], self.cost(WEEK_BEFORE, &[label]));
            add(&format!("{title} C"), &[label], successes);
        }
        let worth = |outcome: Outcome| outcome.value_usd().map_or(0.0, Usd::to_f64);
        let mut value = self.sums(WEEK, &["outlay_workflow"], |fact| fact.outcome.map_or(0.0, worth));
        for revision in self.revisions.iter().filter(|revision| revision.hour > LAST_WEEK) {
            *value.get_mut(&key(&revision.labels, &["outlay_workflow"])).unwrap() +=
                worth(revision.after) - worth(revision.before);
        }
        add("Value by workflow A", &["outlay_workflow"], value);
        add("Value by workflow B", &["outlay_workflow"], self.wasted(&["outlay_workflow"]));
        add("Sandbox and production A", &["outlay_environment"], self.cost(WEEK, &["outlay_environment"]));
        // All prices and counts are certain.
        add("How sure the cost is A", &["outlay_cost_status"], row(["exact"], cost));
        all
    }

    fn of_platform(&self) -> BTreeMap<String, Expected> {
        let mut all = BTreeMap::new();
        let mut add = |name: &str, labels: &[&'static str], rows: Rows| {
            assert!(all.insert(name.to_owned(), Expected::Rows(labels.to_vec(), rows)).is_none(), "{name} twice");
        };
        // The current process has the fullest budgets, and counts from the first of the month.
        let of_service = |fact: &Fact| if fact.process == 1 { fact.cost.to_f64() } else { 0.0 };
        let spent = self.sums((NOVEMBER - 1, HOURS), &["outlay_team"], of_service);
        let budgets = |figure: &dyn Fn(f64) -> f64| {
            let row = |(team, spent): (&Vec<String>, &f64)| {
                let labels = ["helpdesk", "teams", "month", &team[0], "", "", "ana"];
                (labels.map(str::to_owned).to_vec(), figure(*spent))
            };
            spent.iter().filter(|(team, _)| team[0] != "finance").map(row).collect::<Rows>()
        };
        let labels = [
            "job",
            "outlay_budget_name",
            "outlay_budget_period",
            "outlay_team",
            "outlay_cost_center",
            "outlay_environment",
            "outlay_owner",
        ];
        add("Budgets A", &labels, budgets(&|spent| spent / 30.0));
        // The other budget in dollars has a limit of zero.
        let of_research = |fact: &Fact| match fact.labels.get("outlay_team") {
            Some(&"research") => fact.cost.to_f64(),
            _ => 0.0,
        };
        let today = self.sums((HOURS - 1, HOURS), &[], of_research)[NONE];
        let of_nothing = ["helpdesk", "nothing", "day", "research", "", "", ""];
        let mut spent_in_dollars = budgets(&|spent| spent);
        spent_in_dollars.extend(row(of_nothing, today));
        add("Budgets B", &labels, spent_in_dollars);
        let with_notify = [&labels[1..], &["outlay_budget_notify"]].concat();
        add("OutlayZeroBudgetSpent", &with_notify, row(["nothing", "day", "research", "", "", "", ""], today));
        add("Budgets C", &labels, budgets(&|_| 30.0));
        let fullest = spent.values().copied().fold(0.0, f64::max) / 30.0;
        add("Fullest budget A", &[], one(fullest));
        let used = budgets(&|spent| spent / 30.0).into_iter().filter(|(_, used)| *used >= 0.8);
        let used = used.map(|(key, used)| ([&key[1..], &[String::new()]].concat(), used));
        add("OutlayBudgetUsed", &with_notify, used.collect());

        let refused = self.refused.iter().filter(|hour| **hour > LAST_WEEK).count() as f64;
        add("Refused by budgets A", &[], one(refused));
        let of_budget = ["outlay_budget_name", "outlay_team"];
        add("Refusals A", &of_budget, row(["long-answer", "support"], refused));
        // Eight experiments a day, of which the budget has room for five.
        let mut would_refuse = row(["sandbox", "research"], 7.0 * 3.0);
        // All calls of the team.
        would_refuse.extend(row(["nothing", "research"], 7.0 * 8.0 + 3.0));
        add("Refusals B", &of_budget, would_refuse);
        add("Not checked by the store A", &[], Rows::new());
        add("Beyond the series cap A", &[], Rows::new());

        let clean_ups = self.during(WEEK).filter(|fact| fact.labels["outlay_task_name"] == "clean-up").count() as f64;
        let mut violations = row(["owned", "", "clean-up"], clean_ups);
        violations.extend(row(["sandbox", "research", "try-prompt"], 7.0));
        violations.extend(row(["same_call", "research", "loop"], 1.0));
        add("Violations A", &[], one(violations.values().sum()));
        add("Violations by rule A", &["outlay_policy_rule", "outlay_team", "outlay_task_name"], violations);
        add("Graduations A", &["outlay_policy_rule", "outlay_workflow"], row(["sandbox", "experiments"], 7.0));
        add(
            "OutlayRunaway",
            &["outlay_team", "outlay_task_name", "outlay_policy_rule"],
            row(["research", "loop", "same_call"], 1.0),
        );

        let unpriced = |fact: &Fact| fact.by_model.iter().map(|of| of.unpriced_calls as f64).sum();
        let of_model = ["gen_ai_request_model", "outlay_task_name"];
        let calls = self.sums(WEEK, &[], unpriced)[NONE];
        add("Unpriced calls A", &[], one(calls));
        add("Unpriced models A", &of_model, row([UNKNOWN, "try-model"], calls));
        add("OutlayUnpricedCalls", &of_model, row([UNKNOWN, "try-model"], 1.0));
        // Since 2026-09-15.
        let age = (16 + HOURS / 24) * 86_400;
        add("Age of the prices A", &[], one(age as f64));
        add("OutlayPricesOld", &["job"], row(["helpdesk"], age as f64));
        add("OutlayTeamUnknown", &[], Rows::new());

        let by_model = |fact: &Fact| {
            let of_models = fact.by_model.iter().map(|of| (vec![of.model.clone(), String::new()], of.cost.to_f64()));
            let external = fact.by_direction.iter().find(|(direction, _)| *direction == "external").unwrap().1;
            of_models.chain([(vec![String::new(); 2], external.to_f64())]).collect()
        };
        add(
            "Models by workflow and principal A",
            &["outlay_workflow", "gen_ai_request_model", "outlay_aws_principal"],
            self.split(WEEK, &["outlay_workflow"], by_model),
        );
        let only_model = |fact: &Fact| {
            let rows: Vec<(Vec<String>, f64)> = by_model(fact);
            rows.into_iter().map(|(key, cost)| (key[..1].to_vec(), cost)).collect()
        };
        add("Cost by model A", &["gen_ai_request_model"], self.split(DAY, &[], only_model));
        let tokens = |fact: &Fact| {
            let of_model = |of: &super::month::ModelFact| {
                [("input", of.input_tokens), ("output", of.output_tokens)]
                    .map(|(kind, tokens)| (vec![of.model.clone(), kind.to_owned()], tokens as f64))
            };
            fact.by_model.iter().flat_map(of_model).collect()
        };
        add("Tokens by model and type A", &["gen_ai_request_model", "gen_ai_token_type"], self.split(DAY, &[], tokens));
        all
    }

    fn of_engineer(&self) -> BTreeMap<String, Expected> {
        let mut all = BTreeMap::new();
        let mut add = |name: &str, expected: Expected| {
            assert!(all.insert(name.to_owned(), expected).is_none(), "{name} twice");
        };
        let rows = |labels: &[&'static str], rows| Expected::Rows(labels.to_vec(), rows);
        let task = ["outlay_task_name"];
        let has_cost = |fact: &Fact| fact.outcome.is_some() && fact.labels["outlay_task_name"] != "try-model";
        add(
            "Cost of a task A",
            rows(&task, self.sums(WEEK, &task, |fact| f64::from(u8::from(fact.outcome.is_some())))),
        );
        let count = self.sums(WEEK, &task, |fact| f64::from(u8::from(has_cost(fact))));
        let sum = self.sums(WEEK, &task, |fact| if has_cost(fact) { fact.total.to_f64() } else { 0.0 });
        let mean = count.iter().filter(|(_, count)| **count > 0.0).map(|(key, count)| (key.clone(), sum[key] / count));
        add("Cost of a task B", rows(&task, mean.collect()));
        // A quantile lies in its bucket: the bounds are 0.003, 0.01, 0.03, 0.1 and so on.
        let bounds: BTreeMap<_, _> = [
            ("archive", (0.01, 0.03)),
            ("clean-up", (0.01, 0.03)),
            ("long-answer", (0.0, 0.0001)),
            ("loop", (0.003, 0.01)),
            ("resolve-ticket", (0.1, 0.3)),
            ("try-prompt", (0.1, 0.3)),
            ("write-report", (0.03, 0.1)),
        ]
        .map(|(name, bounds)| (vec![name.to_owned()], bounds))
        .into();
        add("Cost of a task C", Expected::Quantile(task.to_vec(), bounds.clone()));
        add("Cost of a task D", Expected::Quantile(task.to_vec(), bounds));
        add("Open tasks by spend A", rows(&task, row(["talk"], 0.02)));
        add("Open tasks by spend B", rows(&task, row(["talk"], 1.0)));
        add("Cost by task A", rows(&task, self.cost(DAY, &task)));
        let kinds = |fact: &Fact| fact.by_kind.iter().map(|(kind, cost)| (vec![kind.clone()], cost.to_f64())).collect();
        add("Cost by phase A", rows(&["outlay_step_kind"], self.split(WEEK, &[], kinds)));
        let directions = |fact: &Fact| {
            fact.by_direction.iter().map(|(direction, cost)| (vec![(*direction).to_owned()], cost.to_f64())).collect()
        };
        let by_direction = self.split(WEEK, &[], directions);
        let direction = |name: &str| by_direction[&vec![name.to_owned()]];
        let cached = direction("cache_read") + direction("cache_write");
        add("Cache share of the prompt cost A", rows(&[], one(cached / (cached + direction("input")))));
        add("Cost by direction A", rows(&["outlay_cost_direction"], by_direction));
        let retried = |fact: &Fact| (fact.attempts - fact.calls) as f64;
        add("Retried attempts A", rows(&[], self.sums(WEEK, &[], retried)));
        let wasted = self.wasted(&task);
        let shares = wasted.iter().filter(|(key, _)| sum[*key] > 0.0).map(|(key, usd)| (key.clone(), usd / sum[key]));
        add("Waste by task B", rows(&task, shares.collect()));
        add("Waste by task A", rows(&task, wasted));
        let in_retries = |fact: &Fact| {
            let retries = fact.by_kind.iter().filter(|(kind, _)| kind == "retry");
            retries.map(|(_, cost)| cost.to_f64()).sum()
        };
        add("Waste by task C", rows(&task, self.sums(WEEK, &task, in_retries)));
        let calls = |fact: &Fact| fact.by_model.iter().map(|of| (vec![of.model.clone()], of.calls as f64)).collect();
        add("Calls by model A", rows(&["gen_ai_request_model"], self.split(WEEK, &[], calls)));
        // The clock of the simulation stands still during a call.
        let fastest = [HAIKU, SONNET, UNKNOWN].map(|model| (vec![model.to_owned()], (0.0, 0.01)));
        add("Calls by model B", Expected::Quantile(vec!["gen_ai_request_model"], fastest.into()));

        let by = ["outlay_team", "outlay_environment", "outlay_workflow"];
        let tickets = ["support", "production", "tickets"].map(str::to_owned).to_vec();
        let per_success = |time| self.cost(time, &by)[&tickets] / self.successes(time, &by)[&tickets];
        assert!(per_success(WEEK) > 1.25 * per_success((LAST_WEEK - 28 * 24, LAST_WEEK)));
        add("OutlayCostPerSuccess", rows(&by, row(["support", "production", "tickets"], per_success(WEEK))));
        all
    }
}

impl Month {
    fn of_documents(&self) -> BTreeMap<String, Expected> {
        let by = |time, labels: &[&'static str]| Expected::Rows(labels.to_vec(), self.cost(time, labels));
        let of_workflow = ["outlay_workflow"];
        let (cost, successes) = (self.cost(WEEK, &of_workflow), self.successes(WEEK, &of_workflow));
        let per_success = successes.iter().filter(|(_, n)| **n > 0.0).map(|(key, n)| (key.clone(), cost[key] / n));
        // The whole spending of the processes that have spent on the last day.
        let without_team = |fact: &Fact| {
            let has_team = fact.labels.contains_key("outlay_team");
            if fact.process == 1 && !has_team { fact.cost.to_f64() } else { 0.0 }
        };
        let without_team = self.sums((0, HOURS), &["outlay_task_name"], without_team);
        [
            ("Cost of a day", by(DAY, &["outlay_team", "outlay_task_name"])),
            ("Cost of an hour", by((HOURS - 1, HOURS), &[])),
            ("Cost of a success", Expected::Rows(of_workflow.to_vec(), per_success.collect())),
            ("Tasks without a team", Expected::Rows(vec!["outlay_task_name"], without_team)),
        ]
        .map(|(name, expected)| (name.to_owned(), expected))
        .into()
    }
}

const WEEK: (u64, u64) = (LAST_WEEK, HOURS);
const WEEK_BEFORE: (u64, u64) = (LAST_WEEK - 7 * 24, LAST_WEEK);
const DAY: (u64, u64) = (HOURS - 24, HOURS);

/// The key of a row without labels.
const NONE: &Vec<String> = &Vec::new();

fn key(of: &Labels, labels: &[&'static str]) -> Vec<String> {
    labels.iter().map(|label| of.get(label).copied().unwrap_or_default().to_owned()).collect()
}

fn one(value: f64) -> Rows {
    row([], value)
}

fn row<const N: usize>(key: [&str; N], value: f64) -> Rows {
    Rows::from([(key.map(str::to_owned).to_vec(), value)])
}
