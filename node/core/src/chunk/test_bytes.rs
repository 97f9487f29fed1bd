//! Bytes for tests: the same on every machine and for ever, so that golden vectors can be made of them.

/// `bytes` random-looking bytes: the BLAKE3 output of a label.
pub(crate) fn noise(label: &str, bytes: usize) -> Vec<u8> {
    let mut filled = vec![0; bytes];
    blake3::Hasher::new().update(label.as_bytes()).finalize_xof().fill(&mut filled);
    filled
}

/// `bytes` bytes that compress well and hold no long repeats: hexadecimal noise.
pub(crate) fn text(label: &str, bytes: usize) -> Vec<u8> {
    let noise = noise(label, bytes.div_ceil(2));
    let mut text = data_encoding::HEXLOWER.encode(&noise).into_bytes();
    text.truncate(bytes);
    text
}
