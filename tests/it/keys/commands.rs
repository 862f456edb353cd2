//! The built binary, with services that keep keys on a socket.

use std::process::Command;

use tokio::net::TcpListener;

use super::super::cli::tool::{Ran, command, printed};
use super::aws::{CANARY, FakeAws};

const EXAMPLE: &str = "examples/keys-in-aws";

/// Serves `aws` on this machine while `command` runs against it; no credentials are given, and no region.
async fn run_on(aws: &FakeAws, mut command: Command) -> Ran {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    command
        .env("AWS_ENDPOINT_URL_SSM", &endpoint)
        .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", &endpoint);
    let ended = tokio::task::spawn_blocking(move || printed(command.output().unwrap()));
    let ran = tokio::select! {
        ran = ended => ran.unwrap(),
        served = axum::serve(listener, aws.router()) => panic!("{served:?}"),
    };
    assert!(!format!("{ran:?}").contains(CANARY), "a key is shown: {ran:?}");
    ran
}

fn with_keys() -> FakeAws {
    let aws = FakeAws::default();
    aws.put("/live/youtube");
    let mut state = aws.state();
    let json = format!(r#"{{"streamKey":"{CANARY}-twitch"}}"#);
    state.secrets.insert("live/twitch".to_owned(), json);
    state
        .secrets
        .insert("live/partner".to_owned(), format!("{CANARY}-partner"));
    drop(state);
    aws
}

#[tokio::test]
async fn every_command_reads_keys_in_aws_and_shows_none() {
    let aws = with_keys();
    let ran = run_on(&aws, command(["validate", EXAMPLE])).await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    let once = [
        "run",
        "--once",
        "--emulator",
        "--emulator-speed",
        "1000",
        "-vvv",
        EXAMPLE,
    ];
    let ran = run_on(&aws, command(once)).await;
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("2 of 2 on air"), "{}", ran.out);
    let ran = run_on(&aws, command(["plan", "--emulator", "--output", "json", EXAMPLE])).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
}

#[tokio::test]
async fn a_missing_key_is_reported_with_place_and_fix() {
    let aws = with_keys();
    aws.state().parameters.clear();
    let ran = run_on(&aws, command(["validate", EXAMPLE])).await;
    insta::assert_snapshot!(ran.golden(), @r"
    exit 6
    --- out
    examples/keys-in-aws/destinations.yaml
       9:25  error    Destination youtube: spec.streamKeyFrom.ssm
                      there is no parameter /live/youtube in us-east-1
                      fix: create it there, or correct the name

    1 error in 1 file
    --- err
    next: correct these and validate again
    ");
}

#[test]
fn without_a_region_keys_in_aws_are_errors_without_a_wait() {
    let ran = printed(command(["validate", EXAMPLE]).output().unwrap());
    assert_eq!(ran.code, 6);
    let said = "the parameter /live/youtube could not be read: no AWS region is set";
    assert!(ran.out.contains(said), "{}", ran.out);
    let ran = printed(command(["validate", "--no-keys", EXAMPLE]).output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.out);
}

#[test]
fn an_endpoint_for_keys_is_checked_like_any_other() {
    let mut validate = command(["validate", EXAMPLE]);
    let ran = printed(validate.env("AWS_ENDPOINT_URL_SSM", "nonsense").output().unwrap());
    assert_eq!(ran.code, 64);
    assert!(
        ran.err.starts_with("error: AWS_ENDPOINT_URL_SSM is no endpoint"),
        "{}",
        ran.err
    );
}
