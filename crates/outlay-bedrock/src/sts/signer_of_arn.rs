//! Reads the signer from an ARN of STS.

use std::sync::Arc;

use outlay_otel::Signer;

/// The maximum length of an ARN.
const MAX_ARN: usize = 2_048;

/// Returns the signer that an ARN names. A role is named by its own ARN, `arn:aws:iam::123456789012:role/ROLE`,
/// without a path, which the ARN of a session does not contain.
pub(crate) fn signer_of_arn(arn: &str) -> Option<Signer> {
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    let ["arn", partition, service, _, account, resource] = parts.as_slice() else { return None };
    let is_text = arn.len() <= MAX_ARN && !arn.chars().any(char::is_control);
    if !is_text || partition.is_empty() || resource.is_empty() {
        return None;
    }
    let session = match (*service, resource.strip_prefix("assumed-role/")) {
        ("sts", Some(session)) => session.split_once('/'),
        _ => None,
    };
    let account = (!account.is_empty()).then(|| Arc::from(*account));
    Some(match session {
        Some((role, session)) => Signer {
            principal: format!("arn:{partition}:iam::{}:role/{role}", account.as_deref().unwrap_or_default()).into(),
            account,
            session: (!session.is_empty()).then(|| session.into()),
        },
        None => Signer { principal: arn.into(), account, session: None },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_maps_to_its_role_and_other_arns_to_themselves() {
        let signer = |arn: &str| {
            let signer = signer_of_arn(arn)?;
            Some((signer.principal.to_string(), signer.account?.to_string(), signer.session.map(|s| s.to_string())))
        };
        let own = |arn: &str, account: &str| Some((arn.to_owned(), account.to_owned(), None));
        assert_eq!(
            signer("arn:aws:sts::123456789012:assumed-role/tickets/run-7@x"),
            Some(("arn:aws:iam::123456789012:role/tickets".into(), "123456789012".into(), Some("run-7@x".into())))
        );
        for (partition, role) in [("aws-cn", "r"), ("aws-us-gov", "AWSReservedSSO_Admin_0a1b")] {
            assert_eq!(
                signer(&format!("arn:{partition}:sts::1:assumed-role/{role}/ana")),
                Some((format!("arn:{partition}:iam::1:role/{role}"), "1".into(), Some("ana".into())))
            );
        }
        for arn in [
            "arn:aws:iam::123456789012:user/ana",
            "arn:aws:iam::123456789012:user/division/team/ana",
            "arn:aws:sts::123456789012:federated-user/ana",
            "arn:aws:iam::123456789012:root",
            "arn:aws:sts::123456789012:assumed-role/no-session",
            "arn:aws:iam::123456789012:assumed-role/of-another/service",
            "arn:aws-iso:something::123456789012:new:with:colons",
        ] {
            assert_eq!(signer(arn), own(arn, "123456789012"), "{arn}");
        }
    }

    #[test]
    fn an_invalid_arn_has_no_signer() {
        for odd in ["", "arn", "arn:aws:iam::1", "arn:aws:iam::1:", "urn:aws:iam::1:user/a", "arn::iam::1:user/a"] {
            assert_eq!(signer_of_arn(odd), None, "{odd}");
        }
        assert_eq!(signer_of_arn("arn:aws:iam::1:user/a\nb"), None);
        assert_eq!(signer_of_arn(&format!("arn:aws:iam::1:user/{}", "a".repeat(3_000))), None);
        let nowhere = signer_of_arn("arn:aws:iam:::user/a").unwrap();
        assert_eq!(nowhere.account, None);
    }
}
