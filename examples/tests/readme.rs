//! The README's configuration is one, and the defaults that it shows are the defaults.

use std::path::Path;

use zonekit_secondary::Config;

const README: &str = include_str!("../../README.md");

fn configuration() -> &'static str {
    let (_, rest) = README.split_once("```toml\n").expect("a TOML block");
    let (block, _) = rest.split_once("```").expect("its end");
    block
}

fn parse(text: &str) -> Config {
    Config::parse(text, Path::new("README.md")).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_configuration_is_accepted() {
    let config = parse(configuration());
    assert_eq!(config.zones.len(), 1);
    assert_eq!(config.keys.len(), 1);
    assert_eq!(config.http.expect("[http]").tokens.len(), 1);
}

#[test]
fn what_is_commented_out_is_the_default() {
    let text = configuration();
    let spelled_out = text.replace("\n# ", "\n");
    assert_ne!(text, spelled_out);
    let (config, spelled_out) = (parse(text), parse(&spelled_out));
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
