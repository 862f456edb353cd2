//! Which module names what: every path in the code, read by a parser and resolved to where it leads.
//!
//! `use` with all its forms, paths in expressions, types and macros; `crate`, `self`, `super`, child modules, renamed
//! imports and globs of our own modules. What is for tests only is left out.

use std::collections::{BTreeMap, BTreeSet};

use syn::buffer::{Cursor, TokenBuffer};
use syn::visit::{self, Visit};
use syn::{Attribute, File, ImplItem, Item, ItemMod, ItemUse, Macro, MetaList, UseTree, Visibility};

/// Imports that go through one another: `use a::b` where `a` is an import itself.
const HOPS_MAX: usize = 8;

type Segments = Vec<String>;

/// All modules of the crate, by path without `crate::`; the root is empty.
#[derive(Default)]
pub(super) struct Program {
    modules: BTreeMap<String, Module>,
    /// Modules that are for tests as a whole.
    tests: BTreeSet<String>,
}

#[derive(Default)]
struct Module {
    /// Names that `use` brings in, and where they lead as written.
    imports: BTreeMap<String, Segments>,
    globs: Vec<Segments>,
    children: BTreeSet<String>,
    /// Paths as written, without those of `imports` and `globs`.
    paths: BTreeSet<Segments>,
}

/// A module names something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Naming {
    /// `plan::check::steps`
    pub(super) module: String,
    /// `crate::plan::Plan` or `tokio::time::sleep`; a glob ends with `*`.
    pub(super) path: String,
}

impl Program {
    /// Files by their path below `src`.
    pub(super) fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut program = Self::default();
        for (path, text) in files {
            let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
            program.add(&module_of(path), &parsed);
        }
        program
    }

    pub(super) fn has(&self, module: &str) -> bool {
        self.modules.contains_key(module)
    }

    /// What every module names, tests left out.
    pub(super) fn namings(&self) -> Vec<Naming> {
        let of_code = self.modules.iter().filter(|(name, _)| !self.is_test(name));
        let mut namings: Vec<Naming> = of_code
            .flat_map(|(name, module)| {
                let globs = module.globs.iter().cloned().map(|mut glob| {
                    glob.push("*".to_owned());
                    glob
                });
                let written = module.imports.values().cloned().chain(globs);
                let written = written.chain(module.paths.iter().cloned());
                written.map(move |path| Naming {
                    module: name.clone(),
                    path: self.resolve(name, &path).join("::"),
                })
            })
            .collect();
        namings.sort();
        namings.dedup();
        namings
    }

    fn is_test(&self, module: &str) -> bool {
        self.tests.iter().any(|test| is_within(module, test))
    }

    fn add(&mut self, module: &str, file: &File) {
        let mut reader = Reader {
            program: self,
            module: module.to_owned(),
        };
        reader.module();
        reader.visit_file(file);
    }

    /// Where `path`, written in `module`, leads; unchanged if that is an external path and no import of it.
    fn resolve(&self, module: &str, path: &[String]) -> Segments {
        let mut path = path.to_vec();
        for _ in 0..HOPS_MAX {
            let Some((first, rest)) = path.split_first() else {
                break;
            };
            let start = match first.as_str() {
                "crate" | "" => break,
                "self" => absolute(module),
                "super" => parent(module),
                name => match self.lookup(module, name, HOPS_MAX) {
                    Some(start) => start,
                    None => break,
                },
            };
            path = start.into_iter().chain(rest.iter().cloned()).collect();
            if path.first().is_none_or(|root| root != "crate") {
                continue;
            }
            // `super` after the first segment: from `self::super::x` or `super::super::x`.
            while let Some(at) = path.iter().skip(1).position(|segment| segment == "super") {
                path.drain(at.max(1)..=at + 1);
            }
        }
        path
    }

    /// What `name` stands for in `module`: an import, a child module, or either of those by a glob.
    fn lookup(&self, module: &str, name: &str, hops: usize) -> Option<Segments> {
        let here = self.modules.get(module)?;
        if let Some(import) = here.imports.get(name) {
            // `use serde_json;` and a crate of the same name lead to themselves.
            return (import.first().map(String::as_str) != Some(name)).then(|| import.clone());
        }
        if here.children.contains(name) {
            return Some(absolute(module).into_iter().chain([name.to_owned()]).collect());
        }
        if hops == 0 {
            return None;
        }
        here.globs.iter().find_map(|glob| {
            let of = self.resolve_glob(module, glob, hops)?;
            let found = self.lookup(&of, name, hops - 1)?;
            Some(self.resolve(&of, &found))
        })
    }

    fn resolve_glob(&self, module: &str, glob: &[String], hops: usize) -> Option<String> {
        let first = glob.first()?;
        let is_path = ["crate", "self", "super"].contains(&first.as_str());
        // A name that only another glob brings in could go round in circles.
        if !is_path && (hops < HOPS_MAX || !self.modules.get(module)?.children.contains(first)) {
            return None;
        }
        let path = self.resolve(module, glob);
        let (root, rest) = path.split_first()?;
        (root == "crate").then(|| rest.join("::"))
    }
}

/// True for `within` itself and whatever lies below.
pub(super) fn is_within(path: &str, within: &str) -> bool {
    within.is_empty()
        || path
            .strip_prefix(within)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// `plan/check/steps.rs` is `plan::check::steps`, `plan/mod.rs` is `plan`.
fn module_of(path: &str) -> String {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if path == "lib" {
        String::new()
    } else {
        path.replace('/', "::")
    }
}

fn absolute(module: &str) -> Segments {
    let parts = module.split("::").filter(|part| !part.is_empty());
    std::iter::once("crate").chain(parts).map(str::to_owned).collect()
}

fn parent(module: &str) -> Segments {
    absolute(module.rsplit_once("::").map_or("", |(parent, _)| parent))
}

fn join(module: &str, name: &str) -> String {
    if module.is_empty() {
        name.to_owned()
    } else {
        format!("{module}::{name}")
    }
}

/// Walks through a file and writes down what it names.
struct Reader<'a> {
    program: &'a mut Program,
    module: String,
}

impl Reader<'_> {
    fn module(&mut self) -> &mut Module {
        self.program.modules.entry(self.module.clone()).or_default()
    }

    fn add_tree(&mut self, tree: &UseTree, before: &[String]) {
        let with = |name: String| before.iter().cloned().chain([name]).collect::<Segments>();
        match tree {
            UseTree::Path(path) => self.add_tree(&path.tree, &with(path.ident.to_string())),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_tree(tree, before)),
            UseTree::Glob(_) => self.module().globs.push(before.to_vec()),
            UseTree::Name(name) => self.import(name.ident.to_string(), with(name.ident.to_string())),
            UseTree::Rename(name) => self.import(name.rename.to_string(), with(name.ident.to_string())),
        }
    }

    fn import(&mut self, name: String, mut path: Segments) {
        let mut name = name;
        if path.last().is_some_and(|last| last == "self") {
            path.pop();
            // `a::{self as b}` has a name already.
            if name == "self" {
                name = path.last().cloned().unwrap_or_default();
            }
        }
        // The same name may be imported in several functions, `_` in several places.
        if let Some(other) = self.module().imports.insert(name, path) {
            self.module().paths.insert(other);
        }
    }

    fn add_tokens(&mut self, tokens: &TokenBuffer) {
        self.scan(tokens.begin());
    }

    /// Paths among tokens that are not parsed further: what macros are given.
    fn scan(&mut self, mut at: Cursor<'_>) {
        while !at.eof() {
            if let Some((inner, _, _, next)) = at.any_group() {
                self.scan(inner);
                at = next;
            } else if let Some((first, mut next)) = at.ident() {
                let mut path = vec![first.to_string()];
                while let Some((name, after)) = after_colons(next).and_then(Cursor::ident) {
                    path.push(name.to_string());
                    next = after;
                }
                if path.len() > 1 {
                    self.module().paths.insert(path);
                }
                at = next;
            } else if let Some((_, next)) = at.token_tree() {
                at = next;
            } else {
                break;
            }
        }
    }
}

fn after_colons(at: Cursor<'_>) -> Option<Cursor<'_>> {
    let (first, next) = at.punct()?;
    let (second, next) = next.punct()?;
    (first.as_char() == ':' && second.as_char() == ':').then_some(next)
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let test = attribute.parse_args::<syn::Ident>();
        attribute.path().is_ident("cfg") && test.is_ok_and(|condition| condition == "test")
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        } else if let Item::Mod(module) = item {
            let name = join(&self.module, &module.ident.to_string());
            self.program.tests.insert(name);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let is_test = matches!(item, ImplItem::Fn(function) if is_for_tests(&function.attrs));
        if !is_test {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        let name = module.ident.to_string();
        self.module().children.insert(name.clone());
        let inner = join(&self.module, &name);
        let outer = std::mem::replace(&mut self.module, inner);
        if module.content.is_some() {
            self.module();
        }
        visit::visit_item_mod(self, module);
        self.module = outer;
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.add_tree(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter().map(|segment| segment.ident.to_string());
        let segments: Segments = segments.collect();
        if segments.len() > 1 || ["crate", "super"].contains(&segments[0].as_str()) {
            self.module().paths.insert(segments);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, mac: &'ast Macro) {
        self.add_tokens(&TokenBuffer::new2(mac.tokens.clone()));
        visit::visit_macro(self, mac);
    }

    fn visit_meta_list(&mut self, list: &'ast MetaList) {
        self.add_tokens(&TokenBuffer::new2(list.tokens.clone()));
        visit::visit_meta_list(self, list);
    }

    /// `pub(in crate::emulator)` is a visibility, and names nothing.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `text`, as the file of `module`, names in a crate that has some other modules.
    fn named(file: &str, text: &str) -> Vec<String> {
        let others = [
            ("lib.rs", "pub mod plan; pub mod model;"),
            (
                "plan/mod.rs",
                "mod check; mod survey; pub use survey::Survey; use crate::model as words;",
            ),
            ("plan/survey.rs", ""),
        ];
        let files = others
            .into_iter()
            .filter(|(path, _)| *path != file)
            .chain([(file, text)]);
        let program = Program::of(files);
        let module = module_of(file);
        let namings = program.namings().into_iter();
        namings
            .filter(|naming| is_within(&naming.module, &module))
            .map(|naming| naming.path)
            .collect()
    }

    const CHECK: &str = "plan/check/steps.rs";

    #[test]
    fn every_form_of_an_import_leads_to_its_path() {
        for (text, expected) in [
            ("use crate::plan::survey::Survey;", "crate::plan::survey::Survey"),
            ("use super::super::survey::Survey;", "crate::plan::survey::Survey"),
            (
                "use self::super::super::survey::Survey as Other;",
                "crate::plan::survey::Survey",
            ),
            ("pub(super) use super::super::survey;", "crate::plan::survey"),
            ("use super::super::survey::{self};", "crate::plan::survey"),
            ("use super::super::*;", "crate::plan::*"),
            ("use ::tokio::time::sleep;", "tokio::time::sleep"),
            ("use tokio as runtime;", "tokio"),
            (
                "fn f() { use crate::plan::survey::Survey; }",
                "crate::plan::survey::Survey",
            ),
            (
                "fn f() -> crate::plan::survey::Survey { f() }",
                "crate::plan::survey::Survey",
            ),
            ("const X: u8 = super::super::survey::X;", "crate::plan::survey::X"),
            (
                "fn f() { matches!(f(), (crate::plan::survey::X, 1)); }",
                "crate::plan::survey::X",
            ),
            ("fn f() { format!(\"{}\", [tokio::time::x()]) }", "tokio::time::x"),
            (
                "#[derive(crate::plan::survey::Derive)] struct X;",
                "crate::plan::survey::Derive",
            ),
            (
                "impl crate::plan::survey::Trait<u8> for X {}",
                "crate::plan::survey::Trait",
            ),
            (
                "fn f<T: Into<crate::plan::survey::X>>() {}",
                "crate::plan::survey::X",
            ),
            (
                "mod inner { use super::super::super::survey::X; }",
                "crate::plan::survey::X",
            ),
        ] {
            assert_eq!(named(CHECK, text), [expected], "{text}");
        }
    }

    #[test]
    fn groups_are_taken_apart() {
        let text = "use a::{b, c::{d, self, e as f}, g::*};";
        assert_eq!(
            named(CHECK, text),
            ["a::b", "a::c", "a::c::d", "a::c::e", "a::g::*"]
        );
    }

    #[test]
    fn a_path_that_begins_with_an_import_leads_where_that_does() {
        for text in [
            "use crate::plan; fn f() { plan::survey::x() }",
            "use crate::plan as other; fn f() { other::survey::x() }",
            "use super::super as up; use up::survey as deep; fn f() { deep::x() }",
            "use super::super::survey; fn f() { assert!(survey::x()) }",
            "use super::super::*; fn f() { survey::x() }",
        ] {
            let named = named(CHECK, text);
            assert!(
                named.iter().any(|path| path == "crate::plan::survey::x"),
                "{text}: {named:?}"
            );
        }
        let through_glob = named(CHECK, "use super::super::*; fn f() { words::x() }");
        assert!(
            through_glob.iter().any(|path| path == "crate::model::x"),
            "{through_glob:?}"
        );
        let child = named("plan/mod.rs", "mod survey; fn f() { survey::x() }");
        assert_eq!(child, ["crate::plan::survey::x"]);
    }

    #[test]
    fn what_is_for_tests_names_nothing() {
        for text in [
            "#[cfg(test)] mod tests { use crate::plan::survey::Survey; }",
            "#[cfg(test)] use crate::plan::survey::Survey;",
            "#[cfg(test)] fn f() { crate::plan::survey::x() }",
            "impl X { #[cfg(test)] fn f() { crate::plan::survey::x() } }",
            "/// See [`crate::plan::survey::Survey`].\nstruct X;",
            "pub(in crate::plan) struct X;",
        ] {
            assert_eq!(named(CHECK, text), [] as [&str; 0], "{text}");
        }
        let files = [
            ("lib.rs", "mod plan;"),
            ("plan/mod.rs", "#[cfg(test)] mod rules;"),
            ("plan/rules.rs", "mod large; use tokio::time;"),
            ("plan/rules/large.rs", "use tokio::time;"),
        ];
        assert_eq!(Program::of(files).namings(), []);
    }

    #[test]
    fn circles_come_to_an_end() {
        let text = "use b::a; use a::b; use self::*; use super::steps::*; fn f() { a::x(); c::x() }";
        assert!(!named(CHECK, text).is_empty());
    }
}
