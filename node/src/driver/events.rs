//! What sessions and the driver say to each other.

use crate::metrics::Snapshot;
use pollux_core::engine::{EngineStatus, JobId, JobReply, JobRequest, Source, Surroundings};
use pollux_core::{ChunkId, ChunkRef, Envelope, ManifestId, Timestamp, Trust, VerifiedChunk};
use std::sync::Arc;
use tokio::sync::{OwnedRwLockReadGuard, RwLock, mpsc, oneshot};

/// Session events that wait for the driver at most; a session that finds no room waits.
const EVENTS_MAX: usize = 256;

/// What a session tells the driver.
#[derive(Debug)]
pub enum DriverEvent {
    /// A job has connected.
    Opened {
        /// Its number.
        job: JobId,
        /// Where what is for it goes. Chunks are bounded by the bytes granted, replies by its requests.
        items: mpsc::UnboundedSender<SessionItem>,
        /// Plain bytes that it takes at first.
        bytes: u32,
    },
    /// It asks for something.
    Request {
        /// Who.
        job: JobId,
        /// What.
        request: JobRequest,
    },
    /// It took so many plain bytes.
    Taken {
        /// Who.
        job: JobId,
        /// How many.
        bytes: u32,
    },
    /// The store could not give a chunk that it was believed to hold.
    Lost {
        /// Which.
        chunk: ChunkId,
    },
    /// The store had no room for what a job handed in.
    Full,
    /// It has left.
    Closed {
        /// Who.
        job: JobId,
    },
    /// An operator has admitted this node.
    Admitted {
        /// As it was found.
        membership: Envelope,
    },
    /// How is the engine?
    Status(StatusQuestion),
    /// What is measured?
    Metrics(MetricsQuestion),
    /// What is everything judged by?
    Trust(TrustQuestion),
    /// How does this node stand with its seeds, and what time is it?
    Surroundings(oneshot::Sender<(Surroundings, Timestamp)>),
    /// Which of these are believed no more, and why?
    Withdrawn {
        /// A bounded number.
        manifests: Vec<ManifestId>,
        /// Where the answer goes.
        answer: oneshot::Sender<Vec<(ManifestId, String)>>,
    },
}

/// Where the answer goes.
#[derive(Debug)]
pub struct StatusQuestion(pub oneshot::Sender<EngineStatus>);

/// Where the answer goes.
#[derive(Debug)]
pub struct MetricsQuestion(pub oneshot::Sender<Box<Snapshot>>);

/// Where the answer goes.
#[derive(Debug)]
pub struct TrustQuestion(pub oneshot::Sender<Arc<Trust>>);

/// What the driver gives a session.
#[derive(Debug)]
pub enum SessionItem {
    /// An answer of the engine.
    Reply(Box<JobReply>),
    /// A chunk.
    Chunk {
        /// Which.
        chunk: ChunkRef,
        /// Where it came from.
        source: Source,
        /// Where its bytes are.
        delivery: Delivery,
    },
}

/// Where the bytes of a chunk are.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// In memory.
    Buffer(Arc<VerifiedChunk>),
    /// In the store.
    Store,
}

/// How sessions reach the driver.
#[derive(Clone, Debug)]
pub struct DriverHandle {
    events: mpsc::Sender<DriverEvent>,
    saving: Arc<RwLock<()>>,
}

/// The driver has stopped; so will everything else.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the node is stopping")]
pub struct Stopping;

impl DriverHandle {
    pub(crate) fn new() -> (Self, mpsc::Receiver<DriverEvent>) {
        let (events, receiver) = mpsc::channel(EVENTS_MAX);
        (Self { events, saving: Arc::default() }, receiver)
    }

    /// What a job saves is safe from being swept while it holds this. Waits while a sweep runs. Dropping the future is
    /// harmless.
    pub async fn saving(&self) -> OwnedRwLockReadGuard<()> {
        Arc::clone(&self.saving).read_owned().await
    }

    pub(crate) fn saving_lock(&self) -> Arc<RwLock<()>> {
        Arc::clone(&self.saving)
    }

    /// Tells the driver; waits while it is busy. Dropping the future tells nothing.
    ///
    /// # Errors
    /// The driver has stopped.
    pub async fn tell(&self, event: DriverEvent) -> Result<(), Stopping> {
        self.events.send(event).await.map_err(|_| Stopping)
    }

    /// Asks how the engine is. Dropping the future forgets the question.
    ///
    /// # Errors
    /// The driver has stopped.
    pub async fn status(&self) -> Result<EngineStatus, Stopping> {
        let (answer, question) = oneshot::channel();
        self.tell(DriverEvent::Status(StatusQuestion(answer))).await?;
        question.await.map_err(|_| Stopping)
    }

    /// Asks how this node stands with its seeds, and for the wall clock that it goes by. Dropping the future forgets the
    /// question.
    ///
    /// # Errors
    /// The driver has stopped.
    pub async fn surroundings(&self) -> Result<(Surroundings, Timestamp), Stopping> {
        let (answer, question) = oneshot::channel();
        self.tell(DriverEvent::Surroundings(answer)).await?;
        question.await.map_err(|_| Stopping)
    }

    /// Asks what is measured. Dropping the future forgets the question.
    ///
    /// # Errors
    /// The driver has stopped.
    pub async fn snapshot(&self) -> Result<Box<Snapshot>, Stopping> {
        let (answer, question) = oneshot::channel();
        self.tell(DriverEvent::Metrics(MetricsQuestion(answer))).await?;
        question.await.map_err(|_| Stopping)
    }

    /// Asks what everything is judged by. Dropping the future forgets the question.
    ///
    /// # Errors
    /// The driver has stopped.
    pub async fn trust(&self) -> Result<Arc<Trust>, Stopping> {
        let (answer, question) = oneshot::channel();
        self.tell(DriverEvent::Trust(TrustQuestion(answer))).await?;
        question.await.map_err(|_| Stopping)
    }

    /// Asks which of these are believed no more, and why. Dropping the future forgets the question.
    ///
    /// # Errors
    /// The driver has stopped.
    pub async fn withdrawn(&self, manifests: Vec<ManifestId>) -> Result<Vec<(ManifestId, String)>, Stopping> {
        let (answer, question) = oneshot::channel();
        self.tell(DriverEvent::Withdrawn { manifests, answer }).await?;
        question.await.map_err(|_| Stopping)
    }
}
