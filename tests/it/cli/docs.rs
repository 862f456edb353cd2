//! What the documents say of the program is what the program says of itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use slotwise::testing::api::routes::ROUTES;
use slotwise::testing::cli::reference::{self, reasons};
use slotwise::testing::metrics::Metrics;
use slotwise::testing::plan::Waiting;

use super::tool::slotwise;

/// Set to write what is missing instead of failing.
const UPDATE: &str = "SLOTWISE_UPDATE_REFERENCE";

/// Lines that people read before they give up.
const README_LINES_MAX: usize = 250;

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text_of(path: &str) -> String {
    fs::read_to_string(root(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Checks, or with `SLOTWISE_UPDATE_REFERENCE` writes, a file.
fn check(path: &str, generated: &str) {
    if std::env::var_os(UPDATE).is_some() {
        fs::write(root(path), generated).unwrap();
        return;
    }
    assert!(
        fs::read_to_string(root(path)).unwrap_or_default() == generated,
        "{path} is not current; run: {UPDATE}=1 cargo test --test it cli::docs"
    );
}

#[test]
fn every_reference_is_current() {
    let pages = reference::pages(&Metrics::new().unwrap());
    for (file, page) in &pages {
        check(&format!("manifests/reference/{file}"), page);
    }
    let there: BTreeSet<String> = fs::read_dir(root("manifests/reference"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let generated = pages.iter().map(|(file, _)| (*file).to_owned()).collect();
    assert_eq!(there, generated, "nothing is there that is not generated");
}

#[test]
fn the_readme_shows_the_real_plan_of_the_quickstart() {
    let plan = slotwise(["plan", "--emulator", "examples/quickstart"]).out;
    let text = text_of("README.md");
    let (before, rest) = text.split_once("<!-- begin plan -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end plan -->").unwrap();
    let current = format!("{before}<!-- begin plan -->\n```text\n{plan}```\n<!-- end plan -->{after}");
    check("README.md", &current);
}

#[test]
fn the_readme_is_short() {
    let lines = text_of("README.md").lines().count();
    assert!(
        lines <= README_LINES_MAX,
        "README.md has {lines} lines, at most {README_LINES_MAX} are read"
    );
}

/// Names of the variants of `pub enum NAME` in `path`.
fn variants(path: &str, name: &str) -> BTreeSet<String> {
    let file = syn::parse_file(&text_of(path)).unwrap();
    let found = file.items.iter().find_map(|item| match item {
        syn::Item::Enum(found) if found.ident == name => Some(found),
        _ => None,
    });
    let variants = &found
        .unwrap_or_else(|| panic!("{path} has no enum {name}"))
        .variants;
    variants.iter().map(|variant| variant.ident.to_string()).collect()
}

/// `MaxConcurrent { channel: … }` → `MaxConcurrent`.
fn variant_of(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.split([' ', '(']).next().unwrap_or_default().to_owned()
}

#[test]
fn every_reason_and_every_waiting_is_in_the_reference() {
    let listed: BTreeSet<String> = reasons::reasons().iter().map(variant_of).collect();
    assert_eq!(listed, variants("src/plan/reason.rs", "Reason"));
    let listed: BTreeSet<String> = reasons::waitings().iter().map(variant_of).collect();
    // What an output waits for has a list of its own.
    let mut of_slots = variants("src/plan/waiting.rs", "Waiting");
    assert!(of_slots.remove("Output"));
    assert_eq!(listed, of_slots);
    let listed: BTreeSet<String> = reasons::output_reasons().iter().map(variant_of).collect();
    assert_eq!(listed, variants("src/plan/router/mod.rs", "OutputReason"));
    let listed: BTreeSet<String> = reasons::output_waitings().iter().map(variant_of).collect();
    assert_eq!(listed, variants("src/plan/router/waiting.rs", "OutputWaiting"));
    let listed: BTreeSet<String> = reasons::feed_waitings().iter().map(variant_of).collect();
    assert_eq!(listed, variants("src/plan/router/feed.rs", "FeedWaiting"));
    let of_outputs = reasons::output_waitings().into_iter().map(Waiting::Output);
    for waiting in reasons::waitings().into_iter().chain(of_outputs) {
        let ways = waiting.ways_out();
        assert_ne!(waiting.ends_by_itself(), !ways.is_empty(), "{}", waiting.code());
    }
}

#[test]
fn every_route_is_in_the_reference() {
    let paths = |file: &str, prefix: &str| -> Vec<String> {
        let text = text_of(file).replace(char::is_whitespace, "");
        let routes = text.split(".route(\"").skip(1);
        let paths = routes.filter_map(|rest| rest.split_once('"'));
        paths.map(|(path, _)| format!("{prefix}{path}")).collect()
    };
    let mut routed = paths("src/api/mod.rs", "");
    routed.extend(paths("src/api/documents.rs", "/api/v1"));
    let listed: BTreeSet<String> = ROUTES.iter().map(|route| route.path.to_owned()).collect();
    assert_eq!(listed, routed.into_iter().collect());
}

#[test]
fn every_variable_of_a_flag_is_named_after_it() {
    for line in reference::commands()
        .lines()
        .filter(|line| line.starts_with("| `-"))
    {
        let cells: Vec<&str> = line.split(" | ").collect();
        assert!(cells[2].starts_with("`SLOTWISE_"), "{line}");
    }
}

#[test]
fn the_iam_policy_allows_every_call_of_the_client_and_nothing_else() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let policy: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(root.join("manifests/iam-policy.json")).unwrap()).unwrap();
    let mut allowed: Vec<String> = policy["Statement"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|statement| match &statement["Action"] {
            serde_json::Value::Array(actions) => actions.clone(),
            one => vec![one.clone()],
        })
        .map(|action| action.as_str().unwrap().to_owned())
        .filter(|action| !NO_CALLS.contains(&action.as_str()))
        .collect();
    allowed.sort();
    allowed.dedup();
    let mut called = Vec::new();
    for (service, file, calls) in CALLS {
        let client = fs::read_to_string(root.join(file)).unwrap();
        // One call per operation that the client sends; another one would need its permission here.
        assert_eq!(client.matches(".send()").count(), calls.len(), "{file}");
        let made = calls.iter().filter(|call| {
            client
                .replace(char::is_whitespace, "")
                .contains(&format!(".{call}()"))
        });
        called.extend(made.map(|call| permission(action(service, call))));
    }
    called.sort();
    called.dedup();
    assert_eq!(allowed, called);
}

/// What calls need beside their own permission.
const NO_CALLS: [&str; 3] = [
    "iam:PassRole",
    "kms:Decrypt",
    // Of CreateRouterOutput and UpdateRouterOutput.
    "mediaconnect:AssociateRouterNetworkInterface",
];

/// The permission that a call needs; most are named after it.
///
/// Source: Service Authorization Reference, "AWS Elemental MediaConnect". It has no action for global resources, and names
/// routers among the resources of TagResource.
fn permission(action: String) -> String {
    let of_another_name = match action.as_str() {
        "mediaconnect:BatchGetRouterOutput" => "mediaconnect:GetRouterOutput",
        "mediaconnect:TagGlobalResource" => "mediaconnect:TagResource",
        "mediaconnect:UntagGlobalResource" => "mediaconnect:UntagResource",
        _ => return action,
    };
    of_another_name.to_owned()
}

/// The files that call AWS, and what each calls.
const CALLS: [(&str, &str, &[&str]); 6] = [
    (
        "mediaconnect",
        "src/mediaconnect/client.rs",
        &[
            "list_router_outputs",
            "batch_get_router_output",
            "get_router_output",
            "get_router_input",
            "get_router_network_interface",
            "create_router_output",
            "update_router_output",
            "take_router_input",
            "start_router_output",
            "stop_router_output",
            "restart_router_output",
            "delete_router_output",
            "start_router_input",
            "stop_router_input",
            "tag_global_resource",
            "untag_global_resource",
        ],
    ),
    (
        "medialive",
        "src/medialive/client.rs",
        &[
            "list_channels",
            "describe_channel",
            "update_channel",
            "start_channel",
            "stop_channel",
            "create_tags",
            "delete_tags",
        ],
    ),
    ("ssm", "src/secrets/ssm.rs", &["get_parameters"]),
    (
        "secretsmanager",
        "src/secrets/secrets_manager.rs",
        &["get_secret_value", "batch_get_secret_value"],
    ),
    (
        "dynamodb",
        "src/store/dynamodb/client.rs",
        &[
            "describe_table",
            "scan",
            "update_item",
            "put_item",
            "describe_stream",
            "get_shard_iterator",
            "get_records",
        ],
    ),
    (
        "dynamodb",
        "src/controller/lease/dynamodb.rs",
        &["get_item", "update_item"],
    ),
];

/// `medialive`, `list_channels` → `medialive:ListChannels`.
fn action(service: &str, call: &str) -> String {
    let capitalised = call.split('_').map(|word| word[..1].to_uppercase() + &word[1..]);
    format!("{service}:{}", capitalised.collect::<String>())
}

#[test]
fn files_that_documents_link_to_exist() {
    let mut documents = vec!["README.md".to_owned()];
    for entry in fs::read_dir(root("examples")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let guide = format!("examples/{name}/README.md");
        documents.extend(root(&guide).exists().then_some(guide));
    }
    let pages = reference::pages(&Metrics::new().unwrap());
    documents.extend(pages.map(|(file, _)| format!("manifests/reference/{file}")));
    let mut linked = 0;
    for document in documents {
        let text = text_of(&document);
        let here = root(&document);
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://") && !link.starts_with('#')) {
            let file = link.split('#').next().unwrap_or(link);
            assert!(
                here.parent().unwrap().join(file).exists(),
                "{document} links to {link}"
            );
            linked += 1;
        }
    }
    assert!(linked >= 10, "{linked} links");
}
