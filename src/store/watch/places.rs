//! Which directory entries decide what a path leads to. Blocking.
//!
//! ```text
//!   live/a.yaml ─► ..data/a.yaml        entries: live/a.yaml
//!   live/..data ─► ..2026_11_30                  live/..data
//!                                                live/..2026_11_30/a.yaml
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::store::tree::{Tree, is_yaml};

/// Links that lead to one another, as many as Linux follows.
const LINKS_MAX: usize = 40;

/// Directories by their real paths, and what is of interest in each. A file that was named stands there as well: mounted by
/// itself, it changes without its directory.
pub(super) type Places = BTreeMap<PathBuf, Interest>;

/// What is of interest in a directory.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Interest {
    /// Whether it may hold declared state: names that come and go, and the content of YAML files.
    is_source: bool,
    /// What matters whatever it is called.
    names: BTreeSet<OsString>,
}

impl Interest {
    /// Whether something about `name` is worth a look: its content, or else whether and how it is there.
    pub(super) fn concerns(&self, name: &OsStr, is_content: bool) -> bool {
        let is_declared = self.is_source && (!is_content || is_yaml(Path::new(name)));
        is_declared || self.names.contains(name)
    }
}

/// The places where something must happen for `tree`, found below `roots`, or for one of `key_files` to change.
pub(super) fn places(tree: &Tree, roots: &[PathBuf], key_files: &BTreeSet<PathBuf>) -> Places {
    let mut finder = Finder::default();
    for directory in tree.directories.keys() {
        finder.places.entry(directory.clone()).or_default().is_source = true;
    }
    for root in roots.iter().filter_map(|root| fs::canonicalize(root).ok()) {
        finder.places.entry(root).or_default();
    }
    let files = tree.files.iter().map(|found| &found.path);
    let unreadable = tree.unreadable.iter().map(|(path, _)| path);
    for path in files.chain(unreadable).chain(roots).chain(key_files) {
        finder.trace(path);
    }
    finder.places
}

#[derive(Default)]
struct Finder {
    places: Places,
    /// Directories that are reached without a link.
    plain: BTreeSet<PathBuf>,
}

/// How far a path can be followed.
enum Reached {
    /// To a link, and the path leads on by where it points.
    Link { at: PathBuf, onward: PathBuf },
    /// To its end, or to the first name that is not there.
    End(PathBuf),
}

impl Finder {
    /// Notes each entry that `path` depends on: the links on its way, and its end.
    fn trace(&mut self, path: &Path) {
        let Ok(mut path) = std::path::absolute(path) else {
            return;
        };
        for _ in 0..LINKS_MAX {
            match self.reach(&path) {
                Reached::Link { at, onward } => {
                    self.note(&at);
                    path = onward;
                }
                Reached::End(end) => return self.note(&end),
            }
        }
    }

    fn reach(&mut self, path: &Path) -> Reached {
        let mut reached = PathBuf::new();
        let mut rest = path.components();
        while let Some(component) = rest.next() {
            if component == Component::ParentDir {
                // No link is in what was reached, so that this is the directory above.
                reached.pop();
                continue;
            }
            reached.push(component);
            if self.plain.contains(&reached) {
                continue;
            }
            match fs::symlink_metadata(&reached) {
                Ok(metadata) if metadata.is_dir() => {
                    self.plain.insert(reached.clone());
                }
                Ok(_) => {
                    if let Ok(target) = fs::read_link(&reached) {
                        let onward = reached.with_file_name(target).join(rest.as_path());
                        return Reached::Link { at: reached, onward };
                    }
                }
                Err(_) => return Reached::End(reached),
            }
        }
        Reached::End(reached)
    }

    fn note(&mut self, entry: &Path) {
        if let (Some(directory), Some(name)) = (entry.parent(), entry.file_name()) {
            let interest = self.places.entry(directory.to_owned()).or_default();
            interest.names.insert(name.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A directory with `files`, by its real path.
    fn directory(files: &[&str]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        for file in files {
            fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            fs::write(root.join(file), "a: 1").unwrap();
        }
        (dir, root)
    }

    fn of(roots: &[PathBuf], key_files: &[PathBuf]) -> Places {
        places(&Tree::find(roots), roots, &key_files.iter().cloned().collect())
    }

    /// Below `root`: directory, whether it is a source, names.
    fn below<'a>(root: &Path, places: &'a Places) -> Vec<(String, bool, Vec<&'a str>)> {
        let within = places.iter().filter(|(path, _)| path.starts_with(root));
        within
            .map(|(path, interest)| {
                let names = interest.names.iter().filter_map(|name| name.to_str());
                let path = path.strip_prefix(root).unwrap().display().to_string();
                (path, interest.is_source, names.collect())
            })
            .collect()
    }

    #[test]
    fn directories_are_sources_and_the_one_above_matters_for_the_name_of_the_root() {
        let (_dir, root) = directory(&["live/a.yaml", "live/sub/b.yaml", "live/sub/.git/c.yaml", "keys/a"]);
        let places = of(&[root.join("live/../live")], &[root.join("keys/a")]);
        assert_eq!(
            below(&root, &places),
            [
                (String::new(), false, vec!["live"]),
                ("keys".to_owned(), false, vec!["a"]),
                ("live".to_owned(), true, vec!["a.yaml"]),
                ("live/sub".to_owned(), true, vec!["b.yaml"]),
            ]
        );
    }

    #[test]
    fn every_link_on_the_way_matters_and_so_does_what_is_not_there() {
        let (_dir, root) = directory(&["releases/1/a.yaml", "elsewhere/b"]);
        symlink("releases/1", root.join("current")).unwrap();
        symlink("../../elsewhere/b", root.join("releases/1/b.yaml")).unwrap();
        symlink("nowhere/c.yaml", root.join("releases/1/c.yaml")).unwrap();
        symlink("d.yaml", root.join("releases/1/d.yaml")).unwrap();
        let places = of(&[root.join("current")], &[root.join("current/gone/key")]);
        assert_eq!(
            below(&root, &places),
            [
                (String::new(), false, vec!["current"]),
                ("elsewhere".to_owned(), false, vec!["b"]),
                ("releases".to_owned(), false, vec!["1"]),
                (
                    "releases/1".to_owned(),
                    true,
                    vec!["a.yaml", "b.yaml", "c.yaml", "d.yaml", "gone", "nowhere"]
                ),
            ]
        );
    }

    #[test]
    fn a_file_that_was_named_is_a_place_itself() {
        let (_dir, root) = directory(&["a.yaml", "b.yaml"]);
        let places = of(&[root.join("a.yaml")], &[]);
        assert_eq!(
            below(&root, &places),
            [
                (String::new(), false, vec!["a.yaml"]),
                ("a.yaml".to_owned(), false, vec![]),
            ]
        );
    }

    #[test]
    fn in_a_source_every_name_matters_and_the_content_of_yaml_alone() {
        let source = Interest {
            is_source: true,
            names: BTreeSet::from(["key".into()]),
        };
        let (content, name) = (true, false);
        for (what, is_content, expected) in [
            ("a.yaml", content, true),
            ("key", content, true),
            ("a.log", content, false),
            ("a.log", name, true),
            ("..data", name, true),
        ] {
            assert_eq!(source.concerns(what.as_ref(), is_content), expected, "{what}");
        }
        let above = Interest {
            is_source: false,
            ..source
        };
        assert!(!above.concerns("a.yaml".as_ref(), name));
        assert!(above.concerns("key".as_ref(), name));
    }
}
