//! What the benches share: corpora, made by a generator.
