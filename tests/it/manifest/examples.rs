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
    names.sort();
    assert_eq!(names.len(), 4);
    for path in names {
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
