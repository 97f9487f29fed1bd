//! Templates of keys, and files of presets: the input is read as each.

use crate::memory::bounded;
use crate::{Verdict, sample, words};
use pollux_client::job::{Presets, Template, Variable};

/// Bytes that a byte of the input may become: three letters of TOML can be a value, and what is wrong is shown again.
const FACTOR: usize = 512;
/// For the presets that come along, over which a file goes.
const BESIDE: usize = 512 * 1024;

/// Whether it is one of them.
pub(crate) fn check(bytes: &[u8]) -> Verdict {
    let Ok(text) = core::str::from_utf8(bytes) else { return Verdict::Refused };
    let read = [template(text), file(text)];
    if read.contains(&true) { Verdict::Read } else { Verdict::Refused }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    sample::templates_and_presets()
}

fn template(text: &str) -> bool {
    match bounded(text.as_bytes(), FACTOR, 0, || text.parse::<Template>()) {
        Ok(template) => {
            assert_eq!(template.to_string(), text);
            let filled = |with| template.fill(move |_: Variable| with);
            let segments = text.split('/').count();
            for with in [None, Some("a/b"), Some("x")] {
                let key = filled(with);
                assert!(key.is_ok_and(|key| key.as_str().split('/').count() == segments) || text.len() > 64);
            }
            assert_eq!(template.variables().last(), Some(&Variable::Lock));
            true
        }
        Err(error) => {
            words::harmless(&error);
            false
        }
    }
}

fn file(text: &str) -> bool {
    let extended = bounded(text.as_bytes(), FACTOR, BESIDE, || {
        let mut presets = Presets::built_in()?;
        presets.extend(text).map(|()| presets)
    });
    match extended {
        Ok(presets) => {
            for preset in presets.iter() {
                assert!(presets.find(&preset.name).is_ok_and(|found| found.name == preset.name));
                assert_eq!(preset.key.to_string().parse().as_ref(), Ok(&preset.key));
            }
            true
        }
        Err(error) => {
            // A parser shows the line that is wrong, and where.
            error.to_string().split('\n').for_each(|line| words::harmless(&line));
            false
        }
    }
}
