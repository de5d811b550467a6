//! The names of keys. All of a namespace are in one slot of a cluster, by what stands in the first braces.

/// A longer one is cut, and told from others by its hash.
const MAX_NAME: usize = 200;

/// What all keys of a namespace begin with.
pub(crate) fn prefix(namespace: &str) -> String {
    format!("{{outlay:{namespace}}}:")
}

/// The key of a budget, without its period. Any name makes one, and no two make the same.
pub(crate) fn budget(prefix: &str, name: &str) -> String {
    if name.len() <= MAX_NAME {
        return format!("{prefix}budget:{name}");
    }
    let mut end = MAX_NAME / 2;
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    let hash = sha1_smol::Sha1::from(name).hexdigest();
    format!("{prefix}long:{}~{hash}", &name[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_makes_a_key_of_its_own_in_the_same_slot() {
        let prefix = prefix("prod");
        let long = "ä".repeat(10_000);
        let names = ["a", "{other}", "a\r\nDEL *", "\0", &long, &format!("{long}x"), "ä"];
        let keys: Vec<String> = names.iter().map(|name| budget(&prefix, name)).collect();
        for (place, key) in keys.iter().enumerate() {
            assert!(key.starts_with("{outlay:prod}:") && key.len() < 300, "{key}");
            assert!(!keys[..place].contains(key), "{key}");
        }
    }
}
