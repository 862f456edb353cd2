//! What an operator starts from: examples and schemas.

use std::path::{Path, PathBuf};

use slotwise::manifest::schema::{schemas, to_text};
use slotwise::model::{OwnerId, StreamKey};
use slotwise::store::{LoadOptions, Source, Sources};

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
    // Programs, and a guide, that declare nothing.
    names.retain(|path| {
        !["soak", "mutants", "emulator"]
            .iter()
            .any(|name| path.ends_with(name))
    });
    names.sort();
    assert_eq!(names.len(), 6);
    for path in names {
        // Its keys are in AWS; `tests/contract/keys_from_aws.py` puts them there.
        if path.ends_with("keys-in-aws") {
            keys_are_in_aws(&path).await;
            continue;
        }
        let mut source = Sources::new(vec![path.clone()], OwnerId::new("test"), LoadOptions::default());
        let loaded = source.load().await.unwrap();
        let told: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
        assert_eq!(told, [""; 0], "{}", path.display());
        assert_eq!(doubt(&loaded), None);
        for destination in loaded.desired.destinations.values() {
            let StreamKey::Known(key) = &destination.key else {
                panic!("{} has no key", destination.name)
            };
            assert!(key.reveal().ends_with("-not-a-real-key"), "{}", destination.name);
        }
    }
}

async fn keys_are_in_aws(path: &Path) {
    let mut source = Sources::new(
        vec![path.to_owned()],
        OwnerId::new("test"),
        LoadOptions { check_keys: false },
    );
    let loaded = source.load().await.unwrap();
    let told: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    assert_eq!(told, [""; 0]);
    let references: Vec<&str> = loaded
        .desired
        .destinations
        .values()
        .filter_map(|destination| match &destination.key {
            StreamKey::Unavailable { reference, .. } => Some(reference.as_str()),
            StreamKey::Known(_) => None,
        })
        .collect();
    assert_eq!(
        references,
        [
            "secretsManager live/partner",
            "secretsManager live/twitch#streamKey",
            "ssm /live/youtube"
        ]
    );
}

#[test]
fn the_schemas_in_manifests_are_those_of_the_types() {
    for (kind, schema) in schemas() {
        let path = root("manifests/schema").join(format!("{kind}.json"));
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == to_text(&schema),
            "manifests/schema/{kind}.json is not current: slotwise schema {kind} > manifests/schema/{kind}.json"
        );
    }
}
