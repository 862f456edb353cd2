//! Access, and the limits of clients.

use std::time::Duration;

use slotwise::testing::api::{Access, Token};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::live::{Live, Served};
use crate::stage::{desired, pool, ready};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

async fn served(access: Access) -> Served {
    let mut live = Live::at_speed(desired(pool(&["1"]), vec![ready("a")]), 1_000.0);
    live.converge().await;
    live.serve(access).await
}

const GUARDED: [&str; 5] = [
    "/metrics",
    "/api/v1/destinations",
    "/api/v1/destinations/a/explain",
    "/api/v1/channels",
    "/api/v1/plan",
];

#[tokio::test]
async fn only_the_right_token_shows_more_than_health() {
    let served = served(Access::Token(Token::new(TOKEN).unwrap())).await;
    for path in ["/livez", "/readyz"] {
        assert_eq!(served.get(path).await.status, 200, "{path}");
    }
    for path in GUARDED {
        let almost = format!("{}e", &TOKEN[..31]);
        for header in [
            String::new(),
            "Authorization: Bearer \r\n".to_owned(),
            format!("Authorization: Bearer {almost}\r\n"),
            format!("Authorization: Bearer {TOKEN}0\r\n"),
            format!("Authorization: Basic {TOKEN}\r\n"),
            format!("X-Token: {TOKEN}\r\n"),
        ] {
            let answer = served.get_with(path, &header).await;
            assert_eq!(answer.problem().0, 401, "{path} {header}");
            assert!(answer.headers.contains("www-authenticate: bearer"), "{answer:?}");
        }
        for scheme in ["Bearer", "bearer"] {
            let right = format!("Authorization: {scheme} {TOKEN}\r\n");
            assert_eq!(served.get_with(path, &right).await.status, 200, "{path}");
        }
        assert_eq!(served.get(&format!("{path}?token={TOKEN}")).await.status, 401);
    }
    served.end().await;
}

#[tokio::test]
async fn without_a_token_a_page_of_another_name_gets_nothing() {
    let served = served(Access::Local).await;
    for path in GUARDED {
        let of = |host: &str| format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = served.send(&of("evil.example:8080")).await;
        assert_eq!(answer.problem().0, 403, "{path}");
        assert_eq!(served.send(&of("localhost:1234")).await.status, 200, "{path}");
    }
    served.end().await;
}

#[tokio::test]
async fn headers_and_bodies_that_are_too_large_are_refused() {
    let served = served(Access::Local).await;
    let large = format!("X-Filler: {}\r\n", "x".repeat(20_000));
    assert_eq!(served.get_with("/livez", &large).await.status, 431);
    let path = format!("/livez?{}", "x".repeat(20_000));
    assert!([414, 431].contains(&served.get(&path).await.status));
    for path in ["/livez", "/api/v1/plan"] {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(served.send(&request).await.problem().0, 413, "{path}");
    }
    assert_eq!(served.get("/livez").await.status, 200);
    served.end().await;
}

/// Shorter than the ten seconds after which a silent connection is closed: a wait for that would take longer.
const LESS_THAN_THEIRS: Duration = Duration::from_secs(9);

#[tokio::test]
async fn silent_and_slow_connections_do_not_block_health() {
    let served = served(Access::Local).await;
    let mut silent = Vec::new();
    for number in 0..200 {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        if number % 2 == 0 {
            // A request that is never finished.
            stream
                .write_all(b"GET /livez HTTP/1.1\r\nHost: lo")
                .await
                .unwrap();
        }
        silent.push(stream);
    }
    for _ in 0..5 {
        let answer = timeout(LESS_THAN_THEIRS, served.get("/livez")).await;
        assert_eq!(answer.unwrap().status, 200);
    }
    // They do not hold up the end either.
    timeout(LESS_THAN_THEIRS, served.end()).await.unwrap();
    drop(silent);
}

#[tokio::test]
async fn a_connection_that_never_asks_is_closed() {
    use tokio::io::AsyncReadExt as _;
    let served = served(Access::Local).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"GET /livez HT").await.unwrap();
    let mut answer = Vec::new();
    let closed = timeout(Duration::from_mins(2), stream.read_to_end(&mut answer)).await;
    assert!(closed.is_ok(), "it is still open");
    sleep(Duration::from_millis(1)).await;
    served.end().await;
}
