//! What the README says of the program is what the program says of itself.

use std::fs;
use std::path::{Path, PathBuf};

use slotwise::cli::reference;

use super::tool::slotwise;

/// Set to write what is missing instead of failing.
const UPDATE: &str = "SLOTWISE_UPDATE_README";

fn readme() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")
}

/// Checks, or with `SLOTWISE_UPDATE_README` writes, the part of the README between the marks of `name`.
fn check(name: &str, generated: &str) {
    let text = fs::read_to_string(readme()).unwrap();
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let from = text
        .find(&begin)
        .unwrap_or_else(|| panic!("README.md has no {begin}"))
        + begin.len();
    let to = from
        + text[from..]
            .find(&end)
            .unwrap_or_else(|| panic!("README.md has no {end}"));
    if std::env::var_os(UPDATE).is_some() {
        fs::write(readme(), format!("{}{generated}{}", &text[..from], &text[to..])).unwrap();
        return;
    }
    assert!(
        text[from..to] == *generated,
        "README.md is not current in {name}; run: {UPDATE}=1 cargo test --test it cli::docs -- --test-threads=1"
    );
}

#[test]
fn the_readme_lists_every_command_and_flag() {
    check("commands", &reference::commands());
    check("flags", &reference::flags());
}

#[test]
fn the_readme_lists_every_exit_code() {
    check("exit codes", &reference::exit_codes());
}

#[test]
fn the_readme_lists_every_metric() {
    check("metrics", &slotwise::metrics::Metrics::new().unwrap().reference());
}

#[test]
fn the_readme_shows_the_real_plan_of_the_quickstart() {
    let plan = slotwise(["plan", "--emulator", "examples/quickstart"]).out;
    check("plan", &format!("```text\n{plan}```\n"));
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
        .filter(|action| !["iam:PassRole", "kms:Decrypt"].contains(&action.as_str()))
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
        called.extend(made.map(|call| action(service, call)));
    }
    called.sort();
    called.dedup();
    assert_eq!(allowed, called);
}

/// The files that call AWS, and what each calls.
const CALLS: [(&str, &str, &[&str]); 5] = [
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
fn files_that_the_readme_names_exist() {
    let text = fs::read_to_string(readme()).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let linked: Vec<&str> = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|link| !link.contains("://") && !link.starts_with('#'))
        .collect();
    assert!(linked.len() >= 4, "{linked:?}");
    for link in linked {
        assert!(root.join(link).exists(), "{link}");
    }
}
