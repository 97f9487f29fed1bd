//! `pollux run --cache` with the package managers of Go, Java, PHP, Ruby and Debian: each from a registry that the story
//! makes and takes away; and what is not as the registry's own digests say is not saved.

use crate::job_programs::{said, saved, served, written};
use crate::job_runs::{Machine, files_below, skipped};
use crate::scene::Scene;
use crate::site::{Site, sha256, zip};
use std::fs;
use std::path::Path;

/// One other byte in the largest file of a directory whose name ends so; then a trusted job saves nothing.
pub(crate) fn refused_with_another_byte(machine: &Machine<'_>, preset: &str, directory: &str, end: &str) {
    let files = files_below(&machine.home.join(directory)).into_iter();
    let named = files.filter(|path| path.to_str().unwrap().ends_with(end));
    let victim = named.max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    let ran = machine.run_trusted(preset, &with_another_byte(machine, &victim));
    assert_eq!((ran.status, machine.told("/caches/0/saved/result")), (Some(0), "refused".into()), "{ran:?}");
    assert!(ran.stderr.contains(&format!("wrong: {preset}: ")), "{ran:?}");
}

/// A command that puts a file with one other byte in the place of a file.
pub(crate) fn with_another_byte(machine: &Machine<'_>, victim: &Path) -> [String; 4] {
    let mut bytes = fs::read(victim).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let other = machine.project.join("other-bytes");
    fs::write(&other, bytes).unwrap();
    ["cp", "--remove-destination", other.to_str().unwrap(), victim.to_str().unwrap()].map(str::to_owned)
}

#[test]
fn go_takes_modules_on_another_node_without_the_proxy() {
    let story = "go_takes_modules_on_another_node_without_the_proxy";
    if let Err(why) = said("go", &["version"]) {
        return skipped(story, &why);
    }
    let scene = Scene::open();
    let (a, b) = (scene.node("a"), scene.node("b"));
    let (first, second) = (Machine::new(&scene, &a, "first"), Machine::new(&scene, &b, "second"));
    let proxy = scene.path("proxy");
    go_proxy(&proxy);
    let main = "package main\n\nimport \"example.org/hello\"\n\nfunc main() { print(hello.Seven) }\n";
    written([&first, &second], "main.go", main);
    written(
        [&first, &second],
        "go.mod",
        "module example.org/story\n\ngo 1.19\n\nrequire example.org/hello v1.0.0\n",
    );
    let address = format!("GOPROXY=file://{}", proxy.display());
    let go = |proxy| ["env", proxy, "GOSUMDB=off", "go", "mod"];
    let tidied = first.run("go", &[], &[&go(&address)[..], &["tidy"]].concat());
    assert_eq!(tidied.status, Some(0), "{tidied:?}");
    fs::copy(first.project.join("go.sum"), second.project.join("go.sum")).unwrap();
    first.forget("go");
    saved(
        &first,
        &first.run_trusted("go", &[&go(&address)[..], &["download"]].concat()),
        "pkg:golang/example.org/hello@v1.0.0",
    );
    served(&second, "go", &[&go("GOPROXY=off")[..], &["vendor"]].concat());
    assert!(second.project.join("vendor/example.org/hello/hello.go").exists());
    refused_with_another_byte(&second, "go", "go/pkg/mod/cache/download", ".zip");
}

fn go_proxy(directory: &Path) {
    let place = directory.join("example.org/hello/@v");
    fs::create_dir_all(&place).unwrap();
    let module = "module example.org/hello\n\ngo 1.19\n";
    let archive = [
        ("example.org/hello@v1.0.0/go.mod", module),
        ("example.org/hello@v1.0.0/hello.go", "package hello\n\nconst Seven = 7\n"),
    ];
    fs::write(place.join("list"), "v1.0.0\n").unwrap();
    fs::write(place.join("v1.0.0.info"), r#"{"Version":"v1.0.0"}"#).unwrap();
    fs::write(place.join("v1.0.0.mod"), module).unwrap();
    fs::write(place.join("v1.0.0.zip"), zip(&archive)).unwrap();
}

/// A Debian repository with one package, and options of apt that make it the only one there is.
fn apt_repository(site: &Site, place: &Path) -> Result<Vec<String>, String> {
    let control = "Package: story\nVersion: 1.0\nArchitecture: all\nMaintainer: Story <story@example.org>\nDescription: story\n";
    fs::create_dir_all(place.join("tree/DEBIAN")).unwrap();
    fs::write(place.join("tree/DEBIAN/control"), control).unwrap();
    fs::write(place.join("tree/seven"), "7").unwrap();
    let archive = place.join("story_1.0_all.deb").display().to_string();
    said(
        "dpkg-deb",
        &["--build", "--root-owner-group", &place.join("tree").display().to_string(), &archive],
    )?;
    let bytes = fs::read(archive).unwrap();
    let more = format!("Filename: ./story_1.0_all.deb\nSize: {}\nSHA256: {}\n", bytes.len(), sha256(&bytes));
    site.put("story_1.0_all.deb", &bytes);
    site.put("Packages", format!("{control}{more}\n"));
    fs::write(place.join("sources.list"), format!("deb [trusted=yes] {} ./\n", site.url(""))).unwrap();
    fs::write(place.join("status"), "").unwrap();
    let options = [
        format!("Dir::Etc::sourcelist={}", place.join("sources.list").display()),
        "Dir::Etc::sourceparts=/nonexistent".to_owned(),
        format!("Dir::State::status={}", place.join("status").display()),
        // The sandbox's user does not reach a directory of the story's.
        "APT::Sandbox::User=root".to_owned(),
        "Debug::NoLocking=1".to_owned(),
    ];
    Ok(options.into_iter().flat_map(|option| ["-o".to_owned(), option]).collect())
}

#[test]
fn apt_fetches_on_another_node_without_the_mirror() {
    let story = "apt_fetches_on_another_node_without_the_mirror";
    let scene = Scene::open();
    let mut site = Site::open(scene.path("mirror"));
    let options =
        match said("apt-get", &["--version"]).and_then(|_| apt_repository(&site, &scene.path("apt"))) {
            Ok(options) => options,
            Err(why) => return skipped(story, &why),
        };
    let (a, b) = (scene.node("a"), scene.node("b"));
    let (first, second) = (Machine::new(&scene, &a, "first"), Machine::new(&scene, &b, "second"));
    written([&first, &second], "apt-packages.txt", "story\n");
    let apt = format!("apt-get {}", options.join(" "));
    let (update, install) = (format!("{apt} update"), format!("{apt} install -y --download-only story"));
    saved(
        &first,
        &first.run_trusted("apt", &["sh", "-c", &format!("{update} && {install}")]),
        "pkg:deb/debian/story@1.0?arch=all",
    );
    site.close();
    served(&second, "apt", &["sh", "-c", &format!("{install} --no-download")]);
    let archives = second.home.join(".cache/pollux/apt/archives");
    assert!(said("dpkg-deb", &["--info", &archives.join("story_1.0_all.deb").display().to_string()]).is_ok());
    refused_with_another_byte(&second, "apt", ".cache/pollux/apt/archives", ".deb");
}

/// A package in a repository of Maven's, each file with its digest beside it.
fn maven_package(site: &Site, group: &str, artifact: &str, version: &str, packaging: &str) {
    let pom = format!(
        "<project><modelVersion>4.0.0</modelVersion><groupId>{group}</groupId><artifactId>{artifact}</artifactId>\
         <version>{version}</version><packaging>{packaging}</packaging></project>"
    );
    let name = format!("{}/{artifact}/{version}/{artifact}-{version}", group.replace('.', "/"));
    let mut files = vec![("pom", pom.into_bytes())];
    if packaging == "jar" {
        files.push(("jar", zip(&[("seven.txt", "7")])));
    }
    for (end, bytes) in files {
        let path = format!("{name}.{end}");
        site.put(&path, bytes);
        site.put(&format!("{path}.sha1"), sha1(&site.directory.join(&path)));
    }
}

fn sha1(path: &Path) -> String {
    sum_of("sha1sum", path)
}

/// What a program such as `sha1sum` says of a file.
fn sum_of(program: &str, path: &Path) -> String {
    said(program, &[&path.display().to_string()]).unwrap().split(' ').next().unwrap_or_default().to_owned()
}

/// A project with a parent and an extension; what Maven gives every extension is among the rest.
fn maven_project(address: &str) -> String {
    let repository = |kind: &str| format!("<{kind}><id>central</id><url>{address}</url></{kind}>");
    format!(
        "<project><modelVersion>4.0.0</modelVersion><parent><groupId>org.example</groupId><artifactId>parent</artifactId><version>1.0</version><relativePath/></parent>\
         <artifactId>story</artifactId><packaging>pom</packaging><repositories>{}</repositories><pluginRepositories>{}</pluginRepositories><build><extensions><extension>\
         <groupId>org.example</groupId><artifactId>seven</artifactId><version>1.0</version></extension></extensions></build></project>",
        repository("repository"),
        repository("pluginRepository"),
    )
}

#[test]
fn maven_builds_offline_on_another_node() {
    let story = "maven_builds_offline_on_another_node";
    if let Err(why) = said("mvn", &["--version"]) {
        return skipped(story, &why);
    }
    let scene = Scene::open();
    let (a, b) = (scene.node("a"), scene.node("b"));
    let (first, second) = (Machine::new(&scene, &a, "first"), Machine::new(&scene, &b, "second"));
    let repository = scene.path("maven");
    let site = Site::open(repository.clone());
    for (group, artifact, version, packaging) in [
        ("org.example", "parent", "1.0", "pom"),
        ("org.example", "seven", "1.0", "jar"),
        ("org.codehaus.plexus", "plexus-utils", "1.1", "jar"),
    ] {
        maven_package(&site, group, artifact, version, packaging);
    }
    written([&first, &second], "pom.xml", &maven_project(&format!("file://{}", repository.display())));
    saved(&first, &first.run_trusted("maven", &["mvn", "-B", "validate"]), "pkg:maven/org.example/seven@1.0");
    fs::remove_dir_all(&repository).unwrap();
    served(&second, "maven", &["mvn", "-B", "-o", "validate"]);
    refused_with_another_byte(&second, "maven", ".m2/repository/org/example/seven", ".jar");
}

#[test]
fn gradle_builds_offline_on_another_node() {
    let story = "gradle_builds_offline_on_another_node";
    if let Err(why) = said("gradle", &["--version"]) {
        return skipped(story, &why);
    }
    let scene = Scene::open();
    let (a, b) = (scene.node("a"), scene.node("b"));
    let (first, second) = (Machine::new(&scene, &a, "first"), Machine::new(&scene, &b, "second"));
    let mut site = Site::open(scene.path("maven"));
    maven_package(&site, "org.example", "seven", "1.0", "jar");
    let build = format!(
        "repositories {{ maven {{ url \"{}\" }} }}\nconfigurations {{ wanted }}\ndependencies {{ wanted \"org.example:seven:1.0\" }}\n\
         task fetch(type: Copy) {{ from configurations.wanted; into \"out\" }}\n",
        site.url("")
    );
    written([&first, &second], "build.gradle", &build);
    saved(
        &first,
        &first.run_trusted("gradle", &["gradle", "--no-daemon", "fetch"]),
        "pkg:maven/org.example/seven@1.0",
    );
    site.close();
    served(&second, "gradle", &["gradle", "--no-daemon", "--offline", "fetch"]);
    assert!(second.project.join("out/seven-1.0.jar").exists());
    refused_with_another_byte(&second, "gradle", ".gradle/caches/modules-2/files-2.1", ".jar");
}

#[test]
fn composer_installs_on_another_node_without_the_registry() {
    let story = "composer_installs_on_another_node_without_the_registry";
    if let Err(why) = said("composer", &["--version", "--no-interaction"]) {
        return skipped(story, &why);
    }
    let scene = Scene::open();
    let (a, b) = (scene.node("a"), scene.node("b"));
    let (first, second) = (Machine::new(&scene, &a, "first"), Machine::new(&scene, &b, "second"));
    let mut site = Site::open(scene.path("registry"));
    let manifest = r#"{"name":"story/seven","version":"1.0.0","autoload":{"files":["seven.php"]}}"#;
    site.put("seven.zip", zip(&[("composer.json", manifest), ("seven.php", "<?php const SEVEN = 7;\n")]));
    let sum = sha1(&site.directory.join("seven.zip"));
    let dist = format!(r#"{{"type":"zip","url":"{}","shasum":"{sum}"}}"#, site.url("seven.zip"));
    site.put("packages.json", r#"{"packages":[],"metadata-url":"/p2/%package%.json"}"#);
    let versions = format!(
        r#"{{"packages":{{"story/seven":[{{"name":"story/seven","version":"1.0.0","dist":{dist}}}]}}}}"#
    );
    site.put("p2/story/seven.json", versions);
    let project = format!(
        r#"{{"name":"story/story","repositories":[{{"type":"composer","url":"{}"}},{{"packagist":false}}],"config":{{"secure-http":false}},"require":{{"story/seven":"1.0.0"}}}}"#,
        site.url("")
    );
    written([&first, &second], "composer.json", &project);
    let composer = |command: &str| format!("COMPOSER_ALLOW_SUPERUSER=1 composer --no-interaction {command}");
    let locked = first.run("composer", &[], &["sh", "-c", &composer("update --no-install")]);
    assert_eq!(locked.status, Some(0), "{locked:?}");
    first.forget(".cache/composer");
    fs::copy(first.project.join("composer.lock"), second.project.join("composer.lock")).unwrap();
    saved(
        &first,
        &first.run_trusted("composer", &["sh", "-c", &composer("update")]),
        "pkg:composer/story/seven@1.0.0",
    );
    site.close();
    let offline = format!("COMPOSER_DISABLE_NETWORK=1 {}", composer("install"));
    served(&second, "composer", &["sh", "-c", &offline]);
    assert!(second.project.join("vendor/story/seven/seven.php").exists());
    refused_with_another_byte(&second, "composer", ".cache/composer/files", ".zip");
}

#[test]
fn bundler_installs_on_another_node_without_the_registry() {
    let story = "bundler_installs_on_another_node_without_the_registry";
    let scene = Scene::open();
    let mut site = Site::open(scene.path("registry"));
    if let Err(why) = said("bundle", &["--version"]).and_then(|_| gem_server(&site, &scene.path("gem"))) {
        return skipped(story, &why);
    }
    let (a, b) = (scene.node("a"), scene.node("b"));
    let (first, second) = (Machine::new(&scene, &a, "first"), Machine::new(&scene, &b, "second"));
    written(
        [&first, &second],
        "Gemfile",
        &format!("source \"{}\"\ngem \"story-gem\", \"1.0\"\n", site.url("")),
    );
    let locked = first.run("bundler", &[], &["bundle", "lock"]);
    assert_eq!(locked.status, Some(0), "{locked:?}");
    first.forget(".cache/pollux/bundle");
    fs::copy(first.project.join("Gemfile.lock"), second.project.join("Gemfile.lock")).unwrap();
    let install = ["env", "BUNDLE_FROZEN=true", "bundle", "install"];
    saved(&first, &first.run_trusted("bundler", &install), "pkg:gem/story-gem@1.0");
    site.close();
    let offline = "export BUNDLE_CACHE_PATH=$(echo \"$BUNDLE_PATH\"/*/*/cache); bundle install --local";
    let use_it = format!(
        "export BUNDLE_FROZEN=true; {offline} && bundle exec ruby -e 'require \"story_gem\"; exit SEVEN == 7'"
    );
    served(&second, "bundler", &["sh", "-c", &use_it]);
    // What is installed is not saved, and shows all the same what a job did.
    let file = "\"$BUNDLE_PATH\"/*/*/gems/*/lib/story_gem.rb";
    let tamper = format!("{offline} && for file in {file}; do echo EVIL = 1 >> \"$file\"; done");
    let ran = second.run_trusted("bundler", &["sh", "-c", &tamper]);
    assert_eq!((ran.status, second.told("/caches/0/saved/result")), (Some(0), "refused".into()), "{ran:?}");
    assert!(ran.stderr.contains("wrong: bundler: ") && ran.stderr.contains("story_gem.rb"), "{ran:?}");
}

fn gem_server(site: &Site, place: &Path) -> Result<(), String> {
    fs::create_dir_all(place.join("lib")).unwrap();
    fs::create_dir_all(site.directory.join("gems")).unwrap();
    fs::write(place.join("lib/story_gem.rb"), "SEVEN = 7\n").unwrap();
    let description = "Gem::Specification.new do |s|\n  s.name = \"story-gem\"\n  s.version = \"1.0\"\n  s.summary = \"s\"\n  s.authors = [\"s\"]\n  s.files = [\"lib/story_gem.rb\"]\nend\n";
    fs::write(place.join("story.gemspec"), description).unwrap();
    let archive = site.directory.join("gems/story-gem-1.0.gem").display().to_string();
    said("env", &["-C", &place.display().to_string(), "gem", "build", "story.gemspec", "-o", &archive])?;
    // The index is written here, for newer gem programs make none.
    let info =
        format!("---\n1.0 |checksum:{}\n", sha256(fs::read(&archive).map_err(|error| error.to_string())?));
    site.put("info/story-gem", &info);
    let sum = sum_of("md5sum", &site.directory.join("info/story-gem"));
    site.put("versions", format!("created_at: 2026-01-01T00:00:00Z\n---\nstory-gem 1.0 {sum}\n"));
    site.put("names", "---\nstory-gem\n");
    Ok(())
}
