//! What the benches share: corpora, made by a generator.

mod zones;

pub use zones::{Altered, Corpus, corpora, write_master};
