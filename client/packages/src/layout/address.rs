//! Addresses that metadata names, without what is secret or fleeting in them.

/// Bytes of an address that is kept; longer ones tell nobody anything.
const ADDRESS_BYTES_MAX: usize = 2048;

/// An address without user, password, query and fragment. `None` for what is none, or has control characters.
pub(crate) fn plain(address: &str) -> Option<String> {
    let address = address.trim();
    if address.is_empty() || address.len() > ADDRESS_BYTES_MAX || address.chars().any(char::is_control) {
        return None;
    }
    let end = address.find(['?', '#']).unwrap_or(address.len());
    let address = address.get(..end)?;
    let Some((scheme, rest)) = address.split_once("://") else {
        // `user@host:path`, as ssh writes it.
        return Some(address.rsplit_once('@').map_or(address, |(_, rest)| rest).to_owned());
    };
    let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    Some(format!("{scheme}://{host}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_of_an_address_is_kept() {
        for (address, kept) in [
            (
                "https://me:token@registry.example.org/a/b.whl?sig=1#sha256=2",
                "https://registry.example.org/a/b.whl",
            ),
            ("https://registry.example.org?x", "https://registry.example.org"),
            ("https://a:b@c@registry.example.org/x@1", "https://registry.example.org/x@1"),
            ("git@registry.example.org:a/b.git", "registry.example.org:a/b.git"),
            ("file:///srv/x", "file:///srv/x"),
        ] {
            assert_eq!(plain(address).as_deref(), Some(kept), "{address}");
        }
        assert_eq!((plain(" "), plain("a\u{7}b"), plain(&"x".repeat(3000))), (None, None, None));
    }
}
