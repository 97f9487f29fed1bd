//! Keys and signatures that other programs read.

use crate::scene::Scene;
use std::fs;
use std::io::Write;
use std::process::{Command, Output};

/// What a program says in the scene's directory; nothing where it is missing.
fn other(scene: &Scene, program: &str, arguments: &[&str]) -> Option<Output> {
    match Command::new(program).args(arguments).current_dir(scene.path("")).output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            skipped(&format!("there is no {program} here"));
            None
        }
        ran => Some(ran.unwrap()),
    }
}

/// Says so where nobody catches it.
fn skipped(why: &str) {
    drop(writeln!(std::io::stderr(), "skipped: {why}"));
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// `pollux key show` of the publisher's key, in a file.
fn show(scene: &Scene, format: &str, file: &str) -> String {
    let arguments = ["key", "show", "pool/publisher.pem", "--format", format];
    let output = crate::pollux(&arguments).current_dir(scene.path("")).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    fs::write(scene.path(file), &output.stdout).unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn openssl_reads_keys() {
    let scene = Scene::new();
    let pem = show(&scene, "pem", "publisher.pub");
    let arguments = ["pkey", "-in", "pool/publisher.pem", "-text", "-noout"];
    let Some(text) = other(&scene, "openssl", &arguments) else { return };
    assert!(text.status.success() && said(&text).contains("ED25519 Private-Key"), "{}", said(&text));
    let arguments = ["pkey", "-in", "pool/publisher.pem", "-pubout"];
    assert_eq!(said(&other(&scene, "openssl", &arguments).unwrap()), pem);
}

#[test]
fn ssh_keygen_reads_keys() {
    let scene = Scene::new();
    show(&scene, "pem", "publisher.pub");
    let line = show(&scene, "ssh", "publisher.ssh");
    let arguments = ["-i", "-m", "PKCS8", "-f", "publisher.pub"];
    let Some(read) = other(&scene, "ssh-keygen", &arguments) else { return };
    // Old ones know no Ed25519 key in this form, but its line.
    if read.status.success() {
        assert_eq!(said(&read).trim_end(), line.trim_end());
    } else {
        skipped(&format!("this ssh-keygen reads no Ed25519 key in PKCS8: {}", said(&read)));
    }
    let print = other(&scene, "ssh-keygen", &["-l", "-f", "publisher.ssh"]).unwrap();
    assert!(print.status.success() && said(&print).contains("ED25519"), "{}", said(&print));
}

/// The commands that `pollux verify --help` names.
#[test]
fn openssl_verifies_a_manifest() {
    let scene = Scene::new();
    let certified = scene.certified(&scene.manifest("a/b/c", 1, &[]), &scene.key("publisher"));
    fs::write(scene.path("manifest.json"), serde_json::to_string(&certified).unwrap()).unwrap();
    let arguments = ["verify", "manifest.json", "--pool", "pool/pool.json", "--signed-bytes", "manifest.bin"];
    let verified = scene.run(&arguments);
    assert!(verified.starts_with("status 0\n"), "{verified}");
    show(&scene, "pem", "publisher.pub");
    let command =
        "pkeyutl -verify -pubin -inkey publisher.pub -rawin -in manifest.bin -sigfile manifest.bin.sig";
    let arguments: Vec<&str> = command.split(' ').collect();
    let Some(checked) = other(&scene, "openssl", &arguments) else { return };
    let version = said(&other(&scene, "openssl", &["version"]).unwrap());
    if version.starts_with("OpenSSL 1.") || version.starts_with("LibreSSL") {
        skipped(&format!("{version} has no -rawin for Ed25519"));
        return;
    }
    assert!(
        checked.status.success() && said(&checked).contains("Verified Successfully"),
        "{}",
        said(&checked)
    );
    let mut bytes = fs::read(scene.path("manifest.bin")).unwrap();
    bytes.push(b' ');
    fs::write(scene.path("manifest.bin"), bytes).unwrap();
    assert!(!other(&scene, "openssl", &arguments).unwrap().status.success(), "another byte is noticed");
}

#[test]
fn forms_of_a_key() {
    let scene = Scene::new();
    let hex = show(&scene, "hex", "hex");
    assert_eq!(hex.trim_end(), scene.key("publisher").public().to_string());
    let arguments = ["key", "show", "pool/publisher.pem", "--json"];
    let output = crate::pollux(&arguments).current_dir(scene.path("")).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["hex"], hex.trim_end());
    for format in ["pem", "ssh", "peer"] {
        assert_eq!(report[format], show(&scene, format, format).trim_end());
    }
    insta::assert_snapshot!("key-nobody", scene.run(&["key", "show", "nobody"]));
}
