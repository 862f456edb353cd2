//! Connections that can be cut: a fault's "connection reset", over a real socket.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// A handle on the connection a request came in on
#[derive(Debug, Clone)]
pub(in crate::emulator) struct Line {
    cut: Arc<AtomicBool>,
    closing: CancellationToken,
}

impl Line {
    /// Lets the next write fail, which makes the server drop the connection without a reply
    pub(super) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
    }

    /// Returns when the server shuts down
    pub(super) async fn closing(&self) {
        self.closing.cancelled().await;
    }
}

impl Connected<IncomingStream<'_, Lines>> for Line {
    fn connect_info(stream: IncomingStream<'_, Lines>) -> Self {
        stream.remote_addr().clone()
    }
}

/// A listener whose connections can be cut
#[derive(Debug)]
pub(in crate::emulator) struct Lines {
    listener: TcpListener,
    closing: CancellationToken,
}

impl Lines {
    pub(in crate::emulator) const fn new(listener: TcpListener, closing: CancellationToken) -> Self {
        Self { listener, closing }
    }

    fn line(&self) -> Line {
        Line {
            cut: Arc::new(AtomicBool::new(false)),
            closing: self.closing.clone(),
        }
    }
}

impl Listener for Lines {
    type Io = Connection;
    type Addr = Line;

    async fn accept(&mut self) -> (Connection, Line) {
        let (stream, _) = Listener::accept(&mut self.listener).await;
        // Replies are small and waited for; a failure costs some milliseconds, nothing more.
        drop(stream.set_nodelay(true));
        let line = self.line();
        (
            Connection {
                stream,
                cut: Arc::clone(&line.cut),
            },
            line,
        )
    }

    fn local_addr(&self) -> io::Result<Line> {
        Ok(self.line())
    }
}

/// A TCP connection that breaks on command
#[derive(Debug)]
pub(in crate::emulator) struct Connection {
    stream: TcpStream,
    cut: Arc<AtomicBool>,
}

impl Connection {
    fn whole(&self) -> io::Result<()> {
        if self.cut.load(Ordering::Acquire) {
            Err(io::ErrorKind::ConnectionReset.into())
        } else {
            Ok(())
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.whole()?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.whole()?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
