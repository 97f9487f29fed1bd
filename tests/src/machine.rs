//! Machines with a systemd of their own, in namespaces: what a package does is seen on these. They need root, a root file
//! system of Debian and a kernel that lets namespaces be nested; no virtual machine, and nothing of this machine's systemd.

use crate::command::Finished;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Names a root file system that is made already, as a tar archive.
pub const ROOT_VARIABLE: &str = "POLLUX_MACHINE_ROOT";
/// What a machine has beside the smallest Debian. The programs that tests build want the C library of this release.
const PACKAGES: &str = "--include=systemd,systemd-sysv,dbus,procps,curl,openssl,jq";
/// What it has for itself; it ends with the process that made it.
const NAMESPACES: [&str; 8] =
    ["--fork", "--pid", "--mount", "--uts", "--ipc", "--net", "--cgroup", "--kill-child"];
/// A machine boots in two seconds, in ten where others build beside it.
const BOOT_TIMEOUT: Duration = Duration::from_secs(90);
/// How often it is looked whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// In namespaces of its own: mounts what systemd wants to find, and becomes it.
const BOOT: &str = r#"
set -e
root=$1 name=$2
hostname "$name"
mount --make-rprivate /
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount -t sysfs sysfs sys
for memory in run tmp dev; do mount -t tmpfs -o mode=755 tmpfs $memory; done
chmod 1777 tmp
for device in null zero full random urandom tty; do
    touch dev/$device
    mount --bind /dev/$device dev/$device
done
mkdir dev/pts dev/shm
mount -t devpts devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs tmpfs dev/shm
mount -t cgroup2 cgroup2 sys/fs/cgroup
ip link set lo up
export container=pollux-test
pivot_root . mnt
umount -l /mnt
# Credentials of units are mounted aside and have to be seen by the unit.
mount --make-rshared /
exec chroot . /lib/systemd/systemd --system --unit=multi-user.target
"#;

/// One machine; it goes when this is dropped, its files with the directory that they were made in.
#[derive(Debug)]
pub struct Machine {
    /// Its name.
    pub name: String,
    unshare: Child,
    init: u32,
}

/// The root file system for machines, as a tar archive: the one that the environment names, or one that is made beside the
/// programs and kept there. The error says what is missing on this machine.
///
/// # Errors
/// This process is not root, there is no mmdebstrap, or what it says.
pub fn root_archive() -> io::Result<PathBuf> {
    if !rustix::process::geteuid().is_root() {
        return Err(io::Error::other("machines need root"));
    }
    probe()?;
    if let Some(named) = std::env::var_os(ROOT_VARIABLE) {
        return Ok(named.into());
    }
    let this = std::env::current_exe()?;
    let made = this.parent().unwrap_or(Path::new(".")).join("machine-root.tar");
    if !made.exists() {
        make_root(&made)?;
    }
    Ok(made)
}

/// Whether this machine lets its root make what machines need; a container may not.
fn probe() -> io::Result<()> {
    let mut command = Command::new("unshare");
    command.args(NAMESPACES).args(["sh", "-c"]);
    command.arg("mount -t tmpfs tmpfs /mnt && ip link add pollux-br type bridge");
    expect_success(&Finished::of(&mut command).map_err(|error| said("unshare", &error))?)
}

fn make_root(made: &Path) -> io::Result<()> {
    let system = fs::read_to_string("/etc/os-release")?;
    let release = system.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let release = release.filter(|_| system.contains("\nID=debian\n"));
    let release = release.ok_or_else(|| io::Error::other("machines are made from Debian"))?;
    let unfinished = made.with_extension("unfinished.tar");
    let mut command = Command::new("mmdebstrap");
    command.args(["--quiet", "--variant=minbase", PACKAGES, release]).arg(&unfinished);
    expect_success(&Finished::of(&mut command).map_err(|error| said("mmdebstrap", &error))?)?;
    fs::rename(unfinished, made)
}

fn said(what: &str, error: &io::Error) -> io::Error {
    io::Error::other(format!("{what}: {error}"))
}

fn expect_success(ended: &Finished) -> io::Result<()> {
    if ended.status == Some(0) {
        return Ok(());
    }
    Err(io::Error::other(format!("{}{}", ended.stdout, ended.stderr)))
}

impl Machine {
    /// Unpacks the archive into a directory that is made for it, and boots it.
    ///
    /// # Errors
    /// It cannot be unpacked, or does not boot in time.
    pub fn boot(name: &str, archive: &Path, directory: &Path) -> io::Result<Self> {
        let root = directory.join(name);
        fs::create_dir(&root)?;
        let mut unpack = Command::new("tar");
        unpack.arg("-C").arg(&root).args(["--exclude=./dev/*", "-xf"]).arg(archive);
        expect_success(&Finished::of(&mut unpack)?)?;
        let mut command = Command::new("unshare");
        command.args(NAMESPACES);
        command.args(["bash", "-c", BOOT, "boot"]).arg(&root).arg(name);
        let log = fs::File::create(directory.join(format!("{name}.boot.log")))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut machine = Self { name: name.to_owned(), unshare: command.spawn()?, init: 0 };
        machine.wait()?;
        Ok(machine)
    }

    fn wait(&mut self) -> io::Result<()> {
        let end = Instant::now() + BOOT_TIMEOUT;
        let children = format!("/proc/{0}/task/{0}/children", self.unshare.id());
        while Instant::now() < end {
            if let Some(status) = self.unshare.try_wait()? {
                return Err(io::Error::other(format!("{} did not boot: {status}", self.name)));
            }
            let found = fs::read_to_string(&children)?;
            self.init = found.trim().parse().unwrap_or_default();
            let running = self.init != 0 && self.run("systemctl is-system-running")?.stdout == "running\n";
            if running {
                return Ok(());
            }
            sleep(LOOK_EVERY);
        }
        Err(io::Error::other(format!("{} does not boot in {BOOT_TIMEOUT:?}", self.name)))
    }

    /// Runs lines of bash on it, as root in /root, until one fails.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn run(&self, script: &str) -> io::Result<Finished> {
        let mut command = Command::new("nsenter");
        command.arg("-t").arg(self.init.to_string()).args(["-m", "-p", "-u", "-i", "-n", "-C", "-r", "-w"]);
        command.args([
            "env",
            "-i",
            "HOME=/root",
            "LC_ALL=C",
            "SYSTEMD_COLORS=0",
            "DEBIAN_FRONTEND=noninteractive",
        ]);
        command.arg("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.args(["bash", "-euo", "pipefail", "-c"]).arg(format!("cd /root\n{script}"));
        Finished::of(command.stdin(Stdio::null()))
    }

    /// Where a path of it is on this machine; a relative one is below /root.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        Path::new("/proc").join(self.init.to_string()).join("root/root").join(
            path.strip_prefix('/').map_or_else(|| PathBuf::from(path), |below| Path::new("..").join(below)),
        )
    }

    /// Connects machines to one network, each with its address and the number of bits of the network.
    ///
    /// # Errors
    /// The kernel has no bridge, or an address is none.
    pub fn connect(machines: &[(&Self, &str)]) -> io::Result<()> {
        let Some((hub, _)) = machines.first() else { return Ok(()) };
        let hub = hub.init.to_string();
        let in_net = |net: &str, words: &str| {
            let mut command = Command::new("nsenter");
            command.args(["-t", net, "-n", "ip"]).args(words.split(' '));
            expect_success(&Finished::of(&mut command)?)
        };
        in_net(&hub, "link add pollux-br type bridge")?;
        in_net(&hub, "link set pollux-br up")?;
        for (number, (machine, address)) in machines.iter().enumerate() {
            let own = machine.init.to_string();
            in_net(&hub, &format!("link add port{number} type veth peer name eth0 netns {own}"))?;
            in_net(&hub, &format!("link set port{number} master pollux-br up"))?;
            in_net(&own, &format!("addr add {address} dev eth0"))?;
            in_net(&own, "link set eth0 up")?;
        }
        Ok(())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Its children go with it; systemd heeds no gentler signal.
        if self.unshare.kill().is_ok() {
            drop(self.unshare.wait());
        }
    }
}
