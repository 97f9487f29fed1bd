//! A save that is refused here is in the log.

use super::saves::Saves;
use super::*;
use pollux_client::protocol::PublishEnd;
use pollux_core::engine::PublishFailure;
use pollux_core::{Disbelief, Envelope};
use std::io;
use std::sync::{Mutex, PoisonError};
use tracing_subscriber::fmt::MakeWriter;

/// Log lines in memory.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Asks to publish, and is refused for this.
async fn refused(
    (job, items): (&mut Job, &mpsc::UnboundedSender<SessionItem>),
    manifest: &Envelope,
    why: PublishFailure,
) -> PublishEnd {
    job.say(&Request::Publish { manifest: manifest.clone(), deadline_ms: 1000 }).await;
    let DriverEvent::Request { request: JobRequest::Publish { .. }, .. } = job.event().await else {
        panic!("publish")
    };
    items.send(SessionItem::Reply(Box::new(JobReply::PublishFailed(why)))).unwrap();
    let Reply::PublishFailed { why } = job.reply().await else { panic!("refused") };
    why
}

#[tokio::test(start_paused = true)]
async fn the_log_names_the_save_and_the_reason() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(lines.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let (mut job, items) = Job::greeted().await;
    let manifest = Saves::new().signed(7);
    let publisher = "gate\u{202e}\n2026 ERROR".to_owned();
    let why = Disbelief::PublisherExpired { publisher, ago: std::time::Duration::from_secs(7200) };
    let why = PublishFailure::NotBelieved(why);
    refused((&mut job, &items), &manifest, why).await;
    let text = lines.text();
    assert_eq!(text.lines().count(), 1, "{text}");
    let named = format!("key=a/b sequence=7 manifest={}", manifest.id());
    assert!(text.contains("WARN") && text.contains(&named), "{text}");
    assert!(text.contains("gate\\u{202e}\\n2026 ERROR") && text.contains("had expired 2 h before"), "{text}");
    refused((&mut job, &items), &manifest, PublishFailure::LostRace { standing: None, highest: 8 }).await;
    assert_eq!(lines.text(), text, "nobody has done anything wrong");
    let mut torn = manifest;
    torn.payload.truncate(5);
    refused((&mut job, &items), &torn, PublishFailure::BadTree).await;
    assert!(lines.text().contains(&format!("refused manifest={}", torn.id())), "{}", lines.text());
}

#[tokio::test(start_paused = true)]
async fn a_seed_says_at_once_that_nothing_is_saved_there() {
    let manifest = Saves::new().signed(7);
    for request in [Request::Flush, Request::Publish { manifest, deadline_ms: 600_000 }] {
        let (mut job, _items) = Job::greeted_by(PeerRole::Seed).await;
        job.say(&request).await;
        let Reply::Refused { why } = job.reply().await else { panic!("refused") };
        assert!(why.contains("this is a seed") && why.contains("--socket"), "{why}");
    }
}
