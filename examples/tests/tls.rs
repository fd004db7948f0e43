//! TLS with other people's software, in both directions: our client and secondary with NSD and BIND as primaries; NSD and
//! BIND as secondaries, dig, kdig and curl as clients with our servers. Knot has transfers over TLS from version 3.4 on, so
//! that Debian's 3.2 takes part by its kdig alone.

mod support;

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use support::{
    Node, Program, Settings, canonical_lines, declared, eventually, free_port, master_file,
    peer_program, rcode_of, serial_of, until_serial,
};
use tempfile::TempDir;
use zonekit_script::Authority;
use zonekit_wire::Rcode;

const ZONE: &str = "example.org";
const NAME: &str = "ns1.example.net";
/// Enough that a transfer takes many records of TLS.
const HOSTS: usize = 5_000;

/// A directory with certificates of two authorities, one for servers and one for clients, and a zone.
struct Place {
    directory: TempDir,
    expected: Vec<String>,
}

impl Place {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let (servers, clients) = (Authority::p256(), Authority::p256());
        let (server, client) = (
            servers.certify(NAME),
            clients.certify("secondary.example.net"),
        );
        for (file, text) in [
            ("ca.pem", &servers.pem),
            ("server.pem", &server.certificate),
            ("server.key", &server.key),
            ("clients.pem", &clients.pem),
            ("client.pem", &client.certificate),
            ("client.key", &client.key),
            ("zone", &master_file(ZONE, 7, HOSTS)),
        ] {
            fs::write(directory.path().join(file), text).unwrap();
        }
        let mut place = Self {
            directory,
            expected: Vec::new(),
        };
        // What everybody has to hold, as our own server has it from the file.
        let (_primary, address) = place.primary(&[]);
        place.expected = support::transferred(address.plain, ZONE, None);
        assert!(place.expected.len() > HOSTS);
        place
    }

    fn path(&self, file: &str) -> String {
        self.directory.path().join(file).display().to_string()
    }

    /// Our `primary` over TLS and not.
    fn primary(&self, more: &[&str]) -> (Program, Listening) {
        let (zone, certificate, key) = (
            format!("{ZONE}={}", self.path("zone")),
            self.path("server.pem"),
            self.path("server.key"),
        );
        let any = "127.0.0.1:0";
        let mut arguments = vec!["--listen", any, "--tls-listen", any, "--zone", &zone];
        arguments.extend(["--tls-cert", &certificate, "--tls-key", &key]);
        arguments.extend(more);
        let mut program = Program::ours("primary", &arguments);
        let listening = Listening {
            plain: program.address("dns"),
            encrypted: program.address("tls"),
        };
        (program, listening)
    }

    /// What `axfr` prints with these flags, or what it says.
    fn axfr(&self, server: SocketAddr, flags: &[&str]) -> Result<Vec<String>, String> {
        let at = format!("@{server}");
        let mut arguments = vec![at.as_str(), ZONE];
        arguments.extend(flags);
        let (status, said) = Program::ours("axfr", &arguments).wait();
        match status.success() {
            true => Ok(canonical_lines(&said)),
            false => Err(said),
        }
    }

    /// The zone arrives whole at our secondary over TLS with these entries in its `[[tls]]`.
    #[track_caller]
    fn arrives_at_our_secondary(&self, primary: SocketAddr, entries: &str) {
        let directory = TempDir::new().unwrap();
        let node = self.secondary(directory.path(), primary, entries);
        until_serial(node.dns, ZONE, 7);
        assert!(support::transferred(node.dns, ZONE, None) == self.expected);
    }

    fn secondary(&self, directory: &Path, primary: SocketAddr, entries: &str) -> Node {
        let zone = declared(ZONE, primary, None).replace(" }", ", tls = \"theirs\" }");
        let more = format!("[[tls]]\nname = \"theirs\"\n{entries}\n{zone}");
        Node::start(directory, &Settings::with(&more))
    }

    fn strict(&self) -> String {
        format!(
            "ca_file = {:?}\nserver_name = \"{NAME}\"",
            self.path("ca.pem")
        )
    }

    fn mutual(&self) -> String {
        let (certificate, key) = (self.path("client.pem"), self.path("client.key"));
        format!(
            "{}\ncertificate = {certificate:?}\nkey = {key:?}",
            self.strict()
        )
    }
}

struct Listening {
    plain: SocketAddr,
    encrypted: SocketAddr,
}

/// Somebody else's server. Dropped, it ends.
struct Peer {
    name: &'static str,
    plain: SocketAddr,
    encrypted: SocketAddr,
    log: PathBuf,
    process: Child,
    _directory: TempDir,
}

impl Peer {
    /// Starts a server with the configuration that `text` makes of a directory and two ports, and waits for the zone.
    fn start(
        name: &'static str,
        flags: &[&str],
        text: impl FnOnce(&Path, u16, u16) -> String,
    ) -> Option<Self> {
        let program = peer_program(name)?;
        let directory = TempDir::new().unwrap();
        let [plain, encrypted] = [free_port(), free_port()];
        let file = directory.path().join("configuration");
        fs::write(&file, text(directory.path(), plain, encrypted)).unwrap();
        let log = directory.path().join("log");
        let output = File::create(&log).unwrap();
        let process = Command::new(program)
            .args(flags)
            .arg("-c")
            .arg(file)
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let peer = Self {
            name,
            plain: at(plain),
            encrypted: at(encrypted),
            log,
            process,
            _directory: directory,
        };
        eventually(&format!("the zone at {name}"), || {
            (serial_of(peer.plain, ZONE) == Some(7)).then_some(())
        });
        Some(peer)
    }

    fn nsd(entries: &str, zone: &str) -> Option<Self> {
        Self::start("nsd", &["-d"], |directory, plain, encrypted| {
            let directory = directory.display();
            format!(
                "server:\n  ip-address: 127.0.0.1@{plain}\n  ip-address: 127.0.0.1@{encrypted}\n  tls-port: {encrypted}\n  \
                 username: \"\"\n  chroot: \"\"\n  database: \"\"\n  server-count: 1\n  rrl-ratelimit: 0\n  xfrd-reload-timeout: 0\n  \
                 zonesdir: \"{directory}\"\n  pidfile: \"{directory}/pid\"\n  xfrdfile: \"{directory}/xfrd\"\n  \
                 xfrdir: \"{directory}\"\n  zonelistfile: \"{directory}/list\"\n{entries}\
                 remote-control:\n  control-enable: no\n\
                 zone:\n  name: \"{ZONE}\"\n  provide-xfr: 127.0.0.1 NOKEY\n{zone}"
            )
        })
    }

    fn bind(statements: &str, zone: &str) -> Option<Self> {
        Self::start(
            "named",
            &["-f", "-n", "1"],
            |directory, plain, encrypted| {
                let directory = directory.display();
                let encrypted = match statements.contains("tls ours") {
                    true => format!("listen-on port {encrypted} tls ours {{ 127.0.0.1; }};"),
                    false => String::new(),
                };
                format!(
                    "{statements}options {{\n  directory \"{directory}\"; pid-file none; session-keyfile none; lock-file none;\n  \
                 listen-on port {plain} {{ 127.0.0.1; }}; {encrypted} listen-on-v6 {{ none; }};\n  \
                 recursion no; allow-query {{ any; }}; allow-transfer {{ 127.0.0.1; }}; notify no;\n  \
                 dnssec-validation no; empty-zones-enable no;\n}};\ncontrols {{ }};\n\
                 logging {{ channel here {{ stderr; severity info; }}; category default {{ here; }}; }};\n\
                 zone \"{ZONE}\" {{ {zone} }};\n"
                )
            },
        )
    }

    /// What it holds is what our primary has.
    #[track_caller]
    fn holds(&self, expected: &[String]) {
        // NSD exchanges its processes when a zone has come, and hangs up on whoever asks one that goes.
        let found = support::handed_on(self.plain, ZONE);
        assert!(found == expected, "{}: what it holds differs", self.name);
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // NSD is a family of processes and takes its children along only when it is asked to end.
        let _ = Command::new("kill")
            .arg(self.process.id().to_string())
            .status();
        let _ = self.process.wait();
        if std::thread::panicking() {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            eprintln!("--- {} said:\n{log}\n---", self.name);
        }
    }
}

#[test]
fn nsd_is_a_primary_over_tls() {
    let place = Place::new();
    let (certificate, key) = (place.path("server.pem"), place.path("server.key"));
    let entries = format!("  tls-service-pem: {certificate:?}\n  tls-service-key: {key:?}\n");
    let zone = format!("  zonefile: {:?}\n", place.path("zone"));
    let Some(nsd) = Peer::nsd(&entries, &zone) else {
        return;
    };
    let ca = place.path("ca.pem");
    let strict = ["--tls-ca", &ca, "--tls-name", NAME];
    // NSD 4.6 says nothing of ALPN, which RFC 9103 wants.
    let said = place.axfr(nsd.encrypted, &strict).unwrap_err();
    assert!(said.contains("does not agree on ALPN"), "{said}");
    let waived = [&strict[..], &["--tls-without-alpn"]].concat();
    assert!(place.axfr(nsd.encrypted, &waived).unwrap() == place.expected);
    let entries = format!("{}\nwithout_alpn = true", place.strict());
    place.arrives_at_our_secondary(nsd.encrypted, &entries);
}

#[test]
fn bind_is_a_primary_over_tls_that_knows_us_or_not() {
    let place = Place::new();
    let (certificate, key) = (place.path("server.pem"), place.path("server.key"));
    let ca = place.path("ca.pem");
    let strict = ["--tls-ca", &ca, "--tls-name", NAME];
    let zone = format!("type primary; file {:?};", place.path("zone"));
    let ours = format!("key-file {key:?}; cert-file {certificate:?}; protocols {{ TLSv1.3; }};");
    let Some(bind) = Peer::bind(&format!("tls ours {{ {ours} }};\n"), &zone) else {
        return;
    };
    assert!(place.axfr(bind.encrypted, &strict).unwrap() == place.expected);
    place.arrives_at_our_secondary(bind.encrypted, &place.strict());

    let clients = place.path("clients.pem");
    let mutual = format!("tls ours {{ {ours} ca-file {clients:?}; }};\n");
    let bind = Peer::bind(&mutual, &zone).unwrap();
    place.arrives_at_our_secondary(bind.encrypted, &place.mutual());
    // Mostly BIND closes the connection before the alert that says why gets through.
    let said = place.axfr(bind.encrypted, &strict).unwrap_err();
    let reasons = [
        "the primary wants a certificate of ours",
        "connection closed",
        "connection reset",
    ];
    assert!(reasons.iter().any(|why| said.contains(why)), "{said}");
}

#[test]
fn clear_text_in_the_stead_of_tls_is_told_everywhere() {
    let place = Place::new();
    let (_primary, address) = place.primary(&[]);
    let clear = format!("clear_text_port = {}", address.plain.port());
    // At the port for clear text there is no TLS; at the other there is.
    for (primary, is_clear) in [(address.plain, true), (address.encrypted, false)] {
        let directory = TempDir::new().unwrap();
        let entries = format!("opportunistic = true\n{clear}");
        let node = place.secondary(directory.path(), primary, &entries);
        let visit = eventually("a visit that ends well", || {
            let (_, history) = node.api.get(&format!("/v1/zones/{ZONE}/history"));
            let visit = history["items"].as_array()?.last()?.clone();
            (visit["outcome"] == "transferred").then_some(visit)
        });
        assert_eq!(visit["clearText"], is_clear, "{visit}");
        let (_, zone) = node.api.get(&format!("/v1/zones/{ZONE}"));
        let why = &zone["primaries"][0]["clearText"];
        assert_eq!(why.is_string(), is_clear, "{zone}");
        let (_, metrics) = node.api.text("/metrics");
        let zones = u32::from(is_clear);
        let line = format!("zonekit_primary_zones_clear_text{{primary=\"{primary}\"}} {zones}\n");
        assert!(metrics.contains(&line), "{metrics}");
        if is_clear {
            eventually("a line in the log", || {
                let said = node.program.said();
                said.contains("no TLS: clear text is spoken").then_some(())
            });
        } else {
            assert!(!node.program.said().contains("clear text is spoken"));
        }
    }
}

#[test]
fn a_primary_that_is_another_is_told_in_the_status_and_nothing_is_taken() {
    let place = Place::new();
    let (_primary, address) = place.primary(&[]);
    let clients = place.path("clients.pem");
    let directory = TempDir::new().unwrap();
    let entries = format!("ca_file = {clients:?}\nserver_name = \"{NAME}\"");
    let node = place.secondary(directory.path(), address.encrypted, &entries);
    let id = node.id_of(ZONE);
    node.wait_for_error(&id, "is from an authority that is not known here");
    assert_eq!(node.primary(&id)["errorKind"], "bad certificate");
    assert_eq!(rcode_of(node.dns, ZONE), Rcode::SERVFAIL);
}

#[test]
fn nsd_and_bind_are_secondaries_over_tls_of_what_is_for_tls_alone() {
    let place = Place::new();
    let clients = place.path("clients.pem");
    let (ca, certificate, key) = (
        place.path("ca.pem"),
        place.path("client.pem"),
        place.path("client.key"),
    );
    let (_open, open) = place.primary(&["--allow", "tls:127.0.0.0/8"]);
    let (_closed, closed) = place.primary(&["--allow", "tls", "--tls-client-ca", &clients]);
    assert!(place.axfr(open.plain, &[]).is_err(), "in clear text");
    for (port, ours) in [
        (open.encrypted.port(), false),
        (closed.encrypted.port(), true),
    ] {
        let shown = match ours {
            true => format!("  client-cert: {certificate:?}\n  client-key: {key:?}\n"),
            false => String::new(),
        };
        let zone = format!(
            "  zonefile: \"zone\"\n  request-xfr: AXFR 127.0.0.1@{port} NOKEY theirs\n\
             tls-auth:\n  name: theirs\n  auth-domain-name: {NAME}\n{shown}"
        );
        if let Some(nsd) = Peer::nsd(&format!("  tls-cert-bundle: {ca:?}\n"), &zone) {
            nsd.holds(&place.expected);
        }
        let shown = match ours {
            true => format!("cert-file {certificate:?}; key-file {key:?};"),
            false => String::new(),
        };
        let theirs =
            format!("tls theirs {{ ca-file {ca:?}; remote-hostname \"{NAME}\"; {shown} }};\n");
        let zone = format!(
            "type secondary; file \"zone\"; primaries {{ 127.0.0.1 port {port} tls theirs; }};"
        );
        if let Some(bind) = Peer::bind(&theirs, &zone) {
            bind.holds(&place.expected);
        }
    }
}

/// What a program of others prints.
fn printed(program: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn dig_and_kdig_believe_our_server_over_tls_by_its_certificate() {
    let place = Place::new();
    let (_primary, address) = place.primary(&[]);
    let (ca, clients) = (
        format!("+tls-ca={}", place.path("ca.pem")),
        format!("+tls-ca={}", place.path("clients.pem")),
    );
    let (name, other) = (
        format!("+tls-hostname={NAME}"),
        "+tls-hostname=ns2.example.net".to_owned(),
    );
    let port = address.encrypted.port().to_string();
    for program in ["dig", "kdig"] {
        let Some(path) = peer_program(program) else {
            continue;
        };
        let ask = |ca: &str, name: &str, question: &[&str]| {
            let arguments = ["@127.0.0.1", "-p", &port, "+time=60", "+tls", ca, name];
            printed(&path, &[&arguments[..], question].concat())
        };
        let said = ask(&ca, &name, &["host7.example.org", "A"]);
        assert!(said.contains("198.51.0.8"), "{program}: {said}");
        let said = ask(&ca, &name, &[ZONE, "AXFR"]);
        let whole = said.contains("host4999") && said.matches("\tSOA\t").count() == 2;
        assert!(
            whole,
            "{program}: {}",
            &said[said.len().saturating_sub(2000)..]
        );
        for (ca, name) in [(&clients, &name), (&ca, &other)] {
            let said = ask(ca, name, &["host7.example.org", "A"]);
            assert!(
                !said.contains("198.51.0.8"),
                "{program} {ca} {name}: {said}"
            );
        }
    }
}

#[test]
fn our_primary_renews_its_certificate_at_sighup_and_keeps_it_where_the_new_one_is_broken() {
    let place = Place::new();
    let (mut primary, address) = place.primary(&[]);
    let shows = |ca: &str| {
        let flags = ["--tls-ca", &place.path(ca), "--tls-name", NAME];
        let taken = place.axfr(address.encrypted, &flags);
        taken.map(|lines| assert!(lines == place.expected))
    };
    let says = |primary: &mut Program, what: &str| {
        primary.wait_for(what, |line| line.contains(what).then_some(()));
    };
    shows("ca.pem").expect("the certificate that it began with");
    let new = Authority::p256();
    let leaf = new.certify(NAME);
    fs::write(place.path("new.pem"), &new.pem).unwrap();
    fs::write(place.path("server.key"), &leaf.key).unwrap();
    fs::write(place.path("server.pem"), "nothing of the kind").unwrap();
    primary.signal("HUP");
    says(&mut primary, "the one before stays");
    shows("ca.pem").expect("the one before");
    fs::write(place.path("server.pem"), &leaf.certificate).unwrap();
    primary.signal("HUP");
    says(&mut primary, "certificate read again");
    shows("new.pem").expect("the new one");
    shows("ca.pem").expect_err("the old one is shown no more");
}

#[test]
fn our_secondary_answers_over_tls_and_https_and_renews_its_certificates_at_sighup() {
    let place = Place::new();
    let (_primary, address) = place.primary(&[]);
    let directory = TempDir::new().unwrap();
    let put = |leaf: &zonekit_script::Leaf| {
        fs::write(directory.path().join("ns.pem"), &leaf.certificate).unwrap();
        fs::write(directory.path().join("ns.key"), &leaf.key).unwrap();
    };
    let old = Authority::p256();
    put(&old.certify(NAME));
    let certificate = "certificate = \"ns.pem\"\nkey = \"ns.key\"\n";
    let config = directory.path().join("secondary.toml");
    let text = format!(
        "data_dir = \"var\"\n[dns]\nlisten = [\"127.0.0.1:0\"]\nallow_transfer = [\"tls:127.0.0.0/8\"]\nworkers = 1\n\
         [dns.tls]\nlisten = [\"127.0.0.1:0\"]\n{certificate}[http]\nlisten = \"127.0.0.1:0\"\n[http.tls]\n{certificate}{}",
        declared(ZONE, address.plain, None)
    );
    fs::write(&config, text).unwrap();
    let mut program = Program::ours("secondary", &["--config", config.to_str().unwrap()]);
    let [dns, tls, http] = ["dns", "tls", "http"].map(|of| program.address(of));
    until_serial(dns, ZONE, 7);
    let ca = |authority: &Authority, file: &str| {
        let path = directory.path().join(file);
        fs::write(&path, &authority.pem).unwrap();
        path.display().to_string()
    };
    let shows = |ca: &str| {
        let taken = place.axfr(tls, &["--tls-ca", ca, "--tls-name", NAME]);
        taken.map(|lines| assert!(lines == place.expected))
    };
    let answers_https = |ca: &str| {
        let curl = peer_program("curl")?;
        let to = format!("{NAME}:{}:127.0.0.1", http.port());
        let url = format!("https://{NAME}:{}/healthz", http.port());
        let arguments = [
            "-sS",
            "--max-time",
            "20",
            "--cacert",
            ca,
            "--resolve",
            &to,
            &url,
        ];
        let output = Command::new(curl).args(arguments).output().unwrap();
        Some(output.status.success())
    };
    // An operator on the machine does not need the certificate to be of the address, or known to anybody.
    let said = {
        Program::ours(
            "secondary",
            &[
                "zones",
                "--config",
                config.to_str().unwrap(),
                "--contract",
                "tests",
                "list",
            ],
        )
    }
    .wait();
    assert!(said.0.success() && said.1.contains(ZONE), "{}", said.1);

    let old = ca(&old, "old.pem");
    shows(&old).unwrap();
    assert!(place.axfr(dns, &[]).is_err(), "in clear text");
    assert_ne!(answers_https(&old), Some(false));

    let new = Authority::p256();
    put(&new.certify(NAME));
    program.signal("HUP");
    let new = ca(&new, "new.pem");
    eventually("the new certificate", || shows(&new).ok());
    assert!(shows(&old).is_err());
    assert_ne!(answers_https(&new), Some(false));
    assert_ne!(answers_https(&old), Some(true));
}
