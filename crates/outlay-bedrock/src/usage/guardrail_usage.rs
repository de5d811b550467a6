//! Reads what a guardrail used: units by policy, in the answers of ApplyGuardrail and InvokeGuardrailChecks, and in
//! the trace of a model call if its request enables one.

use std::borrow::Cow;
use std::fmt;

use outlay_price::{Unit, UnitCount, Units};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::by_member::{self, ByMember};
use super::lenient::{Count, List, Object, Values};
use super::members::max_of_each;
use super::positive_number::FoundNumber;

/// The policies that read text, except automated reasoning, by their names on the wire.
pub(crate) const TEXT_POLICIES: [&str; 5] = [
    "contentPolicyUnits",
    "contextualGroundingPolicyUnits",
    "sensitiveInformationPolicyUnits",
    "topicPolicyUnits",
    "wordPolicyUnits",
];
/// Automated reasoning is billed for each of its policies.
pub(crate) const REASONING_POLICY: &str = "automatedReasoningPolicyUnits";
const REASONING_POLICIES: &str = "automatedReasoningPolicies";
/// The maximum number of automated reasoning policies in a guardrail.
pub(crate) const MAX_REASONING_POLICIES: u64 = 2;
/// The checks of InvokeGuardrailChecks. They have prices of their own.
pub(crate) const CHECKS: [&str; 3] = ["contentFilter", "promptAttack", "sensitiveInformation"];

/// Content filters for images.
pub(crate) const IMAGE_POLICY: &str = "contentPolicyImageUnits";
const FREE_POLICY: &str = "sensitiveInformationPolicyFreeUnits";

/// What a trace reports of a guardrail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct GuardrailReport {
    pub(crate) input: AssessedUnits,
    pub(crate) output: AssessedUnits,
    /// Whether it blocked the input, if the trace reports its actions.
    pub(crate) blocked_input: Option<bool>,
}

/// What a guardrail used on one side of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum AssessedUnits {
    /// The trace has no assessment.
    #[default]
    NotAssessed,
    /// An assessment has no count.
    Uncounted,
    /// The units of all assessments.
    Counted(Units),
}

impl GuardrailReport {
    /// Returns whether the model did not run. If the trace does not report an action on the input, a missing
    /// assessment of the output indicates it.
    pub(crate) fn model_was_skipped(&self) -> bool {
        self.output == AssessedUnits::NotAssessed && self.blocked_input != Some(false)
    }

    /// Returns all units, or `None` if an assessment has no count.
    pub(crate) fn units(&self) -> Option<Units> {
        let mut all = Units::new();
        for side in [&self.input, &self.output] {
            match side {
                AssessedUnits::NotAssessed => {}
                AssessedUnits::Uncounted => return None,
                AssessedUnits::Counted(units) => all.extend(units.iter().cloned()),
            }
        }
        Some(all)
    }

    /// Takes in a later event of the same answer. Each side comes from the event that has it.
    pub(crate) fn merge(own: &mut Option<Self>, later: Option<Self>) {
        match (own.as_mut(), later) {
            (Some(own), Some(later)) => {
                own.input.merge(later.input);
                own.output.merge(later.output);
                own.blocked_input = later.blocked_input.max(own.blocked_input);
            }
            (None, later) => *own = later,
            (Some(_), None) => {}
        }
    }
}

impl AssessedUnits {
    pub(crate) fn of(units: impl Iterator<Item = Option<Units>>) -> Self {
        let mut side = Self::NotAssessed;
        for units in units {
            side = match (side, units) {
                (Self::Uncounted, _) | (_, None) => Self::Uncounted,
                (Self::NotAssessed, Some(units)) => Self::Counted(units),
                (Self::Counted(mut all), Some(units)) => {
                    all.extend(units.iter().cloned());
                    Self::Counted(all)
                }
            };
        }
        side
    }

    fn merge(&mut self, later: Self) {
        match (&mut *self, later) {
            (Self::Counted(own), Self::Counted(later)) => *own = max_of_each(own, &later),
            (_, Self::NotAssessed) | (Self::Counted(_), Self::Uncounted) => {}
            (own, later) => *own = later,
        }
    }
}

/// `{"topicPolicyUnits": 1, ...}`
#[derive(Clone, Debug, Default)]
struct PolicyUnits(Units);

/// The trace of Converse, and the trace of InvokeModel, which has other names.
#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct GuardrailTrace {
    input_assessment: Values<Object<Assessment>>,
    output_assessments: Values<List<Assessment>>,
    input: Values<Object<Assessment>>,
    outputs: List<InvokeOutput>,
}

/// By the guardrail's id.
#[derive(Clone, Default)]
struct InvokeOutput(Vec<Assessment>);

#[derive(Clone, Default)]
struct Assessment {
    invocation_metrics: Object<InvocationMetrics>,
    /// Whether one of its actions blocks, if it has any.
    blocks: Option<bool>,
}

impl ByMember for Assessment {
    type Name = String;

    fn read_member<'de, A: MapAccess<'de>>(&mut self, name: String, map: &mut A) -> Result<(), A::Error> {
        match &*name {
            "invocationMetrics" => self.invocation_metrics = map.next_value()?,
            _ => self.blocks = blocks(&map.next_value()?).max(self.blocks),
        }
        Ok(())
    }

    fn number_instead(&mut self, _: &FoundNumber) {}
}

by_member::deserialize!(Assessment);

/// Returns whether one of the actions in a policy's assessment blocks, or `None` if there are none.
fn blocks(policy: &Value) -> Option<bool> {
    match policy {
        Value::Object(members) => {
            let own = members.get("action").and_then(Value::as_str).map(|action| action == "BLOCKED");
            members.values().map(blocks).max().flatten().max(own)
        }
        Value::Array(items) => items.iter().map(blocks).max().flatten(),
        _ => None,
    }
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct InvocationMetrics {
    usage: Object<PolicyUnits>,
}

impl GuardrailTrace {
    /// Returns the report, or `None` if nothing was assessed.
    pub(super) fn into_report(self) -> Option<GuardrailReport> {
        let inputs = self.input_assessment.0.into_iter().chain(self.input.0);
        let inputs: Vec<Assessment> = inputs.map(|assessment| assessment.0.unwrap_or_default()).collect();
        let outputs = self.output_assessments.0.into_iter().flat_map(|list| list.0);
        let outputs = outputs.chain(self.outputs.0.into_iter().flat_map(|output| output.0));
        let units = |assessment: Assessment| Some(assessment.invocation_metrics.0?.usage.0?.0);
        let report = GuardrailReport {
            blocked_input: inputs.iter().map(|assessment| assessment.blocks).max().flatten(),
            input: AssessedUnits::of(inputs.into_iter().map(units)),
            output: AssessedUnits::of(outputs.map(units)),
        };
        (report != GuardrailReport::default()).then_some(report)
    }
}

/// Reads the units in the answer of ApplyGuardrail.
pub(crate) fn read_apply_guardrail(json: &[u8]) -> Option<Units> {
    let InvocationMetrics { usage } = serde_json::from_slice(json).ok()?;
    Some(usage.0?.0)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ChecksAnswer {
    usage: Object<ChecksUsage>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ChecksUsage {
    content_filter: Object<CheckUsage>,
    prompt_attack: Object<CheckUsage>,
    sensitive_information: Object<CheckUsage>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct CheckUsage {
    text_units: Count,
}

/// Returns the text units of the SDK's typed counts, in the order of [`CHECKS`].
pub(crate) fn check_units(counts: [Option<i32>; 3]) -> Units {
    let unit = |(name, count): (&'static str, Option<i32>)| {
        Some(UnitCount::new(Unit::GuardrailUnit, u64::try_from(count?).ok()?).with_word(name))
    };
    CHECKS.into_iter().zip(counts).filter_map(unit).collect()
}

/// Returns the units of the SDK's typed counts by policy.
pub(crate) fn policy_units<const N: usize>(counts: [(&'static str, Option<i32>); N]) -> Units {
    let mut policies = Policies::default();
    for (name, count) in counts {
        if let Some(count) = count.and_then(|count| u64::try_from(count).ok()) {
            policies.record(name, count);
        }
    }
    policies.units()
}

/// Reads the units in the answer of InvokeGuardrailChecks.
pub(crate) fn read_checks(json: &[u8]) -> Option<Units> {
    let answer: ChecksAnswer = serde_json::from_slice(json).ok()?;
    let usage = answer.usage.0?;
    let checks = [usage.content_filter, usage.prompt_attack, usage.sensitive_information];
    let mut units = Units::new();
    for (name, check) in CHECKS.into_iter().zip(checks) {
        if let Some(check) = check.0 {
            units.add(UnitCount::new(Unit::GuardrailUnit, check.text_units.0?).with_word(name));
        }
    }
    Some(units)
}

impl<'de> Deserialize<'de> for InvokeOutput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let assessments = Values::<Object<Assessment>>::deserialize(deserializer)?;
        Ok(Self(assessments.0.into_iter().map(|assessment| assessment.0.unwrap_or_default()).collect()))
    }
}

impl<'de> Deserialize<'de> for PolicyUnits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PolicyVisitor)
    }
}

struct PolicyVisitor;

impl<'de> Visitor<'de> for PolicyVisitor {
    type Value = PolicyUnits;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("units by policy")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PolicyUnits, A::Error> {
        let mut policies = Policies::default();
        while let Some((name, count)) = map.next_entry::<Cow<'de, str>, Count>()? {
            if let Some(count) = count.0 {
                policies.record(&name, count);
            }
        }
        Ok(PolicyUnits(policies.units()))
    }
}

/// The units of one assessment so far.
#[derive(Default)]
struct Policies {
    units: Units,
    reasoning: u64,
    reasoning_policies: u64,
}

impl Policies {
    fn record(&mut self, name: &str, count: u64) {
        match name {
            REASONING_POLICY => self.reasoning = count,
            REASONING_POLICIES => self.reasoning_policies = count,
            name if name.ends_with("Units") => {
                self.units.add(UnitCount::new(Unit::GuardrailUnit, count).with_word(word(name)));
            }
            _ => {}
        }
    }

    fn units(mut self) -> Units {
        let reasoning = self.reasoning.saturating_mul(self.reasoning_policies.max(1));
        self.units.add(UnitCount::new(Unit::GuardrailUnit, reasoning).with_word(REASONING_POLICY));
        self.units
    }
}

/// Returns the word for a policy. An unknown policy keeps its name: it has no price, so it is never treated as free.
fn word(name: &str) -> Cow<'static, str> {
    let known = TEXT_POLICIES.into_iter().chain([IMAGE_POLICY, FREE_POLICY]).find(|known| *known == name);
    known.map_or_else(|| Cow::Owned(name.to_owned()), Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(text: &[(&str, u64)]) -> Units {
        text.iter()
            .map(|(name, count)| UnitCount::new(Unit::GuardrailUnit, *count).with_word((*name).to_owned()))
            .collect()
    }

    fn report(json: &str) -> Option<GuardrailReport> {
        serde_json::from_str::<GuardrailTrace>(json).expect(json).into_report()
    }

    #[test]
    fn the_units_of_all_assessments_add_up() {
        let assessment = r#"{"topicPolicy":{},"invocationMetrics":{"guardrailProcessingLatency":9,"usage":
            {"topicPolicyUnits":1,"contentPolicyUnits":2,"wordPolicyUnits":0}}}"#;
        let one = [("topicPolicyUnits", 1), ("contentPolicyUnits", 2)];
        let two = [("topicPolicyUnits", 2), ("contentPolicyUnits", 4)];
        let expected = Some(GuardrailReport {
            input: AssessedUnits::Counted(units(&one)),
            output: AssessedUnits::Counted(units(&two)),
            blocked_input: None,
        });
        let converse = format!(
            r#"{{"inputAssessment":{{"g1":{assessment}}},"outputAssessments":{{"g1":[{assessment},{assessment}]}}}}"#
        );
        let invoke =
            format!(r#"{{"input":{{"g1":{assessment}}},"outputs":[{{"g1":{assessment}}},{{"g1":{assessment}}}]}}"#);
        assert_eq!(report(&converse), expected);
        assert_eq!(report(&invoke), expected);
    }

    #[test]
    fn an_assessment_without_counts_leaves_the_sum_unknown() {
        let counted = r#"{"invocationMetrics":{"usage":{"topicPolicyUnits":1}}}"#;
        for output in ["{}", "3", r#"{"invocationMetrics":{"usage":7}}"#] {
            let trace = format!(r#"{{"inputAssessment":{{"g":{counted}}},"input":{{"h":{output}}}}}"#);
            let report = report(&trace).expect(output);
            assert_eq!((report.units(), report.model_was_skipped()), (None, true), "{output}");
        }
        assert_eq!(report("{}"), None);
        assert_eq!(report(r#"{"inputAssessment":"odd","outputs":4}"#), None);
    }

    #[test]
    fn each_side_comes_from_the_event_that_has_it() {
        let side = |name: &str, units: u64| {
            let usage = format!(r#"{{"invocationMetrics":{{"usage":{{"topicPolicyUnits":{units}}}}}}}"#);
            match name {
                "input" => report(&format!(r#"{{"input":{{"g":{usage}}}}}"#)),
                _ => report(&format!(r#"{{"outputs":[{{"g":{usage}}}]}}"#)),
            }
        };
        for events in [[side("input", 1), side("output", 3)], [side("output", 3), side("input", 1)]] {
            let mut all = None;
            for event in events.iter().chain(&events).cloned().chain([None]) {
                GuardrailReport::merge(&mut all, event);
            }
            let all = all.expect("both are reported");
            assert_eq!((all.units(), all.model_was_skipped()), (Some(units(&[("topicPolicyUnits", 4)])), false));
        }
    }

    #[test]
    fn automated_reasoning_counts_for_each_of_its_policies() {
        let read = read_apply_guardrail(
            br#"{"usage":{"automatedReasoningPolicies":2,"automatedReasoningPolicyUnits":3},"action":"NONE"}"#,
        );
        assert_eq!(read, Some(units(&[(REASONING_POLICY, 6)])));
    }

    #[test]
    fn an_unknown_policy_keeps_its_name() {
        let read = read_apply_guardrail(br#"{"usage":{"fresheningPolicyUnits":3}}"#);
        assert_eq!(read, Some(units(&[("fresheningPolicyUnits", 3)])));
        assert_eq!(read_apply_guardrail(br#"{"action":"NONE"}"#), None);
    }

    #[test]
    fn checks_are_counted_by_name() {
        let read = read_checks(br#"{"usage":{"contentFilter":{"textUnits":2},"promptAttack":{"textUnits":1}}}"#);
        assert_eq!(read, Some(units(&[("contentFilter", 2), ("promptAttack", 1)])));
        assert_eq!(read_checks(br#"{"usage":{"contentFilter":{}}}"#), None, "how many?");
    }
}
