//! The rules about which module may name what, each with code that breaks it.

use super::imports::is_within;

pub(super) struct Rule {
    pub(super) says: &'static str,
    /// The modules it is about, with what lies below them; `plan::*` is what lies below alone; nothing: all modules.
    pub(super) of: &'static [&'static str],
    /// Those among them that it is not about, with what lies below them.
    pub(super) but: &'static [&'static str],
    pub(super) forbids: fn(&str) -> bool,
    /// A module of `of`, and code that breaks the rule in it.
    pub(super) planted: &'static [(&'static str, &'static str)],
}

/// Modules without I/O, clock and chance.
const PURE: &[&str] = &[
    "model",
    "manifest",
    "draft",
    "plan",
    "record",
    "status",
    "render",
    "mediaconnect::document",
    "mediaconnect::names",
    "mediaconnect::target",
    "medialive::document",
    "secrets::cache",
    "emulator::channel",
    "emulator::dice",
    "emulator::error",
    "emulator::faults",
    "emulator::mediaconnect",
    "emulator::page",
    "emulator::switches",
    "emulator::validate",
    "emulator::world",
];

/// What the second author may take from the plan: the plan as data. Nothing that makes a plan is among them.
pub(super) const DATA_OF_A_PLAN: &[&str] = &[
    "Action",
    "Adoption",
    "ChannelPlan",
    "Content",
    "DestinationPlan",
    "Feed",
    "FeedAction",
    "FeedPlan",
    "FeedStep",
    "Interruptions",
    "Optimality",
    "OutputAction",
    "OutputContent",
    "OutputPlan",
    "OutputReason",
    "OutputStep",
    "Plan",
    "PoolPlan",
    "Reason",
    "RouterPoolPlan",
    "Seen",
    "SlotPlan",
    "SlotRecord",
    "SlotWrite",
    "Step",
    "Stray",
    "Waiting",
];

pub(super) const RULES: &[Rule] = &[
    Rule {
        says: "what is there for tests is used by tests",
        of: &[],
        but: &["testing"],
        forbids: |path| is_within(path, "crate::testing"),
        planted: &[("controller", "use crate::testing::plan::Plan;")],
    },
    Rule {
        says: "pure modules know no I/O and no clock",
        of: PURE,
        but: &[],
        forbids: is_impure,
        planted: &[
            ("plan::check", "use tokio::{sync::Mutex};"),
            ("model", "use std::{collections::BTreeMap, fs as files};"),
            ("emulator::faults", "fn f() { std::env::var(\"HOME\"); }"),
            (
                "emulator::faults::armed",
                "use std::time::SystemTime as T; fn f() { T::now() }",
            ),
            (
                "emulator::world",
                "use jiff::Timestamp; fn f() { assert!(Timestamp::now() > x) }",
            ),
            ("render::plan", "use aws_types::region::Region;"),
            ("status", "async fn f() { axum::serve(x) }"),
            ("record", "use std::net::TcpStream;"),
        ],
    },
    Rule {
        says: "pure modules have no chance but what they are given",
        of: PURE,
        but: &[],
        forbids: |path| {
            let drawn = [
                "rand::rng",
                "rand::thread_rng",
                "rand::random",
                "rand::rngs",
                "fastrand",
                "getrandom",
            ];
            within_any(path, &drawn) || within_any(path, &["std::hash::RandomState"])
        },
        planted: &[
            ("emulator::dice", "use rand::rng;"),
            ("plan", "fn f() { rand::random() }"),
        ],
    },
    Rule {
        // Of the plan: see below.
        says: "pure modules have sorted maps",
        of: PURE,
        but: &["plan"],
        forbids: is_unsorted,
        planted: &[
            (
                "emulator::world",
                "use std::collections::{BTreeMap, HashMap as Map};",
            ),
            ("status", "fn f(x: std::collections::HashSet<u8>) {}"),
        ],
    },
    Rule {
        says: "model is at the bottom: it names no other module",
        of: &["model"],
        but: &[],
        forbids: |path| is_ours(path) && !is_within(path, "crate::model"),
        planted: &[
            ("model::target", "use super::super::plan::Plan;"),
            ("model", "fn f(x: crate::plan::Plan) {}"),
        ],
    },
    Rule {
        says: "manifest names no module but model and itself",
        of: &["manifest"],
        but: &[],
        forbids: |path| is_ours(path) && !within_any(path, &["crate::model", "crate::manifest"]),
        planted: &[(
            "manifest::table",
            "use crate::{manifest::Problem, store::Tables};",
        )],
    },
    Rule {
        says: "plan names no module but model and itself",
        of: &["plan"],
        but: &[],
        forbids: |path| is_ours(path) && !within_any(path, &["crate::model", "crate::plan"]),
        planted: &[("plan::action", "use super::super::medialive::CallErrorKind;")],
    },
    Rule {
        says: "check is a second author: it names no module but model, itself and the plan as data",
        of: &["plan::check"],
        but: &[],
        forbids: |path| {
            let is_data = |name| is_within(path, &format!("crate::plan::{name}"));
            is_ours(path)
                && !within_any(path, &["crate::model", "crate::plan::check"])
                && !DATA_OF_A_PLAN.iter().any(is_data)
        },
        planted: &[
            ("plan::check", "use super::survey::Survey;"),
            ("plan::check", "use super::{Plan, survey::Survey};"),
            ("plan::check::steps", "use super::super::survey::Survey;"),
            (
                "plan::check::steps",
                "use crate::{model::Target, plan::{Plan, interrupt}};",
            ),
            ("plan::check::steps", "fn f(x: &crate::plan::survey::Survey) {}"),
            (
                "plan::check::steps",
                "use crate::plan; fn f() { plan::steps::x() }",
            ),
            (
                "plan::check::steps",
                "fn f() { debug_assert!(crate::plan::steps::x()); }",
            ),
            ("plan::check::steps", "use super::super::*;"),
            ("plan::check::steps", "use crate::plan::action::Action;"),
            ("plan::check::steps", "use crate::plan::explain;"),
            ("plan::check::steps", "use crate::status::Status;"),
        ],
    },
    Rule {
        says: "the planner does not use check",
        // `plan` itself and `plan::held` bring the two together.
        of: &["plan::*"],
        but: &["plan::check", "plan::held"],
        forbids: |path| is_within(path, "crate::plan::check"),
        planted: &[
            ("plan::action", "use super::check::Violation;"),
            ("plan::action", "fn f() { crate::plan::check::check() }"),
        ],
    },
    Rule {
        says: "serde_yaml is no longer maintained and stands behind manifest::yaml",
        of: &[],
        but: &["manifest::yaml"],
        forbids: |path| is_within(path, "serde_yaml"),
        planted: &[
            ("cli", "use serde_yaml::Value;"),
            ("manifest", "fn f() { serde_yaml::from_str(x) }"),
        ],
    },
    Rule {
        says: "backoff is no longer maintained and stands behind retry",
        of: &[],
        but: &["retry"],
        forbids: |path| is_within(path, "backoff"),
        planted: &[("controller", "use backoff::ExponentialBackoff;")],
    },
    Rule {
        says: "medialive::client alone names the operations of MediaLive",
        of: &[],
        but: &["medialive::client"],
        forbids: |path| is_within(path, "aws_sdk_medialive"),
        planted: &[("medialive", "use aws_sdk_medialive::Client;")],
    },
    Rule {
        says: "mediaconnect::client alone names the operations of MediaConnect",
        of: &[],
        but: &["mediaconnect::client"],
        forbids: |path| is_within(path, "aws_sdk_mediaconnect"),
        planted: &[("mediaconnect", "use aws_sdk_mediaconnect::Client;")],
    },
    Rule {
        says: "mediaconnect names no module but model, service and itself: it knows no plan",
        of: &["mediaconnect"],
        but: &[],
        forbids: |path| {
            is_ours(path) && !within_any(path, &["crate::model", "crate::service", "crate::mediaconnect"])
        },
        planted: &[
            ("mediaconnect", "use crate::medialive::Settings;"),
            ("mediaconnect::document", "use crate::plan::router::OutputAction;"),
        ],
    },
    Rule {
        says: "medialive names no module but model, service and itself: it knows no plan",
        of: &["medialive"],
        but: &[],
        forbids: |path| {
            is_ours(path) && !within_any(path, &["crate::model", "crate::service", "crate::medialive"])
        },
        planted: &[
            ("medialive", "use crate::mediaconnect::Settings;"),
            ("medialive::document", "use crate::plan::Plan;"),
        ],
    },
    Rule {
        says: "service is what the ways to services share: it names none of them",
        of: &["service"],
        but: &[],
        forbids: |path| {
            within_any(path, &["crate::mediaconnect", "crate::medialive"]) || path.starts_with("aws_sdk_")
        },
        planted: &[
            ("service::limit", "use crate::medialive::Settings;"),
            ("service::limit", "use crate::mediaconnect::Settings;"),
            ("service", "use aws_sdk_medialive::Client;"),
        ],
    },
    Rule {
        says: "doctor::account alone asks for the identity of credentials",
        of: &[],
        but: &["doctor::account"],
        forbids: |path| is_within(path, "aws_sdk_sts"),
        planted: &[("doctor", "use aws_sdk_sts::Client;")],
    },
    Rule {
        says: "tables and the lease's row alone name the operations of DynamoDB",
        of: &[],
        but: &["store::dynamodb", "controller::lease::dynamodb"],
        forbids: |path| within_any(path, &["aws_sdk_dynamodb", "aws_sdk_dynamodbstreams"]),
        planted: &[
            ("controller::lease", "use aws_sdk_dynamodb::Client;"),
            ("store", "use aws_sdk_dynamodbstreams as streams;"),
        ],
    },
    Rule {
        says: "secrets::ssm alone names the operations of SSM",
        of: &[],
        but: &["secrets::ssm"],
        forbids: |path| is_within(path, "aws_sdk_ssm"),
        planted: &[("secrets", "use aws_sdk_ssm::Client;")],
    },
    Rule {
        says: "secrets::secrets_manager alone names the operations of Secrets Manager",
        of: &[],
        but: &["secrets::secrets_manager"],
        forbids: |path| is_within(path, "aws_sdk_secretsmanager"),
        planted: &[("secrets", "use aws_sdk_secretsmanager::Client;")],
    },
    Rule {
        says: "the lease uses no wall clock: those of several machines differ",
        of: &["controller::lease"],
        but: &[],
        forbids: |path| {
            let wall = ["SystemTime", "Timestamp", "Clock", "jiff"];
            path.split("::").any(|segment| wall.contains(&segment))
        },
        planted: &[
            ("controller::lease", "use std::time::{Duration, SystemTime};"),
            ("controller::lease::table", "fn f(at: jiff::Timestamp) {}"),
            ("controller::lease::keeper", "use crate::controller::Clock;"),
        ],
    },
    Rule {
        says: "the lease's protocol uses no clock at all",
        of: &["controller::lease::table"],
        but: &[],
        forbids: |path| path.ends_with("::now") || is_within(path, "tokio::time::sleep"),
        planted: &[
            (
                "controller::lease::table",
                "use tokio::time::Instant; fn f() { Instant::now() }",
            ),
            ("controller::lease::table", "use tokio::time::{self, sleep};"),
        ],
    },
    Rule {
        says: "api reads the last view: it calls nothing, changes nothing and is given its parts",
        of: &["api"],
        but: &[],
        forbids: |path| {
            let others = ["medialive", "execute", "store", "wiring"];
            let is_other = |other| is_within(path, &format!("crate::{other}"));
            is_aws(path) || within_any(path, &["std::fs", "std::env"]) || others.iter().any(is_other)
        },
        planted: &[
            ("api", "use crate::{controller, medialive::MediaLive};"),
            ("api::health", "fn f() { crate::execute::x() }"),
            ("api", "use super::store;"),
            ("api", "use crate::wiring as w;"),
            ("api", "use aws_config::SdkConfig;"),
            ("api", "use std::{env, fs};"),
        ],
    },
    Rule {
        says: "api has no format of its own",
        of: &["api"],
        but: &[],
        forbids: |path| path == "serde_json::json",
        planted: &[
            ("api", "fn f() { serde_json::json!({}) }"),
            ("api", "use serde_json::json;"),
        ],
    },
    Rule {
        says: "axum serves api and the emulator",
        of: &[],
        but: &["api", "emulator"],
        forbids: |path| is_within(path, "axum"),
        planted: &[("cli", "use axum::Router;")],
    },
    Rule {
        says: "hyper is used by itself in api::serve, in cli::server, which asks it, and the emulator only",
        of: &[],
        but: &["api::serve", "cli::server", "emulator"],
        forbids: |path| within_any(path, &["hyper", "hyper_util"]),
        planted: &[("api", "use hyper::body::Bytes;")],
    },
    Rule {
        says: "metrics alone knows how they are written",
        of: &[],
        but: &["metrics"],
        forbids: |path| is_within(path, "prometheus"),
        planted: &[("api", "use prometheus::Registry;")],
    },
    Rule {
        says: "store::watch::notices alone is told by the system of changes to files: a simulation must not be",
        of: &[],
        but: &["store::watch::notices"],
        forbids: |path| is_within(path, "notify"),
        planted: &[("store::tree", "use notify::{Event, Watcher};")],
    },
    Rule {
        says: "store knows no executor and no lease, only the leave to write",
        of: &["store"],
        but: &[],
        forbids: |path| within_any(path, &["crate::execute", "crate::controller"]),
        planted: &[
            ("store::tables", "use crate::execute::Executor;"),
            ("store", "use crate::controller::lease::Lease;"),
        ],
    },
    Rule {
        says: "execute::gate alone makes permits",
        of: &[],
        but: &["execute::gate"],
        forbids: |path| path.ends_with("Permit::granted"),
        planted: &[(
            "controller",
            "use crate::medialive::Permit as P; fn f() { P::granted(x, y) }",
        )],
    },
    Rule {
        says: "what writes recordings is begun by cli: a disk cannot hold up the loop",
        of: &[],
        but: &["cli", "recorder", "testing"],
        forbids: |path| is_within(path, "crate::recorder"),
        planted: &[("controller", "use crate::recorder::Recorder;")],
    },
    Rule {
        says: "a recording is made of model and plan alone",
        of: &["record"],
        but: &[],
        forbids: |path| is_ours(path) && !within_any(path, &["crate::model", "crate::plan", "crate::record"]),
        planted: &[
            ("record", "use crate::controller::Event;"),
            ("record::inputs", "use super::super::store::Loaded;"),
        ],
    },
];

fn is_ours(path: &str) -> bool {
    is_within(path, "crate")
}

fn is_aws(path: &str) -> bool {
    path.starts_with("aws_")
}

pub(super) fn within_any(path: &str, of: &[&str]) -> bool {
    of.iter().any(|one| is_within(path, one))
}

fn is_impure(path: &str) -> bool {
    const OUTSIDE: &[&str] = &[
        "tokio",
        "tokio_util",
        "axum",
        "hyper",
        "hyper_util",
        "std::env",
        "std::fs",
        "std::net::TcpListener",
        "std::net::TcpStream",
        "std::net::ToSocketAddrs",
        "std::net::UdpSocket",
        "std::os",
        "std::process",
        "std::thread",
        "std::time::SystemTime",
    ];
    is_aws(path) || within_any(path, OUTSIDE) || path.ends_with("::now")
}

pub(super) fn is_unsorted(path: &str) -> bool {
    within_any(
        path,
        &[
            "std::collections::HashMap",
            "std::collections::HashSet",
            "std::collections::hash_map",
        ],
    )
}
