//! Texts that name whose credentials calls are made with.

use std::borrow::Cow;

/// A role, or a pattern of roles, by what STS tells of it: without its path, and not as one of its sessions. Other
/// texts are what they are.
pub(super) fn without_path(arn: &str) -> Cow<'_, str> {
    const SESSION: &str = ":assumed-role/";
    const ROLE: &str = ":role/";
    if let Some((owner, session)) = arn.split_once(SESSION) {
        let role = session.split('/').next().unwrap_or_default();
        let owner = owner.replace(":sts:", ":iam:");
        return Cow::Owned(format!("{owner}{ROLE}{role}"));
    }
    match arn.split_once(ROLE) {
        Some((owner, role)) => match role.rsplit_once('/') {
            // All roles of a path cannot be told from all roles.
            Some((_, name)) if !is_anything(name) => Cow::Owned(format!("{owner}{ROLE}{name}")),
            _ => Cow::Borrowed(arn),
        },
        None => Cow::Borrowed(arn),
    }
}

/// Whether a pattern names roles by their path alone, so that it fits nobody that STS tells of.
pub(super) fn is_path_alone(arn: &str) -> bool {
    let name = arn.split_once(":role/").and_then(|(_, role)| role.rsplit_once('/'));
    name.is_some_and(|(_, name)| is_anything(name))
}

fn is_anything(name: &str) -> bool {
    name.chars().all(|c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_named_as_sts_tells_them() {
        for (arn, told) in [
            ("arn:aws:iam::1:role/service/prod-a", "arn:aws:iam::1:role/prod-a"),
            ("arn:aws:iam::*:role/a/b/prod-*", "arn:aws:iam::*:role/prod-*"),
            ("arn:aws:sts::1:assumed-role/prod-a/i-0a1b", "arn:aws:iam::1:role/prod-a"),
            ("arn:aws:sts::*:assumed-role/prod-*/*", "arn:aws:iam::*:role/prod-*"),
            ("arn:aws:sts::1:assumed-role/prod-a", "arn:aws:iam::1:role/prod-a"),
            ("arn:*:assumed-role/prod-*", "arn:*:role/prod-*"),
        ] {
            assert_eq!(without_path(arn), told);
        }
        for same in
            ["arn:aws:iam::1:role/prod-a", "arn:aws:iam::1:user/division/ana", "arn:aws:iam::*:role/prod/*", "*", "ana"]
        {
            assert_eq!(without_path(same), same);
        }
        assert!(is_path_alone("arn:aws:iam::*:role/prod/*") && is_path_alone("arn:aws:iam::1:role/prod/"));
        assert!(!is_path_alone("arn:aws:iam::*:role/*") && !is_path_alone("arn:aws:iam::1:user/prod/*"));
    }
}
