//! The pool file: whether it is one, of one pool, in force, with a token that lets in.

use pollux_client::health::Check;
use pollux_client::pool::{holds_several, is_of_two_pools};
use pollux_client::printable::printable;
use pollux_client::protocol::Further;
use pollux_client::text_file::{self, TextFileError};
use pollux_core::limits::POOL_FILE_BYTES_MAX;
use pollux_core::{Disbelief, Policy, PoolFile, Timestamp, Trust};
use std::io::ErrorKind;
use std::path::Path;

const NAME: &str = "pool_file";
const TOKEN: &str = "token";

/// What is to be said of it; and the file, if it is one.
pub(super) fn examine(path: &Path, node_answers: bool, now: Timestamp) -> (Vec<Check>, Option<PoolFile>) {
    let shown = printable(&path.display().to_string());
    let text = match text_file::read(path, POOL_FILE_BYTES_MAX) {
        Ok(text) => text,
        Err(error) => return (vec![unreadable(&error, node_answers)], None),
    };
    match PoolFile::from_json(&text) {
        Ok(file) => (judge(&shown, &file, now), Some(file)),
        Err(_) if holds_several(&text) => (vec![two_pools(&shown, "it holds several objects")], None),
        Err(why) => {
            let check =
                Check::wrong(NAME, format!("{shown} is no pool file")).because(printable(&why.to_string()));
            (vec![check.todo("put the pool's pool.json there, as `pollux pool init` made it")], None)
        }
    }
}

/// A node that runs has read it; a job in a container may not see it.
fn unreadable(error: &TextFileError, node_answers: bool) -> Check {
    let what = printable(&error.to_string());
    let missing = matches!(error, TextFileError::Io { source, .. } if source.kind() == ErrorKind::NotFound);
    let todo = if missing {
        "put the pool's pool.json there, or name it with --pool"
    } else {
        "make it readable for everybody (it holds nothing secret), or name another with --pool"
    };
    if node_answers {
        Check::warning(NAME, what).because("the node has read it when it started").todo(todo)
    } else {
        Check::wrong(NAME, what).todo(todo)
    }
}

/// A file whose seeds are all others than those that the node goes by. Pools have one name more often than not.
pub(super) fn other_pool(path: &Path, file: Option<&PoolFile>, more: Option<&Further>) -> Option<Check> {
    let policy: Policy = file?.policy.body().ok()?;
    let node = &more.filter(|more| !more.seeds.is_empty())?.seeds;
    if policy.seeds.is_empty() || policy.seeds.iter().any(|one| node.iter().any(|seed| seed.peer == one.peer))
    {
        return None;
    }
    let shown = printable(&path.display().to_string());
    let what = format!("{shown} names none of the seeds that the node goes by: it is of another pool");
    Some(Check::wrong(NAME, what).because("or all seeds have been replaced since it was written").todo(
        "give the node this file and start it again if it should belong there; else take the pool.json of its pool",
    ))
}

fn two_pools(shown: &str, why: &str) -> Check {
    Check::wrong(NAME, format!("there are two pools in {shown}"))
        .because(why)
        .todo("take the pool.json of one pool as it is; a node belongs to one")
}

fn judge(shown: &str, file: &PoolFile, now: Timestamp) -> Vec<Check> {
    let trust = match Trust::open(file, now) {
        Ok(trust) => trust,
        Err(why) => return vec![disbelieved(shown, &why)],
    };
    let (pool, version) = (printable(&trust.root().pool), trust.policy().version);
    let good = Check::ok(NAME, format!("{shown} is of the pool {pool}, policy {version}"));
    match trust.verify_token(&file.token, now) {
        Ok(token) => vec![good, Check::ok(TOKEN, format!("it lets nodes in until {}", token.expires))],
        Err(Disbelief::StrictAdmission) => {
            vec![good, Check::ok(TOKEN, "none is needed: an operator admits each node")]
        }
        Err(why @ Disbelief::OtherPool { .. }) => vec![two_pools(shown, &printable(&why.to_string()))],
        Err(why) => vec![good, bad_token(&why)],
    }
}

fn disbelieved(shown: &str, why: &Disbelief) -> Check {
    let words = printable(&why.to_string());
    if is_of_two_pools(why) {
        return two_pools(shown, &words);
    }
    if matches!(why, Disbelief::Expired { .. }) {
        return Check::wrong(NAME, format!("{shown}: {words}"))
            .because("a node does not start with it; this machine's clock may be wrong, too")
            .todo("`pollux pool renew --pool pool.json --root-key root.pem` signs it anew: give this instance the new file");
    }
    Check::wrong(NAME, format!("{shown} is not believed"))
        .because(words)
        .todo("take the pool.json of the pool as it is")
}

fn bad_token(why: &Disbelief) -> Check {
    let words = printable(&why.to_string());
    let what = if matches!(why, Disbelief::Expired { .. }) {
        "the join token lets nobody in any more"
    } else {
        "the join token lets nobody in"
    };
    Check::wrong(TOKEN, what).because(words).todo(
        "`pollux pool token --pool pool.json --admission-key admission.pem` makes another: put that pool.json into images",
    )
}
