//! The HTTP side: GET of three paths, one request for each connection.

use super::page;
use super::snapshot::{Facts, Machine, Snapshot};
use crate::clock::Clock;
use crate::driver::DriverHandle;
use crate::store::Store;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use pollux_core::{PeerRole, Timestamp};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, timeout};

/// Connections at one time: some scrapers and probes, which are done in milliseconds. A further one takes the place of the
/// oldest: every program on the machine may connect, and who says nothing must not keep a probe waiting until it takes this
/// daemon for dead.
const CONNECTIONS_MAX: usize = 16;
/// For the whole head of a request: it is one packet.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// For a connection in all: the request, the driver's answer, and as long for the reader to take it.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of a request's head: the least that the library works with.
const REQUEST_BYTES_MAX: usize = 8 * 1024;
/// Headers of a request.
const HEADERS_MAX: usize = 32;
/// The driver's loop takes milliseconds for a round; a whole pool's papers, a second.
const DRIVER_TIMEOUT: Duration = Duration::from_secs(5);
/// A page serves whoever asks so soon after.
const PAGE_LIFE: Duration = Duration::from_secs(1);
/// After a connection could not be accepted: the system may be out of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the endpoint answers from.
#[derive(Clone, Debug)]
pub struct MetricsParts {
    /// The driver.
    pub driver: DriverHandle,
    /// The store, for what it holds.
    pub store: Store,
    /// Node or seed.
    pub role: PeerRole,
    /// When the pool file's join token expires; none if it cannot be read.
    pub token_expires: Option<Timestamp>,
    /// What the driver goes by.
    pub clock: Clock,
}

/// The endpoint. See the module.
#[derive(Debug)]
pub struct MetricsServer {
    listener: TcpListener,
    answers: Arc<Answers>,
}

#[derive(Debug)]
struct Answers {
    driver: DriverHandle,
    store: Store,
    facts: Facts,
    clock: Clock,
    /// Held while a page is made: one at a time.
    page: Mutex<Option<(Instant, Bytes)>>,
}

/// What is missing.
type Lack = String;
type Answer = Response<Full<Bytes>>;

impl MetricsServer {
    /// Listens.
    ///
    /// # Errors
    /// The address is taken or not ours.
    pub async fn bind(address: SocketAddr, parts: MetricsParts) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let MetricsParts { driver, store, role, token_expires, clock } = parts;
        let facts = Facts { role, token_expires, started: clock.wall() };
        let answers = Answers { driver, store, facts, clock, page: Mutex::default() };
        Ok(Self { listener, answers: Arc::new(answers) })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// What the system says.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// A page, for tests that do without the network.
    #[cfg(test)]
    pub(super) async fn page(&self) -> Result<Bytes, Lack> {
        self.answers.page().await
    }

    /// Answers for ever. Dropping the future closes every connection.
    pub async fn run(self) {
        let mut connections = JoinSet::new();
        let mut places = VecDeque::with_capacity(CONNECTIONS_MAX);
        loop {
            let accepted = self.listener.accept().await;
            while connections.try_join_next().is_some() {}
            make_room(&mut places);
            match accepted {
                Ok((stream, _)) => {
                    places.push_back(connections.spawn(serve(stream, Arc::clone(&self.answers))));
                }
                Err(error) => {
                    tracing::warn!(%error, "a scrape could not connect");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// So that there is a place for one more: the oldest goes where none is free.
fn make_room(places: &mut VecDeque<AbortHandle>) {
    places.retain(|connection| !connection.is_finished());
    while places.len() >= CONNECTIONS_MAX {
        let Some(oldest) = places.pop_front() else { return };
        oldest.abort();
    }
}

/// One connection, to its end or to the end of our patience. Whoever breaks off, or sends what is no request, learns that from
/// the library.
async fn serve(stream: TcpStream, answers: Arc<Answers>) {
    let service = service_fn(move |request| {
        let answers = Arc::clone(&answers);
        async move { Ok::<_, Infallible>(answers.answer(&request).await) }
    });
    let mut protocol = http1::Builder::new();
    protocol.timer(TokioTimer::new()).header_read_timeout(REQUEST_TIMEOUT);
    protocol.max_buf_size(REQUEST_BYTES_MAX).max_headers(HEADERS_MAX).keep_alive(false);
    let connection = protocol.serve_connection(TokioIo::new(stream), service);
    if let Ok(Err(error)) = timeout(CONNECTION_TIMEOUT, connection).await {
        tracing::debug!(%error, "a scrape broke off");
    }
}

impl Answers {
    async fn answer(&self, request: &Request<Incoming>) -> Answer {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut answer = words(StatusCode::METHOD_NOT_ALLOWED, "GET only");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        match request.uri().path() {
            "/metrics" => self.metrics().await,
            "/livez" => verdict(self.snapshot().await.map(|_| ())),
            "/readyz" => verdict(self.ready().await),
            _ => words(StatusCode::NOT_FOUND, "there are /metrics, /livez and /readyz"),
        }
    }

    async fn snapshot(&self) -> Result<Box<Snapshot>, Lack> {
        match timeout(DRIVER_TIMEOUT, self.driver.snapshot()).await {
            Ok(Ok(snapshot)) => Ok(snapshot),
            Ok(Err(stopping)) => Err(stopping.to_string()),
            Err(_) => Err(format!("the driver has not answered within {} s", DRIVER_TIMEOUT.as_secs())),
        }
    }

    async fn ready(&self) -> Result<(), Lack> {
        let lack = self.snapshot().await?.lacks(self.facts.role, self.clock.wall());
        if lack.is_empty() { Ok(()) } else { Err(lack) }
    }

    async fn metrics(&self) -> Answer {
        match self.page().await {
            Ok(page) => {
                let mut answer = Response::new(Full::new(page));
                answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(page::CONTENT_TYPE));
                answer
            }
            Err(lack) => words(StatusCode::SERVICE_UNAVAILABLE, &lack),
        }
    }

    /// The page as it was a second ago at most.
    async fn page(&self) -> Result<Bytes, Lack> {
        let mut kept = self.page.lock().await;
        if let Some((made, page)) = &*kept
            && made.elapsed() < PAGE_LIFE
        {
            return Ok(page.clone());
        }
        let snapshot = self.snapshot().await?;
        let store = self.store.clone();
        let now = self.clock.wall();
        let machine = move || Machine { store: store.usage(), broken: store.is_broken(), now };
        let machine =
            tokio::task::spawn_blocking(machine).await.map_err(|_| "the store does not answer".to_owned())?;
        let page = Bytes::from(snapshot.page(&self.facts, machine).render());
        *kept = Some((Instant::now(), page.clone()));
        Ok(page)
    }
}

fn verdict(outcome: Result<(), Lack>) -> Answer {
    match outcome {
        Ok(()) => words(StatusCode::OK, "ok"),
        Err(lack) => words(StatusCode::SERVICE_UNAVAILABLE, &lack),
    }
}

fn words(status: StatusCode, text: &str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(format!("{text}\n"))));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}
