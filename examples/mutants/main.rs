//! Breaks slotwise on purpose, in one way after the other, and looks whether the simulation notices.
//!
//! ```sh
//! cargo run --example mutants                              # all of tests/mutants/variants.yaml
//! cargo run --example mutants -- --only ignore-the-lease   # one of them
//! ```
//!
//! Each variant is built in a copy of the tree below the target directory, and has to be caught within so many lives of
//! `examples/soak`, or in the short one that meets a death and a standstill at each of its boundaries. The dependencies are built once for it, apart from our own: cargo distinguishes a copy of a package from the package
//! by nothing, and would take a broken slotwise for the one in the tree. The first time that takes some minutes.

#[path = "../../tests/mutants/variants.rs"]
mod variants;

use std::error::Error;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use anstream::{eprintln, println};
use clap::Parser;

use variants::{Lives, Variant, variants};

/// What a copy of the tree needs in order to build `examples/soak`.
const TREE: [&str; 6] = [
    "Cargo.toml",
    "Cargo.lock",
    "src",
    "manifests",
    "examples",
    "tests",
];

/// Longest time that a build may take: slotwise and one example, on a slow machine.
const BUILD_MAX: Duration = Duration::from_mins(20);

/// Lives that are lived in one go.
const ROUND: u64 = 20;

/// Longest time that they may take; a life takes some seconds. What does not end by then loops for ever, and is caught.
const ROUND_MAX: Duration = Duration::from_mins(20);

/// How the copies are built: a life takes a sixth of the time that it takes without.
const OPTIMIZED: (&str, &str) = ("CARGO_PROFILE_DEV_OPT_LEVEL", "1");

type Done<T = ()> = Result<T, Box<dyn Error>>;

/// Breaks slotwise on purpose, and looks whether the simulation notices.
#[derive(Debug, Parser)]
#[command(name = "mutants")]
struct Args {
    /// Only the variant of this name; may be repeated
    #[arg(long)]
    only: Vec<String>,
    /// Lives within which a variant has to be caught, before the boundaries
    #[arg(long, default_value_t = 500)]
    seeds: u64,
    /// Lives that the unbroken tree has to pass first
    #[arg(long, default_value_t = 10)]
    unbroken: u64,
}

/// What became of a variant.
enum Verdict {
    Caught {
        check: String,
        /// `seed 35`, or `boundary 52, stands still`.
        life: String,
    },
    /// It did not end in time, which no daemon may do.
    Endless,
    Survived,
    /// It could not be tried, and why.
    Broken(String),
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every variant was caught.
fn run(args: &Args) -> Done<bool> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut variants = variants(root)?;
    if let Some(unknown) = args
        .only
        .iter()
        .find(|name| variants.iter().all(|one| one.name != **name))
    {
        return Err(format!("no variant is called {unknown}; tests/mutants/variants.yaml lists them").into());
    }
    variants.retain(|one| args.only.is_empty() || args.only.contains(&one.name));
    let copy = Copy::of(root)?;
    eprintln!("the unbroken tree: {} lives", args.unbroken);
    match copy.judge(args.unbroken, Lives::Channels)? {
        Verdict::Survived => {}
        other => {
            return Err(format!(
                "the unbroken tree does not pass: {}; mend that first",
                other.summary()
            )
            .into());
        }
    }
    let mut verdicts = Vec::new();
    for (number, variant) in variants.iter().enumerate() {
        eprintln!("{} of {}: {}", number + 1, variants.len(), variant.name);
        let verdict = copy.try_out(variant, args.seeds)?;
        eprintln!("    {}", verdict.summary());
        verdicts.push(verdict);
    }
    println!("{}", table(&variants, &verdicts));
    let caught = verdicts.iter().filter(|verdict| verdict.is_caught()).count();
    println!("\n{caught} of {} caught", variants.len());
    Ok(caught == variants.len())
}

impl Verdict {
    fn is_caught(&self) -> bool {
        matches!(self, Self::Caught { .. } | Self::Endless)
    }

    fn summary(&self) -> String {
        match self {
            Self::Caught { check, life } => format!("{check}, at {life}"),
            Self::Endless => "it does not end".to_owned(),
            Self::Survived => "SURVIVED".to_owned(),
            Self::Broken(why) => format!("COULD NOT BE TRIED: {why}"),
        }
    }
}

/// A table in Markdown.
fn table(variants: &[Variant], verdicts: &[Verdict]) -> String {
    let rows: Vec<[String; 4]> = variants
        .iter()
        .zip(verdicts)
        .map(|(variant, verdict)| {
            let (check, life) = match verdict {
                Verdict::Caught { check, life } => (check.clone(), life.clone()),
                other => (other.summary(), String::new()),
            };
            [variant.name.clone(), check, life, variant.breaks.clone()]
        })
        .collect();
    let titles = ["variant", "caught by", "at", "what it breaks"].map(str::to_owned);
    let width = |at: usize| {
        rows.iter()
            .chain([&titles])
            .map(|row| row[at].len())
            .max()
            .unwrap_or(0)
    };
    let widths = [width(0), width(1), width(2)];
    let line = |row: &[String; 4]| {
        let [name, check, life, breaks] = row;
        let [first, second, third] = widths;
        format!("| {name:first$} | {check:second$} | {life:third$} | {breaks} |")
    };
    let rule = format!(
        "|{}|",
        [widths[0], widths[1], widths[2], 14]
            .map(|width| "-".repeat(width + 2))
            .join("|")
    );
    let mut lines = vec![line(&titles), rule];
    lines.extend(rows.iter().map(line));
    lines.join("\n")
}

/// A copy of the tree, to be broken.
struct Copy {
    root: PathBuf,
    /// Where it is built.
    target: PathBuf,
}

impl Copy {
    fn of(original: &Path) -> Done<Self> {
        // This program is target/PROFILE/examples/mutants.
        let program = std::env::current_exe()?;
        let built = program
            .ancestors()
            .nth(3)
            .ok_or("this program is not where cargo puts examples")?;
        let (root, target) = (built.join("mutants"), built.join("mutants-built"));
        // Left over from another time.
        if root.exists() {
            fs::remove_dir_all(&root)?;
        }
        for part in TREE {
            copy(&original.join(part), &root.join(part))?;
        }
        Ok(Self { root, target })
    }

    /// Breaks the copy, lets it live, and mends it.
    fn try_out(&self, variant: &Variant, seeds: u64) -> Done<Verdict> {
        let mut whole = Vec::new();
        for edit in variant.edits() {
            let text = fs::read_to_string(self.root.join(&edit.file))?;
            let found = text.matches(&edit.find).count();
            if found != 1 {
                let file = edit.file.display();
                return Ok(Verdict::Broken(format!(
                    "what it replaces occurs {found} times in {file}, not once"
                )));
            }
            whole.push((edit, text));
        }
        for (edit, text) in &whole {
            let broken = text.replacen(&edit.find, &edit.replace, 1);
            fs::write(self.root.join(&edit.file), broken)?;
        }
        let verdict = self.judge(seeds, variant.lives);
        for (edit, text) in whole {
            fs::write(self.root.join(&edit.file), text)?;
        }
        verdict
    }

    /// Builds the simulation as the copy is now, and lets it live until something is noticed.
    fn judge(&self, seeds: u64, lives: Lives) -> Done<Verdict> {
        let mut build = Command::new(env!("CARGO"));
        build
            .args(["build", "--quiet", "--locked", "--example", "soak"])
            .env("CARGO_TARGET_DIR", &self.target)
            .env(OPTIMIZED.0, OPTIMIZED.1);
        match output(build.current_dir(&self.root), BUILD_MAX)? {
            None => return Ok(Verdict::Broken("it took too long to build".to_owned())),
            Some((false, output)) => return Ok(Verdict::Broken(format!("it does not build:\n{output}"))),
            Some((true, _)) => {}
        }
        let kind = match lives {
            Lives::Channels => "--seeds",
            Lives::Routers => "--routers",
        };
        let mut first = 1;
        while first <= seeds {
            let round = ROUND.min(seeds + 1 - first);
            let some = ["--first", &first.to_string(), kind, &round.to_string()];
            match self.live(&some)? {
                Verdict::Survived => first += round,
                noticed => return Ok(noticed),
            }
        }
        match lives {
            Lives::Channels => self.live(&["--boundaries"]),
            Lives::Routers => Ok(Verdict::Survived),
        }
    }

    /// Some lives.
    fn live(&self, which: &[&str]) -> Done<Verdict> {
        let mut soak = Command::new(self.target.join("debug/examples/soak"));
        soak.args(["--stop", "--no-shrink"]).args(which);
        Ok(match output(&mut soak, ROUND_MAX)? {
            None => Verdict::Endless,
            Some((true, _)) => Verdict::Survived,
            Some((false, output)) => failure(&output),
        })
    }
}

/// The first line that says `seed N: CHECK: what`, or `boundary N, what it met there: CHECK: what`.
fn failure(output: &str) -> Verdict {
    let first = output.lines().find_map(|line| {
        let (life, rest) = line.split_once(": ")?;
        let (check, _) = rest.split_once(": ")?;
        let is_life = ["seed ", "boundary "].iter().any(|kind| life.starts_with(kind));
        is_life.then(|| (life.to_owned(), check.to_owned()))
    });
    match first {
        Some((life, check)) => Verdict::Caught { check, life },
        None => Verdict::Broken(format!("the simulation itself failed:\n{output}")),
    }
}

/// Whether `command` succeeded, and what it printed; `None` where it did not end in time.
fn output(command: &mut Command, limit: Duration) -> Done<Option<(bool, String)>> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let readers = [
        reader(child.stdout.take().ok_or("no output")?),
        reader(child.stderr.take().ok_or("no output")?),
    ];
    let succeeded = wait(&mut child, limit)?;
    let texts: Vec<String> = readers
        .into_iter()
        .map(|reader| reader.join().unwrap_or_default())
        .collect();
    Ok(succeeded.map(|succeeded| (succeeded, texts.concat())))
}

fn reader(mut stream: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before a stream broke is as good as what there is.
        stream.read_to_end(&mut bytes).ok();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn wait(child: &mut Child, limit: Duration) -> Done<Option<bool>> {
    const STEP: Duration = Duration::from_millis(100);
    let mut waited = Duration::ZERO;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        if waited >= limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(STEP);
        waited += STEP;
    }
}

fn copy(from: &Path, to: &Path) -> Done {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            copy(&from.join(&name), &to.join(&name))?;
        }
    } else {
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(from, to)?;
    }
    Ok(())
}
