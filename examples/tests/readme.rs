//! The README's configuration is one; that of `packaging` has every entry that there is, and the defaults that it shows are
//! the defaults.

use std::path::Path;

use zonekit_secondary::Config;

const README: &str = include_str!("../../README.md");
const REFERENCE: &str = include_str!("../packaging/secondary.toml");

fn parse(text: &str) -> Config {
    Config::parse(text, Path::new("secondary.toml")).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn both_configurations_are_accepted() {
    let (_, rest) = README.split_once("```toml\n").expect("a TOML block");
    let (block, _) = rest.split_once("```").expect("its end");
    for text in [block, REFERENCE] {
        let config = parse(text);
        assert_eq!(config.zones.len(), 1);
        assert_eq!(config.keys.len(), 1);
        assert_eq!(config.http.expect("[http]").tokens.len(), 1);
    }
}

#[test]
fn what_is_commented_out_is_the_default() {
    let spelled_out = REFERENCE.replace("\n# ", "\n");
    assert_ne!(REFERENCE, spelled_out);
    // The sentences at the head are no entries.
    let (_, spelled_out) = spelled_out.split_once("\n\n").expect("a head");
    let (config, spelled_out) = (parse(REFERENCE), parse(spelled_out));
    assert_eq!(
        format!("{:?}", config.timers),
        format!("{:?}", spelled_out.timers)
    );
    assert_eq!(
        format!("{:?}", config.limits),
        format!("{:?}", spelled_out.limits)
    );
    assert_eq!(config.dns.primary_port, spelled_out.dns.primary_port);
}

#[test]
fn the_reference_has_every_entry() {
    // The structs that the file is read into: `name: Type,` with or without a visibility.
    let sources = [
        include_str!("../../crates/secondary/src/config/file.rs"),
        include_str!("../../crates/secondary/src/config/bounds.rs"),
    ];
    let declared = |line: &str| {
        let field = line.trim().strip_prefix("pub")?.split_once(' ')?.1;
        let (name, rest) = field.split_once(':')?;
        let is_field = rest.starts_with(' ') && !name.contains([' ', '(', ':']);
        is_field.then(|| name.to_owned())
    };
    let mentioned = |name: &str| {
        let forms = [
            format!("{name} = "),
            format!("[{name}]"),
            format!("[[{name}]]"),
            format!(".{name}]"),
        ];
        forms.iter().any(|form| REFERENCE.contains(form))
    };
    let lines = sources.iter().flat_map(|source| source.lines());
    let missing: Vec<String> = lines
        .filter_map(declared)
        .filter(|name| !mentioned(name))
        .collect();
    assert_eq!(missing, [""; 0]);
}
