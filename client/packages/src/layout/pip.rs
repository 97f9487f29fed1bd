//! The cache of pip: responses of registries, and wheels that were built here.
//!
//! ```text
//! http/a/b/c/d/e/abcde…             a response whole: status, headers, body (before pip 23.3)
//! http-v2/a/b/c/d/e/abcde…          the same without its body
//! http-v2/a/b/c/d/e/abcde….body     the body, as it came
//! wheels/ab/cd/ef/…/NAME.whl        a wheel built of a source archive
//! wheels/ab/cd/ef/…/origin.json     of which one: address and digests (since pip 22.2); a wheel without it goes
//! selfcheck/…                       when pip last looked for a newer pip
//! ```
//!
//! After the sources of pip 23.2 and 26.3 (`cache.py`, `network/cache.py`, and their copy of `CacheControl`), and caches that
//! they made. The name of a response is the SHA-224 of its address, which is written nowhere; it begins `cc=4,` and is
//! `MessagePack`. What a response is, its body tells: wheels and source archives have their metadata in them. What it must
//! be, the pages of the index tell that are cached beside it: they name files, with digests, and mostly with an address
//! whose SHA-224 finds the response. Headers of some registries state digests, too. A page without the packages that it
//! names is legitimately alone; so is a redirection without a body. pip makes no symlinks.

mod page;
mod response;
mod wheels;

use crate::digest::{Algorithm, Digest};
use crate::files::Files;
use crate::layout::address;
use crate::purl::Purl;
use crate::python::archive::Part;
use crate::python::{purl_of_file, tags_of_wheel};
use crate::reading::{Answer, Check, Expected, Held, Mend, Orphan, Reading};
use page::Named;
use response::{Content, Response};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Bytes that are hashed at once.
const BUFFER_BYTES: usize = 256 * 1024;
/// Files that pages name for one version of a package, at most: a few hundred are the most there are.
const NAMED_MAX: usize = 2000;
/// Parts of the cache that are no layout of packages.
const BESIDE: [&str; 1] = ["selfcheck"];

/// Reads it.
pub(crate) fn read(files: &Files) -> Reading {
    let mut reading = Reading::default();
    let mut responses = Vec::new();
    for (part, is_split) in [("http", false), ("http-v2", true)] {
        if files.under(part).any(|(path, _)| key_of(part, path).is_some()) {
            reading.layouts.push(format!("pip {part}"));
            find_responses(files, part, is_split, &mut responses, &mut reading);
        }
    }
    if wheels::read(files, &mut reading) {
        reading.layouts.push("pip wheels".to_owned());
    }
    let named = Names::of(files, &responses, tags_of_wheel, &mut reading);
    for response in &responses {
        read_response(files, response, &named, &mut reading);
    }
    find_answers(&responses, &named, &mut reading);
    if !reading.layouts.is_empty() {
        note_rest(files, &mut reading);
    }
    reading.forbid_links(files, "");
    reading
}

fn note_rest(files: &Files, reading: &mut Reading) {
    let known = ["http", "http-v2", "wheels"];
    let parts = files.iter().filter_map(|(path, _)| path.split_once('/')).map(|(part, _)| part);
    let unknown: BTreeSet<&str> =
        parts.filter(|part| !known.contains(part) && !BESIDE.contains(part)).collect();
    for part in unknown {
        let is_newer = part.starts_with("http-v") || part.starts_with("wheels-v");
        let what = if is_newer {
            "a newer layout, of which nothing is known"
        } else {
            "no known part of a cache of pip"
        };
        reading.note(part, what);
    }
}

/// What is no package may go, unless it declares what a package must be.
fn find_answers(responses: &[Response], names: &Names, reading: &mut Reading) {
    let named = responses.iter().filter_map(|response| names.of_response(response));
    let declares: BTreeSet<&str> = named.map(|named| named.page.as_str()).collect();
    let is_answer = |response: &&Response| {
        let tells = matches!(response.content, Content::Page | Content::Metadata | Content::Nothing);
        tells && !declares.contains(response.path.as_str())
    };
    let answers = responses.iter().filter(is_answer).map(|response| {
        let body = Some(&response.body.path).filter(|_| response.is_split());
        Answer { files: [&response.path].into_iter().chain(body).cloned().collect() }
    });
    reading.answers.extend(answers);
}

/// The SHA-224 that a response is named by, if the file is at its place.
fn key_of<'a>(part: &str, path: &'a str) -> Option<&'a str> {
    let place = path.strip_prefix(part)?.strip_prefix('/')?;
    let (letters, key) = place.rsplit_once('/')?;
    let is_key = key.len() == 56 && key.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_key && letters.replace('/', "") == key.get(..5)? && letters.len() == 9).then_some(key)
}

fn orphan(reading: &mut Reading, path: &str, why: &str) {
    let mend = Mend::Remove(vec![path.to_owned()]);
    reading.orphans.push(Orphan { path: path.to_owned(), why: why.to_owned(), mend });
}

fn find_responses(
    files: &Files,
    part: &str,
    is_split: bool,
    responses: &mut Vec<Response>,
    reading: &mut Reading,
) {
    for (path, _) in files.under(part) {
        let stem = if is_split { path.strip_suffix(".body").unwrap_or(path) } else { path };
        let Some(key) = key_of(part, stem) else {
            // Written beside its place, and moved there when it is whole.
            let unfinished =
                path.ends_with(".tmp") && path.rsplit('/').next().is_some_and(|name| name.len() > 56);
            if unfinished {
                orphan(reading, path, "it was not written to its end");
            } else {
                reading.note(path, "no response");
            }
            continue;
        };
        if stem != path {
            if !files.has(stem) {
                orphan(reading, path, "its response is missing");
            }
            continue;
        }
        match Response::read(files, path, key, is_split) {
            Ok(Some(response)) => responses.push(response),
            Ok(None) => orphan(reading, path, "its body is missing"),
            Err(what) => reading.note(path, what),
        }
    }
}

/// What the cached pages say of the cached responses.
#[derive(Default)]
struct Names {
    by_key: BTreeMap<String, Agreed>,
    by_purl: BTreeMap<Purl, Project>,
}

/// The files that pages name for one version of a package, by what tells which a response is.
#[derive(Default)]
struct Project {
    count: usize,
    by_file: BTreeMap<String, Agreed>,
    by_tags: BTreeMap<Digest, Agreed>,
    source: Option<Agreed>,
}

/// What pages say of one file. Where they differ, none is believed.
struct Agreed {
    first: Rc<Named>,
    differ: bool,
}

impl Agreed {
    const fn new(first: Rc<Named>) -> Self {
        Self { first, differ: false }
    }

    fn add(known: Option<&mut Self>, named: &Named) -> bool {
        known.map(|known| known.differ |= known.first.digest != named.digest).is_some()
    }

    fn named(&self) -> Option<&Named> {
        (!self.differ).then_some(&*self.first)
    }
}

/// What tags are looked up by.
fn digest_of_tags(tags: &BTreeSet<String>) -> Digest {
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    Digest::of(Algorithm::Sha256, tags.join("\n").as_bytes())
}

impl Project {
    fn add(&mut self, named: &Rc<Named>, tags_of: &mut impl FnMut(&str) -> Option<BTreeSet<String>>) {
        if self.count == NAMED_MAX {
            return;
        }
        self.count += 1;
        add(&mut self.by_file, named.file.clone(), named);
        if let Some(tags) = tags_of(&named.file) {
            add(&mut self.by_tags, digest_of_tags(&tags), named);
        } else if response::is_source(&named.file) && !Agreed::add(self.source.as_mut(), named) {
            self.source = Some(Agreed::new(Rc::clone(named)));
        }
    }

    /// What is named as a response is, by its name or tags.
    fn of_response(&self, response: &Response) -> Option<&Agreed> {
        if let Some(file) = &response.file {
            return self.by_file.get(file);
        }
        let Content::Package(Some(said)) = &response.content else { return None };
        match &said.tags {
            Some(tags) => self.by_tags.get(&digest_of_tags(tags)),
            None => self.source.as_ref(),
        }
    }
}

fn add<K: Ord>(all: &mut BTreeMap<K, Agreed>, key: K, named: &Rc<Named>) {
    if !Agreed::add(all.get_mut(&key), named) {
        all.insert(key, Agreed::new(Rc::clone(named)));
    }
}

impl Names {
    /// Tags are made once of each file that is named.
    fn of(
        files: &Files,
        responses: &[Response],
        mut tags_of: impl FnMut(&str) -> Option<BTreeSet<String>>,
        reading: &mut Reading,
    ) -> Self {
        let keys: BTreeSet<&str> = responses.iter().map(|response| response.key.as_str()).collect();
        let purls: BTreeSet<&Purl> = responses.iter().filter_map(Response::purl).collect();
        let mut names = Self::default();
        for response in responses.iter().filter(|response| response.content == Content::Page) {
            let page = page::read(files, response).unwrap_or_else(|what| {
                reading.note(&response.path, what);
                Vec::new()
            });
            page.into_iter().map(Rc::new).for_each(|named| names.add(&named, (&keys, &purls), &mut tags_of));
        }
        names
    }

    /// Keeps what is named, if a response has its key or is of its package.
    fn add(
        &mut self,
        named: &Rc<Named>,
        (keys, purls): (&BTreeSet<&str>, &BTreeSet<&Purl>),
        tags_of: &mut impl FnMut(&str) -> Option<BTreeSet<String>>,
    ) {
        if let Some(key) = named.key().filter(|key| keys.contains(key.as_str())) {
            add(&mut self.by_key, key, named);
        }
        if let Some(purl) = purl_of_file(&named.file).filter(|purl| purls.contains(purl)) {
            self.by_purl.entry(purl).or_default().add(named, tags_of);
        }
    }

    /// What a response must be: found by its address, or by what its file is called.
    fn of_response(&self, response: &Response) -> Option<&Named> {
        let by_purl = || self.by_purl.get(response.purl()?)?.of_response(response);
        self.by_key.get(&response.key).or_else(by_purl)?.named()
    }
}

fn read_response(files: &Files, response: &Response, names: &Names, reading: &mut Reading) {
    let named = names.of_response(response);
    if let Content::Odd(why) = &response.content {
        reading.checks.push(check(response, Expected::Wrong(why.clone()), &response.path));
    }
    let is_package = matches!(response.content, Content::Package(_) | Content::Odd(_));
    let purl = response.purl().cloned().filter(|_| is_package);
    let Some(purl) = purl.or_else(|| named.and_then(|named| purl_of_file(&named.file))) else {
        if matches!(response.content, Content::Package(None) | Content::Other) {
            reading.note(&response.path, "neither a page of an index nor a package");
        }
        return;
    };
    let mut held = Held::whole(purl, &response.body.path);
    held.source = named.and_then(|named| named.address.as_deref()).and_then(address::plain);
    let mut expected: Vec<(Digest, &str)> =
        response.digests.iter().map(|digest| (digest.clone(), response.path.as_str())).collect();
    expected.extend(named.map(|named| (named.digest.clone(), named.page.as_str())));
    if let Some(wrong) = response.wrong_length() {
        held.checks.push(check(response, Expected::Wrong(wrong), &response.path));
    }
    if response.is_split() {
        held.files.insert(0, response.path.clone());
        let whole = expected.into_iter().map(|(digest, by)| check(response, Expected::Whole(digest), by));
        held.checks.extend(whole);
    } else {
        held.artifact = None;
        hash_inside(files, response, &expected, &mut held);
    }
    reading.packages.push(held);
}

fn check(response: &Response, expected: Expected, by: &str) -> Check {
    Check { path: response.body.path.clone(), expected, by: by.to_owned() }
}

/// A body that is part of a file is hashed here, so that lock files can be compared with it, too.
fn hash_inside(files: &Files, response: &Response, expected: &[(Digest, &str)], held: &mut Held) {
    let wanted = expected.iter().map(|(digest, _)| digest.algorithm()).chain([Algorithm::Sha256]);
    let algorithms: Vec<Algorithm> = wanted.collect::<BTreeSet<_>>().into_iter().collect();
    let body = &response.body;
    let file = files.reader(&body.path).ok().and_then(|file| Part::new(file, body.start, body.bytes).ok());
    let hashed = file.and_then(|part| files.hash(&algorithms, part, &mut vec![0; BUFFER_BYTES]).ok());
    let Some(found) = hashed else {
        held.checks.push(check(response, Expected::Wrong("it cannot be read".to_owned()), &response.path));
        return;
    };
    for (digest, by) in expected {
        let alike = found.iter().find(|found| found.algorithm() == digest.algorithm());
        if let Some(found) = alike.filter(|found| *found != digest) {
            let why = format!("its body is {found}, and must be {digest}");
            held.checks.push(check(response, Expected::Wrong(why), by));
        }
    }
    held.hashed = found;
}

#[cfg(test)]
mod tests;
