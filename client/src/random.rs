//! Random bytes from the kernel, by the system call itself: it works in a container without `/dev`, in a static
//! binary, as in everything else.

use pollux_core::KeyPair;
use rustix::rand::{GetRandomFlags, getrandom};
use std::io;
use zeroize::Zeroizing;

/// A new key pair.
///
/// # Errors
/// The kernel has no randomness to give.
pub fn key_pair() -> io::Result<KeyPair> {
    let mut seed = Zeroizing::new([0; 32]);
    fill(seed.as_mut())?;
    Ok(KeyPair::from_seed(*seed))
}

/// Fills the bytes.
///
/// # Errors
/// The kernel has no randomness to give.
pub fn fill(bytes: &mut [u8]) -> io::Result<()> {
    let mut left = bytes;
    while !left.is_empty() {
        let filled = match getrandom(&mut *left, GetRandomFlags::empty()) {
            Err(rustix::io::Errno::INTR) => continue,
            filled => filled?,
        };
        left = left.get_mut(filled..).unwrap_or_default();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_filled() {
        let mut seen = [0_u8; 1000];
        for _ in 0..20 {
            let mut bytes = [0; 1000];
            fill(&mut bytes).unwrap();
            seen.iter_mut().zip(bytes).for_each(|(seen, byte)| *seen |= byte);
        }
        assert!(seen.iter().all(|seen| *seen != 0));
    }
}
