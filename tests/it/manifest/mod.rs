//! Desired state from YAML files: mistakes, and bad days of the files themselves.

mod examples;
mod forms;
mod last_good;
mod limits;
mod mistakes;
mod routers;
mod rules;
mod several;
mod watch;

use std::fs;
use std::path::{Path, PathBuf};

use slotwise::testing::manifest::Problem;
use slotwise::testing::model::{DestinationName, OwnerId, PoolName, Trust};
use slotwise::testing::store::{LoadError, LoadOptions, Loaded, Source, Sources};
use tempfile::TempDir;

/// A directory of declarations that a test changes.
struct Fixture {
    dir: TempDir,
    source: Sources,
}

impl Fixture {
    /// A directory with `files`.
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = TempDir::new().unwrap();
        let source = Sources::new(
            vec![dir.path().to_owned()],
            OwnerId::new("test"),
            LoadOptions::default(),
        );
        let fixture = Self { dir, source };
        for (name, text) in files {
            fixture.write(name, text);
        }
        fixture
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    async fn try_load(&mut self) -> Result<Loaded, LoadError> {
        self.source.load().await
    }

    async fn load(&mut self) -> Loaded {
        self.try_load().await.unwrap()
    }

    /// `problem` with the file's name relative to the directory.
    fn message(&self, problem: &Problem) -> String {
        let prefix = format!("{}/", self.dir.path().display());
        problem.to_string().replace(&prefix, "")
    }
}

fn names(loaded: &Loaded) -> Vec<&str> {
    loaded
        .desired
        .destinations
        .keys()
        .map(DestinationName::as_str)
        .collect()
}

fn pool_names(loaded: &Loaded) -> Vec<&str> {
    loaded.desired.pools.keys().map(PoolName::as_str).collect()
}

fn doubt(loaded: &Loaded) -> Option<&str> {
    match &loaded.desired.trust {
        Trust::Whole => None,
        Trust::Doubted { why } => Some(why),
    }
}

fn pool(name: &str, channels: &[&str]) -> String {
    let channels: Vec<String> = channels.iter().map(|id| format!("{{ id: \"{id}\" }}")).collect();
    format!(
        "apiVersion: slotwise.dev/v1alpha1\nkind: ChannelPool\nmetadata: {{ name: {name} }}\nspec:\n  channels: \
         [{}]\n  slots: {{ outputGroups: \"RTMP-*\", parkingUrl: rtmp://127.0.0.1/parked }}\n",
        channels.join(", ")
    )
}

/// A destination of pool `main` with `fields` besides pool and URL.
fn destination(name: &str, fields: &str) -> String {
    format!(
        "apiVersion: slotwise.dev/v1alpha1\nkind: Destination\nmetadata: {{ name: {name} }}\nspec:\n  pool: main\n  \
         url: rtmp://{name}.example/live\n  {fields}\n"
    )
}

/// A destination with a key of its own in the file.
fn simple(name: &str, state: &str) -> String {
    destination(name, &format!("state: {state}\n  streamKey: {name}-key"))
}

fn link(original: &Path, link: &Path) {
    std::os::unix::fs::symlink(original, link).unwrap();
}
