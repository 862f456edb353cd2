//! House rules, executed: what `src/lib.rs` promises of the structure holds.

mod imports;
mod modules;
mod rules;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Files of `src`: path relative to `src`, text.
fn files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    let relative = |path: &Path| path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
    paths
        .iter()
        .map(|path| (relative(path), fs::read_to_string(path).unwrap()))
        .collect()
}

/// The same without tests: no `#[cfg(test)] mod tests`, no modules that are for tests as a whole.
fn sources() -> Vec<(String, String)> {
    let files = files();
    let test_modules: BTreeSet<PathBuf> = files
        .iter()
        .flat_map(|(path, text)| test_modules(Path::new(path), text))
        .collect();
    files
        .iter()
        .filter(|(path, _)| !test_modules.contains(Path::new(path)))
        .map(|(path, text)| (path.clone(), without_tests(text)))
        .collect()
}

/// Files of the modules that `text` declares for tests only.
fn test_modules(path: &Path, text: &str) -> Vec<PathBuf> {
    let is_root = ["mod.rs", "lib.rs", "main.rs"]
        .iter()
        .any(|name| path.ends_with(name));
    let folder = if is_root {
        path.parent().unwrap().to_owned()
    } else {
        path.with_extension("")
    };
    let declared = text.split("#[cfg(test)]\nmod ").skip(1);
    let names = declared
        .filter_map(|rest| rest.split_once(';'))
        .map(|(name, _)| name);
    names
        .filter(|name| !name.contains(char::is_whitespace))
        .map(|name| folder.join(format!("{name}.rs")))
        .collect()
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn without_tests(text: &str) -> String {
    text.split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or(text)
        .to_owned()
}

/// Lines of code that hold `needle`, comments left out.
fn uses<'a>(text: &'a str, needle: &str) -> Vec<&'a str> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//") && line.contains(needle))
        .collect()
}

/// Every use of `needle` outside the files that `allowed` accepts.
fn strays(sources: &[(String, String)], needle: &str, allowed: impl Fn(&str) -> bool) -> Vec<String> {
    sources
        .iter()
        .filter(|(path, _)| !allowed(path))
        .flat_map(|(path, text)| {
            uses(text, needle)
                .into_iter()
                .map(move |line| format!("{path}: {}", line.trim()))
        })
        .collect()
}

/// A file that breaks a rule.
fn planted(path: &str, text: &str) -> Vec<(String, String)> {
    vec![(path.to_owned(), text.to_owned())]
}

fn text_of(path: &str) -> String {
    let found = sources().into_iter().find(|(other, _)| other == path);
    found.unwrap_or_else(|| panic!("no src/{path}")).1
}

fn assert_none(rule: &str, strays: &[String]) {
    assert!(strays.is_empty(), "{rule}:\n  {}", strays.join("\n  "));
}

/// What needs no permit can reach no channel that exists.
#[test]
fn a_rehearsal_names_no_channel() {
    let probe = text_of("medialive/client/probe.rs");
    assert_none("a rehearsal names no channel", &named_by_rehearsals(&probe));
    for (from, to) in [
        (
            "impl Rehearsal {",
            "fn f() { sdk.stop_channel() }\nimpl Rehearsal {",
        ),
        (
            ".update_channel().channel_id(MISSING)",
            ".update_channel().channel_id(id)",
        ),
        (".start_channel()", ".start_channel().start_channel()"),
        (":channel:{MISSING}\");", ":channel:{id}\");"),
        (".resource_arn(arn)", ".resource_arn(other)"),
        ("impl Rehearsal {", "impl Rehearsal {\nfn f(id: ChannelId) {}"),
    ] {
        assert!(probe.contains(from), "{from}");
        let faults = named_by_rehearsals(&probe.replace(from, to));
        assert!(!faults.is_empty(), "not reported: {to}");
    }
}

fn named_by_rehearsals(probe: &str) -> Vec<String> {
    let (before, rehearsal) = probe.split_once("impl Rehearsal {").unwrap();
    let mut faults = Vec::new();
    let mut require = |holds: bool, fault: String| faults.extend((!holds).then_some(fault));
    for call in ["update_channel", "start_channel", "stop_channel", "create_tags"] {
        require(
            !before.contains(call),
            format!("{call} is made without a rehearsal"),
        );
    }
    for call in ["update_channel", "start_channel", "stop_channel"] {
        let for_missing = format!(".{call}().channel_id(MISSING)");
        require(
            rehearsal.matches(call).count() == 1,
            format!("{call} is not made once"),
        );
        require(
            rehearsal.contains(&for_missing),
            format!("{call} is not for a missing channel"),
        );
    }
    let is_for_missing =
        rehearsal.contains(":channel:{MISSING}\");") && rehearsal.contains(".resource_arn(arn)");
    require(
        is_for_missing,
        "create_tags is not for a missing channel".to_owned(),
    );
    for taken in ["ChannelId", "Summary", "ChannelDocument"] {
        require(!rehearsal.contains(taken), format!("a rehearsal takes a {taken}"));
    }
    faults
}

/// The modules that make permits are a rule in `modules`.
#[test]
fn no_call_changes_anything_without_a_permit() {
    for (file, calls) in CHANGES {
        let client = text_of(file);
        assert_none(
            "calls that change anything have a permit",
            &calls_without_permit(&client, calls),
        );
        for from in [
            " permit: Permit<'_>",
            ".interceptor(permit.terms())",
            ".config_override(once())",
            calls[0],
        ] {
            assert!(client.contains(from), "{from}");
            let faults = calls_without_permit(&client.replace(from, ""), calls);
            assert!(!faults.is_empty(), "not reported without {from}");
        }
    }
}

/// The files that call a service to change something, and the calls.
const CHANGES: [(&str, &[&str]); 2] = [
    (
        "medialive/client.rs",
        &[
            ".update_channel()",
            ".start_channel()",
            ".stop_channel()",
            ".create_tags()",
            ".delete_tags()",
        ],
    ),
    (
        "mediaconnect/client.rs",
        &[
            ".create_router_output()",
            ".update_router_output()",
            ".take_router_input()",
            ".start_router_output()",
            ".stop_router_output()",
            ".restart_router_output()",
            ".delete_router_output()",
            ".start_router_input()",
            ".stop_router_input()",
            ".tag_global_resource()",
            ".untag_global_resource()",
        ],
    ),
];

fn calls_without_permit(client: &str, calls: &[&str]) -> Vec<String> {
    let fault = |call: &&str| {
        let Some((before, after)) = client.split_once(*call) else {
            return Some(format!("{call} is not made here"));
        };
        let signature = before.rfind("pub async fn").map_or("", |at| &before[at..]);
        let built = after.split(".send()").next().unwrap_or_default();
        if !signature.contains(" permit: Permit<'_>") {
            Some(format!("{call} is made without a permit"))
        } else if !built.contains(".interceptor(permit.terms())") {
            Some(format!("{call} does not carry what its permit says"))
        } else if !built.contains(".config_override(once())") {
            Some(format!("{call} is tried more than once"))
        } else {
            None
        }
    };
    calls.iter().filter_map(fault).collect()
}

#[test]
fn a_secret_is_revealed_in_few_places() {
    // Recordings hold stand-ins: they look at keys to replace them, and reveal what they put in their place.
    // `model` compares and digests them, and recognises a parking name, which is none.
    let allowed = [
        "medialive/document.rs",
        "mediaconnect/target.rs",
        // Cuts keys out of what a service says.
        "service/error.rs",
        "manifest/",
        "secrets/",
        "record/",
        "model/",
        "plan/tests/",
        // Asked for: the keys of channels that exist, each into a file that its owner alone can read.
        "cli/init.rs",
        "draft/refusal.rs",
        "draft/tests.rs",
    ];
    let is_allowed = |path: &str| allowed.iter().any(|start| path.starts_with(start));
    assert_none(
        "reveal() is called where the configuration of a channel or an output is written, or a key is checked or replaced, nowhere else",
        &strays(&sources(), ".reveal()", is_allowed),
    );
    let planted = planted("api/documents.rs", "let key = key.reveal();");
    assert_eq!(strays(&planted, ".reveal()", is_allowed).len(), 1);
}

#[test]
fn a_secret_is_neither_serialised_nor_displayed() {
    let shown = |text: &str| -> Vec<String> {
        let derived = uses(text, "derive(")
            .into_iter()
            .filter(|line| line.contains("Serialize"));
        let by_hand = ["Serialize for Secret", "Display for Secret"];
        let by_hand = by_hand.into_iter().flat_map(|needle| uses(text, needle));
        derived.chain(by_hand).map(str::to_owned).collect()
    };
    assert_none(
        "a secret is neither serialised nor displayed",
        &shown(&text_of("model/secret.rs")),
    );
    for planted in [
        "#[derive(Clone, Serialize)]",
        "#[derive(Serialize, Clone)]",
        "impl serde::Serialize for Secret {",
        "impl fmt::Display for Secret {",
    ] {
        assert_eq!(shown(planted).len(), 1, "{planted}");
    }
}

/// Which clocks the lease may name is a rule in `modules`.
#[test]
fn the_protocol_of_the_lease_reads_no_clock() {
    let is_other = |path: &str| path != "controller/lease/table.rs";
    assert_none(
        "the protocol is given the time",
        &strays(&sources(), ".elapsed()", is_other),
    );
    let planted = planted("controller/lease/table.rs", "if seen.elapsed() > limit {");
    assert_eq!(strays(&planted, ".elapsed()", is_other).len(), 1);
    text_of("controller/lease/table.rs");
}

#[test]
fn nothing_is_left_half_done() {
    for marker in [
        "todo!(",
        "unimplemented!(",
        "FIXME",
        "#[ignore",
        "#[allow(",
        "dbg!(",
    ] {
        assert_none(&format!("no {marker}"), &strays(&sources(), marker, |_| false));
        let planted = planted("cli/mod.rs", &format!("    {marker}"));
        assert_eq!(strays(&planted, marker, |_| false).len(), 1, "{marker}");
    }
}

/// Lines that a file and a function may have: what is to be read in one sitting, and everything else.
const LINES_IN_PLAN_MAX: (usize, usize) = (450, 60);
const LINES_MAX: (usize, usize) = (700, 70);

#[test]
fn files_and_functions_stay_small() {
    assert_none(
        "files have at most 700 lines and functions at most 70; in plan 450 and 60",
        &too_long(&sources()),
    );
    for (path, (of_file, of_function)) in [("plan/a.rs", LINES_IN_PLAN_MAX), ("a.rs", LINES_MAX)] {
        let file = |lines: usize| planted(path, &"const A: u8 = 1;\n".repeat(lines));
        let function = |lines: usize| {
            let body = "        call();\n".repeat(lines - 2);
            planted(
                path,
                &format!("impl A {{\n    pub(super) async fn f() {{\n{body}    }}\n}}\n"),
            )
        };
        assert!(too_long(&file(of_file)).is_empty());
        assert!(too_long(&function(of_function)).is_empty());
        assert_eq!(too_long(&file(of_file + 1)).len(), 1);
        assert_eq!(too_long(&function(of_function + 1)).len(), 1);
    }
}

/// What [`LINES_IN_PLAN_MAX`] is for: not its tests, nor what they share.
fn is_of_the_plan(path: &str) -> bool {
    path.starts_with("plan/") && !path.contains("/tests/") && !path.ends_with("/fixture.rs")
}

fn too_long(sources: &[(String, String)]) -> Vec<String> {
    let mut long = Vec::new();
    for (path, text) in sources {
        let (of_file, of_function) = if is_of_the_plan(path) {
            LINES_IN_PLAN_MAX
        } else {
            LINES_MAX
        };
        let lines: Vec<&str> = text.lines().collect();
        if without_tests(text).lines().count() > of_file {
            long.push(format!("{path}: {} lines", lines.len()));
        }
        for (start, line) in lines.iter().enumerate().filter(|(_, line)| is_function(line)) {
            let indent = &line[..line.len() - line.trim_start().len()];
            let end = lines[start..]
                .iter()
                .position(|line| *line == format!("{indent}}}"))
                .unwrap_or(0);
            if end + 1 > of_function {
                long.push(format!(
                    "{path}:{}: {} lines: {}",
                    start + 1,
                    end + 1,
                    line.trim()
                ));
            }
        }
    }
    long
}

fn is_function(line: &str) -> bool {
    let line = line.trim_start();
    let line = ["pub(super) ", "pub(crate) ", "pub ", "async ", "const "]
        .iter()
        .fold(line, |line, word| line.strip_prefix(word).unwrap_or(line));
    line.starts_with("fn ")
}

/// The compiler asks for it only where an item can be named outside of the crate, and most cannot.
#[test]
fn what_other_modules_use_is_documented() {
    assert_none("public items are documented", &undocumented(&sources()));
    let told = |text: &str| undocumented(&planted("a.rs", text)).len();
    assert_eq!(told("/// Does.\n#[derive(Debug)]\npub struct A;"), 0);
    assert_eq!(told("#[derive(Debug)]\npub enum A {}"), 1);
    assert_eq!(told("pub struct A;\nimpl A { pub async fn f() {} }"), 2);
}

/// Public items without a doc comment. A module is documented in its file.
fn undocumented(sources: &[(String, String)]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in sources {
        let file = syn::parse_file(text).unwrap();
        let mut names = Vec::new();
        collect_undocumented(&file.items, &mut names);
        found.extend(names.iter().map(|name| format!("{path}: {name}")));
    }
    found
}

fn collect_undocumented(items: &[syn::Item], names: &mut Vec<String>) {
    let mut note = |vis: &syn::Visibility, attrs: &[syn::Attribute], name: &syn::Ident| {
        let is_public = matches!(vis, syn::Visibility::Public(_));
        if is_public && !attrs.iter().any(|attr| attr.path().is_ident("doc")) {
            names.push(name.to_string());
        }
    };
    for item in items {
        match item {
            syn::Item::Fn(one) => note(&one.vis, &one.attrs, &one.sig.ident),
            syn::Item::Const(one) => note(&one.vis, &one.attrs, &one.ident),
            syn::Item::Static(one) => note(&one.vis, &one.attrs, &one.ident),
            syn::Item::Struct(one) => note(&one.vis, &one.attrs, &one.ident),
            syn::Item::Enum(one) => note(&one.vis, &one.attrs, &one.ident),
            syn::Item::Trait(one) => note(&one.vis, &one.attrs, &one.ident),
            syn::Item::Type(one) => note(&one.vis, &one.attrs, &one.ident),
            syn::Item::Impl(one) => {
                for item in &one.items {
                    match item {
                        syn::ImplItem::Fn(one) => note(&one.vis, &one.attrs, &one.sig.ident),
                        syn::ImplItem::Const(one) => note(&one.vis, &one.attrs, &one.ident),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}

const TOP_LEVEL: [&str; 11] = [
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    "src",
    "manifests",
    "examples",
    "tests",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "target",
];

#[test]
fn the_top_level_holds_only_what_the_project_agreed_on() {
    let is_stray = |name: &String| !name.starts_with('.') && !TOP_LEVEL.contains(&name.as_str());
    let strays: Vec<String> = fs::read_dir(env!("CARGO_MANIFEST_DIR"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(is_stray)
        .collect();
    assert_none("nothing else at the top level", &strays);
    assert!(is_stray(&"scripts".to_owned()));
}
