use super::*;
use std::os::unix::net::UnixListener;
use std::thread;

/// A node that answers the greeting with `answer`, then hangs up when the test is done with it.
fn node(answer: &Reply) -> (tempfile::TempDir, PathBuf, thread::JoinHandle<UnixStream>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("node.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let answer = encode(answer).unwrap();
    let thread = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; FrameHead::BYTES];
        stream.read_exact(&mut head).unwrap();
        let mut body = vec![0; FrameHead::from_bytes(head).unwrap().body_bytes.try_into().unwrap()];
        stream.read_exact(&mut body).unwrap();
        stream.write_all(&answer).unwrap();
        stream
    });
    (directory, path, thread)
}

fn welcome(version: u16) -> Reply {
    Reply::Welcome { version, software: "node".to_owned(), pool: "ci".to_owned() }
}

fn open(path: &Path) -> Result<Connection, ConnectionError> {
    Connection::open(path, Duration::from_secs(10), Arc::default())
}

#[test]
fn a_node_is_greeted() {
    let (_directory, path, thread) = node(&welcome(VERSION));
    let connection = open(&path).unwrap();
    assert_eq!(connection.pool(), "ci");
    drop(thread.join().unwrap());
    assert!(matches!(connection.next(Instant::now() + TICK), Err(ConnectionError::Closed)));
}

#[test]
fn no_daemon_is_said_with_the_path() {
    let error = open(Path::new("/nowhere/pollux.sock")).unwrap_err().to_string();
    assert!(error.contains("/nowhere/pollux.sock"), "{error}");
}

#[test]
fn a_node_of_another_version_says_so_itself() {
    let why = "use programs of the same release".to_owned();
    let (_directory, path, _thread) = node(&Reply::Refused { why });
    assert!(matches!(open(&path), Err(ConnectionError::Refused(_))));
}

#[test]
fn a_version_that_was_not_offered_is_out_of_turn() {
    let (_directory, path, _thread) = node(&welcome(VERSION + 1));
    assert!(matches!(open(&path), Err(ConnectionError::OutOfTurn)));
}

#[test]
fn an_interruption_ends_the_wait() {
    let (_directory, path, _thread) = node(&welcome(VERSION));
    let flag = Arc::new(AtomicBool::new(false));
    let connection = Connection::open(&path, Duration::from_secs(10), Arc::clone(&flag)).unwrap();
    flag.store(true, Ordering::Relaxed);
    let far = Instant::now() + Duration::from_secs(3600);
    assert!(matches!(connection.next(far), Err(ConnectionError::Interrupted)));
}

/// A connection to a node that greets and then reads nothing more.
fn stuck(patience: Duration, end: Instant) -> (Connection, Arc<AtomicBool>, impl Sized) {
    let (directory, path, thread) = node(&welcome(VERSION));
    let flag = Arc::new(AtomicBool::new(false));
    let mut connection = Connection::open(&path, Duration::from_secs(10), Arc::clone(&flag)).unwrap();
    connection.bound_writes(patience, end);
    (connection, flag, (directory, thread.join().unwrap()))
}

/// Hands in chunks until that fails; the socket holds some of them.
fn fill(connection: &Connection) -> ConnectionError {
    let plain = vec![7; 1 << 20];
    let chunk = pollux_core::HashedChunk::new(plain).compress(&mut pollux_core::FrameEncoder::new(-100));
    (0..100_000).find_map(|_| connection.send_chunk(&chunk).err()).unwrap()
}

#[test]
fn a_node_that_takes_nothing_is_waited_for_as_long_as_asked() {
    let far = Instant::now() + Duration::from_secs(3600);
    let (connection, _, _node) = stuck(TICK, far);
    assert!(matches!(fill(&connection), ConnectionError::TimedOut));
}

#[test]
fn nothing_is_written_after_the_end() {
    let (connection, _, _node) = stuck(Duration::from_secs(3600), Instant::now());
    assert!(matches!(fill(&connection), ConnectionError::TimedOut));
}

#[test]
fn an_interruption_ends_writing() {
    let far = Instant::now() + Duration::from_secs(3600);
    let (connection, flag, _node) = stuck(Duration::from_secs(3600), far);
    let interrupting = thread::spawn(move || flag.store(true, Ordering::Relaxed));
    assert!(matches!(fill(&connection), ConnectionError::Interrupted));
    interrupting.join().unwrap();
}

#[test]
fn a_node_that_lets_nobody_in_is_waited_for_as_long_as_asked() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("node.sock");
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    rustix::net::bind(&socket, &SocketAddrUnix::new(&path).unwrap()).unwrap();
    rustix::net::listen(&socket, 1).unwrap();
    let mut waiting = Vec::new();
    let refused = loop {
        match connect_within(&path, TICK) {
            Ok(stream) => waiting.push(stream),
            Err(error) => break error,
        }
        assert!(waiting.len() < 100);
    };
    assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn garbage_from_the_node_is_an_error_and_no_allocation() {
    let mut bytes: &[u8] = &[255, 255, 255, 255, 0, 1, 2, 3];
    assert!(matches!(read_frame(&mut bytes), Err(ConnectionError::Frame(FrameError::TooLong))));
    let mut bytes: &[u8] = &[3, 0, 0, 0, 1, 9, 9];
    assert!(matches!(read_frame(&mut bytes), Err(ConnectionError::Frame(FrameError::Malformed))));
}
