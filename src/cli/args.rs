//! Arguments that several commands share, and how their values are read.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::SignedDuration;

use super::endpoint::{Endpoint, EndpointParser};
use super::failure::Failure;
use super::output::{program, quoted};
use crate::controller::MaxVanish;
use crate::controller::lease::table::ASKS_PER_LEASE;
use crate::emulator::Switches;
use crate::manifest::table::instead_of_table_name;

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Log")]
pub struct GlobalArgs {
    /// More of the log on standard error: -v info, -vv debug, -vvv trace. The wire log of the AWS SDK stays off, as it
    /// holds stream keys
    #[arg(short, long, action = clap::ArgAction::Count, global = true, env = "SLOTWISE_VERBOSE")]
    pub verbose: u8,
    /// How the log looks; with json, `run` and `apply` write their event log there
    #[arg(
        long,
        value_enum,
        default_value_t,
        global = true,
        env = "SLOTWISE_LOG_FORMAT",
        value_name = "FORMAT"
    )]
    pub log_format: LogFormat,
}

/// `--log-format`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines of text
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// The owner of the channels where no flag names one.
const OWNER: &str = "default";

/// Which MediaLive, with which credentials and owner, and the limits of its use.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "MediaLive")]
pub struct ConnectionArgs {
    /// AWS region; otherwise the environment or the AWS profile says
    #[arg(long, env = "SLOTWISE_REGION")]
    pub region: Option<String>,
    /// Another endpoint than the region's; the SDK's own AWS_ENDPOINT_URL_MEDIALIVE works as well
    #[arg(
        long,
        env = "SLOTWISE_ENDPOINT_URL",
        value_name = "URL",
        value_parser = EndpointParser
    )]
    pub endpoint_url: Option<String>,
    /// A MediaLive inside this process instead of AWS, with the channels that the pools name; or with those of FLEET,
    /// JSON as `aws medialive describe-channel` prints it
    #[arg(
        long,
        env = "SLOTWISE_EMULATOR",
        value_name = "FLEET",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        conflicts_with_all = ["endpoint_url", "region"]
    )]
    pub emulator: Option<EmulatorFleet>,
    /// Seed of the emulator's chance
    #[arg(long, env = "SLOTWISE_EMULATOR_SEED", value_name = "N", default_value_t = 1)]
    pub emulator_seed: u64,
    /// How many times faster than MediaLive's the emulator's channels start, stop and update; with 50 a start takes
    /// about 3 s
    #[arg(
        long,
        env = "SLOTWISE_EMULATOR_SPEED",
        value_name = "N",
        default_value = "50",
        value_parser = parse_speed
    )]
    pub emulator_speed: f64,
    /// Set a switch of the emulator: how MediaLive behaves where AWS documents nothing; `slotwise emulator --help` lists
    /// them
    #[arg(
        long,
        env = "SLOTWISE_EMULATOR_SET",
        value_name = "NAME=VALUE",
        value_delimiter = ';'
    )]
    pub emulator_set: Vec<SwitchSetting>,
    /// Owner of the channels: the value of their tag slotwise.dev/owner. Slotwise leaves channels of other owners
    /// alone
    #[arg(
        long,
        env = "SLOTWISE_OWNER_ID",
        value_name = "OWNER",
        default_value = OWNER,
        value_parser = parse_owner
    )]
    pub owner_id: String,
    /// Requests to MediaLive per second at most, with a burst of twice as many; MediaLive allows 20 per account
    #[arg(
        long,
        env = "SLOTWISE_MEDIALIVE_RPS",
        value_name = "N",
        default_value = "10",
        value_parser = parse_rate
    )]
    pub medialive_rps: f64,
    /// Limit of one attempt of a call
    #[arg(
        long,
        env = "SLOTWISE_ATTEMPT_TIMEOUT",
        value_name = "TIME",
        default_value = "10s",
        value_parser = parse_time
    )]
    pub attempt_timeout: Duration,
    /// Limit of a call with all its attempts
    #[arg(
        long,
        env = "SLOTWISE_OPERATION_TIMEOUT",
        value_name = "TIME",
        default_value = "30s",
        value_parser = parse_time
    )]
    pub operation_timeout: Duration,
    /// Largest share of the destinations on air that may vanish from the sources at once; one always may. Beyond it the
    /// vanished ones stay on air. `state: Ready` is an explicit wish and always obeyed
    #[arg(
        long,
        env = "SLOTWISE_MAX_VANISH",
        value_name = "SHARE",
        default_value = "30%",
        value_parser = parse_share
    )]
    pub max_vanish: MaxVanish,
    /// Calls to MediaLive about different channels at once
    #[arg(
        long,
        env = "SLOTWISE_CONCURRENCY",
        value_name = "N",
        default_value = "8",
        value_parser = parse_concurrency
    )]
    pub concurrency: usize,
}

impl ConnectionArgs {
    /// MediaLive's endpoint in force, if any was named: by the flag, or else by the environment.
    pub(super) fn endpoint(&self) -> Option<Endpoint> {
        Endpoint::of(self.endpoint_url.as_deref())
    }

    /// `name`, a command of this program with flags of its own, on `sources` of the same MediaLive: as a shell takes it.
    pub(super) fn command(&self, name: &str, sources: &[PathBuf]) -> String {
        let mut words = vec![program(), name.to_owned()];
        let mut flag = |flag: &str, value: &str| words.extend([flag.to_owned(), quoted(value)]);
        if let Some(region) = &self.region {
            flag("--region", region);
        }
        if let Some(url) = &self.endpoint_url {
            flag("--endpoint-url", url);
        }
        if self.owner_id != OWNER {
            flag("--owner-id", &self.owner_id);
        }
        match &self.emulator {
            None => {}
            Some(EmulatorFleet::Invented) => words.push("--emulator".to_owned()),
            Some(EmulatorFleet::File(path)) => {
                words.push(quoted(&format!("--emulator={}", path.display())));
            }
        }
        words.extend(sources.iter().map(|path| quoted(&path.display().to_string())));
        words.join(" ")
    }

    /// How to see all destinations afterwards; empty where the emulator ends with this process.
    pub(super) fn where_to_look(&self, sources: &[PathBuf]) -> String {
        match self.emulator {
            Some(_) => String::new(),
            None => format!("; see all destinations: {}", self.command("status", sources)),
        }
    }
}

/// How changes are carried out.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Changes")]
pub struct ChangeArgs {
    /// Least time between looks at a channel on its way to another state; one that takes long is looked at less often
    /// [default: 5s, with --emulator 1s]
    #[arg(
        long,
        env = "SLOTWISE_TRANSITION_INTERVAL",
        value_name = "TIME",
        value_parser = parse_time
    )]
    pub transition_interval: Option<Duration>,
    /// Read stream keys that AWS keeps again after this long, to see those that were rotated; at least 1s
    #[arg(
        long,
        env = "SLOTWISE_KEY_TTL",
        value_name = "TIME",
        default_value = "5m",
        value_parser = parse_time
    )]
    pub key_ttl: Duration,
    /// Where only one slotwise per owner may write at a time: a regular file that is locked [default: one per owner and
    /// MediaLive, in /run/slotwise where that exists and otherwise in /tmp, whatever the user and the shell]
    #[arg(long, env = "SLOTWISE_LOCK_FILE", value_name = "FILE")]
    pub lock_file: Option<PathBuf>,
    /// A DynamoDB table in the same region, for several replicas on several machines: one of an owner writes at a time, the
    /// others observe and take over [default: none, a locked file]
    #[arg(
        long,
        env = "SLOTWISE_LEASE_TABLE",
        value_name = "TABLE",
        value_parser = parse_table,
        conflicts_with_all = ["lock_file", "emulator"]
    )]
    pub lease_table: Option<String>,
    /// How long the one that writes may be out of touch with the lease table before another one takes over. Must be more
    /// than 6/5 of --attempt-timeout
    #[arg(
        long,
        env = "SLOTWISE_LEASE_DURATION",
        value_name = "TIME",
        default_value = "15s",
        value_parser = parse_time
    )]
    pub lease_duration: Duration,
}

/// The longest lease: a takeover waits for its end.
const LEASE_MAX: Duration = Duration::from_hours(1);

impl ChangeArgs {
    /// Refuses a lease in which there is no time to write, or none to take it over.
    pub(super) fn check_lease(&self, connection: &ConnectionArgs) -> Result<(), Failure> {
        if self.lease_table.is_none() {
            return Ok(());
        }
        let (lease, attempt) = (self.lease_duration, connection.attempt_timeout);
        if lease > LEASE_MAX {
            return Err(Failure::usage("--lease-duration is longer than an hour"));
        }
        // It is renewed every sixth, and a call that begins right before that has to end within the lease all the same.
        let sixth = lease / ASKS_PER_LEASE;
        if lease > attempt + sixth {
            return Ok(());
        }
        let text = |time: Duration| format!("{} s", (time.as_secs_f64() * 100.0).round() / 100.0);
        Err(Failure::usage(format!(
            "--lease-duration {} is too short: it must be more than --attempt-timeout ({}) and the time between two \
             renewals (a sixth of it) together, which are {}",
            text(lease),
            text(attempt),
            text(attempt + sixth),
        ))
        .next(format!(
            "give more than {}, or a shorter --attempt-timeout",
            text(attempt * ASKS_PER_LEASE / (ASKS_PER_LEASE - 1))
        )))
    }
}

/// `--emulator[=FLEET]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmulatorFleet {
    /// The channels that the pools name.
    Invented,
    /// Those of a file.
    File(PathBuf),
}

impl FromStr for EmulatorFleet {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The words are for SLOTWISE_EMULATOR, which needs a value.
        match text {
            "true" | "1" => Ok(Self::Invented),
            "" | "false" | "0" => Err("leave it out to talk to AWS"),
            file => Ok(Self::File(file.into())),
        }
    }
}

/// `--set NAME=VALUE`: one switch of the emulator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwitchSetting {
    name: String,
    value: String,
}

impl FromStr for SwitchSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = || "write NAME=VALUE, for example quietStopWhenIdle=false".to_owned();
        let (name, value) = text.split_once('=').ok_or_else(form)?;
        let setting = Self {
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
        };
        let mut switches = Switches::default();
        switches
            .set(&setting.name, &setting.value)
            .map_err(|error| error.to_string())?;
        Ok(setting)
    }
}

/// The switches as `settings` have them.
pub(super) fn switches(settings: &[SwitchSetting]) -> Switches {
    let mut switches = Switches::default();
    for setting in settings {
        // Each was tried when it was read.
        switches.set(&setting.name, &setting.value).ok();
    }
    switches
}

/// `60s`, `5m`, `500ms`, `1h30m`: more than nothing.
pub fn parse_time(text: &str) -> Result<Duration, String> {
    const FORM: &str = "write a number with its unit, for example 500ms, 60s or 5m";
    let signed: SignedDuration = text.trim().parse().map_err(|_| FORM.to_owned())?;
    match Duration::try_from(signed) {
        Ok(time) if time > Duration::ZERO => Ok(time),
        _ => Err(format!("must be more than nothing; {FORM}")),
    }
}

/// A factor that the emulator takes.
pub fn parse_speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.001..=1_000_000.0).contains(&speed) => Ok(speed),
        _ => Err("write how many times faster, from 0.001 to 1000000".to_owned()),
    }
}

fn parse_share(text: &str) -> Result<MaxVanish, String> {
    const FORM: &str = "write a share of those on air from 0% to 100%, for example 30%";
    let number = text.trim().strip_suffix('%').ok_or(FORM)?;
    match number.trim().parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(MaxVanish::new(percent / 100.0)),
        _ => Err(FORM.to_owned()),
    }
}

fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 1_000.0 => Ok(rate),
        _ => Err("write how many requests a second, more than 0 and at most 1000".to_owned()),
    }
}

fn parse_concurrency(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(count @ 1..=1_000) => Ok(count),
        _ => Err("write how many channels, from 1 to 1000".to_owned()),
    }
}

/// A name that DynamoDB takes, or the ARN of a table.
fn parse_table(text: &str) -> Result<String, String> {
    let name = text.rsplit('/').next().unwrap_or_default();
    let is_arn = text.starts_with("arn:") && text.contains(":table/");
    if (is_arn || name == text) && instead_of_table_name(name).is_none() {
        Ok(text.to_owned())
    } else {
        Err("write the name of a table, 3 to 255 letters, digits, `-`, `_` and `.`, or its ARN".to_owned())
    }
}

/// A value that is allowed in an AWS tag and in a file name.
fn parse_owner(text: &str) -> Result<String, String> {
    let fits = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    if (1..=63).contains(&text.len()) && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("use letters, digits, `-`, `_` and `.`, at most 63 of them".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_and_are_more_than_nothing() {
        for (text, time) in [
            ("60s", Duration::from_mins(1)),
            ("5m", Duration::from_mins(5)),
            ("500ms", Duration::from_millis(500)),
            ("1h30m", Duration::from_mins(90)),
        ] {
            assert_eq!(parse_time(text), Ok(time), "{text}");
        }
        for text in ["", "60", "-5s", "0s", "soon"] {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_command_that_is_printed_has_what_the_shell_needs() {
        #[derive(clap::Parser)]
        struct Only {
            #[command(flatten)]
            connection: ConnectionArgs,
        }
        let command = |args: &str| {
            let words = ["x"].into_iter().chain(args.split_whitespace());
            let only = <Only as clap::Parser>::try_parse_from(words).ok().unwrap();
            let text = only.connection.command("status", &["my show".into()]);
            text.strip_prefix(&program()).unwrap().to_owned()
        };
        for (args, text) in [
            ("", " status 'my show'"),
            (
                "--region eu-west-1 --owner-id b",
                " status --region eu-west-1 --owner-id b 'my show'",
            ),
            ("--emulator=a.json", " status --emulator=a.json 'my show'"),
            (
                "--endpoint-url http://127.0.0.1:4570",
                " status --endpoint-url http://127.0.0.1:4570 'my show'",
            ),
        ] {
            assert_eq!(command(args), text);
        }
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }

    #[test]
    fn a_share_is_written_with_its_percent_sign() {
        assert_eq!(parse_share("30%"), Ok(MaxVanish::new(0.3)));
        assert_eq!(parse_share("0%"), Ok(MaxVanish::new(0.0)));
        for text in ["30", "101%", "-1%", "x%", "nan%"] {
            assert!(parse_share(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_owner_can_be_a_tag_and_a_part_of_a_file_name() {
        assert!(parse_owner("studio-2.eu").is_ok());
        for text in ["", "a/b", "a b", "ä"] {
            assert!(parse_owner(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_lease_outlasts_an_attempt_and_the_time_between_two_renewals() {
        #[derive(clap::Parser)]
        struct Both {
            #[command(flatten)]
            changes: ChangeArgs,
            #[command(flatten)]
            connection: ConnectionArgs,
        }
        let check = |args: &str| {
            let words = ["x"].into_iter().chain(args.split_whitespace());
            let both = <Both as clap::Parser>::try_parse_from(words).ok().unwrap();
            both.changes.check_lease(&both.connection)
        };
        for args in [
            "--lease-table leases",
            "--lease-duration 1s",
            "--lease-table leases --lease-duration 13s",
            "--lease-table leases --lease-duration 3s --attempt-timeout 2s",
        ] {
            assert!(check(args).is_ok(), "{args}");
        }
        for args in [
            "--lease-table leases --lease-duration 12s",
            "--lease-table leases --attempt-timeout 15s",
            "--lease-table leases --lease-duration 2h",
        ] {
            assert!(check(args).is_err(), "{args}");
        }
        let error = check("--lease-table leases --lease-duration 10s")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("together, which are 11.67 s\n  next: give more than 12 s"),
            "{error}"
        );
    }

    #[test]
    fn a_table_has_a_name_or_an_arn() {
        for text in [
            "slotwise",
            "arn:aws:dynamodb:eu-west-1:111122223333:table/slotwise",
        ] {
            assert_eq!(parse_table(text).as_deref(), Ok(text));
        }
        for text in ["", "ab", "a b c", "table/slotwise", "arn:aws:s3:::slotwise"] {
            assert!(parse_table(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_speeds_and_counts_have_limits() {
        for text in ["0", "-1", "nan", "inf", "1001"] {
            assert!(parse_rate(text).is_err(), "{text}");
        }
        assert!(parse_speed("0").is_err() && parse_speed("nan").is_err());
        assert!(parse_concurrency("0").is_err());
    }
}
