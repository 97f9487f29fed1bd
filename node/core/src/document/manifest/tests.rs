use super::*;
use crate::document::testing::{assert_golden, assert_refused, expires, pair, time};
use crate::limits::{DOCUMENT_BYTES_MAX, KEY_BYTES_MAX};

fn chunk(number: u32, bytes: u32) -> ChunkRef {
    ChunkRef { id: ChunkId::of(&number.to_le_bytes()), bytes }
}

fn ancestor(number: u32) -> ManifestId {
    ManifestId::from_bytes(*ChunkId::of(&number.to_le_bytes()).as_bytes())
}

fn tree() -> TreeRef {
    TreeRef {
        chunks: vec![chunk(1, 4321)],
        totals: TreeTotals { files: 10, directories: 3, symlinks: 1, bytes: 1_000_000, chunks: 5 },
        roots: vec!["registry".to_owned(), "git/db".to_owned()],
    }
}

fn manifest() -> Manifest {
    Manifest {
        pool: "ci".to_owned(),
        key: "mediawiki%2Fcore/master/composer/php8.1-3f2a".parse().unwrap(),
        sequence: 42,
        created: time(),
        expires: expires(),
        tree: tree(),
        ancestors: vec![ancestor(7)],
        generation: 2,
        provenance: Provenance {
            ci: "zuul.example.org".to_owned(),
            tenant: "t".to_owned(),
            pipeline: "gate-and-submit".to_owned(),
            project: "mediawiki/core".to_owned(),
            r#ref: "master".to_owned(),
            change: "1234,5".to_owned(),
            commit: "c0ffee".to_owned(),
            job: "composer".to_owned(),
            build: "b1".to_owned(),
            builder_image: "sha256:00".to_owned(),
        },
        packages: Some(ChunkId::of(b"")),
        grant: Some(Envelope { payload_type: "g".to_owned(), payload: vec![1], signatures: Vec::new() }),
    }
}

fn with_tree(change: impl FnOnce(&mut TreeRef)) -> Manifest {
    let mut manifest = manifest();
    change(&mut manifest.tree);
    manifest
}

#[test]
fn manifest_is_written_so() {
    let json = concat!(
        r#"{"pool":"ci","key":"mediawiki%2Fcore/master/composer/php8.1-3f2a","sequence":42,"#,
        r#""created":"2026-11-03T09:05:00.250Z","expires":"2026-11-10T09:05:00.000Z","#,
        r#""tree":{"chunks":[{"id":"CHUNK","bytes":4321}],"#,
        r#""totals":{"files":10,"directories":3,"symlinks":1,"bytes":1000000,"chunks":5},"#,
        r#""roots":["registry","git/db"]},"ancestors":["ANCESTOR"],"generation":2,"#,
        r#""provenance":{"ci":"zuul.example.org","tenant":"t","pipeline":"gate-and-submit","#,
        r#""project":"mediawiki/core","ref":"master","change":"1234,5","commit":"c0ffee","job":"composer","#,
        r#""build":"b1","builder_image":"sha256:00"},"#,
        r#""packages":"af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262","#,
        r#""grant":{"payloadType":"g","payload":"AQ==","signatures":[]}}"#,
    );
    let json =
        json.replace("CHUNK", &chunk(1, 1).id.to_string()).replace("ANCESTOR", &ancestor(7).to_string());
    assert_golden(&manifest(), &json);
}

#[test]
fn what_there_is_none_of_is_left_out() {
    let bare = Manifest { provenance: Provenance::default(), packages: None, grant: None, ..manifest() };
    let envelope = Envelope::sign(&bare, &pair(1));
    let json = String::from_utf8_lossy(&envelope.payload).into_owned();
    assert!(json.ends_with(r#""generation":2,"provenance":{}}"#), "{json}");
    assert_eq!(envelope.body(), Ok(bare));
}

#[test]
fn chunks_are_numbered_through() {
    assert_eq!(manifest().chunk_count(), 6);
    assert_eq!(with_tree(|tree| tree.totals.chunks = u32::MAX).chunk_count(), u32::MAX);
}

#[test]
fn the_base_itself_and_an_empty_tree_are_fine() {
    let base = with_tree(|tree| tree.roots = vec![String::new()]);
    assert_eq!(base.check(), Ok(()));
    assert_eq!(with_tree(|tree| tree.totals = TreeTotals::default()).check(), Ok(()));
    let empty_files = TreeTotals { files: 3, ..TreeTotals::default() };
    assert_eq!(with_tree(|tree| tree.totals = empty_files).check(), Ok(()));
    assert_eq!(Manifest { expires: time(), ..manifest() }.check(), Ok(()));
}

#[test]
fn nonsense_is_refused() {
    assert_refused("pool", &Manifest { pool: "../ci".to_owned(), ..manifest() });
    assert_refused("sequence", &Manifest { sequence: 0, ..manifest() });
    assert_refused("expires", &Manifest { expires: Timestamp::from_millis(1), ..manifest() });
    assert_refused("generation", &Manifest { generation: 0, ..manifest() });
    assert_refused("generation", &Manifest { generation: 65, ..manifest() });
    assert_refused("ancestors", &Manifest { ancestors: (0..65).map(ancestor).collect(), ..manifest() });
    assert_refused("ancestors", &Manifest { ancestors: vec![ancestor(1), ancestor(1)], ..manifest() });
}

#[test]
fn trees_are_bounded() {
    assert_refused("tree.chunks", &with_tree(|tree| tree.chunks.clear()));
    assert_refused("tree.chunks", &with_tree(|tree| tree.chunks = vec![chunk(1, 0)]));
    assert_refused("tree.chunks", &with_tree(|tree| tree.chunks = vec![chunk(1, CHUNK_BYTES_MAX + 1)]));
    assert_refused("tree.chunks", &with_tree(|tree| tree.chunks = vec![chunk(1, CHUNK_BYTES_MAX); 129]));
    let many = |tree: &mut TreeRef| tree.chunks = vec![chunk(1, 1); TREE_CHUNKS_MAX + 1];
    assert_eq!(with_tree(many).check().unwrap_err().to_string(), "tree.chunks: 2049 is not within 1 to 2048");
    assert_refused("tree.totals.chunks", &with_tree(|tree| tree.totals.chunks = MANIFEST_CHUNKS_MAX));
    assert_refused("tree.totals.chunks", &with_tree(|tree| tree.totals.chunks = u32::MAX));
    assert_refused("tree.totals", &with_tree(|tree| tree.totals.files = TREE_ENTRIES_MAX));
    assert_refused("tree.totals", &with_tree(|tree| tree.totals.directories = u64::MAX));
    assert_refused("tree.totals", &with_tree(|tree| tree.totals.files = 0));
    assert_refused("tree.totals", &with_tree(|tree| tree.totals.chunks = 0));
}

#[test]
fn roots_stay_under_the_base() {
    let deep = ["a"; 65].join("/");
    let long = "a".repeat(256);
    for root in ["/", "/etc", "a/", "a//b", ".", "..", "a/../b", "./a", "a\0b", &deep, &long] {
        assert_refused("tree.roots", &with_tree(|tree| tree.roots = vec![root.to_owned()]));
    }
    assert_refused("tree.roots", &with_tree(|tree| tree.roots.clear()));
    assert_refused("tree.roots", &with_tree(|tree| tree.roots = vec!["a".to_owned(), "a".to_owned()]));
    assert_refused("tree.roots", &with_tree(|tree| tree.roots = (0..65).map(|n| n.to_string()).collect()));
    let long = |tree: &mut TreeRef| tree.roots = (0..40).map(|n| format!("{n:0250}")).collect();
    assert_refused("tree.roots", &with_tree(long));
    for root in ["a", "...", "a b/é", "-", &["a"; 64].join("/"), &"a".repeat(255)] {
        assert_eq!(with_tree(|tree| tree.roots = vec![root.to_owned()]).check(), Ok(()), "{root}");
    }
}

/// A change of one field of provenance.
type Change = fn(&mut Provenance, String);

#[test]
fn provenance_is_short_and_printable() {
    let fields: [(&str, Change); 10] = [
        ("provenance.ci", |provenance, text| provenance.ci = text),
        ("provenance.tenant", |provenance, text| provenance.tenant = text),
        ("provenance.pipeline", |provenance, text| provenance.pipeline = text),
        ("provenance.project", |provenance, text| provenance.project = text),
        ("provenance.ref", |provenance, text| provenance.r#ref = text),
        ("provenance.change", |provenance, text| provenance.change = text),
        ("provenance.commit", |provenance, text| provenance.commit = text),
        ("provenance.job", |provenance, text| provenance.job = text),
        ("provenance.build", |provenance, text| provenance.build = text),
        ("provenance.builder_image", |provenance, text| provenance.builder_image = text),
    ];
    for (field, change) in fields {
        for text in ["a".repeat(513), "\u{1b}[2J".to_owned(), "a\nb".to_owned(), "\u{9b}".to_owned()] {
            let mut manifest = manifest();
            change(&mut manifest.provenance, text);
            assert_refused(field, &manifest);
        }
        let mut manifest = manifest();
        change(&mut manifest.provenance, "é".repeat(256));
        assert_eq!(manifest.check(), Ok(()));
    }
}

/// Whatever passes the check can also be sent: the limits fit together, with 8 KiB left for a grant.
#[test]
fn the_largest_manifest_fits_in_a_document() {
    let quotes = || "\"".repeat(PROVENANCE_BYTES_MAX);
    let bytes = u32::try_from(TREE_BYTES_MAX).unwrap() / u32::try_from(TREE_CHUNKS_MAX).unwrap();
    let root = |number: u32| format!("{number:02}{}", "\u{1}".repeat(ROOTS_BYTES_MAX / ROOTS_MAX - 2));
    let largest = Manifest {
        pool: "p".repeat(64),
        key: "k".repeat(KEY_BYTES_MAX).parse().unwrap(),
        sequence: u64::MAX,
        tree: TreeRef {
            chunks: (0..2048).map(|number| chunk(number, bytes)).collect(),
            totals: TreeTotals {
                files: 1_000_000,
                directories: 9,
                symlinks: 9,
                bytes: u64::MAX,
                chunks: 1_000_000,
            },
            roots: (0..64).map(root).collect(),
        },
        ancestors: (0..64).map(ancestor).collect(),
        provenance: Provenance {
            ci: quotes(),
            tenant: quotes(),
            pipeline: quotes(),
            project: quotes(),
            r#ref: quotes(),
            change: quotes(),
            commit: quotes(),
            job: quotes(),
            build: quotes(),
            builder_image: quotes(),
        },
        grant: None,
        ..manifest()
    };
    let envelope = Envelope::sign(&largest, &pair(1));
    assert_eq!(envelope.body(), Ok(largest));
    assert!(envelope.payload.len() + 8 * 1024 <= DOCUMENT_BYTES_MAX, "{}", envelope.payload.len());
}
