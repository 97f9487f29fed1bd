//! What is answered to whom.

use super::{Pool, body, get, joined, say, status};
use crate::driver::{DriverEvent, MetricsQuestion};
use pollux_core::PeerRole;
use pollux_core::engine::{EngineStatus, Silence};
use std::time::Duration;

#[tokio::test]
async fn three_paths_answer() {
    let address = Pool::new().serve_with(PeerRole::Node, joined()).await;
    let page = get(address, "/metrics").await;
    assert_eq!(status(&page), 200);
    assert!(page.contains("content-type: text/plain; version=0.0.4"), "{page}");
    assert!(body(&page).contains("\npollux_joined 1\n") && body(&page).ends_with('\n'));
    for path in ["/livez", "/readyz", "/readyz?verbose"] {
        let answer = get(address, path).await;
        assert_eq!((status(&answer), body(&answer)), (200, "ok\n"), "{path}");
    }
    let head = say(address, b"HEAD /livez HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!((status(&head), body(&head)), (200, ""));
    let old = say(address, b"GET /livez HTTP/1.0\r\n\r\n").await;
    assert_eq!((status(&old), body(&old)), (200, "ok\n"));
}

#[tokio::test]
async fn whoever_is_not_ready_lives_and_says_what_is_missing() {
    let silent = EngineStatus { silent: Some(Silence::RolledBack), ..joined() };
    for (role, how, words) in [
        (PeerRole::Node, EngineStatus::default(), "not a member"),
        (PeerRole::Seed, silent, "the disk was rolled back"),
    ] {
        let address = Pool::new().serve_with(role, how).await;
        assert_eq!(status(&get(address, "/livez").await), 200);
        let answer = get(address, "/readyz").await;
        assert_eq!(status(&answer), 503);
        assert!(body(&answer).contains(words), "{answer}");
    }
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() {
    let address = Pool::new().serve_with(PeerRole::Node, joined()).await;
    for path in ["/", "/metrics/", "/etc/passwd", "/..%2f..%2fetc"] {
        assert_eq!(status(&get(address, path).await), 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "BREW"] {
        let request = format!("{method} /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(status(&say(address, request.as_bytes()).await), 405, "{method}");
    }
}

#[tokio::test]
async fn a_driver_that_hangs_is_told_by_all_three() {
    let (address, _events) = Pool::new().serve(PeerRole::Node).await;
    tokio::time::pause();
    for path in ["/livez", "/readyz", "/metrics"] {
        let answer = get(address, path).await;
        assert_eq!(status(&answer), 503, "{path}");
        assert!(body(&answer).contains("has not answered within 5 s"), "{answer}");
    }
}

#[tokio::test]
async fn a_driver_that_has_stopped_is_told() {
    let (address, events) = Pool::new().serve(PeerRole::Node).await;
    drop(events);
    let answer = get(address, "/livez").await;
    assert_eq!((status(&answer), body(&answer)), (503, "the node is stopping\n"));
}

/// To ask without end costs the driver one answer a second.
#[tokio::test(start_paused = true)]
async fn a_page_serves_everybody_for_a_second() {
    let pool = Pool::new();
    let (server, mut events) = pool.server(PeerRole::Node).await;
    let answer = |event| {
        let DriverEvent::Metrics(MetricsQuestion(answer)) = event else { panic!("{event:?}") };
        let counters = super::super::Counters::default();
        assert!(answer.send(Box::new(pool.snapshot(&counters, joined()))).is_ok());
    };
    for round in 0..3 {
        let (page, ()) = tokio::join!(server.page(), async { answer(events.recv().await.unwrap()) });
        let page = page.unwrap();
        for _ in 0..100 {
            assert_eq!(server.page().await.unwrap(), page, "round {round}");
        }
        assert!(events.try_recv().is_err());
        tokio::time::advance(Duration::from_secs(1)).await;
    }
}
