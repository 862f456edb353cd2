//! `slotwise init`: declared state for channels that exist.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};
use tokio::task::JoinSet;
use url::Url;

use super::args::ConnectionArgs;
use super::connect::{Purpose, show_problems, wire, with_progress};
use super::exit::ExitCode;
use super::failure::{CommandResult, Failure};
use super::output::{Output, quoted};
use crate::draft::template::{INPUT, ROLE, Template};
use crate::draft::{Draft, KeysIn, LeftOut, Options};
use crate::files;
use crate::manifest::presets::platform_at;
use crate::medialive::{CallError, MediaLive, Summary};
use crate::model::{ChannelId, ObservedChannel, OwnerId};
use crate::observe::Progress;
use crate::plan::Action;
use crate::render;
use crate::wiring;
use crate::words::counted;

/// So many channels are named in an error.
const NAMED_MAX: usize = 10;
/// Channels that are described at once at most.
const AT_ONCE: usize = 10;

/// Arguments of `init`.
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// The MediaLive channels to declare, by id, name or ARN
    #[arg(value_name = "CHANNEL", required_unless_present = "template")]
    channels: Vec<String>,
    /// Directory to write to: pool.yaml, destinations.yaml and the keys. Files that exist are never replaced
    #[arg(long, env = "SLOTWISE_OUT", value_name = "DIR", default_value = "slotwise")]
    out: PathBuf,
    /// Name of the ChannelPool
    #[arg(long, env = "SLOTWISE_POOL", value_name = "NAME", default_value = "main")]
    pool: String,
    /// Where slots point while they carry nothing: an RTMP URL that takes no stream [default: where slotwise parked slots
    /// of these channels before, otherwise rtmp://127.0.0.1:1935/parked]
    #[arg(long, env = "SLOTWISE_PARKING_URL", value_name = "URL")]
    parking_url: Option<String>,
    /// Where the stream keys are to be kept: in files that slotwise init writes, readable by you alone; or in AWS, where you
    /// put them
    #[arg(
        long,
        value_enum,
        default_value_t,
        env = "SLOTWISE_KEYS",
        value_name = "PLACE"
    )]
    keys: KeyPlace,
    /// What names of parameters and secrets begin with [default: /slotwise for ssm, slotwise for secrets-manager]
    #[arg(long, env = "SLOTWISE_KEYS_PREFIX", value_name = "PREFIX")]
    keys_prefix: Option<String>,
    #[command(flatten)]
    template: TemplateArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// `--template` and what goes with it.
#[derive(Debug, Args)]
#[command(next_help_heading = "A channel to begin with")]
struct TemplateArgs {
    /// Print a document for `aws medialive create-channel --cli-input-json` instead: a channel with parked slots
    #[arg(long, conflicts_with = "channels")]
    template: bool,
    /// RTMP output groups of that channel
    #[arg(
        long,
        env = "SLOTWISE_SLOTS",
        value_name = "N",
        default_value = "3",
        requires = "template",
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=30)
    )]
    slots: usize,
    /// Its name
    #[arg(
        long,
        env = "SLOTWISE_NAME",
        default_value = "slotwise-1",
        requires = "template"
    )]
    name: String,
    /// Id of its input
    #[arg(long, env = "SLOTWISE_INPUT_ID", value_name = "ID", default_value = INPUT, requires = "template")]
    input_id: String,
    /// ARN of the role that MediaLive takes
    #[arg(long, env = "SLOTWISE_ROLE_ARN", value_name = "ARN", default_value = ROLE, requires = "template")]
    role_arn: String,
}

/// `--keys`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum KeyPlace {
    /// A file for each, below the directory
    #[default]
    Files,
    /// Systems Manager Parameter Store
    Ssm,
    /// Secrets Manager
    SecretsManager,
}

/// Declares the channels, and shows the first plan on them.
pub(super) async fn run(args: InitArgs, output: &Output) -> CommandResult {
    if args.template.template {
        print_template(args.template, output);
        return Ok(ExitCode::Success);
    }
    let host = args.parking_url.as_deref().and_then(|url| Url::parse(url).ok());
    let host = host.as_ref().and_then(Url::host_str);
    if let Some(platform) = host.and_then(platform_at) {
        return Err(Failure::usage(format!(
            "--parking-url is a place of {platform}, which takes streams"
        ))
        .next("name one that takes none"));
    }
    let owner = OwnerId::new(&args.connection.owner_id);
    let progress = Progress::default();
    let look = Box::pin(look(&args, &owner, &progress));
    let channels = with_progress(look, &progress, output).await?;
    let draft = Draft::of(&channels, &options(&args, owner));
    show_left_out(&draft.left_out, output);
    if draft.channels == 0 {
        return Err(Failure::new(
            ExitCode::Error,
            "none of these channels can be declared",
        ));
    }
    if let Some(why) = &draft.refused {
        return Err(Failure::new(
            ExitCode::InvalidState,
            format!("the pool could not be used, and nothing is written: {why}"),
        )
        .next("give another --pool or --parking-url, or rename the output groups"));
    }
    write(&args.out, &draft, args.keys)?;
    show_written(&args, &draft, output);
    if args.keys != KeyPlace::Files && !draft.keys.is_empty() {
        return Ok(done(&draft));
    }
    Box::pin(show_plan(&args, output)).await?;
    Ok(done(&draft))
}

fn print_template(args: TemplateArgs, output: &Output) {
    let template = Template {
        name: args.name,
        slots: args.slots,
        input: args.input_id,
        role: args.role_arn,
    };
    output.print(&format!("{:#}\n", template.document()));
    if template.input == INPUT || template.role == ROLE {
        output.note(&format!(
            "replace {INPUT} and ACCOUNT_ID, or give --input-id and --role-arn; then: aws medialive create-channel \
             --cli-input-json file://FILE\n"
        ));
    }
}

fn done(draft: &Draft) -> ExitCode {
    if draft.left_out.is_empty() {
        ExitCode::Success
    } else {
        ExitCode::Partial
    }
}

fn options(args: &InitArgs, owner: OwnerId) -> Options {
    let prefix = |default: &str| args.keys_prefix.clone().unwrap_or_else(|| default.to_owned());
    Options {
        pool: args.pool.clone(),
        parking_url: args.parking_url.clone(),
        keys: match args.keys {
            KeyPlace::Files => KeysIn::Files,
            KeyPlace::Ssm => KeysIn::Ssm(prefix("/slotwise")),
            KeyPlace::SecretsManager => KeysIn::SecretsManager(prefix("slotwise")),
        },
        owner,
    }
}

/// The channels as they are, in the order of their ids.
async fn look(
    args: &InitArgs,
    owner: &OwnerId,
    progress: &Progress,
) -> Result<Vec<ObservedChannel>, Failure> {
    let purpose = purpose(args, &[]);
    let world = purpose.world_or_empty(owner).await?;
    let client = wiring::client(&world, &wire(&args.connection), None).await?;
    let listed = client
        .list()
        .await
        .map_err(|error| failed("list channels", &error))?;
    let ids = meant(&args.channels, &listed)?;
    progress.expect(ids.len());
    let mut channels = Vec::new();
    for ids in ids.chunks(AT_ONCE) {
        let described = ids.iter().map(|id| {
            let (client, id) = (client.clone(), id.clone());
            async move { describe(&client, &id).await }
        });
        let mut described: JoinSet<_> = described.collect();
        while let Some(channel) = described.join_next().await {
            channels.push(channel.map_err(|error| Failure::at("cannot describe a channel", &error))??);
            progress.one_is_done();
        }
    }
    channels.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(channels)
}

async fn describe(client: &MediaLive, id: &ChannelId) -> Result<ObservedChannel, Failure> {
    let described = client.describe(id).await;
    let document = described.map_err(|error| failed(&format!("describe channel {id}"), &error))?;
    Ok(document.observed())
}

fn failed(what: &str, error: &CallError) -> Failure {
    Failure::at(format!("cannot {what}"), error).next("slotwise doctor says what is missing")
}

/// The ids of the channels that are named, each once; or everything that is wrong with the names.
fn meant(names: &[String], listed: &[Summary]) -> Result<Vec<ChannelId>, Failure> {
    let mut by_name: BTreeMap<&str, Vec<&ChannelId>> = BTreeMap::new();
    for one in listed {
        by_name.entry(&one.name).or_default().push(&one.id);
    }
    let (mut ids, mut wrong) = (Vec::new(), Vec::new());
    for name in names {
        let name = id_in(name);
        let of_name = by_name.get(name).map_or(&[][..], Vec::as_slice);
        if let Some(one) = listed.iter().find(|one| one.id.as_str() == name) {
            ids.push(one.id.clone());
        } else if let [id] = of_name {
            ids.push((*id).clone());
        } else if of_name.is_empty() {
            wrong.push(format!("no channel has the id or the name {name}"));
        } else {
            let many: Vec<&str> = of_name.iter().map(|id| id.as_str()).collect();
            wrong.push(format!("{} are called {name}: give the id", many.join(" and ")));
        }
    }
    if wrong.is_empty() {
        ids.sort();
        ids.dedup();
        return Ok(ids);
    }
    let known = listed.iter().take(NAMED_MAX);
    let known: Vec<String> = known.map(|one| format!("{} ({})", one.id, one.name)).collect();
    let next = match (known.len(), listed.len()) {
        (0, _) => "there is no channel here; slotwise init --template prints one to begin with".to_owned(),
        (listed, all) if listed < all => format!("there are {all}, such as {}", known.join(", ")),
        _ => format!("there are {}", known.join(", ")),
    };
    Err(Failure::usage(wrong.join("; ")).next(next))
}

/// The id that an ARN of a channel ends with, or what was given.
fn id_in(name: &str) -> &str {
    let id = name.rsplit_once(":channel:").filter(|_| name.starts_with("arn:"));
    id.map_or(name, |(_, id)| id)
}

fn show_left_out(left_out: &[LeftOut], output: &Output) {
    for one in left_out {
        let place = match &one.output_group {
            Some(group) => format!("{}/{group}", one.channel),
            None => one.channel.to_string(),
        };
        output.warning(&format_args!("{place} is left out: {}", one.why));
    }
}

/// Writes the files, or none where one of them is there already.
fn write(out: &Path, draft: &Draft, keys: KeyPlace) -> Result<(), Failure> {
    let mut files = vec![(out.join("pool.yaml"), draft.pool.clone(), 0o644)];
    if !draft.destinations.is_empty() {
        files.push((out.join("destinations.yaml"), draft.destinations.clone(), 0o644));
    }
    if keys == KeyPlace::Files && !draft.keys.is_empty() {
        // Whatever is committed here, the keys are not.
        files.push((out.join("keys").join(".gitignore"), "*\n".to_owned(), 0o644));
        let keys = draft.keys.iter();
        files.extend(keys.map(|key| {
            let text = format!("{}\n", key.secret.reveal());
            (out.join(&key.place), text, 0o600)
        }));
    }
    let existing = files.iter().map(|(path, ..)| path);
    let existing: Vec<String> = existing
        .filter(|path| path.symlink_metadata().is_ok())
        .map(|path| path.display().to_string())
        .collect();
    if !existing.is_empty() {
        let verb = if existing.len() == 1 { "exists" } else { "exist" };
        return Err(
            Failure::new(ExitCode::Error, format!("{} {verb} already", existing.join(", ")))
                .next("name another directory with --out"),
        );
    }
    for (path, text, mode) in files {
        let directory = path.parent().unwrap_or(Path::new("."));
        let is_private = directory.file_name().is_some_and(|name| name == "keys");
        let made = DirBuilder::new()
            .recursive(true)
            .mode(if is_private { 0o700 } else { 0o755 })
            .create(directory);
        made.and_then(|()| files::create(&path, text.as_bytes(), mode))
            .map_err(|error| Failure::at(format!("cannot write {}", path.display()), &error))?;
    }
    Ok(())
}

fn show_written(args: &InitArgs, draft: &Draft, output: &Output) {
    let file = |name: &str| args.out.join(name).display().to_string();
    let mut lines = vec![(
        file("pool.yaml"),
        format!(
            "pool {}: {}, {}",
            args.pool,
            counted(draft.channels, "channel"),
            counted(draft.slots, "slot")
        ),
    )];
    if !draft.keys.is_empty() {
        let names: Vec<&str> = draft.keys.iter().map(|key| key.destination.as_str()).collect();
        let names = format!("{}: {}", counted(names.len(), "Destination"), names.join(", "));
        lines.push((file("destinations.yaml"), names));
        if args.keys == KeyPlace::Files {
            let keys = counted(draft.keys.len(), "stream key");
            lines.push((
                file("keys/"),
                format!("{keys}, readable by you alone, kept out of git"),
            ));
        }
    }
    let width = lines
        .iter()
        .map(|(file, _)| file.chars().count())
        .max()
        .unwrap_or(0);
    for (file, what) in lines {
        output.print(&format!("wrote {file:width$}  {what}\n"));
    }
    if args.keys != KeyPlace::Files {
        show_places(args, draft, output);
    }
}

/// Where the keys are to be put, and what to do then.
fn show_places(args: &InitArgs, draft: &Draft, output: &Output) {
    if draft.keys.is_empty() {
        return;
    }
    output
        .print("put each stream key into a file, then into its place; the keys are written nowhere here:\n");
    for key in &draft.keys {
        let (place, file) = (quoted(&key.place), &key.destination);
        output.print(&match args.keys {
            KeyPlace::SecretsManager => {
                format!("  aws secretsmanager create-secret --name {place} --secret-string file://{file}\n")
            }
            _ => {
                format!("  aws ssm put-parameter --name {place} --type SecureString --value file://{file}\n")
            }
        });
    }
    let plan = args.connection.command("plan", std::slice::from_ref(&args.out));
    output.print(&format!("then: {plan}\n"));
}

/// Plans with what was written: what a daemon would do.
async fn show_plan(args: &InitArgs, output: &Output) -> Result<(), Failure> {
    let sources = [args.out.clone()];
    let (_, view) = Box::pin(purpose(args, &sources).look(output)).await?;
    if show_problems(&view.loaded.problems, output) {
        return Err(
            Failure::new(ExitCode::InvalidState, "what was written has mistakes in it")
                .next("correct them by hand: the channels hold what slotwise does not take"),
        );
    }
    let plan = &view.plan;
    output.print(&format!(
        "\nThe first plan:\n\n{}",
        render::plan::plan(plan, output.style())
    ));
    let only_tags = plan
        .steps()
        .all(|(_, step)| matches!(step.action, Action::Adopt { .. } | Action::Record { .. }));
    if plan.is_empty() {
        output.print("\nNothing on air changes: there is nothing to do.\n");
    } else if only_tags {
        output.print("\nNothing on air changes: slotwise only tags the channels as its own.\n");
    }
    let run = args.connection.command("run", std::slice::from_ref(&args.out));
    output.print(&format!("next: {run}\n"));
    Ok(())
}

fn purpose<'a>(args: &'a InitArgs, sources: &'a [PathBuf]) -> Purpose<'a> {
    Purpose {
        sources,
        connection: &args.connection,
        changes: None,
        grants: &[],
        lasts: false,
    }
}
