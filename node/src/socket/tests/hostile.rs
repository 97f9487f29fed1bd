//! Jobs that are slow, silent, or speak something else: refused in words, and in time.

use super::*;
use crate::socket::limits::{FRAME_TIMEOUT, HELLO_TIMEOUT, IDLE_TIMEOUT, WRITE_TIMEOUT};
use pollux_client::protocol::{CHUNK_FRAME_BYTES_MAX, CHUNKS_PER_MESSAGE_MAX, MESSAGE_BYTES_MAX};
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn a_job_that_says_nothing_is_let_go() {
    let began = Instant::now();
    Job::connect().ends_refused("said nothing").await;
    assert_eq!(began.elapsed().as_secs(), HELLO_TIMEOUT.as_secs());
}

#[tokio::test(start_paused = true)]
async fn half_request_then_silence() {
    let request = encode(&fetch(&[chunk(1).chunk(); 10])).unwrap();
    for length in [1, FrameHead::BYTES - 1, FrameHead::BYTES, request.len() - 1] {
        let (mut job, _items) = Job::greeted().await;
        let began = Instant::now();
        job.stream.write_all(&request[..length]).await.unwrap();
        job.ends_refused("said nothing").await;
        assert_eq!(began.elapsed().as_secs(), FRAME_TIMEOUT.as_secs(), "{length} bytes");
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_waits_for_nothing_may_be_silent_for_a_while_only() {
    let (mut job, items) = Job::greeted().await;
    job.say(&list()).await;
    assert!(matches!(job.event().await, DriverEvent::Request { .. }));
    tokio::time::sleep(IDLE_TIMEOUT * 3).await;
    items.send(SessionItem::Reply(Box::new(JobReply::Miss(MissReason::TooSlow)))).unwrap();
    assert_eq!(job.reply().await, Reply::Miss { reason: MissReason::TooSlow });
    job.ends_refused("said nothing").await;
}

#[tokio::test(start_paused = true)]
async fn slow_writer() {
    let request = encode(&fetch(&[chunk(1).chunk(); 10])).unwrap();
    for pause in [FRAME_TIMEOUT / 20, FRAME_TIMEOUT / 2] {
        let (mut job, _items) = Job::greeted().await;
        let began = Instant::now();
        let mut bytes = request.iter();
        while let Some(byte) = bytes.next().filter(|_| !job.session.is_finished()) {
            // It may have been given up already.
            job.stream.write_all(&[*byte]).await.unwrap_or_default();
            tokio::time::sleep(pause).await;
        }
        // One limit for the head, one for what follows, and one for the answer to be heard.
        assert!(began.elapsed() <= 3 * FRAME_TIMEOUT, "{:?}", began.elapsed());
        job.ends_refused("said nothing").await;
    }
}

#[tokio::test(start_paused = true)]
async fn huge_frame() {
    let over = |most: u32| (most + 2).to_le_bytes();
    for (length, kind) in
        [([255; 4], 0), ([255; 4], 1), (over(MESSAGE_BYTES_MAX), 0), (over(CHUNK_FRAME_BYTES_MAX), 1)]
    {
        let (mut job, _items) = Job::greeted().await;
        let began = Instant::now();
        job.stream.write_all(&length).await.unwrap();
        job.stream.write_all(&[kind]).await.unwrap();
        job.ends_refused("longer than the protocol allows").await;
        assert_eq!(began.elapsed().as_secs(), 0, "nothing of it is waited for");
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_no_frame_are_refused() {
    for (bytes, words) in [
        (&[0, 0, 0, 0, 0][..], "no frame of this protocol"),
        (&[9, 0, 0, 0, 77], "no frame of this protocol"),
        (&[2, 0, 0, 0, 1, 0], "no frame of this protocol"),
        (&[3, 0, 0, 0, 0, 200, 200], "no frame of this protocol"),
        (b"GET / HTTP/1.1\r\n\r\n", "frame"),
    ] {
        let (mut job, _items) = Job::greeted().await;
        job.stream.write_all(bytes).await.unwrap();
        job.ends_refused(words).await;
    }
}

#[tokio::test(start_paused = true)]
async fn versions_that_do_not_meet_are_named() {
    let mut job = Job::connect();
    let (oldest, newest) = (VERSION + 1, VERSION + 3);
    job.say(&hello(oldest, newest)).await;
    let words = format!("a test speaks {oldest} to {newest}: use programs of the same release");
    job.ends_refused(&words).await;
    let mut job = Job::connect();
    job.say(&hello(0, 0)).await;
    job.ends_refused("a test speaks 0 to 0").await;
    let mut job = Job::connect();
    job.say(&hello(0, u16::MAX)).await;
    assert!(matches!(job.reply().await, Reply::Welcome { version: VERSION, .. }));
}

#[tokio::test(start_paused = true)]
async fn hello_is_said_first_and_once() {
    let (mut job, _items) = Job::greeted().await;
    job.say(&hello(VERSION, VERSION)).await;
    job.ends_refused("hello once").await;
    let mut job = Job::connect();
    job.say(&Request::Status).await;
    job.ends_refused("hello first").await;
}

#[tokio::test(start_paused = true)]
async fn two_questions_at_once_are_refused() {
    let (mut job, _items) = Job::greeted().await;
    job.say(&list()).await;
    job.say(&list()).await;
    job.ends_refused("one thing at a time").await;
}

#[tokio::test(start_paused = true)]
async fn more_chunks_than_a_message_may_name_are_refused() {
    let too_many = vec![chunk(1).chunk(); CHUNKS_PER_MESSAGE_MAX + 1];
    let ids = too_many.iter().map(|chunk| chunk.id).collect();
    for request in [fetch(&too_many), Request::Lacks { chunks: ids }] {
        let (mut job, _items) = Job::greeted().await;
        job.say(&request).await;
        job.ends_refused("16384 at most").await;
    }
}

/// Four chunks on their way to the job, more than fit in the socket's buffer.
fn overfill(items: &mpsc::UnboundedSender<SessionItem>) {
    let plain: Vec<u8> = (0..250_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let large = Arc::new(VerifiedChunk::from_plain(&plain, &mut FrameEncoder::new(1)));
    assert!(large.frame().bytes.len() > 500_000, "it does not fit the socket's buffer");
    for _ in 0..4 {
        items.send(item(&large, Delivery::Buffer(Arc::clone(&large)))).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_takes_nothing_is_let_go() {
    let (mut job, items) = Job::greeted().await;
    let began = Instant::now();
    overfill(&items);
    while !matches!(job.event().await, DriverEvent::Closed { .. }) {}
    job.session.await.unwrap();
    assert_eq!(began.elapsed().as_secs(), WRITE_TIMEOUT.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_job_that_must_leave_holds_up_nobody() {
    let (mut job, items) = Job::greeted().await;
    let began = Instant::now();
    overfill(&items);
    job.stream.read_u8().await.unwrap();
    job.seat.tell_to_leave();
    while !matches!(job.event().await, DriverEvent::Closed { .. }) {}
    job.session.await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 0);
}
