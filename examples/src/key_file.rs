//! A TSIG key from a file: the `key` clause that `tsig-keygen` writes and BIND includes, or our one-line form.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use zonekit_tsig::Key;

use crate::words::words;

/// Reads the first key in the file at `path`.
pub fn load(path: &Path) -> anyhow::Result<Key> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    parse(&text).with_context(|| format!("{}", path.display()))
}

/// The key given as such, or the one in the file that was given instead.
pub fn either(key: Option<&Key>, file: Option<&Path>) -> anyhow::Result<Option<Key>> {
    match file {
        Some(path) => load(path).map(Some),
        None => Ok(key.cloned()),
    }
}

/// Reads the first key in `text`: a clause
///
/// ```text
/// key "transfer.example." {
///     algorithm hmac-sha256;
///     secret "c2VjcmV0…";
/// };
/// ```
///
/// or a line `[algorithm:]name:secret`. Comments (`#`, `//`, `/* … */`) are passed over.
pub fn parse(text: &str) -> anyhow::Result<Key> {
    let words = words(text);
    let mut words = words.iter().map(|word| word.text.as_str());
    let Some(first) = words.next() else {
        bail!("no key in it");
    };
    if first != "key" {
        return first
            .parse()
            .context("neither a key clause nor [algorithm:]name:secret");
    }
    let name = words.next().context("the key clause has no name")?;
    if words.next() != Some("{") {
        bail!("'{{' expected behind key \"{name}\"");
    }
    let (mut algorithm, mut secret) = (None, None);
    loop {
        match words.next() {
            Some("algorithm") => algorithm = words.next(),
            Some("secret") => secret = words.next(),
            Some("}") => break,
            Some(";") => {}
            Some(word) => bail!("{word:?} is not expected in the key clause"),
            None => bail!("the key clause is not closed"),
        }
    }
    let algorithm = algorithm.context("the key clause has no algorithm")?;
    let secret = secret.context("the key clause has no secret")?;
    format!("{algorithm}:{name}:{secret}")
        .parse()
        .context("the key clause")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "c2VjcmV0LWtleS1vZi0zMi1vY3RldHMtZm9yLWJlbmNoISE=";

    #[test]
    fn the_clause_of_tsig_keygen_is_read() {
        let text = format!(
            "# made\nkey \"transfer.example\" {{\n\talgorithm hmac-sha512;\n\tsecret \"{SECRET}\";\n}};\n"
        );
        let key = parse(&text).unwrap();
        assert_eq!(key.name().to_string(), "transfer.example.");
        assert_eq!(key.algorithm(), "hmac-sha512".parse().unwrap());
    }

    #[test]
    fn one_line_is_read_with_and_without_algorithm() {
        for line in [
            format!("hmac-sha256:k.example:{SECRET}\n"),
            format!("k.example:{SECRET}"),
        ] {
            assert_eq!(parse(&line).unwrap().name().to_string(), "k.example.");
        }
    }

    #[test]
    fn what_is_no_key_is_told() {
        for (text, says) in [
            ("", "no key in it"),
            ("nonsense", "neither a key clause"),
            ("key a { algorithm hmac-sha256; };", "no secret"),
            ("key a { secret \"eA==\"", "not closed"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
