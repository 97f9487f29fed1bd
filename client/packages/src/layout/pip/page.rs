//! A page of an index: the files of one project, with digests.
//!
//! After the specification of simple repositories: HTML with an anchor for each file, the digest in the fragment of its
//! address, or JSON.

use super::response::Response;
use crate::digest::{Algorithm, Digest};
use crate::effort::Unpacking;
use crate::files::{Files, METADATA_BYTES_MAX};
use crate::python::archive::Part;
use data_encoding::HEXLOWER;
use flate2::read::{GzDecoder, ZlibDecoder};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use sha2::{Digest as _, Sha224};
use std::collections::BTreeMap;
use std::io::{BufReader, Read};

/// A file that a page names.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// What it is called.
    pub(super) file: String,
    /// Where it is, if the page says so in full.
    pub(super) address: Option<String>,
    pub(super) digest: Digest,
    /// The page.
    pub(super) page: String,
}

impl Named {
    fn new(page: &str, address: &str, file: Option<&str>, digest: Digest) -> Option<Self> {
        let (address, _) = address.split_once('#').unwrap_or((address, ""));
        let path = address.split_once('?').map_or(address, |(path, _)| path);
        let last = percent_decode_str(path.rsplit('/').next()?).decode_utf8().ok()?;
        let file = file.map_or_else(|| last.into_owned(), str::to_owned);
        let address = address.contains("://").then(|| address.to_owned());
        Some(Self { file, address, digest, page: page.to_owned() })
    }

    /// What a response from its address is named by: scheme and host are written small, a fragment counts nothing.
    pub(super) fn key(&self) -> Option<String> {
        let (scheme, rest) = self.address.as_ref()?.split_once("://")?;
        let (authority, path) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
        let address = format!("{}://{}{path}", scheme.to_ascii_lowercase(), authority.to_ascii_lowercase());
        Some(HEXLOWER.encode(&Sha224::digest(address.as_bytes())))
    }
}

#[derive(Deserialize)]
struct Json {
    #[serde(default)]
    files: Vec<JsonFile>,
}

#[derive(Deserialize)]
struct JsonFile {
    filename: String,
    url: String,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

/// The files that a page names with a digest.
pub(super) fn read(files: &Files, response: &Response) -> Result<Vec<Named>, String> {
    let body = &response.body;
    let file = files.reader(&body.path).map_err(|error| error.to_string())?;
    let part = Part::new(file, body.start, body.bytes).map_err(|error| error.to_string())?;
    let encoding = response.header("content-encoding").unwrap_or("identity");
    let unpacking = &mut files.unpacking(&body.path, Some(body.bytes));
    let text = text(BufReader::new(part), encoding, METADATA_BYTES_MAX, unpacking)?;
    if text.trim_start().starts_with('{') {
        // Not all JSON is a page of an index.
        return Ok(serde_json::from_str(&text).map(|json| of_json(&response.path, json)).unwrap_or_default());
    }
    Ok(of_html(&response.path, &text))
}

fn text<R: Read>(
    body: R,
    encoding: &str,
    bytes_max: u64,
    unpacking: &mut Unpacking<'_>,
) -> Result<String, String> {
    let mut bytes = Vec::new();
    let mut read = |reader: &mut dyn Read| unpacking.read(reader).take(bytes_max + 1).read_to_end(&mut bytes);
    let read = match encoding.trim() {
        "identity" | "" => read(&mut { body }),
        "gzip" | "x-gzip" => read(&mut GzDecoder::new(body)),
        "deflate" => read(&mut ZlibDecoder::new(body)),
        other => return Err(format!("a page that is compressed as {other}, which is not known")),
    };
    match read {
        Ok(count) if u64::try_from(count).is_ok_and(|count| count <= bytes_max) => {
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }
        Ok(_) => Err("a page that is too long".to_owned()),
        Err(error) => Err(format!("a page that cannot be read: {error}")),
    }
}

/// The strongest of the digests that is understood.
fn of_json(page: &str, json: Json) -> Vec<Named> {
    let named = json.files.into_iter().filter_map(|file| {
        let known = file.hashes.iter();
        let digests = known.filter_map(|(name, hex)| Digest::from_hex(Algorithm::named(name)?, hex));
        Named::new(page, &file.url, Some(&file.filename), digests.max()?)
    });
    named.collect()
}

fn of_html(page: &str, text: &str) -> Vec<Named> {
    let anchors = text.split("href=").skip(1);
    let named = anchors.filter_map(|rest| {
        let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let address = rest.get(1..)?.split(quote).next()?.replace("&amp;", "&");
        let (_, fragment) = address.split_once('#')?;
        let digest = fragment.split('&').find_map(|part| {
            let (name, hex) = part.split_once('=')?;
            Digest::from_hex(Algorithm::named(name)?, hex)
        });
        Named::new(page, &address, None, digest?)
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effort::Limits;
    use proptest::prelude::*;

    #[test]
    fn anchors_and_json_name_the_same() {
        let digest = Digest::of(Algorithm::Sha256, b"x");
        let html = format!(
            "<a href=\"https://Registry.example.org/a/a%2B-1.whl#sha256={}\" data-x='y'>a</a><a href='../b-1.zip'>b</a>",
            digest.hex()
        );
        let json = format!(
            "{{\"files\":[{{\"filename\":\"a+-1.whl\",\"url\":\"https://registry.example.org/a/a%2B-1.whl\",\
             \"hashes\":{{\"md5\":\"x\",\"sha256\":\"{}\"}},\"size\":3}}]}}",
            digest.hex()
        );
        let (html, json) = (of_html("p", &html), of_json("p", serde_json::from_str(&json).unwrap()));
        assert_eq!((html.len(), json.len()), (1, 1), "what has no digest tells nothing");
        assert_eq!((html[0].file.as_str(), html[0].file == json[0].file), ("a+-1.whl", true));
        assert_eq!((html[0].key(), &html[0].digest), (json[0].key(), &digest));
        let address = "https://registry.example.org/a/a%2B-1.whl";
        assert_eq!(html[0].key().unwrap(), HEXLOWER.encode(&Sha224::digest(address)));
    }

    #[test]
    fn a_page_that_grows_too_long_is_refused() {
        let files = Files::default().within(Limits { unpacked_bytes_max: 2000, ..Limits::default() });
        let text =
            |body: &mut dyn Read, encoding, most| text(body, encoding, most, &mut files.unpacking("", None));
        assert_eq!(text(&mut &b"abc"[..], "identity", 3).as_deref(), Ok("abc"));
        assert!(text(&mut &b""[..], "br", 9).is_err());
        assert!(text(&mut std::io::repeat(b' '), "identity", 1000).unwrap_err().contains("too long"));
        let all = text(&mut std::io::repeat(b' '), "identity", 1000).unwrap_err();
        assert!(all.contains("too much when it is unpacked"), "{all}");
    }

    proptest! {
        #[test]
        fn no_page_is_too_odd(text in "(<a href=[\"']?[a-z:/#?=%&;\"'>]{0,30}){0,5}|\\PC*") {
            of_html("p", &text).iter().for_each(|named| drop(named.key()));
            drop(serde_json::from_str::<Json>(&text));
        }
    }
}
