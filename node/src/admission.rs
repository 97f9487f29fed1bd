//! The membership that an operator signed for this node (`pollux pool admit`), in a file of the configuration.
//!
//! It is read when the node starts and whenever its content changes, be it there already or not. Nothing here believes it:
//! the engine does, or says why not. Seeds renew what they believed, so the file may grow old while the node runs.

use crate::driver::{DriverEvent, DriverHandle, Stopping};
use pollux_core::Envelope;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Interval;

/// Between two looks: an operator who admits a node waits for it, and a look costs one small read.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Bytes of such a file at most: one envelope with one signature takes a thousand.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Watches the file.
#[derive(Debug)]
pub(crate) struct Admission {
    path: PathBuf,
    driver: DriverHandle,
}

impl Admission {
    /// For the file of this name.
    pub(crate) const fn new(path: PathBuf, driver: DriverHandle) -> Self {
        Self { path, driver }
    }

    /// Goes on until the driver stops. Dropping the future is harmless.
    pub(crate) async fn run(self) {
        let (mut looks, mut seen) = (tokio::time::interval(LOOK_EVERY), None);
        while self.look_again(&mut looks, &mut seen).await.is_ok() {}
    }

    async fn look_again(&self, looks: &mut Interval, seen: &mut Option<String>) -> Result<(), Stopping> {
        looks.tick().await;
        let found = self.look().await;
        if found == *seen {
            return Ok(());
        }
        seen.clone_from(&found);
        self.tell(found.as_deref()).await
    }

    /// The file's content; none if it cannot be read (yet).
    async fn look(&self) -> Option<String> {
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || read(&path)).await.ok()?.ok()
    }

    async fn tell(&self, text: Option<&str>) -> Result<(), Stopping> {
        let path = self.path.display();
        match text.map(Envelope::from_json) {
            Some(Ok(membership)) => {
                tracing::info!(%path, "found a membership");
                self.driver.tell(DriverEvent::Admitted { membership }).await
            }
            Some(Err(error)) => {
                tracing::warn!(%path, %error, "this file is no membership");
                Ok(())
            }
            None => Ok(()),
        }
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollux_core::{KeyPair, Timestamp, Token};

    fn envelope(serial: &str) -> Envelope {
        let (pool, serial) = ("ci".to_owned(), serial.to_owned());
        Envelope::sign(&Token { pool, serial, expires: Timestamp::default() }, &KeyPair::from_seed([1; 32]))
    }

    #[tokio::test(start_paused = true)]
    async fn each_content_is_told_once_and_garbage_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("membership.json");
        let (driver, mut events) = DriverHandle::new();
        let watching = tokio::spawn(Admission::new(path.clone(), driver).run());
        let mut told = async || match events.recv().await {
            Some(DriverEvent::Admitted { membership }) => membership,
            other => panic!("{other:?}"),
        };
        let many_looks = || tokio::time::sleep(10 * LOOK_EVERY);
        many_looks().await;
        std::fs::write(&path, envelope("1").to_json()).unwrap();
        assert_eq!(told().await, envelope("1"));
        many_looks().await;
        std::fs::write(&path, "garbage").unwrap();
        many_looks().await;
        std::fs::write(&path, envelope("2").to_json() + "\n").unwrap();
        assert_eq!(told().await, envelope("2"));
        many_looks().await;
        assert!(events.try_recv().is_err(), "nothing else was told");
        watching.abort();
    }

    #[test]
    fn a_file_without_an_end_is_cut() {
        let text = read(Path::new("/dev/zero")).unwrap();
        assert_eq!(u64::try_from(text.len()), Ok(FILE_BYTES_MAX));
    }
}
