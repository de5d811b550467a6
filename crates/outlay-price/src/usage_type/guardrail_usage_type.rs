/// Returns the name of a policy in responses, given a text such as `ContentPolicyUnitsConsumed`.
pub(super) fn policy(text: &str) -> Option<String> {
    let policy = text.strip_suffix("UnitsConsumed")?;
    // Responses only mark free units, not paid ones.
    let policy = policy.strip_suffix("Paid").unwrap_or(policy);
    let first = policy.chars().next().filter(char::is_ascii_uppercase)?;
    policy.bytes().all(|byte| byte.is_ascii_alphanumeric()).then(|| {
        let rest = &policy[1..];
        format!("{}{rest}Units", first.to_ascii_lowercase())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_have_the_names_used_on_the_wire() {
        for (text, expected) in [
            ("ContentPolicyUnitsConsumed", Some("contentPolicyUnits")),
            ("SensitiveInformationPolicyPaidUnitsConsumed", Some("sensitiveInformationPolicyUnits")),
            ("SensitiveInformationPolicyFreeUnitsConsumed", Some("sensitiveInformationPolicyFreeUnits")),
            ("ContentPolicy", None),
            ("UnitsConsumed", None),
            ("éUnitsConsumed", None),
        ] {
            assert_eq!(policy(text).as_deref(), expected, "{text}");
        }
    }
}
