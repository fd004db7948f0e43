//! What the benches share: corpora, made by a generator.

mod zones;

pub use zones::{Corpus, corpora};
