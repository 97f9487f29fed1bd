//! Moving chunks.
