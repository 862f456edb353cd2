//! Grants beside a locked file: a socket of the process that holds the lock, named after the file's device and inode.
//!
//! Such a name is in no directory: nothing is left behind by a process that was killed, nothing is in the way of another
//! user, and a service with a /tmp of its own has the same one. The kernel names the user of the other end: grants are taken from
//! the holder's own user and from root. One line of JSON is the request, each further one a report:
//!
//! ```text
//!   → {"name":"youtube-main","identity":"youtube-main","by":"pid 4711"}
//!   ← {"taken":{"by":"pid 815"}}
//!   ← {"ended":{"outcome":"Done","message":"on air in …"}}
//! ```

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::file::FileId;
use super::grants::{Grantee, HandError, Handed, Mailbox, Progress};

/// Longest line: a name, a sentence, and room.
const LINE_MAX: u64 = 16 * 1024;
/// Connections at once.
const CONNECTIONS_MAX: usize = 32;
/// A client has to send its request within this time after it connects.
const ASK_LIMIT: Duration = Duration::from_secs(5);
/// A pause after a connection that could not be accepted, such as while there is no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// What is asked for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    name: String,
    identity: String,
    by: String,
}

/// What is answered.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Reply {
    Progress(Progress),
    Refused { refused: String },
}

/// Listens for grants as the holder of the lock on `file`, until dropped.
pub(super) fn serve(file: FileId, mailbox: Arc<Mailbox>) -> JoinSet<()> {
    let mut serving = JoinSet::new();
    match system::listen(file) {
        Ok(listener) => {
            serving.spawn(accept(listener, mailbox));
        }
        // The lock holds all the same.
        Err(error) => tracing::warn!("`apply --interrupt` cannot reach this process: {error}"),
    }
    serving
}

async fn accept(listener: UnixListener, mailbox: Arc<Mailbox>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= CONNECTIONS_MAX {
            connections.join_next().await;
        }
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(answer(stream, Arc::clone(&mailbox)));
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer(stream: UnixStream, mailbox: Arc<Mailbox>) {
    let may_grant = may_grant(&stream);
    let (read, mut write) = stream.into_split();
    let asked = timeout(ASK_LIMIT, read_line::<Request, _>(&mut BufReader::new(read))).await;
    let handed = match (may_grant, asked) {
        (false, _) => Err("it is taken from the same user and from root only"),
        (true, Ok(Ok(Some(request)))) => {
            let grantee = Grantee {
                name: request.name.into(),
                identity: request.identity.into(),
            };
            let (grant, followed) = Handed::new(grantee, request.by);
            let has_room = mailbox.offer(grant);
            has_room.then_some(followed).ok_or("too many grants are waiting")
        }
        (true, _) => Err("the request is not understood"),
    };
    let mut followed = match handed {
        Ok(followed) => followed,
        Err(why) => {
            let refused = why.to_owned();
            // The client may be gone.
            write_line(&mut write, &Reply::Refused { refused }).await.ok();
            return;
        }
    };
    // Ends with the grant: its sender is gone then.
    while let Some(progress) = followed.recv().await {
        let is_last = matches!(progress, Progress::Ended { .. });
        let written = write_line(&mut write, &Reply::Progress(progress)).await;
        if is_last || written.is_err() {
            return;
        }
    }
}

/// Whether the other end is root's, or of the user of this process.
fn may_grant(stream: &UnixStream) -> bool {
    let me = UnixStream::pair().and_then(|(one, _)| one.peer_cred());
    match (stream.peer_cred(), me) {
        (Ok(peer), Ok(me)) => peer.uid() == 0 || peer.uid() == me.uid(),
        _ => false,
    }
}

/// The other end of a grant that was handed over.
#[derive(Debug)]
pub(super) struct Line {
    read: BufReader<OwnedReadHalf>,
    /// Open as long as the answer is read.
    _write: OwnedWriteHalf,
}

/// Hands a grant for `grantee` to the holder of the lock on `file`.
pub(super) async fn hand(file: FileId, grantee: &Grantee, by: &str) -> Result<Line, HandError> {
    let stream = system::connect(file).map_err(HandError::Unreachable)?;
    let (read, mut write) = stream.into_split();
    let request = Request {
        name: grantee.name.to_string(),
        identity: grantee.identity.to_string(),
        by: by.to_owned(),
    };
    write_line(&mut write, &request)
        .await
        .map_err(HandError::Unreachable)?;
    Ok(Line {
        read: BufReader::new(read),
        _write: write,
    })
}

impl Line {
    pub(super) async fn next(&mut self) -> Result<Progress, HandError> {
        match read_line(&mut self.read).await {
            Ok(Some(Reply::Progress(progress))) => Ok(progress),
            Ok(Some(Reply::Refused { refused })) => Err(HandError::Refused(refused)),
            Ok(None) => Err(HandError::HolderGone),
            Err(error) => Err(HandError::Unreachable(error)),
        }
    }
}

async fn read_line<T, R>(read: &mut BufReader<R>) -> io::Result<Option<T>>
where
    T: for<'text> Deserialize<'text>,
    R: AsyncRead + Unpin,
{
    let mut line = Vec::new();
    read.take(LINE_MAX).read_until(b'\n', &mut line).await?;
    if line.is_empty() {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&line)?))
}

async fn write_line<T: Serialize>(write: &mut OwnedWriteHalf, line: &T) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    write.write_all(&text).await
}

/// Names that are in no directory are Linux's own.
#[cfg(target_os = "linux")]
mod system {
    use std::io;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{self, SocketAddr};

    use tokio::net::{UnixListener, UnixStream};

    use super::FileId;

    fn address(file: FileId) -> io::Result<SocketAddr> {
        SocketAddr::from_abstract_name(format!("slotwise-lock-{:x}-{:x}", file.device, file.inode))
    }

    pub(super) fn listen(file: FileId) -> io::Result<UnixListener> {
        let listener = net::UnixListener::bind_addr(&address(file)?)?;
        listener.set_nonblocking(true)?;
        UnixListener::from_std(listener)
    }

    /// Connects at once or not at all: the system queues connections.
    pub(super) fn connect(file: FileId) -> io::Result<UnixStream> {
        let stream = net::UnixStream::connect_addr(&address(file)?)?;
        stream.set_nonblocking(true)?;
        UnixStream::from_std(stream)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;

    use tokio::net::{UnixListener, UnixStream};

    use super::FileId;

    fn unsupported<T>() -> io::Result<T> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "grants beside a locked file are taken on Linux only",
        ))
    }

    pub(super) fn listen(_: FileId) -> io::Result<UnixListener> {
        unsupported()
    }

    pub(super) fn connect(_: FileId) -> io::Result<UnixStream> {
        unsupported()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::super::grants::GrantOutcome;
    use super::*;

    /// No file of this machine has such a device.
    fn file(inode: u64) -> FileId {
        FileId {
            device: u64::MAX - u64::from(std::process::id()),
            inode,
        }
    }

    fn grantee() -> Grantee {
        Grantee {
            name: "a".into(),
            identity: "item-1".into(),
        }
    }

    #[tokio::test]
    async fn a_grant_arrives_and_its_end_is_reported() {
        let mailbox = Arc::new(Mailbox::default());
        let _serving = serve(file(1), Arc::clone(&mailbox));
        let mut line = hand(file(1), &grantee(), "pid 1").await.unwrap();
        mailbox.arrived().await;
        let [grant] = <[Handed; 1]>::try_from(mailbox.take()).unwrap();
        assert_eq!((&grant.grantee, &*grant.by), (&grantee(), "pid 1"));
        for progress in [
            Progress::Taken { by: "x".to_owned() },
            Progress::Ended {
                outcome: GrantOutcome::Done,
                message: "on air".to_owned(),
            },
        ] {
            grant.report(progress.clone());
            assert_eq!(line.next().await.unwrap(), progress);
        }
        assert!(matches!(line.next().await, Err(HandError::HolderGone)));
    }

    #[tokio::test]
    async fn a_grant_without_a_listener_is_an_error() {
        let unheld = hand(file(2), &grantee(), "me").await;
        assert!(matches!(unheld, Err(HandError::Unreachable(_))));
        let mailbox = Arc::new(Mailbox::default());
        let serving = serve(file(2), Arc::clone(&mailbox));
        let mut line = hand(file(2), &grantee(), "me").await.unwrap();
        mailbox.arrived().await;
        drop((serving, mailbox.take()));
        assert!(matches!(line.next().await, Err(HandError::HolderGone)));
    }

    #[tokio::test]
    async fn a_malformed_or_endless_request_is_refused() {
        let mailbox = Arc::new(Mailbox::default());
        let _serving = serve(file(3), Arc::clone(&mailbox));
        for text in ["nonsense\n".to_owned(), "x".repeat(1 << 20)] {
            let (read, mut write) = system::connect(file(3)).unwrap().into_split();
            // The other end may have hung up before all of it was written.
            write.write_all(text.as_bytes()).await.ok();
            let mut line = Line {
                read: BufReader::new(read),
                _write: write,
            };
            let refused = line.next().await;
            assert!(
                matches!(&refused, Err(HandError::Refused(_) | HandError::Unreachable(_))),
                "{refused:?}"
            );
        }
        assert!(mailbox.take().is_empty());
    }
}
