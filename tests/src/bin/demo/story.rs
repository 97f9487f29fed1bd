//! The demonstration's steps.

use crate::{DemoError, baseline, words};
use pollux_tests::{Daemon, Finished, Listing, NodeOptions, Pool, Programs};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use words::{say, seconds, size, step};

/// The key that is saved and restored.
const KEY: &str = "demo/main/cargo/registry";

/// Everything that the steps share.
pub(crate) struct Story<'a> {
    programs: Programs,
    work: &'a Path,
    input: PathBuf,
    interrupted: &'a AtomicBool,
}

/// Times for the table at the end.
#[derive(Default)]
struct Times {
    save: Duration,
    cold: Duration,
    shared: Duration,
    warm: Duration,
    pack: Option<Duration>,
    unpack: Option<Duration>,
}

impl<'a> Story<'a> {
    pub(crate) const fn new(
        programs: Programs,
        work: &'a Path,
        input: PathBuf,
        interrupted: &'a AtomicBool,
    ) -> Self {
        Self { programs, work, input, interrupted }
    }

    pub(crate) fn tell(&self) -> Result<(), DemoError> {
        step(&format!("Looking at {}", self.input.display()));
        let original = Listing::of(&self.input)?;
        say(&format!("    {} entries, {} of files", original.len(), size(original.bytes())));

        step("Making a pool: root, admission, publisher and seed keys, and the public pool file");
        let pool = Pool::init(self.programs.clone(), self.work)?;
        let seed = pool.seed(&NodeOptions::default())?;
        say(&format!(
            "    seed    {} at {}, ready after {}",
            seed.peer,
            seed.listen,
            seconds(seed.ready_after)
        ));
        let mut nodes = Vec::new();
        for name in ["node-a", "node-b", "node-c"] {
            let node = pool.node(name, &NodeOptions::default())?;
            say(&format!(
                "    {name}  {} at {}, ready after {}",
                node.peer,
                node.listen,
                seconds(node.ready_after)
            ));
            nodes.push(node);
        }
        self.go_on()?;
        let [a, b, c] = nodes.as_mut_slice() else {
            return Err(DemoError::Step { what: "the start", why: "three nodes were wanted".to_owned() });
        };
        let mut times = Times::default();
        self.save(&pool, a, &mut times)?;

        step("Killing node-a with -9: what it saved must not need it any more");
        a.kill()?;
        say("    gone");

        step("Restoring through node-b, which has never seen the cache");
        times.cold = self.restore(&pool, b, "b", &original)?;
        step("Restoring through node-c: now node-b holds it too, and shares");
        times.shared = self.restore(&pool, c, "c", &original)?;
        step("Restoring once more through node-c: everything is in its own store");
        times.warm = self.restore(&pool, c, "c-again", &original)?;
        self.unpack(&mut times)?;
        self.miss(&pool, c)?;
        self.daemons(&[("seed", &seed), ("node-b", b), ("node-c", c)])?;
        table(&times);
        say("\nEverything that was started is being stopped and removed.");
        Ok(())
    }

    /// Between two steps, an interruption is the end.
    fn go_on(&self) -> Result<(), DemoError> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(DemoError::Step { what: "the demonstration", why: "interrupted".to_owned() });
        }
        Ok(())
    }

    fn save(&self, pool: &Pool, a: &Daemon, times: &mut Times) -> Result<(), DemoError> {
        step("Saving it through node-a, signed with the publisher's key; the seed pulls and signs a receipt");
        let saved = pool.pollux(a).save(KEY, &self.input, &pool.publisher(), &[])?;
        self.go_on()?;
        expect("the save", &saved, "saved")?;
        times.save = saved.elapsed;
        say(&format!(
            "    saved in {}: {} chunks, {} compressed, {} receipt",
            seconds(saved.elapsed),
            saved.number("/new_chunks"),
            size(saved.number("/new_frame_bytes")),
            saved.number("/receipts"),
        ));
        let again = pool.pollux(a).save(KEY, &self.input, &pool.publisher(), &[])?;
        self.go_on()?;
        expect("the second save", &again, "unchanged")?;
        say(&format!("    saved again in {}: unchanged, nothing is published twice", seconds(again.elapsed)));
        if baseline::present() {
            let (took, bytes) = baseline::pack(&self.input, &self.work.join("cache.tar.zst"))?;
            say(&format!("    beside it, tar | zstd -3 -T0 took {}: {}", seconds(took), size(bytes)));
            times.pack = Some(took);
        } else {
            say("    (no tar or no zstd here, so nothing to compare with)");
        }
        self.go_on()
    }

    fn restore(
        &self,
        pool: &Pool,
        node: &Daemon,
        name: &str,
        original: &Listing,
    ) -> Result<Duration, DemoError> {
        let target = self.work.join("restored").join(name);
        let restored = pool.pollux(node).restore(KEY, &target, &[])?;
        self.go_on()?;
        expect("the restore", &restored, "hit")?;
        say(&format!("    hit in {}: {} files", seconds(restored.elapsed), restored.number("/files")));
        for (source, name) in [("local", "its own store"), ("peers", "peers"), ("seeds", "the seed")] {
            let bytes = restored.number(&format!("/sources/{source}/bytes"));
            let sent = restored.number(&format!("/sources/{source}/frame_bytes"));
            if bytes > 0 {
                say(&format!("    {} from {name} ({} compressed)", size(bytes), size(sent)));
            }
        }
        original.same_as(&Listing::of(&target)?)?;
        say("    file for file the same: contents, modes, times, links");
        fs::remove_dir_all(&target)?;
        self.go_on()?;
        Ok(restored.elapsed)
    }

    fn unpack(&self, times: &mut Times) -> Result<(), DemoError> {
        if times.pack.is_some() {
            let target = self.work.join("unpacked");
            times.unpack = Some(baseline::unpack(&self.work.join("cache.tar.zst"), &target)?);
            fs::remove_dir_all(&target)?;
        }
        self.go_on()
    }

    fn miss(&self, pool: &Pool, node: &Daemon) -> Result<(), DemoError> {
        step("Asking for a key that nobody saved: a miss is an answer, not a failure");
        let missed = pool.pollux(node).restore("demo/main/cargo/nothing", &self.work.join("nothing"), &[])?;
        self.go_on()?;
        expect("the miss", &missed, "miss")?;
        say(&format!(
            "    exit status 0 after {}, reason: {}",
            seconds(missed.elapsed),
            missed.text("/reason")
        ));
        Ok(())
    }

    fn daemons(&self, daemons: &[(&str, &Daemon)]) -> Result<(), DemoError> {
        step("What the daemons cost");
        for (name, daemon) in daemons {
            let (resident, highest) = daemon.memory()?;
            let cpu = daemon.cpu_seconds()?;
            say(&format!(
                "    {name}  {} resident, {} at its highest, {cpu:.1} s of CPU",
                size(resident),
                size(highest)
            ));
        }
        self.go_on()
    }
}

/// A command that ended as it should.
fn expect(what: &'static str, finished: &Finished, result: &str) -> Result<(), DemoError> {
    if finished.status == Some(0) && finished.result() == result {
        return Ok(());
    }
    let why = format!("status {:?}\n{}{}", finished.status, finished.stdout, finished.stderr);
    Err(DemoError::Step { what, why })
}

fn table(times: &Times) {
    step("Times (whole commands, start to exit)");
    let row = |name: &str, took: Duration, beside: Option<(&str, Duration)>| {
        let beside = beside.map_or_else(String::new, |(name, took)| format!("   {name}: {}", seconds(took)));
        say(&format!("    {name:34} {:>8}{beside}", seconds(took)));
    };
    row("save, published and durable", times.save, times.pack.map(|took| ("tar | zstd -3 -T0", took)));
    row("restore, from the seed", times.cold, None);
    row("restore, from a peer and the seed", times.shared, None);
    row(
        "restore, from the node's own store",
        times.warm,
        times.unpack.map(|took| ("zstd -dc | tar -x", took)),
    );
}
