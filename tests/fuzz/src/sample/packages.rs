//! What is read of package managers: lock files, lists, presets, and small caches of every program.

use crate::target::cache::MARK;
use pollux_packages::Program;
use pollux_packages::digest::{Algorithm, Digest};

const ADDRESS: &str = "https://registry.example.org";

/// One of every kind, and of the versions whose shape differs.
pub(crate) fn locks() -> Vec<Vec<u8>> {
    let (hex, sha1) = (hex(Algorithm::Sha256, b"a"), hex(Algorithm::Sha1, b"a"));
    let sha512 = format!("{}A==", "A".repeat(85));
    let cargo = format!("name = \"a\"\nversion = \"1.0.0+x\"\nsource = \"registry+{ADDRESS}/i\"\n");
    let poetry = format!("[\n    {{file = \"a.whl\", hash = \"sha256:{hex}\"}},\n]\n");
    [
        format!("Cargo.lock\nversion = 4\n[[package]]\n{cargo}checksum = \"{hex}\"\n"),
        format!("Cargo.lock\n[[package]]\n{cargo}[metadata]\n\"checksum a 1.0.0+x (registry+{ADDRESS}/i)\" = \"{hex}\"\n"),
        format!(
            "Gemfile.lock\nGIT\n  remote: {ADDRESS}/x\n  specs:\n    x (1.0)\n\nGEM\n  remote: {ADDRESS}/\n  specs:\n    a (1.0)\n      \
             b (~> 2)\n    b (2.0-java)\n\nPLATFORMS\n  java\n\nDEPENDENCIES\n  a\n  x!\n\nCHECKSUMS\n  a (1.0)\n  b (2.0-java) sha256={hex}\n\n\
             BUNDLED WITH\n   2.5.3\n"
        ),
        format!(
            "Pipfile.lock\n{{\"_meta\":{{\"pipfile-spec\":6}},\"default\":{{\"Flask_x\":{{\"hashes\":[\"sha256:{hex}\"],\"version\":\"==1.0\"}}}},\
             \"develop\":{{\"repo\":{{\"git\":\"{ADDRESS}/repo\"}}}}}}"
        ),
        "gradle.lockfile\n# comment\norg.example:a:1.0=compileClasspath,runtimeClasspath\nempty=x\n".to_owned(),
        format!(
            "composer.lock\n{{\"packages\":[{{\"name\":\"acme/log\",\"version\":\"v1.0.0\",\"dist\":{{\"type\":\"zip\",\"shasum\":\"{sha1}\"}}}}],\
             \"packages-dev\":[{{\"name\":\"acme/test\",\"version\":\"dev-main\"}}]}}"
        ),
        "go.sum\nexample.org/A/x v1.0.0 h1:G7mAYYxgmS0lVkHyy2hEOLQCFB0DlQFTMLWggykrydY=\nexample.org/A/x v1.0.0/go.mod h1:mod=\n".to_owned(),
        format!(
            "package-lock.json\n{{\"lockfileVersion\":3,\"packages\":{{\"\":{{\"name\":\"project\"}},\"node_modules/@babel/core\":{{\"version\":\"7.0.0\",\
             \"integrity\":\"sha512-{sha512}\"}},\"node_modules/l\":{{\"resolved\":\"l\",\"link\":true}}}}}}"
        ),
        format!(
            "npm-shrinkwrap.json\n{{\"lockfileVersion\":1,\"dependencies\":{{\"x\":{{\"version\":\"1.0.0\",\"integrity\":\"sha512-{sha512}\",\
             \"dependencies\":{{\"alias\":{{\"version\":\"npm:@s/real@1.0.0\"}}}}}}}}}}"
        ),
        format!(
            "pnpm-lock.yaml\nlockfileVersion: 5.4\n\npackages:\n\n  /@babel/core/7.0.0_x@1.0.0:\n    resolution: {{integrity: sha512-{sha512}}}\n\n  \
             ? /left-pad/1.3.0\n  : resolution:\n      integrity: sha512-{sha512}\n"
        ),
        format!(
            "pnpm-lock.yaml\nlockfileVersion: '9.0'\n\npackages:\n\n  '@babel/core@7.0.0':\n    resolution: {{integrity: sha512-{sha512}}}\n\n\
             snapshots:\n\n  '@babel/core@7.0.0': {{}}\n"
        ),
        format!("poetry.lock\n[[package]]\nname = \"Flask.x\"\nversion = \"1.0\"\nfiles = {poetry}[metadata]\nlock-version = \"2.1\"\n"),
        format!(
            "poetry.lock\n[[package]]\nname = \"Flask.x\"\nversion = \"1.0\"\n[metadata]\nlock-version = \"1.1\"\n[metadata.files]\n\"Flask.x\" = {poetry}"
        ),
        format!(
            "requirements.txt\n--index-url {ADDRESS}/simple\nFlask_x[async]==1.0 ; python_version >= \"3.8\" \\\n    --hash=sha256:{hex}\n\
             b @ {ADDRESS}/b-1.0-py3-none-any.whl#sha256={hex}\n-e ./mine\n"
        ),
        format!(
            "uv.lock\nversion = 1\n[[package]]\nname = \"flask_x\"\nversion = \"1.0\"\nsource = {{ registry = \"{ADDRESS}\" }}\n\
             sdist = {{ url = \"{ADDRESS}/a.tar.gz\", hash = \"sha256:{hex}\", size = 3 }}\nwheels = [\n    {{ path = \"b.whl\" }},\n]\n"
        ),
        format!(
            "verification-metadata.xml\n<?xml version=\"1.0\"?><verification-metadata><components><component group=\"org.a\" name=\"b\" version=\"1\">\
             <artifact name=\"b-1.jar\"><sha256 value=\"{hex}\"><also-trust value=\"{hex}\"/></sha256></artifact></component></components>\
             </verification-metadata>"
        ),
        format!(
            "yarn.lock\n# yarn lockfile v1\n\n\n\"@babel/core@^7.0.0\", \"@babel/core@>=7, <8\":\n  version \"7.2.0\"\n  resolved \"{ADDRESS}/core-7.2.0.tgz#{sha1}\"\n  \
             integrity sha512-{sha512}\n  dependencies:\n    \"@babel/x\" \"^7.0.0\"\n"
        ),
        format!(
            "yarn.lock\n__metadata:\n  version: 8\n  cacheKey: 10c0\n\n\"@babel/core@npm:^7.0.0\":\n  version: 7.2.0\n  resolution: \"@babel/core@npm:7.2.0\"\n  \
             checksum: 10c0/{}\n  languageName: node\n  linkType: hard\n",
            "07".repeat(64)
        ),
    ]
    .map(String::into_bytes)
    .to_vec()
}

/// Names, digests, and lists.
pub(crate) fn purls_and_lists() -> Vec<Vec<u8>> {
    let digest = Digest::of(Algorithm::Sha256, b"a").to_string();
    let package = format!(
        "{{\"program\":\"npm\",\"purl\":\"pkg:npm/%40babel/core@7.0.0\",\"files\":[\"a/b\"],\"digest\":\"{digest}\",\"source\":\"{ADDRESS}\",\"bytes\":3,\"unused\":1}}"
    );
    let least = "{\"program\":\"apt\",\"purl\":\"pkg:deb/debian/curl@8.1?arch=amd64\",\"files\":[]}";
    [
        "pkg:npm/%40babel/core@7.0.0".to_owned(),
        "pkg:deb/debian/libstdc%2B%2B6@1:2~3%2Bb1?arch=amd64&distro=x%20y".to_owned(),
        "pkg:golang/github.com/spf13/cobra@v1.8.0#sub/path".to_owned(),
        "sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0= sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=?x md9-x"
            .to_owned(),
        Digest::of(Algorithm::Sha1, b"a").hex(),
        "bundler".to_owned(),
        format!("{{\"version\":1,\"packages\":[\n{package},\n{least}\n]}}\n"),
        "{\"version\":1,\"packages\":[]}".to_owned(),
        digest,
    ]
    .map(String::into_bytes)
    .to_vec()
}

/// Templates, and files that change presets or add some.
pub(crate) fn templates_and_presets() -> Vec<Vec<u8>> {
    [
        "{project}/{branch}/{job}/{preset}/{os}{release}-{arch}/{lock}",
        "a%2Fb/{branch}/{pipeline}/{os}/{release}/{arch}.x/v1-{lock}",
        "version = 1\n[preset.npm]\nbytes_max = \"1GB\"\nprune.generations = 2\nlock_files = [\"pnpm-lock.yaml\"]\n[preset.mine]\nbase = \"~/m\"\n",
        "version = 1\n[preset.all]\nabout = \"x\"\nprogram = \"cargo\"\nbase = \"/x\"\nbase_variables = [\"X\"]\npaths = [\"a/b\"]\nexclude = [\"**/*.{a,b}\"]\n\
         key = \"{os}{release}{arch}/{lock}\"\nbytes_max = 7\nenvironment = { X = \"{base}/a\" }\nfiles = { \"c\" = \"{base}\" }\n\
         [preset.all.prune]\nby = \"command\"\ncommand = [\"x\", \"y\"]\ngenerations = 100\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

/// Caches whose files are text, and small; the corpus has others.
pub(crate) fn caches() -> Vec<Vec<u8>> {
    vec![npm(), cargo(), maven(), gradle(), apt(), classic_yarn(), pnpm()]
}

fn npm() -> Vec<u8> {
    let content = hex(Algorithm::Sha256, b"tgz");
    let integrity = "sha256-QH865ifa/PAavcxmMtp3tqKrc9Igd+XElKkMZjKbX7k=";
    let address = format!("make-fetch-happen:request-cache:{ADDRESS}/a/-/a-1.0.0.tgz");
    let json = format!(
        "{{\"key\":\"{address}\",\"integrity\":\"{integrity}\",\"size\":3,\"metadata\":{{\"url\":\"{ADDRESS}/a/-/a-1.0.0.tgz\"}}}}"
    );
    let key = hex(Algorithm::Sha256, address.as_bytes());
    let line = format!("\n{}\t{json}", hex(Algorithm::Sha1, json.as_bytes()));
    let index = format!("_cacache/index-v5/{}", spread(&key));
    let content = format!("_cacache/content-v2/sha256/{}", spread(&content));
    tree(Program::Npm, &[(&index, line.as_bytes()), (&content, b"tgz"), ("_cacache/tmp/x", b"")])
}

/// `abcdef` is `ab/cd/ef`.
fn spread(hex: &str) -> String {
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}/{}/{}", part(0, 2), part(2, 4), part(4, hex.len()))
}

fn cargo() -> Vec<u8> {
    let registry = "registry.example.org-0123456789abcdef";
    let json = format!(
        "{{\"name\":\"ab-c\",\"vers\":\"1.0.0\",\"cksum\":\"{}\"}}",
        hex(Algorithm::Sha256, b"crate")
    );
    let index = format!("\x03\x02\0\0\0etag: x\x001.0.0\0{json}\0");
    tree(
        Program::Cargo,
        &[
            (&format!("registry/index/{registry}/.cache/ab/-c/ab-c"), index.as_bytes()),
            (&format!("registry/cache/{registry}/ab-c-1.0.0.crate"), b"crate"),
            (&format!("registry/cache/{registry}/lost-1.0.0.crate"), b"x"),
            (
                "git/db/one-0123456789abcdef/FETCH_HEAD",
                b"0123\t\tbranch 'main' of https://me:secret@registry.example.org/a/one.git\n",
            ),
            ("git/checkouts/one-0123456789abcdef/1234567/.cargo-ok", b""),
            ("git/checkouts/two-0123456789abcdef/1234567/x", b""),
        ],
    )
}

fn maven() -> Vec<u8> {
    let jar = "org/example/a-b/1.0/a-b-1.0.jar";
    tree(
        Program::Maven,
        &[
            (jar, b"jar"),
            (&format!("{jar}.sha1"), hex(Algorithm::Sha1, b"jar").as_bytes()),
            ("org/example/a-b/1.0/_remote.repositories", b"#NOTE\na-b-1.0.jar>central=\n"),
            ("org/example/a-b/1.0/a-b-1.0.pom.lastUpdated", b"#x\n"),
            ("a/b/1-SNAPSHOT/b-1-20240102.030405-6.jar", b"x"),
        ],
    )
}

fn gradle() -> Vec<u8> {
    let hex = hex(Algorithm::Sha1, b"jar");
    let at = format!("caches/modules-2/files-2.1/org.example/a/1.0/{hex}");
    tree(
        Program::Gradle,
        &[
            (&format!("{at}/a-1.0.jar"), b"jar"),
            (&format!("{at}/b-1.0.jar.fslck"), b""),
            ("wrapper/dists/gradle-8.5-bin/abc123/gradle-8.5-bin.zip", b"zip"),
            ("wrapper/dists/gradle-8.5-bin/abc123/gradle-8.5-bin.zip.ok", b""),
        ],
    )
}

fn apt() -> Vec<u8> {
    let text = format!(
        "Package: curl\nVersion: 1:8.1-2\nArchitecture: amd64\nSHA256: {}\n",
        hex(Algorithm::Sha256, b"curl")
    );
    tree(
        Program::Apt,
        &[
            ("archives/curl_1%3a8.1-2_amd64.deb", b"curl"),
            ("archives/partial/x_1_all.deb", b""),
            ("lists/deb.example.org_dists_stable_main_binary-amd64_Packages", text.as_bytes()),
        ],
    )
}

fn classic_yarn() -> Vec<u8> {
    let hash = hex(Algorithm::Sha1, b"tgz");
    let module = format!("v6/npm-a-1.0.0-{hash}-integrity/node_modules/a");
    let metadata = format!(
        "{{\"manifest\":{{\"name\":\"a\",\"version\":\"1.0.0\"}},\"remote\":{{\"resolved\":\"{ADDRESS}/a.tgz#{hash}\",\"hash\":\"{hash}\"}}}}"
    );
    tree(
        Program::Yarn,
        &[
            (&format!("{module}/.yarn-metadata.json"), metadata.as_bytes()),
            (&format!("{module}/.yarn-tarball.tgz"), b"tgz"),
            (&format!("v6/npm-b-1.0.0-{hash}/x"), b""),
        ],
    )
}

fn pnpm() -> Vec<u8> {
    let content = hex(Algorithm::Sha512, b"{}");
    let at = |hex: &str| format!("{}/{}", hex.get(..2).unwrap_or_default(), hex.get(2..).unwrap_or_default());
    let integrity =
        "sha512-J8dGcK23UHX60FjVzq97IMTneGyDuuijL2Jvl4KvNMmjPCBG72D9Knh403jin+yFGAa72aZ4ePOp8c2kgwdj/Q==";
    let index = format!(
        "{{\"name\":\"a\",\"version\":\"1.0.0\",\"files\":{{\"package.json\":{{\"integrity\":\"{integrity}\",\"mode\":420,\"size\":2}}}}}}"
    );
    let name = hex(Algorithm::Sha512, b"tgz");
    tree(
        Program::Pnpm,
        &[
            (&format!("v3/files/{}", at(&content)), b"{}"),
            (&format!("v3/files/{}-index.json", at(&name)), index.as_bytes()),
            ("@v3/link", b"v3/files"),
        ],
    )
}

fn hex(algorithm: Algorithm, bytes: &[u8]) -> String {
    Digest::of(algorithm, bytes).hex()
}

/// A cache of a program, as the target `cache` takes it.
fn tree(program: Program, files: &[(&str, &[u8])]) -> Vec<u8> {
    let number = Program::ALL.iter().position(|one| *one == program);
    let number = number.and_then(|number| u8::try_from(number).ok()).unwrap_or(u8::MAX);
    let files: Vec<Vec<u8>> =
        files.iter().map(|(path, content)| [path.as_bytes(), b"\n", content].concat()).collect();
    [vec![number], files.join(MARK)].concat()
}
