//! The imports between the files of a crate.
//!
//! Re-exports are followed to the file that defines the item. The crate root, `mod` declarations and unit tests do not count,
//! nor does a `pub use` that its own file makes no use of: they show where items are found, not which file needs which.
//! Methods do not count, because their names do not tell the type: `impl` blocks may be in several files.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, Macro, Path, UseTree, Visibility};

use crate::sources::{Crate, SourceFile};

type ModulePath = Vec<String>;

/// The imports between the files of a crate, by path.
pub(crate) struct Imports {
    by_file: BTreeMap<String, BTreeSet<String>>,
}

/// The definitions and re-exports of the files of a crate.
struct Definitions {
    /// The file of each module.
    files: HashMap<ModulePath, String>,
    /// The names of the items that each module defines.
    items: HashMap<ModulePath, BTreeSet<String>>,
    /// The names that each module re-exports, with their target paths.
    visible: HashMap<ModulePath, Vec<(String, ModulePath)>>,
}

/// The names in one file.
#[derive(Default)]
struct Names {
    items: BTreeSet<String>,
    /// The imported paths, each with its local name.
    imported: Vec<(String, ModulePath)>,
    exported: Vec<(String, ModulePath)>,
    /// The modules or enums of which everything is imported.
    globs: Vec<ModulePath>,
    /// The paths in the code.
    paths: Vec<ModulePath>,
    /// The names at the beginning of the paths in the code. Some may be re-exports of the file itself.
    first_names: BTreeSet<String>,
    /// The inline modules around the code that is being visited.
    inline: ModulePath,
}

impl Imports {
    pub(crate) fn of(krate: &Crate) -> Self {
        let names: Vec<(&SourceFile, Names)> = krate.files.iter().map(|file| (file, Names::of(file))).collect();
        let definitions = Definitions::of(&names);
        let roots = ["lib.rs", "main.rs"];
        let by_file = names
            .iter()
            .filter(|(file, _)| !roots.contains(&file.path.as_str()))
            .map(|(file, names)| {
                let mut imports = definitions.files_used_by(&file.module(), names);
                imports.remove(&file.path);
                imports.retain(|path| !roots.contains(&path.as_str()));
                (file.path.clone(), imports)
            })
            .collect();
        Self { by_file }
    }

    /// Returns the number of imports.
    pub(crate) fn edges(&self) -> usize {
        self.by_file.values().map(BTreeSet::len).sum()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &BTreeSet<String>)> {
        self.by_file.iter().map(|(file, imports)| (file.as_str(), imports))
    }
}

impl Definitions {
    fn of(names: &[(&SourceFile, Names)]) -> Self {
        let mut definitions = Self { files: HashMap::new(), items: HashMap::new(), visible: HashMap::new() };
        for (file, _) in names {
            definitions.files.insert(file.module(), file.path.clone());
        }
        for (file, names) in names {
            let module = file.module();
            definitions.items.insert(module.clone(), names.items.clone());
            // A private import is visible to the modules below it.
            let visible = names.exported.iter().chain(&names.imported);
            let visible = visible.filter_map(|(name, path)| Some((name.clone(), definitions.absolute(&module, path)?)));
            let visible = visible.collect();
            definitions.visible.insert(module, visible);
        }
        definitions
    }

    /// Returns the files that define the items named in the file of this module.
    fn files_used_by(&self, module: &[String], names: &Names) -> BTreeSet<String> {
        let imported: Vec<(&str, ModulePath)> = names
            .imported
            .iter()
            .filter_map(|(name, path)| Some((name.as_str(), self.absolute(module, path)?)))
            .collect();
        let in_code = names.paths.iter().filter_map(|path| {
            let of_import = || {
                let (_, target) = imported.iter().find(|(name, _)| *name == path[0])?;
                self.files.contains_key(target).then(|| [target.as_slice(), &path[1..]].concat())
            };
            self.absolute(module, path).or_else(of_import)
        });
        let own_exports = names.exported.iter().filter(|(name, _)| names.first_names.contains(name));
        let own_exports = own_exports.filter_map(|(_, path)| self.absolute(module, path));
        let all = imported.iter().map(|(_, path)| path.clone()).chain(in_code).chain(own_exports);
        let items = all.filter(|path| !self.files.contains_key(path)).filter_map(|path| self.file_of(&path, 0));
        let globs = names.globs.iter().filter_map(|path| self.absolute(module, path));
        let globs = globs.filter_map(|path| self.files.get(&path).cloned().or_else(|| self.file_of(&path, 0)));
        items.chain(globs).collect()
    }

    /// Returns the path from the crate root, or `None` if it leads out of the crate.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<ModulePath> {
        match path.first().map(String::as_str)? {
            "crate" => Some(path[1..].to_vec()),
            "self" => Some([module, &path[1..]].concat()),
            "super" => {
                let up = path.iter().take_while(|part| *part == "super").count();
                let base = module.get(..module.len().checked_sub(up)?)?;
                Some([base, &path[up..]].concat())
            }
            child => {
                let below = [module, &[child.to_owned()]].concat();
                self.files.contains_key(&below).then(|| [module, path].concat())
            }
        }
    }

    /// Returns the file that defines the item of this path. The path may continue inside that item.
    fn file_of(&self, path: &[String], depth: usize) -> Option<String> {
        // Re-exports may form a cycle.
        if depth > 16 {
            return None;
        }
        for length in (0..path.len()).rev() {
            let (module, name) = (&path[..length], &path[length]);
            let Some(file) = self.files.get(module) else { continue };
            if self.items.get(module).is_some_and(|items| items.contains(name)) {
                return Some(file.clone());
            }
            let visible = self.visible.get(module).into_iter().flatten();
            if let Some((_, target)) = visible.into_iter().find(|(known, _)| known == name) {
                // The name may be that of a module: the rest of the path is below it.
                let rest = [target.as_slice(), &path[length + 1..]].concat();
                let found = self.file_of(&rest, depth + 1).or_else(|| self.file_of(target, depth + 1));
                if found.is_some() {
                    return found;
                }
            }
        }
        None
    }
}

impl Names {
    fn of(file: &SourceFile) -> Self {
        let mut names = Self::default();
        names.visit_file(&file.syntax);
        names
    }

    fn add_tree(&mut self, tree: &UseTree, prefix: &[String], is_export: bool) {
        let path = |name: String| [prefix, &[name]].concat();
        let (name, path) = match tree {
            UseTree::Path(part) => return self.add_tree(&part.tree, &path(plain(&part.ident)), is_export),
            UseTree::Group(group) => return group.items.iter().for_each(|tree| self.add_tree(tree, prefix, is_export)),
            UseTree::Name(name) if name.ident == "self" => match prefix.last() {
                Some(last) => (last.clone(), prefix.to_vec()),
                None => return,
            },
            UseTree::Name(name) => (plain(&name.ident), path(plain(&name.ident))),
            UseTree::Rename(rename) if rename.ident == "self" => (plain(&rename.rename), prefix.to_vec()),
            UseTree::Rename(rename) => (plain(&rename.rename), path(plain(&rename.ident))),
            UseTree::Glob(_) => {
                self.globs.extend(self.outside_inline(prefix));
                return;
            }
        };
        let Some(path) = self.outside_inline(&path) else { return };
        match is_export {
            true => self.exported.push((name, path)),
            false => self.imported.push((name, path)),
        }
    }

    fn add_path(&mut self, path: &[String]) {
        self.first_names.extend(path.first().cloned());
        if path.len() > 1 {
            self.paths.extend(self.outside_inline(path));
        }
    }

    /// Returns a path as it would be written outside the inline modules around it; `None` if it stays inside the file.
    fn outside_inline(&self, path: &[String]) -> Option<ModulePath> {
        let up = path.iter().take_while(|part| *part == "super").count();
        match path.first().map(String::as_str) {
            _ if self.inline.is_empty() => Some(path.to_vec()),
            Some("crate") => Some(path.to_vec()),
            Some("super") if up > self.inline.len() => Some(path[self.inline.len()..].to_vec()),
            _ => None,
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item(&mut self, item: &'ast Item) {
        let (name, attributes) = match item {
            Item::Const(item) => (Some(&item.ident), &item.attrs),
            Item::Enum(item) => (Some(&item.ident), &item.attrs),
            Item::Fn(item) => (Some(&item.sig.ident), &item.attrs),
            Item::Macro(item) => (item.ident.as_ref(), &item.attrs),
            Item::Static(item) => (Some(&item.ident), &item.attrs),
            Item::Struct(item) => (Some(&item.ident), &item.attrs),
            Item::Trait(item) => (Some(&item.ident), &item.attrs),
            Item::Type(item) => (Some(&item.ident), &item.attrs),
            Item::Union(item) => (Some(&item.ident), &item.attrs),
            Item::Impl(item) => (None, &item.attrs),
            _ => return visit::visit_item(self, item),
        };
        if is_test_only(attributes) {
            return;
        }
        self.items.extend(name.map(plain));
        visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if is_test_only(&module.attrs) || module.content.is_none() {
            return;
        }
        self.items.insert(plain(&module.ident));
        self.inline.push(plain(&module.ident));
        visit::visit_item_mod(self, module);
        self.inline.pop();
    }

    fn visit_item_use(&mut self, import: &'ast ItemUse) {
        let is_export = !matches!(import.vis, Visibility::Inherited);
        self.add_tree(&import.tree, &[], is_export);
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if path.leading_colon.is_none() {
            let path: ModulePath = path.segments.iter().map(|segment| plain(&segment.ident)).collect();
            self.add_path(&path);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invocation: &'ast Macro) {
        self.add_tokens(invocation.tokens.clone());
        visit::visit_macro(self, invocation);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.add_tokens(list.tokens.clone());
        }
    }

    // `pub(in path)` imports nothing.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

impl Names {
    /// Adds the paths in the unparsed arguments of a macro.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut path = ModulePath::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.end_path(&mut path);
                    }
                    path.push(plain(&ident));
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() => colons += 1,
                TokenTree::Group(group) => {
                    self.end_path(&mut path);
                    self.add_tokens(group.stream());
                }
                // A path in text, as in `#[serde(default = "crate::names::unnamed")]`.
                TokenTree::Literal(literal) => {
                    self.end_path(&mut path);
                    let text = literal.to_string();
                    if let Some(named) = text.strip_prefix('"').filter(|text| text.starts_with("crate::")) {
                        let mut named = named.trim_end_matches('"').split("::").map(str::to_owned).collect();
                        self.end_path(&mut named);
                    }
                }
                _ => self.end_path(&mut path),
            }
        }
        self.end_path(&mut path);
    }

    fn end_path(&mut self, path: &mut ModulePath) {
        let ended = std::mem::take(path);
        self.add_path(&ended);
    }
}

/// Returns the name without `r#`.
fn plain(name: &Ident) -> String {
    name.to_string().trim_start_matches("r#").to_owned()
}

/// Returns whether the attributes contain `#[cfg(test)]` or a condition that requires `test`.
fn is_test_only(attributes: &[Attribute]) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).any(|attribute| {
        let mut has_test = false;
        let _ = attribute.parse_nested_meta(|meta| {
            has_test |= meta.path.is_ident("test");
            if meta.path.is_ident("all") {
                meta.parse_nested_meta(|inner| {
                    has_test |= inner.path.is_ident("test");
                    if inner.input.peek(syn::token::Paren) {
                        let content;
                        syn::parenthesized!(content in inner.input);
                        let _ = content.parse::<TokenStream>();
                    }
                    Ok(())
                })?;
            }
            Ok(())
        });
        has_test
    })
}
