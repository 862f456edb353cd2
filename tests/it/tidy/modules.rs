//! Which module may name what. Each rule comes with code that breaks it, which must be reported.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::LazyLock;

use super::imports::{Naming, Program, is_within};
use super::rules::{DATA_OF_A_PLAN, RULES, Rule, is_unsorted, within_any};
use super::{assert_none, files, text_of};

impl Rule {
    fn is_about(&self, module: &str) -> bool {
        let covers = |of: &&str| match of.strip_suffix("::*") {
            Some(above) => is_within(module, above) && module != above,
            None => is_within(module, of),
        };
        let of_it = self.of.is_empty() || self.of.iter().any(covers);
        of_it && !within_any(module, self.but)
    }

    fn broken_by(&self, naming: &Naming) -> bool {
        self.is_about(&naming.module) && (self.forbids)(&naming.path)
    }

    fn broken_in(&self, namings: &[Naming]) -> Vec<String> {
        let broken = namings.iter().filter(|naming| self.broken_by(naming));
        broken
            .map(|naming| format!("{}: {}", naming.module, naming.path))
            .collect()
    }
}

/// Read once for all tests.
fn program() -> &'static Program {
    static PROGRAM: LazyLock<Program> = LazyLock::new(|| {
        let files = files();
        Program::of(files.iter().map(|(path, text)| (path.as_str(), text.as_str())))
    });
    &PROGRAM
}

#[test]
fn no_module_names_what_it_may_not() {
    let namings = program().namings();
    for rule in RULES {
        assert_none(rule.says, &rule.broken_in(&namings));
    }
}

#[test]
fn each_rule_reports_code_that_breaks_it() {
    for rule in RULES {
        assert!(
            !rule.planted.is_empty(),
            "no failure is planted for: {}",
            rule.says
        );
        for (module, text) in rule.planted {
            let file = format!("{}.rs", module.replace("::", "/"));
            let found = rule.broken_in(&Program::of([("lib.rs", ""), (&file, text)]).namings());
            assert!(
                !found.is_empty(),
                "{} does not report in {module}: {text}",
                rule.says
            );
        }
    }
}

/// A rule about a module that has been renamed would hold of nothing.
#[test]
fn each_rule_is_about_modules_that_exist() {
    let program = program();
    for rule in RULES {
        let named = rule.of.iter().chain(rule.but);
        let named = named.map(|name| name.strip_suffix("::*").unwrap_or(name));
        let unknown: Vec<String> = named
            .filter(|name| !program.has(name))
            .map(str::to_owned)
            .collect();
        assert_none(
            &format!("no such module, in the rule that {}", rule.says),
            &unknown,
        );
    }
}

/// Of two modules of the crate one stands on the other, never both ways, however many lie between them.
#[test]
fn the_modules_of_the_crate_stand_on_each_other_one_way() {
    assert_none("modules in a circle", &circles(program()));
    let planted = Program::of([
        ("lib.rs", ""),
        ("store.rs", "use crate::status::Status;"),
        ("status.rs", "use crate::words::counted;"),
        ("words.rs", "fn of() { crate::store::load() }"),
    ]);
    assert_eq!(
        circles(&planted),
        [
            "status → words → store → status",
            "store → status → words → store",
            "words → store → status → words"
        ]
    );
}

/// The shortest way from each module of the crate back to itself.
fn circles(program: &Program) -> Vec<String> {
    let top = |path: &str| path.split("::").next().unwrap_or_default().to_owned();
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for naming in program.namings() {
        let (from, Some(path)) = (top(&naming.module), naming.path.strip_prefix("crate::")) else {
            continue;
        };
        let to = top(path);
        if from != to && program.has(&to) {
            named.entry(from).or_default().insert(to);
        }
    }
    named.keys().filter_map(|start| way_back(start, &named)).collect()
}

fn way_back(start: &str, named: &BTreeMap<String, BTreeSet<String>>) -> Option<String> {
    let mut ways = VecDeque::from([vec![start]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for next in named.get(*way.last()?).into_iter().flatten() {
            if next == start {
                return Some([way.as_slice(), &[start]].concat().join(" → "));
            }
            if seen.insert(next) {
                ways.push_back([way.as_slice(), &[next.as_str()]].concat());
            }
        }
    }
    None
}

/// The planner may have one index that is looked up by key and never walked through, so that its order shows nowhere.
#[test]
fn the_planner_has_sorted_maps_but_for_one_index() {
    let with_one = |program: &Program| -> Vec<String> {
        let namings = program.namings().into_iter();
        let of_plan = namings.filter(|naming| is_within(&naming.module, "plan") && is_unsorted(&naming.path));
        let modules: BTreeSet<String> = of_plan.map(|naming| naming.module).collect();
        modules.into_iter().collect()
    };
    let found = with_one(program());
    assert!(
        found.len() <= 1,
        "maps without an order in more than one module: {found:?}"
    );
    let planted = "use std::collections::HashMap;";
    let planted = Program::of([
        ("plan/a.rs", planted),
        ("plan/b.rs", planted),
        ("cli.rs", planted),
    ]);
    assert_eq!(with_one(&planted), ["plan::a", "plan::b"]);
}

/// Whatever the second author may take of the plan is there.
#[test]
fn the_data_of_a_plan_is_declared_or_shown_by_plan() {
    let text = text_of("plan/mod.rs");
    let words: BTreeSet<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
    let missing: Vec<String> = DATA_OF_A_PLAN
        .iter()
        .filter(|name| !words.contains(*name))
        .map(|name| (*name).to_owned())
        .collect();
    assert_none("plan has no such type", &missing);
}
