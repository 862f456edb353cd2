//! A controller whose pulse and metrics are shown, and a client.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use jiff::Timestamp;
use serde_json::Value;
use slotwise::testing::api::{Access, Api, Server};
use slotwise::testing::controller::lease::Lease;
use slotwise::testing::controller::{Clock, Controller, Pulse, Settings, Until};
use slotwise::testing::emulator::{Emulator, Options};
use slotwise::testing::medialive;
use slotwise::testing::metrics::Metrics;
use slotwise::testing::model::Desired;
use slotwise::testing::status::Status;
use slotwise::testing::store::{Loaded, Source};
use slotwise::testing::wiring;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::stage::{Script, fleet};

/// The default of `--operation-timeout`.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(30);

/// A script that can stop answering.
pub(super) struct Fickle {
    script: Script,
    hangs: Arc<AtomicBool>,
}

impl Source for Fickle {
    type Error = Infallible;

    async fn load(&mut self) -> Result<Loaded, Infallible> {
        self.script.load().await
    }

    async fn changed(&mut self) -> bool {
        if self.hangs.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        self.script.changed().await
    }

    fn publish(&mut self, _: &Status) {}

    async fn finish(&mut self) {}
}

/// A controller that is shown.
pub(super) struct Live {
    pub(super) emulator: Emulator,
    pub(super) script: Script,
    /// Set, the source hangs the loop.
    pub(super) hangs: Arc<AtomicBool>,
    pub(super) controller: Controller<Fickle>,
    pub(super) pulse: watch::Receiver<Pulse>,
    pub(super) metrics: Metrics,
    interval: Duration,
}

impl Live {
    pub(super) fn new(declared: Desired) -> Self {
        Self::at_speed(declared, 1.0)
    }

    /// On an emulator that is `speed` times faster than MediaLive.
    pub(super) fn at_speed(declared: Desired, speed: f64) -> Self {
        let options = Options {
            speed,
            ..Options::default()
        };
        let emulator = Emulator::new(options, fleet(&declared));
        let mut settings = Settings::new(declared.owner.clone());
        if speed > 1.0 {
            settings.transition_interval = Duration::from_millis(50);
        }
        let interval = settings.interval;
        let metrics = Metrics::new().unwrap();
        let wire = medialive::Settings {
            meter: Some(Arc::new(metrics.clone())),
            ..medialive::Settings::default()
        };
        let (script, hangs) = (Script::new(declared), Arc::new(AtomicBool::new(false)));
        let source = Fickle {
            script: script.clone(),
            hangs: Arc::clone(&hangs),
        };
        let controller = wiring::assemble(
            source,
            wiring::emulated_client(&emulator, &wire),
            Lease::alone(),
            Clock::starting_at("2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap()),
            7,
            settings,
            metrics.beside(Box::new(|_| {})),
        );
        let pulse = controller.watch();
        Self {
            emulator,
            script,
            hangs,
            controller,
            pulse,
            metrics,
            interval,
        }
    }

    /// Everything that is shown, with `access`.
    pub(super) fn router(&self, access: Access) -> Router {
        Api::new(
            self.pulse.clone(),
            self.metrics.clone(),
            access,
            self.interval,
            OPERATION_TIMEOUT,
        )
        .router()
    }

    pub(super) async fn converge(&mut self) {
        let deadline = Instant::now() + Duration::from_hours(1);
        let ended = self
            .controller
            .run(Until::Converged { deadline }, &CancellationToken::new())
            .await;
        assert!(
            matches!(ended, slotwise::testing::controller::Ended::Converged),
            "{ended:?}"
        );
    }

    /// Lets the daemon run for this long.
    pub(super) async fn run_for(&mut self, time: Duration) {
        let asked = CancellationToken::new();
        tokio::select! {
            _ = self.controller.run(Until::Asked, &asked) => {}
            () = tokio::time::sleep(time) => {}
        }
    }

    /// Serves on a socket of this machine.
    pub(super) async fn serve(&self, access: Access) -> Served {
        let server = Server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let (address, done) = (server.address(), CancellationToken::new());
        let mut tasks = JoinSet::new();
        tasks.spawn(server.run(self.router(access), done.clone()));
        Served { address, done, tasks }
    }
}

/// A router on a socket.
pub(super) struct Served {
    pub(super) address: SocketAddr,
    done: CancellationToken,
    tasks: JoinSet<()>,
}

impl Served {
    pub(super) async fn get(&self, path: &str) -> Answer {
        self.get_with(path, "").await
    }

    /// With more header lines, each ended by CR LF.
    pub(super) async fn get_with(&self, path: &str, headers: &str) -> Answer {
        self.send(&format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\n{headers}Connection: close\r\n\r\n",
            self.address
        ))
        .await
    }

    /// Sends `request` as it is.
    pub(super) async fn send(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = Vec::new();
        // A server that has had enough may cut the connection once it has answered.
        stream.read_to_end(&mut text).await.ok();
        Answer::parse(&String::from_utf8(text).unwrap())
    }

    /// Asks for the end, and waits for it.
    pub(super) async fn end(mut self) {
        self.done.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// In lower case.
    pub(super) headers: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Self {
            status: status.unwrap_or_else(|| panic!("no answer: {text:?}")),
            headers: head.to_lowercase(),
            body: body.to_owned(),
        }
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The status, of an answer that says that it is a problem, and is.
    pub(super) fn problem(&self) -> (u16, String) {
        assert!(self.headers.contains("application/problem+json"), "{self:?}");
        let json = self.json();
        assert_eq!(json["status"], self.status);
        let detail = json["detail"].as_str().unwrap();
        assert!(!detail.is_empty() && !json["title"].as_str().unwrap().is_empty());
        (self.status, detail.to_owned())
    }
}

/// Asks `router` without a socket, for tests in virtual time.
pub(super) async fn ask(router: &Router, path: &str) -> Answer {
    let request = axum::http::Request::get(path).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let (status, headers) = (response.status().as_u16(), format!("{:?}", response.headers()));
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    Answer {
        status,
        headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}
