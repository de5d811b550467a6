//! The public items of `outlay`, and the types that their signatures name.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use crate::documented::{Documented, id};

/// The public items, and what their signatures name.
pub(crate) struct Signatures<'a> {
    documented: &'a Documented,
    /// The public paths of items by their paths of definition.
    pub(crate) public: BTreeMap<String, String>,
    /// The types and traits that signatures name.
    pub(crate) named: Vec<Named>,
    seen: HashSet<(&'static str, String)>,
}

/// A type or trait that a signature names.
pub(crate) struct Named {
    /// The item whose signature it is, by its public path.
    pub(crate) place: String,
    pub(crate) krate: String,
    /// The path of its definition.
    pub(crate) path: String,
}

impl<'a> Signatures<'a> {
    pub(crate) fn of(documented: &'a Documented) -> Self {
        let mut all = Self { documented, public: BTreeMap::new(), named: Vec::new(), seen: HashSet::new() };
        all.add_module("outlay", &documented.root("outlay"), "outlay");
        all
    }

    fn add_module(&mut self, krate: &'static str, module: &str, path: &str) {
        let items = self.documented.item(krate, module).expect("the module is documented");
        for item in items["inner"]["module"]["items"].as_array().expect("items") {
            self.add_member_of_module(krate, &id(item), path);
        }
    }

    fn add_member_of_module(&mut self, krate: &'static str, item: &str, module: &str) {
        let Some(value) = self.documented.item(krate, item) else { return };
        let reexport = &value["inner"]["use"];
        if reexport.is_null() {
            let name = value["name"].as_str().expect("a name");
            self.add(krate, item, &format!("{module}::{name}"));
            return;
        }
        assert_eq!(reexport["is_glob"], false, "{module} has a glob");
        let target = id(&reexport["id"]);
        let path = self.documented.definition(krate, &target).map(|(_, path)| path).unwrap_or_default();
        let (krate, target) = self.documented.ours(&path).cloned().unwrap_or((krate, target));
        match self.documented.item(krate, &target).map(|target| target["inner"].get("use").is_some()) {
            Some(true) => self.add_member_of_module(krate, &target, module),
            Some(false) => {
                self.add(krate, &target, &format!("{module}::{}", reexport["name"].as_str().expect("a name")))
            }
            None => panic!("{module} exports {}, which is not documented", reexport["source"]),
        }
    }

    fn add(&mut self, krate: &'static str, item: &str, path: &str) {
        let value = self.documented.item(krate, item).expect("the item is documented");
        let (kind, inner) = value["inner"].as_object().and_then(|inner| inner.iter().next()).expect("one kind");
        if kind == "module" {
            return self.add_module(krate, item, path);
        }
        if let Some((_, definition)) = self.documented.definition(krate, item) {
            self.public.entry(definition).or_insert_with(|| path.to_owned());
        }
        if !self.seen.insert((krate, item.to_owned())) {
            return;
        }
        for (part, value) in inner.as_object().into_iter().flatten() {
            match part.as_str() {
                // The members of a struct, of an enum and of a trait.
                "kind" => self.add_fields(krate, value, path),
                "variants" | "items" => self.add_members(krate, value, path),
                "impls" => value.as_array().into_iter().flatten().for_each(|of| self.add_impl(krate, &id(of), path)),
                "implementations" => {}
                _ => self.add_named(krate, value, path),
            }
        }
        if !inner.is_object() {
            self.add_named(krate, inner, path);
        }
    }

    fn add_members(&mut self, krate: &'static str, members: &Value, path: &str) {
        for member in members.as_array().into_iter().flatten().filter(|member| !member.is_null()) {
            let Some(value) = self.documented.item(krate, &id(member)) else { continue };
            let path = format!("{path}::{}", value["name"].as_str().unwrap_or_default());
            match value["inner"].get("variant") {
                Some(variant) => self.add_fields(krate, &variant["kind"], &path),
                None => self.add_named(krate, &value["inner"], &path),
            }
        }
    }

    /// Adds the fields of a struct or a variant: `{"tuple": [..]}`, `{"plain": {"fields": [..]}}` or `{"struct": ..}`.
    fn add_fields(&mut self, krate: &'static str, kind: &Value, path: &str) {
        for of in kind.as_object().into_iter().flat_map(|kind| kind.values()) {
            self.add_members(krate, if of.is_array() { of } else { &of["fields"] }, path);
        }
    }

    fn add_impl(&mut self, krate: &'static str, item: &str, path: &str) {
        let Some(value) = self.documented.item(krate, item) else { return };
        let of = &value["inner"]["impl"];
        // Those that the compiler derives for all types.
        if of["is_synthetic"] == true || !of["blanket_impl"].is_null() {
            return;
        }
        if of["trait"].is_null() {
            return self.add_members(krate, &of["items"], path);
        }
        self.add_named(krate, &serde_json::json!({ "trait": of["trait"] }), path);
        for member in of["items"].as_array().into_iter().flatten() {
            if let Some(associated) = self.documented.item(krate, &id(member)).map(|member| &member["inner"])
                && associated.get("assoc_type").is_some()
            {
                self.add_named(krate, associated, path);
            }
        }
    }

    /// Adds the types and traits anywhere in a part of a signature.
    fn add_named(&mut self, krate: &'static str, part: &Value, place: &str) {
        match part {
            Value::Object(members) => {
                for (key, value) in members {
                    if matches!(key.as_str(), "resolved_path" | "trait")
                        && let (Some(named), Some(_)) = (value.get("id"), value.get("path"))
                        && let Some((krate, path)) = self.documented.definition(krate, &id(named))
                        && !matches!(krate.as_str(), "core" | "alloc")
                    {
                        self.named.push(Named { place: place.to_owned(), krate, path });
                    }
                    self.add_named(krate, value, place);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| self.add_named(krate, value, place)),
            _ => {}
        }
    }
}
