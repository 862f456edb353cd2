//! What an operator starts from: examples and schemas.

use std::path::{Path, PathBuf};

use slotwise::testing::manifest::schema::{combined, schemas, to_text};
use slotwise::testing::model::{OwnerId, StreamKey};
use slotwise::testing::store::{LoadOptions, Source, Sources};

use super::doubt;

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[tokio::test]
async fn every_example_is_valid_and_has_its_keys() {
    let mut names: Vec<PathBuf> = std::fs::read_dir(root("examples"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    // Programs, and guides that declare nothing.
    names.retain(|path| declares(path));
    names.sort();
    assert!(names.len() >= 6, "{names:?}");
    for path in names {
        // Its keys are in AWS; `tests/contract/keys_from_aws.py` puts them there.
        if path.ends_with("keys-in-aws") {
            let expected = [
                "secretsManager live/partner",
                "secretsManager live/twitch#streamKey",
                "ssm /live/youtube",
            ];
            assert_eq!(references(&path).await, expected);
            continue;
        }
        // A repository holds no keys: its workflow sets the variables, for the plan and for what is applied.
        if path.ends_with("ci") {
            let workflow = std::fs::read_to_string(path.join(".github/workflows/live.yaml")).unwrap();
            for reference in references(&path).await {
                let name = reference.strip_prefix("env ").unwrap();
                let line = format!("          {name}: ${{{{ secrets.{name} }}}}\n");
                assert_eq!(workflow.matches(&line).count(), 2, "{name}");
            }
            continue;
        }
        let mut source = Sources::new(vec![path.clone()], OwnerId::new("test"), LoadOptions::default());
        let loaded = source.load().await.unwrap();
        let messages: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
        assert_eq!(messages, [""; 0], "{}", path.display());
        assert_eq!(doubt(&loaded), None);
        for destination in loaded.desired.destinations.values() {
            let StreamKey::Known(key) = &destination.key else {
                panic!("{} has no key", destination.name)
            };
            assert!(key.reveal().ends_with("-not-a-real-key"), "{}", destination.name);
        }
    }
}

fn declares(dir: &Path) -> bool {
    let mut entries = std::fs::read_dir(dir).unwrap();
    entries.any(|entry| {
        let path = entry.unwrap().path();
        path.is_dir() && declares(&path) || path.extension().is_some_and(|extension| extension == "yaml")
    })
}

/// What the destinations at `path` say of where their keys are, which is not looked into.
async fn references(path: &Path) -> Vec<String> {
    let mut source = Sources::new(
        vec![path.to_owned()],
        OwnerId::new("test"),
        LoadOptions { check_keys: false },
    );
    let loaded = source.load().await.unwrap();
    let messages: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    assert_eq!(messages, [""; 0]);
    loaded
        .desired
        .destinations
        .values()
        .filter_map(|destination| match &destination.key {
            StreamKey::Unavailable { reference, .. } => Some(reference.as_str().to_owned()),
            StreamKey::Known(_) => None,
        })
        .collect()
}

#[test]
fn the_schemas_in_manifests_are_those_of_the_types() {
    let of_all = ("slotwise".to_owned(), combined());
    for (name, schema) in schemas().into_iter().chain([of_all]) {
        let path = root("manifests/schema").join(format!("{name}.json"));
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        let kind = if name == "slotwise" { "" } else { name.as_str() };
        assert!(
            committed == to_text(&schema),
            "manifests/schema/{name}.json is not current: slotwise schema {kind} > manifests/schema/{name}.json"
        );
    }
}
