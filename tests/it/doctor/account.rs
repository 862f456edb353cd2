//! Credentials, region, clock, permissions.

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use serde_json::json;
use slotwise::testing::emulator::{Fault, FaultKind, Operation};
use tokio::net::TcpListener;

use super::super::cli::tool::{command, run};
use super::{CANARY, Clinic};

#[tokio::test]
async fn all_is_well() {
    let clinic = Clinic::new();
    super::tag(&clinic.emulator, "4000001", "default");
    let report = clinic.doctor(&[]).await;
    assert_eq!(report.ran.code, 0, "{}", report.ran.err);
    insta::assert_snapshot!(report.text(), @r#"
    ok  credentials      made up: an endpoint on this machine asks for none
    ok  region           us-east-1, made up: an endpoint on this machine has none
    ok  clock            right
    ok  ListChannels     allowed
    ok  DescribeChannel  allowed
    ok  UpdateChannel    allowed
    ok  StartChannel     allowed
    ok  StopChannel      allowed
    ok  CreateTags       allowed
    ok  DeleteTags       allowed
    ok  quota            2 of 5 channels by the default quota; Service Quotas shows yours
    ok  sources          1 pool with 2 channels, 1 destination
    ok  key              env KEY_OF_A can be read
    ok  channel 4000001  IDLE, SINGLE_PIPELINE, 3 slots for pool main; owned
    ok  channel 4000002  IDLE, SINGLE_PIPELINE, 3 slots for pool main; without an owner, so it will be
                         adopted

    15 ok, 0 warnings, 0 failed
    "#);
}

#[tokio::test]
async fn programs_read_it_as_json() {
    let clinic = Clinic::with(&["4000001"]);
    let report = clinic.doctor(&["--output", "json"]).await;
    assert_eq!(report.ran.code, 1);
    let found = report.json();
    assert_eq!(found["formatVersion"], 1);
    assert_eq!(
        found["summary"],
        json!({"ok": 14, "warnings": 0, "failed": 1, "unknown": 0})
    );
    let checks = found["checks"].as_array().unwrap();
    assert_eq!(
        checks.last().unwrap(),
        &json!({
            "name": "channel 4000002",
            "outcome": "failed",
            "what": "MediaLive knows no channel 4000002",
            "fix": "correct the id 4000002 in the pool, or check the region",
        })
    );
}

#[test]
fn an_emulator_inside_the_process_is_well_and_needs_no_account() {
    let ran = run(&mut command(["doctor", "--emulator", "examples/quickstart"]));
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(
        ran.out
            .contains("none needed: the emulator is inside this process")
    );
    let ran = run(&mut command(["doctor", "--emulator"]));
    assert_eq!(ran.code, 0, "{}", ran.out);
}

#[test]
fn missing_credentials_and_region_are_both_reported() {
    let ran = run(&mut command(["doctor"]));
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!(ran.out, @r#"
    FAIL     credentials  no usable AWS credentials; fix: set AWS_PROFILE to a profile that exists, or
                          AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run aws sso login
    FAIL     region       no AWS region is set; fix: set --region, AWS_REGION, or region in the AWS
                          profile
    unknown  medialive    not asked, since no region is set; fix: set the region first

    0 ok, 0 warnings, 2 failed, 1 unknown
    "#);
}

#[test]
fn a_dead_endpoint_hides_nothing_else() {
    let mut doctor = command(["doctor", "--endpoint-url", "http://127.0.0.1:9"]);
    let ran = run(doctor
        .arg("examples/quickstart")
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", format!("{CANARY}-secret")));
    assert_eq!(ran.code, 1);
    assert!(!ran.out.contains(CANARY));
    insta::assert_snapshot!(ran.out, @r#"
    ok       credentials   access key AKIA…PLE from the environment
    ok       region        eu-central-1, named by AWS_REGION
    unknown  clock         MediaLive did not say what time it is
    FAIL     ListChannels  the endpoint cannot be reached: Connection refused (os error 111); fix: see
                           what answers at http://127.0.0.1:9, named by --endpoint-url
    unknown  permissions   not asked, since MediaLive does not answer: the endpoint cannot be reached
    ok       sources       1 pool with 3 channels, 4 destinations
    ok       key           file keys/corp-cdn can be read
    ok       key           file keys/facebook-main can be read
    ok       key           file keys/twitch-main can be read
    ok       key           file keys/youtube-main can be read
    unknown  channels      not looked at, since they cannot be listed

    7 ok, 0 warnings, 1 failed, 3 unknown
    "#);
}

#[tokio::test]
async fn a_denied_change_is_unknown_and_a_denied_read_fails() {
    let clinic = Clinic::new();
    for operation in [Operation::UpdateChannel, Operation::StartChannel] {
        let denied = Fault::new(FaultKind::AccessDenied).on(operation);
        clinic.emulator.inject(denied);
    }
    let report = clinic.doctor(&[]).await;
    assert_eq!(report.ran.code, 0, "{}", report.ran.out);
    assert_eq!(
        report.line(" UpdateChannel "),
        "unknown UpdateChannel denied for a channel that does not exist, as it is by a policy for tagged channels only; \
         fix: see that it allows medialive:UpdateChannel where slotwise.dev/owner is default, as \
         manifests/iam-policy.json does"
    );
    assert_eq!(report.line(" StopChannel "), "ok StopChannel allowed");
    assert!(
        report
            .text()
            .ends_with("\n13 ok, 0 warnings, 0 failed, 2 unknown\n")
    );

    let clinic = Clinic::new();
    let denied = Fault::new(FaultKind::AccessDenied).on(Operation::ListChannels);
    clinic.emulator.inject(denied);
    let report = clinic.doctor(&[]).await;
    assert_eq!(report.ran.code, 1);
    let line = report.line(" ListChannels ");
    assert!(
        line.starts_with("FAIL")
            && line.ends_with("fix: allow medialive:ListChannels, as manifests/iam-policy.json does"),
        "{line}"
    );
    assert_eq!(report.line(" DescribeChannel "), "ok DescribeChannel allowed");
    assert_eq!(report.line(" UpdateChannel "), "ok UpdateChannel allowed");
    assert!(report.line(" channels ").starts_with("unknown"));
}

#[tokio::test]
async fn a_policy_for_the_channels_that_there_are_is_enough() {
    let clinic = Clinic::new();
    let denied = Fault::new(FaultKind::AccessDenied).on(Operation::DescribeChannel);
    clinic.emulator.inject(denied.clone().of("0"));
    let report = clinic.doctor(&[]).await;
    assert_eq!(report.ran.code, 0, "{}", report.ran.out);
    assert_eq!(
        report.line(" DescribeChannel "),
        "ok DescribeChannel allowed for channel 4000001"
    );
    assert!(report.line(" changes ").starts_with("unknown changes whether"));

    clinic.emulator.inject(denied);
    let report = clinic.doctor(&[]).await;
    assert_eq!(report.ran.code, 1);
    let line = report.line("FAIL DescribeChannel");
    assert!(line.starts_with("FAIL DescribeChannel access denied"), "{line}");
    assert!(
        report.line(" channel 4000001 ").starts_with("FAIL"),
        "{}",
        report.ran.out
    );
}

#[tokio::test]
async fn adoption_must_be_allowed_for_a_channel_without_owner() {
    let clinic = Clinic::new();
    let denied = Fault::new(FaultKind::AccessDenied).on(Operation::CreateTags);
    clinic.emulator.inject(denied);
    let report = clinic.doctor(&["--owner-id", "studio"]).await;
    assert_eq!(report.ran.code, 1);
    let line = report.line(" CreateTags ");
    assert!(
        line.starts_with("FAIL") && line.contains("slotwise.dev/owner = studio"),
        "{line}"
    );
    for id in ["4000001", "4000002"] {
        super::tag(&clinic.emulator, id, "studio");
    }
    let report = clinic.doctor(&["--owner-id", "studio"]).await;
    assert_eq!(report.ran.code, 0, "{}", report.ran.out);
    assert!(report.line(" CreateTags ").starts_with("warn"));
}

/// Nothing is tried on a channel that exists, even where it has the id that none can have.
#[tokio::test]
async fn a_channel_of_the_id_that_is_none_is_left_alone() {
    let clinic = Clinic::with(&["0", "4000001", "4000002"]);
    super::tag(&clinic.emulator, "0", "default");
    let report = clinic.doctor(&[]).await;
    assert_eq!(report.ran.code, 0, "{}", report.ran.out);
    assert!(
        report
            .line(" changes ")
            .ends_with("there is a channel 0, so nothing is tried on it")
    );
    assert!(!report.text().contains("StartChannel"), "{}", report.text());
    let calls = clinic.emulator.calls();
    let mut changes = calls
        .iter()
        .filter(|call| !call.operation.starts_with("List") && call.operation != "DescribeChannel");
    assert!(changes.next().is_none(), "{calls:?}");
}

#[tokio::test]
async fn a_clock_that_is_off_is_reported() {
    let clinic = Clinic::new();
    clinic.emulator.advance(Duration::from_mins(2));
    let report = clinic.doctor(&[]).await;
    assert_eq!(report.ran.code, 0);
    let line = report.line(" clock ");
    assert!(
        line.starts_with("warn clock ") && line.contains("behind MediaLive's"),
        "{line}"
    );
    clinic.emulator.advance(Duration::from_hours(1));
    let report = clinic.doctor(&[]).await;
    assert_eq!(report.ran.code, 1);
    assert!(report.line(" clock ").starts_with("FAIL clock 1 h"));
}

#[tokio::test]
async fn whatever_answers_to_everything_that_there_is_nothing_is_no_medialive() {
    let (endpoint, served) = answering(StatusCode::NOT_FOUND, "nothing here").await;
    let doctor = async move {
        let mut doctor = command(["doctor", "--endpoint-url", &endpoint]);
        tokio::task::spawn_blocking(move || run(&mut doctor))
            .await
            .unwrap()
    };
    let ran = tokio::select! {
        ran = doctor => ran,
        served = served => panic!("{served:?}"),
    };
    assert_eq!(ran.code, 1);
    assert!(!ran.out.contains("allowed"), "{}", ran.out);
    assert!(
        ran.out
            .contains("FAIL     ListChannels     the answer cannot be understood"),
        "{}",
        ran.out
    );
}

/// A server that has one answer.
async fn answering(
    status: StatusCode,
    body: &'static str,
) -> (String, impl Future<Output = std::io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let router =
        Router::new().fallback(move || async move { (status, [("content-type", "text/xml")], body) });
    (endpoint, async move { axum::serve(listener, router).await })
}

#[tokio::test]
async fn the_identity_is_asked_where_a_service_knows_it() {
    const KNOWN: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult>\
        <Arn>arn:aws:sts::111122223333:assumed-role/slotwise/1</Arn><UserId>A</UserId><Account>111122223333</Account>\
        </GetCallerIdentityResult></GetCallerIdentityResponse>";
    const EXPIRED: &str = "<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code>\
        <Message>c4n4ry</Message></Error></ErrorResponse>";
    // Without a channel only the caller's account shows what an adoption has to name.
    let clinic = Clinic::with(&[]);
    for (status, body, line, code) in [
        (
            StatusCode::OK,
            KNOWN,
            "ok identity arn:aws:sts::111122223333:assumed-role/slotwise/1",
            1,
        ),
        (
            StatusCode::FORBIDDEN,
            EXPIRED,
            "FAIL identity the session of the AWS credentials has expired; fix: renew it: aws sso login, or a new \
             AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN",
            1,
        ),
        (
            StatusCode::NOT_FOUND,
            "",
            "unknown identity STS GetCallerIdentity: not found",
            1,
        ),
    ] {
        let (endpoint, served) = answering(status, body).await;
        let mut command = clinic.command(&["--region", "eu-central-1"]);
        command.env("AWS_ENDPOINT_URL_STS", endpoint);
        let report = tokio::select! {
            report = clinic.run(command) => report,
            served = served => panic!("{served:?}"),
        };
        assert_eq!(report.ran.code, code, "{}", report.ran.out);
        assert_eq!(report.line(" identity "), line);
        assert_eq!(report.text().contains(" CreateTags "), status == StatusCode::OK);
    }
}
