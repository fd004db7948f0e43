//! The words of a configuration as BIND writes it: `named.conf`, and the key files that `tsig-keygen` makes.

/// One word: quoted or bare, or one of `{ } ;` alone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Word {
    /// The word itself, without its quotes.
    pub text: String,
    /// The line that it begins in; the first is 1.
    pub line: usize,
    /// Whether it stood in quotes, and so is no punctuation whatever it says.
    pub quoted: bool,
}

/// The words of `text`, without comments (`#`, `//`, `/* … */`). Quotes that are not closed close at the end.
pub fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let (word, quoted, behind) = if first.is_whitespace() {
            (None, false, &rest[first.len_utf8()..])
        } else if first == '#' || rest.starts_with("//") {
            (None, false, &rest[rest.find('\n').unwrap_or(rest.len())..])
        } else if rest.starts_with("/*") {
            let behind = rest.split_once("*/").map_or("", |(_, behind)| behind);
            (None, false, behind)
        } else if matches!(first, '{' | '}' | ';') {
            (Some(&rest[..1]), false, &rest[1..])
        } else if first == '"' {
            let (word, behind) = rest[1..].split_once('"').unwrap_or((&rest[1..], ""));
            (Some(word), true, behind)
        } else {
            let end = rest.find(|c: char| c.is_whitespace() || "{};\"#".contains(c));
            let (word, behind) = rest.split_at(end.unwrap_or(rest.len()));
            (Some(word), false, behind)
        };
        words.extend(word.map(|word| Word {
            text: word.to_owned(),
            line,
            quoted,
        }));
        line += rest[..rest.len() - behind.len()].matches('\n').count();
        rest = behind;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_know_their_line_and_whether_they_were_quoted() {
        let text = "zone \"a;b\" { /* two\nlines */ type slave; // no\n};";
        let words: Vec<_> = { words(text).into_iter() }
            .map(|word| (word.text, word.line, word.quoted))
            .collect();
        let expected = [
            ("zone", 1, false),
            ("a;b", 1, true),
            ("{", 1, false),
            ("type", 2, false),
            ("slave", 2, false),
            (";", 2, false),
            ("}", 3, false),
            (";", 3, false),
        ];
        let expected = expected.map(|(text, line, quoted)| (text.to_owned(), line, quoted));
        assert_eq!(words, expected);
    }
}
