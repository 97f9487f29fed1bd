//! Whoever sends too much, too slowly, too often, or what is no request.

use super::{Pool, body, get, joined, read, say, status};
use pollux_core::PeerRole;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::Instant;

async fn is_well(address: SocketAddr) {
    let answer = get(address, "/livez").await;
    assert_eq!((status(&answer), body(&answer)), (200, "ok\n"));
}

#[tokio::test]
async fn what_is_no_request_is_refused() {
    let address = Pool::new().serve_with(PeerRole::Node, joined()).await;
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"\0\0\0\0\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /metrics HTTP/9.9\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let answer = say(address, bytes).await;
        assert!(answer.is_empty() || status(&answer) == 400, "{answer}");
    }
    is_well(address).await;
}

#[tokio::test]
async fn a_request_without_end_is_cut_off() {
    let address = Pool::new().serve_with(PeerRole::Node, joined()).await;
    let long = "a".repeat(1 << 20);
    let many: String = (0..1000).map(|number| format!("x-{number}: y\r\n")).collect();
    for request in [
        format!("GET /{long}"),
        format!("GET /metrics HTTP/1.1\r\nHost: {long}"),
        format!("GET /metrics HTTP/1.1\r\n{many}\r\n"),
        long.clone(),
    ] {
        let answer = say(address, request.as_bytes()).await;
        // The rest of the request may have swept the answer away.
        assert!(answer.is_empty() || matches!(status(&answer), 400 | 414 | 431), "{answer}");
        assert!(!answer.contains("pollux_"));
    }
    is_well(address).await;
}

#[tokio::test]
async fn a_second_request_and_a_body_are_not_read() {
    let address = Pool::new().serve_with(PeerRole::Node, joined()).await;
    let request = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
    let answer = say(address, request.repeat(3).as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 1, "{answer}");
    let bodied = "GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\nabc";
    let answer = say(address, bodied.as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 1, "{answer}");
}

#[tokio::test]
async fn whoever_does_not_finish_its_request_is_cut_off() {
    let address = Pool::new().serve_with(PeerRole::Node, joined()).await;
    for part in ["", "GET /met", "GET /metrics HTTP/1.1\r\nHost: x\r\n"] {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(part.as_bytes()).await.unwrap();
        tokio::time::pause();
        let began = Instant::now();
        let answer = read(&mut socket).await;
        assert!(answer.is_empty() || status(&answer) == 408, "{answer}");
        assert!(began.elapsed() <= Duration::from_secs(16), "{:?}", began.elapsed());
        tokio::time::resume();
    }
    is_well(address).await;
}

/// Real time: a probe gives up after some seconds, and whoever asked it starts the daemon anew.
#[tokio::test]
async fn many_who_say_nothing_keep_nobody_waiting() {
    let address = Pool::new().serve_with(PeerRole::Node, joined()).await;
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    tokio::time::timeout(Duration::from_secs(3), is_well(address)).await.unwrap();
    for socket in silent.iter_mut().take(20) {
        assert_eq!(read(socket).await, "", "the oldest have made room");
    }
}
