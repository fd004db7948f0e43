//! The console of the program `secondary`, walked through in a headless Chromium.

mod support;

use std::fs;
use std::path::PathBuf;

use serde_json::json;
use support::{Browser, Node, Program, QUIET, Settings, Signer, TOKEN, master_file, until_serial};
use tempfile::TempDir;

fn node(directory: &TempDir) -> Node {
    let settings = Settings {
        timers: QUIET,
        dns: "transfer_addresses = [\"127.0.0.1\"]\nnotify_addresses = [\"127.0.0.1\"]\n\
              nameservers = [\"ns1.example.net\", \"ns2.example.net\"]\nresolvers = [\"127.0.0.1:1\"]\n",
        ..Settings::default()
    };
    Node::start(directory.path(), &settings)
}

fn primary(directory: &TempDir) -> Program {
    let file = directory.path().join("example.org.zone");
    fs::write(&file, master_file("example.org", 7, 120)).unwrap();
    let entry = format!("example.org={}", file.display());
    Program::ours(
        "primary",
        &[
            "--listen",
            "127.0.0.1:0",
            "--allow",
            "127.0.0.0/8",
            "--zone",
            &entry,
        ],
    )
}

/// Opens the console and gives the token.
fn signed_in(browser: &Browser, node: &Node) {
    browser.open(node.http, "/console");
    browser.wait_for_text("h1", "Sign in");
    browser.fill("Token", TOKEN);
    browser.click("//button[.='Open the console']");
    browser.wait_for_text("h1", "Zones");
}

/// The browser has seen a refusal with this status, which it tells of, and nothing else to complain of.
#[track_caller]
fn check_refusal(browser: &Browser, status: u16) {
    let complaints = browser.complaints();
    let [complaint] = &complaints[..] else {
        panic!("{complaints:#?}");
    };
    let words = format!("status of {status}");
    assert!(complaint.contains(&words), "{complaint}");
}

/// Where pictures of the walk go, if `ZONEKIT_PICTURES` names a directory: in both schemes.
fn picture(browser: &Browser, name: &str) {
    let Some(directory) = std::env::var_os("ZONEKIT_PICTURES").map(PathBuf::from) else {
        return;
    };
    browser.run("scrollTo(0, 0)");
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        browser.picture(&directory.join(format!("{name}-{scheme}.png")));
    }
}

/// The page is whole for who cannot see it, and nothing in it was forbidden or failed.
#[track_caller]
fn check_page(browser: &Browser) {
    let bare = browser.run(
        "return [...document.querySelectorAll('main input, main select, main textarea')]
            .filter((control) => control.labels.length === 0 || control.labels[0].innerText.trim() === '')
            .map((control) => control.outerHTML)",
    );
    assert_eq!(bare, json!([]), "controls without a label");
    let nameless = browser.run(
        "return [...document.querySelectorAll('button, a, svg, table, dialog')]
            .filter((element) => !(element.getAttribute('aria-label') || element.textContent.trim()))
            .map((element) => element.outerHTML)",
    );
    assert_eq!(nameless, json!([]), "what nothing can be called by");
    assert_eq!(
        browser.run("return document.querySelectorAll('h1').length"),
        1
    );
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn a_zone_comes_gets_into_trouble_and_goes() {
    let Some(browser) = Browser::start("light") else {
        return;
    };
    let directory = TempDir::new().unwrap();
    let (node, mut primary) = (node(&directory), primary(&directory));
    let address = primary.address("dns");

    signed_in(&browser, &node);
    browser.wait_for_text("main", "There is no zone yet.");
    check_page(&browser);

    browser.click("//nav/a[.='New zone']");
    browser.wait_for_text("aside", "ns2.example.net");
    browser.fill("Zone name", "example.org");
    browser.fill("Address", "127.0.0.1");
    browser.fill("Port", "0");
    browser.click("//button[.='Create the zone']");
    let wrong = browser.wait_for_text(".wrong:not([hidden])", "Expected:");
    assert_eq!(wrong, "Expected: an integer from 1 to 65535.");
    let has_focus = "return document.activeElement.dataset.member";
    assert_eq!(browser.run(has_focus), "primaries[0].port");
    check_refusal(&browser, 400);
    browser.fill("Port", &address.port().to_string());
    picture(&browser, "create");
    check_page(&browser);
    browser.click("//button[.='Create the zone']");

    browser.wait_for_text("h1", "example.org");
    browser.wait_for_text("#serial", "7");
    browser.wait_for_text(".state", "current");
    browser.wait_until("document.querySelector('svg .transferred')");
    browser.wait_for_text("main", "host10.example.org.");
    browser.fill("Owner or data contains", "HOST11");
    browser.click("//button[.='Search']");
    browser.wait_for_text("main", "1 to 11 of 11");
    browser.fill("Owner or data contains", "2001:DB8::25");
    browser.click("//button[.='Search']");
    browser.wait_for_text("main", "1 to 1 of 1");
    check_page(&browser);

    let file = directory.path().join("example.org.zone");
    fs::write(&file, master_file("example.org", 8, 121)).unwrap();
    primary.signal("HUP");
    until_serial(address, "example.org", 8);
    browser.click("//button[.='Transfer now']");
    browser.wait_for_text("#serial", "8");
    browser.click("//button[.='Show what changed'][not(@disabled)]");
    let changed = browser.wait_for_text("pre", "+host120.example.org.");
    assert!(changed.contains("-example.org.\t300\tIN\tSOA"), "{changed}");
    browser.run(
        "const make = URL.createObjectURL;
        URL.createObjectURL = (file) => { window.saved = file; return make.call(URL, file); }",
    );
    browser.click("//button[.='Download the zone']");
    browser.wait_until("window.saved");
    let saved = browser.run("return window.saved.text()");
    assert_eq!(saved.as_str().unwrap().lines().count(), 130, "{saved}");
    picture(&browser, "versions");
    check_page(&browser);

    browser.click("//button[.='Check the delegation']");
    browser.wait_for_text("main", "Nobody who was asked has answered.");
    browser.wait_for_text("main", "connection refused");
    check_page(&browser);

    primary.kill();
    browser.click("//button[.='Transfer now']");
    let said = browser.wait_for_text("#said.bad", "Failed:");
    assert!(said.contains("127.0.0.1"), "{said}");
    browser.wait_for_text(".state", "stale, last visit failed");
    browser.wait_until("document.querySelector('svg .failed')");
    picture(&browser, "trouble");
    check_page(&browser);

    browser.click("//nav/a[.='Zones']");
    browser.wait_for_text("h1", "Zones");
    browser.click("//label[normalize-space()='behind']/input");
    browser.click("//button[.='Show']");
    browser.wait_for_text("main", "No zone is like that.");
    browser.click("//label[normalize-space()='failing']/input");
    browser.click("//button[.='Show']");
    browser.wait_for_text("tbody", "example.org");
    picture(&browser, "zones");
    check_page(&browser);

    browser.click("//a[.='example.org']");
    browser.click("//button[.='Delete the zone']");
    browser.fill("Type its name to confirm", "example.com");
    browser.click("//dialog//button[.='Delete']");
    browser.wait_for_text("dialog .wrong", "This is not example.org.");
    check_page(&browser);
    browser.fill("Type its name to confirm", "example.org");
    browser.click("//dialog//button[.='Delete']");
    browser.wait_for_text("#said", "example.org is deleted.");
    browser.wait_for_text("main", "There is no zone yet.");
    check_page(&browser);
    assert_eq!(node.api.get("/v1/zones").1["items"], json!([]));
}

#[test]
fn keys_and_settings_are_changed_and_everything_is_reached_by_keyboard() {
    let Some(browser) = Browser::start("dark") else {
        return;
    };
    let directory = TempDir::new().unwrap();
    let (node, mut primary) = (node(&directory), primary(&directory));
    let address = primary.address("dns");
    let server = json!({"address": address.ip(), "port": address.port()});
    let zone = json!({"name": "example.org", "primaries": [server], "description": "<b>old</b>"});
    let (status, zone) = node.api.post("/v1/zones", &zone);
    assert_eq!(status, 201, "{zone}");

    browser.open(node.http, "/console");
    browser.fill("Token", "another");
    browser.click("//button[.='Open the console']");
    browser.wait_for_text(".problem", "The service does not know this token.");
    check_refusal(&browser, 401);
    signed_in(&browser, &node);

    browser.wait_for_text("tbody", "example.org");
    browser.run("document.getElementById('skip').focus()");
    let named = "const { activeElement } = document;
        const label = activeElement.labels?.[0] ?? activeElement;
        return activeElement.getAttribute('aria-label') ?? label.textContent.trim()";
    let mut reached = vec![browser.run(named)];
    for _ in 0..17 {
        browser.press(TAB);
        reached.push(browser.run(named));
    }
    assert_eq!(
        json!(reached),
        json!([
            "Skip to the content",
            "Zonekit",
            "Zones",
            "TSIG keys",
            "New zone",
            "Forget the token",
            "Name contains",
            "In the compartment",
            "failing",
            "stale",
            "expiring within a day",
            "behind",
            "expired",
            "never loaded",
            "a primary fails",
            "Show",
            "Zones",
            "example.org",
        ])
    );
    browser.press(ENTER);
    browser.wait_for_text("h1", "example.org");
    browser.wait_for_text("dl", "<b>old</b>");
    check_page(&browser);

    browser.click("//nav/a[.='TSIG keys']");
    browser.fill("Key name", "transfer.example");
    browser.click("//button[.='Make the key']");
    browser.wait_for_text(".secret", "=");
    browser.wait_for_text("tbody", "transfer.example");
    picture(&browser, "keys");
    check_page(&browser);

    let id = zone["id"].as_str().unwrap();
    browser.open(node.http, &format!("/console#/zones/{id}/edit"));
    browser.wait_for_text("h1", "Settings of example.org");
    browser.fill("Description", "new");
    let port = address.port().to_string();
    browser.fill("Port", "1053");
    let edited = format!("Was {port}; asked at 1053 once saved");
    browser.wait_for_text(".server", &edited);
    browser.fill("Port", &port); // as it was: nothing is said of it any more
    browser.wait_until("!document.querySelector('.server').innerText.includes('once saved')");
    browser.fill("Compartment", "mine");
    browser.click("//button[.='Save']");
    browser.wait_for_text(".wrong:not([hidden])", "an OCID such as");
    check_refusal(&browser, 400);
    browser.fill("Compartment", "ocid1.compartment.oc1..aaaamine");
    browser.click("//label[.='TSIG key']/..//option[.='transfer.example']");
    browser.click("//button[.='Save']");
    browser.wait_for_text("#said", "The settings are changed.");
    browser.wait_for_text("dl", "new");
    let (_, zone) = node.api.get("/v1/zones/example.org");
    assert_eq!(zone["description"], "new");
    assert_eq!(zone["compartment"], "ocid1.compartment.oc1..aaaamine");
    assert_eq!(zone["primaries"][0]["key"], "transfer.example");
    check_page(&browser);
}

#[test]
fn zones_are_found_by_compartment_and_named_as_they_are_read() {
    let Some(browser) = Browser::start("light") else {
        return;
    };
    let directory = TempDir::new().unwrap();
    let signer = Signer::new(directory.path());
    let settings = Settings {
        timers: &format!("{}{QUIET}", signer.entry()),
        ..Settings::default()
    };
    let node = Node::start(directory.path(), &settings);
    // The third is of Cyrillic letters that all look like Latin ones, the fourth has one such among Latin ones.
    for (name, compartment) in [
        ("bücher.example", "one"),
        ("пример.example", "two"),
        ("аррӏе.example", "two"),
        ("pаypal.example", "two"),
    ] {
        let zone = json!({
            "name": name, "zoneType": "SECONDARY",
            "compartmentId": format!("ocid1.compartment.oc1..{compartment}"),
            "externalMasters": [{"address": "127.0.0.1", "port": 1}],
        });
        let status = signer.send(node.http, "POST", "/20180115/zones", &zone.to_string());
        assert_eq!(status, 201, "{name}");
    }
    signed_in(&browser, &node);
    let rows = |expected: serde_json::Value| {
        let shown = "[...document.querySelectorAll('tbody th')].map((cell) => cell.innerText)";
        browser.wait_until(&format!(
            "JSON.stringify({shown}) === JSON.stringify({expected})"
        ));
    };
    rows(json!([
        "xn--80ak6aa92e.example",
        "bücher.example",
        "пример.example",
        "xn--pypal-4ve.example"
    ]));
    let title = browser.run("return document.querySelector('tbody [title]').title");
    assert_eq!(title, "xn--bcher-kva.example");
    let offered = "[...document.querySelectorAll('#compartments option')].map((option) => option.value.slice(-3))";
    browser.wait_until(&format!("{offered}.join() === 'two,one'"));

    browser.fill("In the compartment", "two");
    browser.click("//button[.='Show']");
    browser.wait_for_text("main .problem", "compartment: an OCID was expected");
    check_refusal(&browser, 400);
    browser.fill("In the compartment", "ocid1.compartment.oc1..two");
    browser.click("//button[.='Show']");
    rows(json!([
        "xn--80ak6aa92e.example",
        "пример.example",
        "xn--pypal-4ve.example"
    ]));
    check_page(&browser);
    browser.fill("In the compartment", "ocid1.compartment.oc1..one");
    browser.click("//button[.='Show']");
    rows(json!(["bücher.example"]));
    picture(&browser, "compartment");

    browser.click("//a[.='bücher.example']");
    browser.wait_for_text("h1", "bücher.example");
    assert_eq!(
        browser.run("return document.querySelector('h1').title"),
        "xn--bcher-kva.example"
    );
    browser.wait_for_text("dl", "xn--bcher-kva.example");
    browser.click("//button[.='Delete the zone']");
    browser.fill("Type its name to confirm", "bücher.example");
    browser.click("//dialog//button[.='Delete']");
    browser.wait_for_text("#said", "xn--bcher-kva.example is deleted.");
    check_page(&browser);
}

#[test]
fn thousands_of_zones_are_seen_page_by_page() {
    const MANY: usize = 2_000;
    let Some(browser) = Browser::start("light") else {
        return;
    };
    let directory = TempDir::new().unwrap();
    let zones: String = (0..MANY)
        .map(|n| {
            format!(
                "[[zone]]\nname = \"zone{n:04}.example\"\ncontract = \"tests\"\n\
                 primaries = [{{ address = \"127.0.0.1:1\" }}]\n"
            )
        })
        .collect();
    let settings = Settings {
        timers: QUIET,
        more: &zones,
        ..Settings::default()
    };
    let node = Node::start(directory.path(), &settings);
    signed_in(&browser, &node);
    let rows = |count: usize, first: &str| {
        browser.wait_for_text("tbody th", first);
        let found = browser.run("return document.querySelectorAll('tbody tr').length");
        assert_eq!(found, count, "{first}");
    };
    rows(100, "zone0000.example");
    browser.wait_for_text(".pages", "100 here, 2,000 in all");
    browser.click("//a[.='Next page']");
    rows(100, "zone0100.example");
    browser.click("//a[.='First page']");
    rows(100, "zone0000.example");
    browser.fill("Name contains", "zone199");
    browser.click("//button[.='Show']");
    rows(10, "zone1990.example");
    check_page(&browser);
}

/// Keys, as the protocol writes them.
const TAB: char = '\u{e004}';
const ENTER: char = '\u{e007}';
