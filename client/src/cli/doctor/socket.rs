//! Whether the node answers.

use crate::cli::common::Common;
use pollux_client::connection::{Connection, ConnectionError};
use pollux_client::flow::overview;
use pollux_client::health::Check;
use pollux_client::printable::printable;
use pollux_client::protocol::{Further, NodeStatus};
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

const NAME: &str = "socket";

/// What is to be said of the socket, and what the node says of itself.
pub(super) fn examine(common: &Common, patience: Duration) -> (Check, Option<(NodeStatus, Option<Further>)>) {
    let path = printable(&common.socket.display().to_string());
    let asked = Connection::open(&common.socket, patience, Arc::default())
        .and_then(|connection| overview(&connection, patience));
    match asked {
        Ok(node) => (Check::ok(NAME, format!("the node answers on {path}")), Some(node)),
        Err(error) => (trouble(&path, &error), None),
    }
}

fn trouble(path: &str, error: &ConnectionError) -> Check {
    let wrong = |what: &str| Check::wrong(NAME, format!("{what} ({path})"));
    let said = printable(&error.to_string());
    match error {
        ConnectionError::NoNode { source, .. } => no_node(path, source.kind(), &said),
        ConnectionError::Refused(_) => wrong("the node refuses").because(said).todo(
            "a user may be named in `users` under [socket] of the node's configuration; programs must be of one release",
        ),
        ConnectionError::TimedOut => wrong("the node does not answer in time")
            .because("it is stopped, or this machine is too busy")
            .todo("look at the node's log, and start it again"),
        ConnectionError::Closed => wrong("the node hangs up").because(said).todo("look at the node's log"),
        ConnectionError::OutOfTurn | ConnectionError::Frame(_) => wrong("what answers speaks another language")
            .because(said)
            .todo("check that the socket belongs to a pollux-node of the same release"),
        ConnectionError::Interrupted | ConnectionError::Io(_) => {
            wrong("the socket fails").because(said).todo("try again; then look at the node's log")
        }
    }
}

fn no_node(path: &str, kind: ErrorKind, said: &str) -> Check {
    if kind == ErrorKind::NotFound {
        return Check::wrong(NAME, format!("there is no socket {path}"))
            .because("the node does not run here, or its socket is elsewhere; in a container its directory is not mounted")
            .todo("start it (`systemctl start pollux-node`, then its log), or name the socket with --socket or POLLUX_SOCKET");
    }
    if kind == ErrorKind::PermissionDenied {
        return Check::wrong(NAME, format!("this user may not open {path}"))
            .because("the mode of the socket, or of a directory above it, keeps this user out")
            .todo("set `mode` under [socket] in the node's configuration, or run this as another user");
    }
    if kind == ErrorKind::ConnectionRefused {
        return Check::wrong(NAME, format!("nobody listens on {path}"))
            .because("the node that made it was killed, and has not been started again")
            .todo("start it: `systemctl start pollux-node`, then look at its log");
    }
    Check::wrong(NAME, format!("no node is reached on {path}"))
        .because(said)
        .todo("start the node, then look at its log")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_node_for(kind: ErrorKind) -> String {
        let error = ConnectionError::NoNode { path: "/x".into(), source: kind.into() };
        trouble("/x", &error).what
    }

    #[test]
    fn a_node_that_is_not_reached_is_told_apart_by_the_reason() {
        assert!(no_node_for(ErrorKind::NotFound).contains("there is no socket"));
        assert!(no_node_for(ErrorKind::PermissionDenied).contains("may not open"));
        assert!(no_node_for(ErrorKind::ConnectionRefused).contains("nobody listens"));
        assert!(no_node_for(ErrorKind::TimedOut).contains("no node is reached"));
    }

    #[test]
    fn everything_that_is_wrong_says_why_and_what_to_do() {
        let errors = [
            ConnectionError::Refused("\u{1b}[31mno".to_owned()),
            ConnectionError::TimedOut,
            ConnectionError::Closed,
            ConnectionError::OutOfTurn,
            ConnectionError::Interrupted,
            ConnectionError::Io(ErrorKind::BrokenPipe.into()),
        ];
        for error in errors {
            let check = trouble("/x", &error);
            assert!(check.why.as_ref().is_some_and(|why| !why.contains('\u{1b}')), "{check:?}");
            assert!(check.todo.is_some(), "{check:?}");
        }
    }
}
