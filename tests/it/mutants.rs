//! The list of mistakes that the simulation has to catch (`examples/mutants` tries them) fits the source as it is.

#[path = "../mutants/variants.rs"]
mod variants;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use variants::{Lives, variants};

/// As many as the simulation is measured by, at least.
const VARIANTS_MIN: usize = 20;

/// Those of RouterPools among them.
const OF_ROUTERS_MIN: usize = 8;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The part of a source file that is built into the daemon: an edit of its tests would break nothing.
fn built(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text)
}

#[test]
fn each_edit_fits_one_place_of_the_daemon() {
    let misfits: Vec<String> = variants(root())
        .unwrap()
        .iter()
        .flat_map(|variant| variant.edits().map(|edit| (&variant.name, edit)))
        .filter_map(|(name, one)| {
            let file = one.file.display();
            let Ok(text) = fs::read_to_string(root().join(&one.file)) else {
                return Some(format!("{name}: there is no {file}"));
            };
            let (found, in_code) = (text.matches(&one.find).count(), built(&text).contains(&one.find));
            let fits = found == 1 && in_code && one.find != one.replace && one.file.starts_with("src");
            (!fits).then(|| format!("{name}: `{}` occurs {found} times in {file}", one.find))
        })
        .collect();
    assert!(
        misfits.is_empty(),
        "tests/mutants/variants.yaml no longer fits the source; adapt what these look for:\n  {}",
        misfits.join("\n  ")
    );
}

#[test]
fn there_are_enough_and_each_has_a_name_and_a_reason() {
    let variants = variants(root()).unwrap();
    assert!(variants.len() >= VARIANTS_MIN, "only {} variants", variants.len());
    let of_routers = variants.iter().filter(|one| one.lives == Lives::Routers).count();
    assert!(of_routers >= OF_ROUTERS_MIN, "only {of_routers} of RouterPools");
    let names: BTreeSet<&str> = variants.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names.len(), variants.len(), "two variants of one name");
    let is_kebab = |name: &str| name.bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase());
    for one in &variants {
        assert!(is_kebab(&one.name), "{} is not in kebab-case", one.name);
        assert!(
            one.breaks.ends_with('.'),
            "{} does not say in a sentence what it breaks",
            one.name
        );
    }
}
