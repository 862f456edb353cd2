//! The socket, and the limits of its clients. The only file that uses hyper by itself: axum's own server has none of these
//! limits.
//!
//! A connection beyond the limit takes the place of the one that has been silent longest. So a client that holds
//! connections open, or sends headers a byte at a time, blocks no other, and `/livez` answers all the same.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{self, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Connections at once.
const CONNECTIONS_MAX: usize = 64;

/// Time for the headers of a request, and until a connection without one is closed.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest request line with all headers; hyper answers 431 to more.
const HEADERS_MAX_BYTES: usize = 16 * 1_024;

/// Time for answers under way once an end was asked for.
const GRACE: Duration = Duration::from_secs(3);

/// Time before the next try where no connection could be taken, for lack of file descriptors, say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// A socket that is listened on.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Listens on `address`; port 0 takes a free one. Connections wait until [`Server::run`].
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// The address, with the port that was taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves `router` until `asked`, and then for a moment the requests whose answers are under way.
    pub async fn run(self, router: Router, asked: CancellationToken) {
        let mut connections = Connections::new(router, asked.clone());
        loop {
            tokio::select! {
                biased;
                () = asked.cancelled() => break,
                Some(ended) = connections.tasks.join_next_with_id() => connections.forget(&ended),
                taken = self.listener.accept() => match taken {
                    Ok((stream, _)) => connections.take(stream).await,
                    Err(error) => {
                        tracing::debug!("cannot take a connection: {error}");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop(self.listener);
        // Each has a limit of its own.
        while connections.tasks.join_next().await.is_some() {}
    }
}

/// Connections that are open, each a task.
struct Connections {
    router: Router,
    closing: CancellationToken,
    tasks: JoinSet<()>,
    lines: HashMap<task::Id, Arc<Line>>,
    /// A logical clock: orders the activity of connections.
    moment: Arc<AtomicU64>,
}

/// One connection.
#[derive(Debug, Default)]
struct Line {
    cut: CancellationToken,
    is_answering: AtomicBool,
    /// The moment at which it was opened or a request on it last began or was answered.
    last: AtomicU64,
}

type Ended = Result<(task::Id, ()), task::JoinError>;

impl Connections {
    fn new(router: Router, closing: CancellationToken) -> Self {
        Self {
            router,
            closing,
            tasks: JoinSet::new(),
            lines: HashMap::new(),
            moment: Arc::default(),
        }
    }

    async fn take(&mut self, stream: TcpStream) {
        while self.lines.len() >= CONNECTIONS_MAX {
            self.cut_the_silent_one();
            match self.tasks.join_next_with_id().await {
                Some(ended) => self.forget(&ended),
                None => break,
            }
        }
        let line = Arc::new(Line::default());
        line.touch(&self.moment);
        let serving = serve(
            stream,
            self.router.clone(),
            Arc::clone(&line),
            Arc::clone(&self.moment),
            self.closing.clone(),
        );
        let id = self.tasks.spawn(serving).id();
        self.lines.insert(id, line);
    }

    fn forget(&mut self, ended: &Ended) {
        let id = ended.as_ref().map_or_else(task::JoinError::id, |(id, ())| *id);
        self.lines.remove(&id);
    }

    /// Cuts off the connection on which nothing has happened for longest, before those with an answer under way.
    fn cut_the_silent_one(&self) {
        let longest = self.lines.values().min_by_key(|line| {
            let is_answering = line.is_answering.load(Ordering::Relaxed);
            (is_answering, line.last.load(Ordering::Relaxed))
        });
        if let Some(line) = longest {
            line.cut.cancel();
        }
    }
}

impl Line {
    fn touch(&self, moment: &AtomicU64) {
        self.last
            .store(moment.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
    }
}

/// Serves one connection until it ends, is cut, or the server closes.
async fn serve(
    stream: TcpStream,
    router: Router,
    line: Arc<Line>,
    moment: Arc<AtomicU64>,
    closing: CancellationToken,
) {
    let of_request = Arc::clone(&line);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (router, line, moment) = (router.clone(), Arc::clone(&of_request), Arc::clone(&moment));
        async move {
            line.is_answering.store(true, Ordering::Relaxed);
            line.touch(&moment);
            let answer: Result<Response, Infallible> = router.oneshot(request.map(Body::new)).await;
            line.is_answering.store(false, Ordering::Relaxed);
            line.touch(&moment);
            answer
        }
    });
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADERS_TIMEOUT)
            .max_buf_size(HEADERS_MAX_BYTES)
            .serve_connection(TokioIo::new(stream), service)
    );
    // How a connection ended does not matter here.
    tokio::select! {
        _ = &mut connection => {}
        () = line.cut.cancelled() => {}
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            timeout(GRACE, connection).await.ok();
        }
    }
}
