//! `run --listen`: what the daemon shows over HTTP, and which requests it answers.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::args::LogFormat;
use super::endpoint::variable;
use super::exit::ExitCode;
use super::failure::Failure;
use super::output::{self, Output};
use super::running::Record;
use super::telemetry::EVENT_LOG;
use crate::api::{Access, Api, Server, Token};
use crate::controller::{Listener, Pulse};
use crate::files;
use crate::metrics::Metrics;
use crate::secrets;

/// The token itself. No flag has it: every user can read the arguments of a process.
pub(super) const TOKEN: &str = "SLOTWISE_API_TOKEN";

/// Largest file that is taken for a token: any token and room for line ends.
const TOKEN_MAX: u64 = 4096;

/// Where a run on an emulator listens, unless that is taken.
const OF_EMULATOR: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 4580);

/// Where to listen, and which requests to answer.
///
/// Against AWS nothing is listened on unless an address is given. A run on an emulator is a trial on this machine: it
/// listens on loopback, so that a second terminal can look at it.
#[derive(Debug, Args)]
#[command(next_help_heading = "HTTP")]
pub(super) struct ListenArgs {
    /// Serve health, metrics, status and plan over HTTP on this address, for example 127.0.0.1:8080; port 0 takes a
    /// free one. One that other machines can reach needs a token [default: do not listen; with --emulator, unless
    /// --once: 127.0.0.1:4580, or a free port where that is taken]
    #[arg(long, env = "SLOTWISE_LISTEN", value_name = "ADDRESS", value_parser = parse_address)]
    listen: Option<SocketAddr>,
    /// File with the token that requests have to show, except for /livez and /readyz; or set SLOTWISE_API_TOKEN to the
    /// token itself
    #[arg(long, env = "SLOTWISE_API_TOKEN_FILE", value_name = "FILE")]
    api_token_file: Option<PathBuf>,
}

/// Reads an address. What people write instead is told how to write it.
fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix(':').unwrap_or(text);
    text.parse().map_err(|_| match port.parse::<u16>() {
        Ok(port) => {
            format!("write 127.0.0.1:{port}, or 0.0.0.0:{port} for other machines, which needs a token")
        }
        Err(_) => "write an IP address and a port: 127.0.0.1:8080".to_owned(),
    })
}

/// An address that is listened on, and what is counted for it.
pub(super) struct Listening {
    server: Server,
    access: Access,
    metrics: Metrics,
    /// The file with the token, where every user of this machine can read it.
    exposed: Option<PathBuf>,
    /// Where other commands of this user find the address, as long as it is listened on.
    record: Option<Record>,
}

impl ListenArgs {
    /// Listens, where an address is given, or on loopback for a run `on_emulator`.
    pub(super) async fn open(&self, on_emulator: bool) -> Result<Option<Listening>, Failure> {
        let Some(address) = self.listen else {
            return if on_emulator {
                self.open_on_loopback().await
            } else {
                Ok(None)
            };
        };
        let access = access(address, self.api_token_file.as_deref())?;
        let server = Server::bind(address).await.map_err(|error| {
            Failure::at(format_args!("cannot listen on {address}"), &error)
                .next("name another address with --listen; port 0 takes a free one")
        })?;
        self.listening(server, access).map(Some)
    }

    /// No flag asked for it, so no error where no address is free.
    async fn open_on_loopback(&self) -> Result<Option<Listening>, Failure> {
        let access = access(OF_EMULATOR, self.api_token_file.as_deref())?;
        let any_port = SocketAddr::new(OF_EMULATOR.ip(), 0);
        for address in [OF_EMULATOR, any_port] {
            if let Ok(server) = Server::bind(address).await {
                return self.listening(server, access).map(Some);
            }
        }
        Ok(None)
    }

    fn listening(&self, server: Server, access: Access) -> Result<Listening, Failure> {
        let metrics = Metrics::new().map_err(|error| Failure::at("cannot count", &error))?;
        let address = server.address();
        let token_file = self.api_token_file.clone();
        Ok(Listening {
            server,
            access,
            metrics,
            exposed: token_file.filter(|path| secrets::is_exposed(path)),
            record: address
                .ip()
                .is_loopback()
                .then(|| Record::leave(address))
                .flatten(),
        })
    }
}

/// Which requests are answered at `address`: those with the token, or without a token those from this machine. No token
/// is an error where other machines reach the address.
pub(super) fn access(address: SocketAddr, token_file: Option<&Path>) -> Result<Access, Failure> {
    match token(token_file)? {
        Some(token) => Ok(Access::Token(token)),
        None if address.ip().is_loopback() => Ok(Access::Local),
        None => {
            let message = format!("{address} can be reached from other machines, so requests need a token");
            Err(Failure::usage(message).next(format!(
                "set {TOKEN}, name a file with --api-token-file, or listen on 127.0.0.1:{}",
                address.port()
            )))
        }
    }
}

/// The token of the file, otherwise of the variable.
fn token(file: Option<&Path>) -> Result<Option<Token>, Failure> {
    let (text, named_by) = match file {
        Some(path) => {
            let text = files::read_text(path, TOKEN_MAX).map_err(|error| {
                Failure::new(
                    ExitCode::Usage,
                    format!("cannot read the token {}: {error}", path.display()),
                )
            })?;
            (text, path.display().to_string())
        }
        None => match variable(TOKEN) {
            Some(text) => (text, TOKEN.to_owned()),
            None => return Ok(None),
        },
    };
    let token = Token::new(&text).map_err(|error| {
        Failure::usage(format!("no token in {named_by}: {error}"))
            .next("make one, for example with: openssl rand -hex 32")
    })?;
    Ok(Some(token))
}

impl Listening {
    /// Counts the events of `listener`.
    pub(super) fn counting(&self, listener: Listener) -> Listener {
        self.metrics.beside(listener)
    }

    /// What is counted.
    pub(super) fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// Prints the address.
    pub(super) fn tell(&self, format: LogFormat, output: &Output) {
        let address = self.server.address();
        let url = format!("http://{address}");
        match format {
            LogFormat::Text => {
                output.print(&format!("listening on {url}\n"));
                if self.record.is_some() {
                    let program = output::program();
                    output.print(&format!(
                        "see it from another terminal: {program} status --watch\n"
                    ));
                }
            }
            LogFormat::Json => {
                tracing::info!(target: EVENT_LOG, event = "Listening", url, "listening on {url}");
            }
        }
        if let Some(path) = &self.exposed {
            let what = format!(
                "every user of this machine can read the token in {}; take that away with chmod o-r",
                path.display()
            );
            match format {
                LogFormat::Text => output.print(&format!("warning: {what}\n")),
                LogFormat::Json => tracing::warn!(target: EVENT_LOG, event = "Warned", "{what}"),
            }
        }
    }

    /// Shows `pulse`, of a loop that looks every `interval`, until `work` has ended.
    pub(super) async fn open_while<T>(
        self,
        pulse: watch::Receiver<Pulse>,
        interval: Duration,
        operation_timeout: Duration,
        work: impl Future<Output = T>,
    ) -> T {
        // Removed when nothing answers.
        let _record = self.record;
        let api = Api::new(pulse, self.metrics, self.access, interval, operation_timeout);
        let done = CancellationToken::new();
        let mut serving = JoinSet::new();
        serving.spawn(self.server.run(api.router(), done.clone()));
        let mut work = std::pin::pin!(work);
        let result = tokio::select! {
            result = &mut work => result,
            // What is on air does not depend on HTTP, so the daemon continues; /livez no longer answers, as it should.
            Some(_) = serving.join_next() => {
                tracing::error!("a fault of slotwise: HTTP is no longer served; please report it");
                work.await
            }
        };
        done.cancel();
        while serving.join_next().await.is_some() {}
        result
    }
}
