//! Stream keys as people paste them.

use std::fs;

use tempfile::TempDir;

use super::{json, one_line, text};
use crate::cli::tool::slotwise;

const CASE: &str = "14-keys-as-people-paste-them";

#[test]
fn a_pasted_key_is_cleaned_or_refused_and_never_shown() {
    for case in json(CASE, "keys.json").as_array().unwrap() {
        let pasted = case["pasted"].as_str().unwrap();
        let dir = TempDir::new().unwrap();
        let declared = dir.path().join("declared.yaml");
        fs::write(&declared, text(CASE, "declared.yaml")).unwrap();
        fs::write(dir.path().join("key"), pasted).unwrap();
        let ran = slotwise(["plan", "--emulator", declared.to_str().unwrap()]);
        let log = one_line(&(ran.out + &ran.err));
        assert!(!log.contains("s3cr3t"), "{log}");
        match case["said"].as_str() {
            None => {
                assert_eq!(ran.code, 0, "{pasted:?}: {log}");
                assert!(log.contains("1 goes on air"), "{pasted:?}: {log}");
            }
            Some(said) => {
                assert_eq!(ran.code, 6, "{pasted:?}: {log}");
                assert!(log.contains(said), "{pasted:?}: {log}");
                assert!(log.contains("fix: put the key and nothing else into"), "{log}");
            }
        }
    }
}
