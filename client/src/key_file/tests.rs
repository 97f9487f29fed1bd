use super::*;
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;

fn key_in(directory: &Path) -> (PathBuf, KeyPair) {
    let path = directory.join("key.pem");
    let key = KeyPair::from_seed([7; 32]);
    write_new(&path, &key).unwrap();
    (path, key)
}

#[test]
fn a_disk_without_room_is_left_without_half_a_key() {
    let directory = tempfile::tempdir().unwrap();
    let mount = |program: &str, words: &[&str]| {
        let mut command = std::process::Command::new(program);
        command.args(words).arg(directory.path()).stderr(std::process::Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if !mount("mount", &["-t", "tmpfs", "-o", "size=4k", "pollux-test"]) {
        println!("skipped: nothing can be mounted here");
        return;
    }
    std::fs::write(directory.path().join("other"), [1; 4096]).unwrap();
    let path = directory.path().join("key.pem");
    let written = write_new(&path, &KeyPair::from_seed([7; 32]));
    let left = path.exists();
    assert!(mount("umount", &["--lazy"]));
    assert!(matches!(written, Err(KeyFileError::Io { .. })), "{written:?}");
    assert!(!left);
}

#[test]
fn who_reads_a_key_keeps_others_from_reading_its_memory() {
    let directory = tempfile::tempdir().unwrap();
    let (path, key) = key_in(directory.path());
    assert_eq!(KeySource::File(path).read().unwrap().public(), key.public());
    assert_eq!(rustix::process::dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
}

#[test]
fn what_was_written_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let (path, key) = key_in(directory.path());
    assert_eq!(read(&path).unwrap().public(), key.public());
    assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o600);
}

#[test]
fn a_key_is_never_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let (path, _) = key_in(directory.path());
    let error = write_new(&path, &KeyPair::from_seed([8; 32])).unwrap_err();
    assert!(
        matches!(error, KeyFileError::Io { ref source, .. } if source.kind() == io::ErrorKind::AlreadyExists)
    );
}

#[test]
fn a_key_that_others_can_read_is_refused_with_the_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let (path, _) = key_in(directory.path());
    set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    let error = read(&path).unwrap_err().to_string();
    assert!(error.contains("0640") && error.contains("chmod 600"), "{error}");
}

#[test]
fn a_file_without_a_key_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key.pem");
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
    assert!(matches!(read(&path), Err(KeyFileError::Parse { .. })));
}

#[test]
fn what_is_no_file_is_refused_without_waiting() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    let kind = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, Mode::RUSR, 0).unwrap();
    for path in [&pipe, Path::new("/dev/zero"), directory.path()] {
        assert!(matches!(read(path), Err(KeyFileError::NotAFile { .. })), "{path:?}");
    }
    assert!(read(&pipe).unwrap_err().to_string().contains("`fd:N`"));
}

#[test]
fn names_of_sources() {
    let named = |name: &str| KeySource::named(name.into());
    assert_eq!(named("-"), KeySource::Input);
    assert_eq!(named("/dev/stdin"), KeySource::Input);
    assert_eq!(named("fd:3"), KeySource::Descriptor(3));
    assert_eq!(named("/dev/fd/63"), KeySource::Descriptor(63));
    assert!(named("-").is_stream() && named("fd:3").is_stream());
    assert_eq!(named("credential:seed-key"), KeySource::Credential("seed-key".to_owned()));
    for file in ["key.pem", "fd:", "fd:-1", "fd:x", "./-"] {
        assert_eq!(named(file), KeySource::File(file.into()));
        assert!(!named(file).is_stream());
    }
}

#[test]
fn a_key_in_place_of_its_file_is_refused_and_not_repeated() {
    let pem = KeyPair::from_seed([7; 32]).to_pem();
    let source = KeySource::named(pem.as_str().into());
    let said = format!("{} {source:?}", source.read().unwrap_err());
    assert!(pem.lines().all(|line| !said.contains(line)), "{said}");
}

#[test]
fn nothing_is_no_name_of_a_key() {
    let source = KeySource::named(OsString::new());
    let said = source.read().unwrap_err().to_string();
    assert!(source.is_empty() && said.contains("no key is named") && said.contains("fd:N"), "{said}");
}

fn descriptor(file: &impl std::os::fd::AsRawFd) -> KeySource {
    KeySource::named(format!("fd:{}", file.as_raw_fd()).into())
}

#[test]
fn a_descriptor_is_read_to_its_end() {
    let key = KeyPair::from_seed([7; 32]);
    let (reader, mut writer) = io::pipe().unwrap();
    let source = descriptor(&reader);
    let read = std::thread::spawn(move || source.read());
    for part in key.to_pem().as_bytes().chunks(50) {
        writer.write_all(part).unwrap();
    }
    drop(writer);
    assert_eq!(read.join().unwrap().unwrap().public(), key.public());
}

#[test]
fn an_endless_descriptor_is_given_up() {
    let zero = File::open("/dev/zero").unwrap();
    assert!(matches!(descriptor(&zero).read(), Err(KeyFileError::Parse { .. })));
}

#[test]
fn a_file_keeps_its_rule_behind_a_descriptor() {
    let directory = tempfile::tempdir().unwrap();
    let (path, key) = key_in(directory.path());
    let file = File::open(&path).unwrap();
    assert_eq!(descriptor(&file).read().unwrap().public(), key.public());
    set_permissions(&path, Permissions::from_mode(0o604)).unwrap();
    let error = descriptor(&file).read().unwrap_err();
    assert!(matches!(error, KeyFileError::ExposedInput { mode: 0o604, .. }), "{error}");
    assert!(error.to_string().contains("run `chmod 600` on it"), "no file is called so: {error}");
}

#[test]
fn the_access_list_of_a_credential_is_no_exposure() {
    let directory = tempfile::tempdir().unwrap();
    let (path, _) = key_in(directory.path());
    for (mode, read) in [(0o440, true), (0o400, true), (0o460, false), (0o444, false), (0o600, true)] {
        set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let found = read_chosen(&path, open_file(&path).unwrap(), EXPOSING_CREDENTIAL);
        assert_eq!(found.is_ok(), read, "{mode:04o}");
    }
}
