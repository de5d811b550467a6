//! The names of keys. The first braces put all keys of a namespace in one slot of a cluster.

/// The maximum length of a name, in bytes. A longer name is truncated, and made unique by its hash.
const MAX_NAME: usize = 200;

/// Returns the prefix of all keys of a namespace.
pub(crate) fn prefix(namespace: &str) -> String {
    format!("{{outlay:{namespace}}}:")
}

/// Returns the key of a budget, without its period. Any name is valid, and different names have different keys.
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
    fn every_name_has_its_own_key_in_the_same_slot() {
        let prefix = prefix("prod");
        let long = "ä".repeat(10_000);
        let names = ["a", "{other}", "a\r\nDEL *", "\0", &long, &format!("{long}x"), "ä"];
        let keys: Vec<String> = names.iter().map(|name| budget(&prefix, name)).collect();
        for (index, key) in keys.iter().enumerate() {
            assert!(key.starts_with("{outlay:prod}:") && key.len() < 300, "{key}");
            assert!(!keys[..index].contains(key), "{key}");
        }
    }
}
