//! The machine that has everything: an rsync daemon and a web server, as castor and most caches of CI have them.

use crate::BenchError;
use crate::measure::{Variable, is_here, script};
use pollux_tests::lan::Host;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A server that does not answer by then never will.
const READY_TIMEOUT: Duration = Duration::from_secs(10);

/// Both servers. Dropped, they are killed.
#[derive(Debug)]
pub(super) struct Origin {
    servers: Vec<Child>,
}

impl Origin {
    /// Starts what is installed, on a host; `shared` has what is served: `first`, `next`, `www`.
    pub(super) fn start(host: &Host, from: &Host, shared: &Path) -> Result<Self, BenchError> {
        let mut origin = Self { servers: Vec::new() };
        if is_here("rsync") {
            origin.rsync(host, shared)?;
            wait(from, host, r#"rsync "rsync://$ORIGIN:8730/" >&2"#)?;
        }
        origin.web(host, shared)?;
        wait(from, host, r#"curl -sSf -o /dev/null "http://$ORIGIN:8080/""#)?;
        Ok(origin)
    }

    /// Their processes, whose CPU counts.
    pub(super) fn processes(&self) -> Vec<u32> {
        self.servers.iter().map(Child::id).collect()
    }

    fn rsync(&mut self, host: &Host, shared: &Path) -> Result<(), BenchError> {
        let shown = shared.display();
        let modules: String = ["first", "next"]
            .map(|name| format!("[{name}]\npath = {shown}/{name}\nread only = yes\nuse chroot = no\n"))
            .concat();
        let file = shared.join("rsyncd.conf");
        fs::write(&file, format!("uid = 0\ngid = 0\n{modules}"))?;
        let mut command = host.command(Path::new("rsync"));
        command.args(["--daemon", "--no-detach", "--port=8730"]);
        command.arg(format!("--address={}", host.address)).arg(format!("--config={}", file.display()));
        self.spawn(&mut command, shared)
    }

    /// nginx as one process, so that its CPU can be counted; where it is not installed, Python's.
    fn web(&mut self, host: &Host, shared: &Path) -> Result<(), BenchError> {
        let root = shared.join("www");
        if !is_here("nginx") {
            let mut command = host.command(Path::new("python3"));
            command
                .args(["-m", "http.server", "--protocol", "HTTP/1.1", "8080"])
                .arg("--directory")
                .arg(root);
            return self.spawn(&mut command, shared);
        }
        let (file, own) = (shared.join("nginx.conf"), shared.join("nginx"));
        fs::create_dir(&own)?;
        fs::write(&file, nginx(&own, &root, host))?;
        let mut command = host.command(Path::new("nginx"));
        command.arg("-p").arg(&own).arg("-c").arg(file);
        self.spawn(&mut command, shared)
    }

    fn spawn(&mut self, command: &mut Command, shared: &Path) -> Result<(), BenchError> {
        let log = File::options().create(true).append(true).open(shared.join("servers.log"))?;
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        self.servers.push(child);
        Ok(())
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        for server in &mut self.servers {
            drop(server.kill());
            drop(server.wait());
        }
    }
}

fn nginx(own: &Path, root: &Path, host: &Host) -> String {
    let (own, root, address) = (own.display(), root.display(), host.address);
    let kinds: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {own}/{kind};\n"))
        .concat();
    format!(
        "user root;\ndaemon off;\nmaster_process off;\npid {own}/pid;\nerror_log {own}/errors;\nevents {{}}\nhttp {{\n{kinds}access_log \
         off;\nsendfile on;\nserver {{ listen {address}:8080; root {root}; autoindex on; }}\n}}\n"
    )
}

/// Until a question is answered.
fn wait(from: &Host, to: &Host, question: &str) -> Result<(), BenchError> {
    let address = to.address.to_string();
    let until = Instant::now() + READY_TIMEOUT;
    loop {
        match script(Some(from), question, &[Variable("ORIGIN", Path::new(&address))]) {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() > until => return Err(error),
            Err(_) => sleep(Duration::from_millis(50)),
        }
    }
}
