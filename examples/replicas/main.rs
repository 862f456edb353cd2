//! Two replicas of slotwise on one table, without AWS: an emulator of MediaLive, a DynamoDB in this process, a front end
//! that presses buttons, and a leader that dies.
//!
//! ```sh
//! cargo run --example replicas            # runs until Ctrl-C, and says how to join in
//! cargo run --example replicas -- --once  # ends with the story
//! ```

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

/// This program is also slotwise: it starts itself, with this variable set.
const AS_SLOTWISE: &str = "EXAMPLE_RUNS_SLOTWISE";
const TABLE: &str = "slotwise-destinations";
const LEASE: &str = "slotwise-lease";
/// Longest time that any part of the story may take; most take seconds.
const PATIENCE: Duration = Duration::from_mins(2);

type Done<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> std::process::ExitCode {
    if std::env::var_os(AS_SLOTWISE).is_some() {
        return slotwise::main().into();
    }
    let once = std::env::args().any(|argument| argument == "--once");
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(story(once)) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => failed(&*error),
    }
}

fn failed(error: &dyn Error) -> std::process::ExitCode {
    anstream::eprintln!("error: {error}");
    std::process::ExitCode::FAILURE
}

async fn story(once: bool) -> Done {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/replicas");
    let mut stage = Stage::start().await?;
    say("a DynamoDB in this process, and its tables");
    stage
        .ran(&["table", "create", "--destinations", TABLE, "--lease", LEASE])
        .await?;

    say("the front end writes three destinations, all off air");
    for (name, event) in [
        ("youtube-main", "launch"),
        ("twitch-main", "launch"),
        ("corp-cdn", ""),
    ] {
        stage.put(name, event).await?;
    }
    say("two replicas, a and b: one of them writes, the other looks on");
    let mut a = stage.replica("a", &folder)?;
    let mut b = stage.replica("b", &folder)?;
    stage.until_shown("corp-cdn", "ready").await?;

    say("a user presses start on youtube-main and twitch-main");
    for name in ["youtube-main", "twitch-main"] {
        stage.press(name, "streaming").await?;
    }
    stage.until_shown("youtube-main", "streaming").await?;
    stage.until_shown("twitch-main", "streaming").await?;

    let holder = stage.holder().await?;
    let leader = if a.id().is_some_and(|pid| holder.contains(&format!("-{pid}-"))) {
        &mut a
    } else {
        &mut b
    };
    say(&format!(
        "the one that writes, {holder}, is killed: nothing on air notices"
    ));
    leader.kill().await?;
    let killed = Instant::now();
    say("a user presses start on corp-cdn meanwhile");
    stage.press("corp-cdn", "streaming").await?;
    stage.until_shown("corp-cdn", "streaming").await?;
    say(&format!(
        "the other one, {}, took over and took it on air, {:.0} s after the first was killed",
        stage.holder().await?,
        killed.elapsed().as_secs_f64()
    ));
    if !once {
        stage.invite();
        tokio::signal::ctrl_c().await?;
    }
    say("the end");
    Ok(())
}

fn say(text: &str) {
    anstream::println!("\n== {text}");
}

/// Everything that runs.
struct Stage {
    medialive: String,
    dynamodb: String,
    client: Client,
    _emulator: Child,
    /// The DynamoDB, and what is printed of the children.
    tasks: JoinSet<()>,
}

impl Stage {
    async fn start() -> Done<Self> {
        let mut tasks = JoinSet::new();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let dynamodb = format!("http://{}", listener.local_addr()?);
        tasks.spawn(dynoxide::server::serve_on(
            listener,
            dynoxide::Database::memory()?,
        ));

        let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
        let medialive = format!("http://127.0.0.1:{port}");
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/replicas");
        let listen = format!("127.0.0.1:{port}");
        let mut emulator = slotwise(&["emulator", "--listen", &listen, "--speed", "60", folder]);
        let emulator = emulator.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::from_keys("example", "example", None))
            .endpoint_url(&dynamodb)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        Ok(Self {
            medialive,
            dynamodb,
            client: Client::from_conf(config),
            _emulator: emulator,
            tasks,
        })
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = slotwise(args);
        command
            .env("AWS_ENDPOINT_URL_MEDIALIVE", &self.medialive)
            .env("AWS_ENDPOINT_URL_DYNAMODB", &self.dynamodb)
            .env("AWS_REGION", "us-east-1");
        command
    }

    /// Runs `slotwise` with `args` to its end.
    async fn ran(&self, args: &[&str]) -> Done {
        let status = timeout(PATIENCE, self.command(args).stderr(Stdio::null()).status()).await??;
        if status.success() {
            Ok(())
        } else {
            Err(format!("slotwise {} ended with {status}", args.join(" ")).into())
        }
    }

    /// Starts a replica whose lines are printed with its name before them.
    fn replica(&mut self, name: &'static str, folder: &Path) -> Done<Child> {
        let mut command = self.command(&["run", "--lease-table", LEASE, "--transition-interval", "1s"]);
        let mut child = command
            .arg(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()?;
        let lines = child.stdout.take().ok_or("no standard output")?;
        self.tasks.spawn(async move {
            let mut lines = BufReader::new(lines).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                anstream::println!("{name} │ {line}");
            }
        });
        Ok(child)
    }

    /// What the front end does when a user adds a destination.
    async fn put(&self, name: &str, event: &str) -> Done {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let item = HashMap::from([
            ("name".to_owned(), text(name)),
            ("wanted".to_owned(), text("ready")),
            ("rtmpUrl".to_owned(), text("rtmp://127.0.0.1:1935/live")),
            ("streamKey".to_owned(), text(&format!("{name}-not-a-real-key"))),
            ("event".to_owned(), text(event)),
        ]);
        self.client
            .put_item()
            .table_name(TABLE)
            .set_item(Some(item))
            .send()
            .await?;
        Ok(())
    }

    /// What the front end does when a user presses a button.
    async fn press(&self, name: &str, wanted: &str) -> Done {
        let call = self
            .client
            .update_item()
            .table_name(TABLE)
            .key("name", AttributeValue::S(name.to_owned()))
            .update_expression("SET wanted = :wanted")
            .expression_attribute_values(":wanted", AttributeValue::S(wanted.to_owned()));
        call.send().await?;
        Ok(())
    }

    /// Waits until the front end shows `wanted` for a destination, and prints whatever it shows until then.
    async fn until_shown(&self, name: &str, wanted: &str) -> Done {
        let mut last = String::new();
        let begun = Instant::now();
        while last != wanted {
            if begun.elapsed() > PATIENCE {
                return Err(format!("{name} shows {last:?} after {PATIENCE:?}, not {wanted}").into());
            }
            sleep(Duration::from_millis(200)).await;
            let now = self.text(TABLE, name, "shown").await?;
            if now != last {
                anstream::println!("front end shows: {name} {now}");
                last = now;
            }
        }
        Ok(())
    }

    /// The holder of the lease.
    async fn holder(&self) -> Done<String> {
        let rows = self
            .client
            .scan()
            .table_name(LEASE)
            .consistent_read(true)
            .send()
            .await?;
        let holder = rows.items().iter().find_map(|row| row.get("holder")?.as_s().ok());
        Ok(holder.cloned().ok_or("no process holds the lease")?)
    }

    async fn text(&self, table: &str, name: &str, attribute: &str) -> Done<String> {
        let call = self
            .client
            .get_item()
            .table_name(table)
            .consistent_read(true)
            .key("name", AttributeValue::S(name.to_owned()));
        let item = call.send().await?.item.unwrap_or_default();
        Ok(item
            .get(attribute)
            .and_then(|value| value.as_s().ok())
            .cloned()
            .unwrap_or_default())
    }

    fn invite(&self) {
        say("press buttons yourself, in another terminal; Ctrl-C here ends it");
        anstream::println!(
            "export AWS_ENDPOINT_URL_DYNAMODB={} AWS_ENDPOINT_URL_MEDIALIVE={} AWS_REGION=us-east-1 \
             AWS_ACCESS_KEY_ID=example AWS_SECRET_ACCESS_KEY=example",
            self.dynamodb,
            self.medialive
        );
        anstream::println!(
            "aws dynamodb update-item --table-name {TABLE} --key '{{\"name\":{{\"S\":\"twitch-main\"}}}}' \
             --update-expression 'SET wanted = :w' --expression-attribute-values '{{\":w\":{{\"S\":\"ready\"}}}}'"
        );
        anstream::println!("slotwise status examples/replicas");
    }
}

/// Slotwise with `args`, ended with this program.
fn slotwise(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap_or_else(|_| "slotwise".into()));
    command
        .args(args)
        .env(AS_SLOTWISE, "1")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}
