//! One host of a network.

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::process::Command;
use std::thread;

/// Its namespace, and the one address that it has there besides loopback. Files and unix sockets are this machine's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The namespace.
    pub namespace: String,
    /// The address.
    pub address: Ipv4Addr,
}

impl Host {
    /// A program that is to run there, without its arguments; it is the child itself, and no child's child.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace]).arg(program);
        command
    }

    /// Moves this thread there for good: sockets that it opens from now on, and threads that it starts, are there.
    ///
    /// # Errors
    /// The host is gone, or this is not root.
    pub fn enter(&self) -> io::Result<()> {
        let namespace = File::open(format!("/run/netns/{}", self.namespace))?;
        Ok(move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?)
    }

    /// Does something there, on a thread of its own.
    ///
    /// # Errors
    /// Those of [`Self::enter`], and what is done there.
    pub fn run<T: Send>(&self, what: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
        thread::scope(|scope| {
            let done = scope.spawn(|| self.enter().and_then(|()| what())).join();
            done.unwrap_or_else(|_| Err(io::Error::other("the thread on that host panicked")))
        })
    }
}
