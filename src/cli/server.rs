//! Asks a slotwise that runs what it shows over HTTP.

use std::io;
use std::time::Duration;

use clap::Args;
use http::header::{ACCEPT, AUTHORIZATION, HOST};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::Url;

use super::endpoint::variable;
use super::failure::Failure;
use super::listen::TOKEN;
use super::output::program;
use super::running;

/// Time for an answer. It is made from what is there already.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Time for an answer of one that is only looked for: it says that it lives without looking at anything.
const LIFE_SIGN_WITHIN: Duration = Duration::from_secs(2);

/// Bytes of an answer that are read at most: the status of ten thousand destinations has less.
const ANSWER_MAX_BYTES: usize = 64 << 20;

/// Which running slotwise to ask.
#[derive(Debug, Args)]
#[command(next_help_heading = "HTTP")]
pub(super) struct ServerArgs {
    /// Ask the slotwise that listens there instead of looking, for example http://127.0.0.1:4580. Where it wants a token,
    /// SLOTWISE_API_TOKEN has it [default: without a SOURCE the newest one of this user on this machine]
    #[arg(long, env = "SLOTWISE_SERVER", value_name = "URL", value_parser = parse_url)]
    pub(super) server: Option<Url>,
}

/// A running slotwise.
///
/// Requests to it show the token. That is sent to where somebody named the server, or to an address on loopback that a living
/// process of the same user has recorded ([`running`]), and to nobody else.
#[derive(Debug, Clone)]
pub(super) struct Server {
    url: Url,
    /// Whether it was looked for, and not named.
    is_found: bool,
}

/// Why a server gave no document.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("nothing answers")]
    Connect(#[source] io::Error),
    #[error("no answer within {} s", ANSWER_WITHIN.as_secs())]
    TimedOut,
    #[error("the answer cannot be read")]
    Http(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("it answers {status}: {detail}")]
    Refused { status: StatusCode, detail: String },
}

impl ServerArgs {
    /// The named server, otherwise the newest that answers.
    pub(super) async fn find(&self) -> Result<Server, Failure> {
        if let Some(url) = &self.server {
            let (url, is_found) = (url.clone(), false);
            return Ok(Server { url, is_found });
        }
        for address in running::recorded() {
            let Ok(url) = parse_url(&format!("http://{address}")) else {
                continue;
            };
            let server = Server { url, is_found: true };
            if server.is_alive().await {
                return Ok(server);
            }
        }
        Err(
            Failure::usage("no slotwise that shows its status runs on this machine for this user").next(
                "name a SOURCE to look for yourself, one that runs elsewhere with --server URL, or start one, for example: \
                 slotwise run --emulator examples/quickstart"
                    .replace("slotwise", &program()),
            ),
        )
    }
}

impl Server {
    /// Where it was found, for a person who did not name it.
    pub(super) fn found_at(&self) -> Option<&str> {
        self.is_found.then(|| self.url.as_str().trim_end_matches('/'))
    }

    async fn is_alive(&self) -> bool {
        let answer = timeout(LIFE_SIGN_WITHIN, self.exchange("/livez", None)).await;
        answer.is_ok_and(|answer| answer.is_ok_and(|text| text.contains("\"status\"")))
    }

    /// The document at `path`.
    pub(super) async fn get(&self, path: &str) -> Result<String, Failure> {
        let answer = timeout(ANSWER_WITHIN, self.exchange(path, variable(TOKEN))).await;
        answer.unwrap_or(Err(AskError::TimedOut)).map_err(|error| {
            let at = self.url.as_str().trim_end_matches('/');
            let failure = Failure::at(format_args!("cannot ask the slotwise at {at}"), &error);
            match error {
                AskError::Refused {
                    status: StatusCode::UNAUTHORIZED,
                    ..
                } => failure.next(format!("set {TOKEN} to the token that it was started with")),
                AskError::Connect(_) => {
                    failure.next("see whether it still runs, and where it says that it listens")
                }
                _ => failure,
            }
        })
    }

    async fn exchange(&self, path: &str, token: Option<String>) -> Result<String, AskError> {
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port_or_known_default().unwrap_or(80);
        let address = (host.trim_matches(['[', ']']), port);
        let stream = TcpStream::connect(address).await.map_err(AskError::Connect)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(unread)?;
        let mut serving = JoinSet::new();
        serving.spawn(connection);
        let mut request = Request::get(path)
            .header(HOST, format!("{host}:{port}"))
            .header(ACCEPT, "application/json, text/plain");
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {}", token.trim()));
        }
        let request = request.body(Empty::<Bytes>::new()).map_err(unread)?;
        let answer = sender.send_request(request).await.map_err(unread)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_MAX_BYTES);
        let bytes = body.collect().await.map_err(AskError::Http)?.to_bytes();
        let text = String::from_utf8(bytes.to_vec()).map_err(unread)?;
        if status.is_success() {
            Ok(text)
        } else {
            let detail = detail(&text);
            Err(AskError::Refused { status, detail })
        }
    }
}

fn unread(error: impl std::error::Error + Send + Sync + 'static) -> AskError {
    AskError::Http(Box::new(error))
}

/// What a problem document says; empty for any other text.
fn detail(text: &str) -> String {
    let problem = serde_json::from_str::<serde_json::Value>(text).ok();
    let detail = problem.as_ref().and_then(|problem| problem["detail"].as_str());
    detail.unwrap_or("no slotwise that shows a status").to_owned()
}

/// `--server`. There is no TLS: it is for this machine, or for a network that is trusted.
fn parse_url(text: &str) -> Result<Url, String> {
    const FORM: &str = "write http://HOST:PORT, for example http://127.0.0.1:4580";
    let url = Url::parse(text).map_err(|_| FORM)?;
    let is_plain =
        url.scheme() == "http" && url.has_host() && url.username().is_empty() && url.password().is_none();
    if is_plain { Ok(url) } else { Err(FORM.to_owned()) }
}
