//! A job reads the log of a seed.

use super::*;
use pollux_core::message::{ListQuery, LogLine, LogPage, LogPlace, LogQuery};
use pollux_core::{PeerId, PublicKey};

fn log(digits: &str) -> Request {
    let what = LogQuery { derived_from: Some(digits.to_owned()), ..LogQuery::default() };
    let at = Some((PeerId::new(PublicKey::from_bytes([1; 32])), LogPlace { file: 1, offset: 2 }));
    Request::Log { what, at, deadline_ms: 1000 }
}

#[tokio::test(start_paused = true)]
async fn a_page_of_a_log_is_asked_for_and_told() {
    let (mut job, items) = Job::greeted().await;
    let Request::Log { what, at, .. } = log("00ff") else { panic!("a log") };
    job.say(&log("00ff")).await;
    let DriverEvent::Request { request: JobRequest::Log { what: asked, at: place, .. }, .. } =
        job.event().await
    else {
        panic!("a log")
    };
    assert_eq!((asked, place), (what, at));
    let page = LogPage { lines: LogLine::new("{}".to_owned()).into_iter().collect(), next: None };
    let seed = at.map(|(seed, _)| seed);
    let answer = JobReply::Log { seed, page: page.clone() };
    items.send(SessionItem::Reply(Box::new(answer))).unwrap();
    assert_eq!(job.reply().await, Reply::Log { seed, page });
    job.say(&list()).await;
    assert!(matches!(job.event().await, DriverEvent::Request { .. }), "it may ask the next thing");
}

/// A seed bans whoever asks it this.
#[tokio::test(start_paused = true)]
async fn digits_that_are_none_are_not_asked_of_a_seed() {
    for digits in ["00f", "00FF", "xyzw"] {
        let (mut job, _items) = Job::greeted().await;
        job.say(&log(digits)).await;
        job.ends_refused("hexadecimal").await;
    }
    for digits in ["00f", "xyzw"] {
        let (mut job, _items) = Job::greeted().await;
        job.say(&Request::List { what: ListQuery::Prefix(digits.to_owned()), deadline_ms: 1000 }).await;
        job.ends_refused("hexadecimal").await;
    }
}
