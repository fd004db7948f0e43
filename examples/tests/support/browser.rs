//! A headless Chromium, told what to do over ChromeDriver's WebDriver protocol (<https://www.w3.org/TR/webdriver2/>).

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::Agent;

use super::{PATIENCE, Program, eventually, peer_program};

/// A browser with one window; it ends with the test.
pub struct Browser {
    agent: Agent,
    session: String,
    _driver: Program,
    _profile: TempDir,
}

/// What the protocol calls a reference to an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

impl Browser {
    /// Starts it; `None`, said aloud, where Chromium or its driver is not installed.
    pub fn start(scheme: &str) -> Option<Self> {
        let (chromium, driver) = (peer_program("chromium")?, peer_program("chromedriver")?);
        let profile = TempDir::new().unwrap();
        let mut driver = Program::start(
            Command::new(driver)
                .arg("--port=0")
                .env("HOME", profile.path())
                .env("TMPDIR", profile.path()),
        );
        let port: u16 = driver.wait_for("the driver's port", |line| {
            let (_, rest) = line.split_once("started successfully on port ")?;
            rest.trim_end_matches('.').parse().ok()
        });
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build()
            .new_agent();
        let mut browser = Self {
            agent,
            session: format!("http://127.0.0.1:{port}/session"),
            _driver: driver,
            _profile: profile,
        };
        let data = browser._profile.path().join("data");
        let flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,1000",
        ];
        let mut flags: Vec<_> = flags.map(str::to_owned).into();
        flags.push(format!("--user-data-dir={}", data.display()));
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"binary": chromium, "args": flags},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let session = browser.tell("", &capabilities);
        browser.session += &format!("/{}", session["sessionId"].as_str().unwrap());
        browser.prefer(scheme);
        Some(browser)
    }

    /// Has pages believe that the user wants `light` or `dark`.
    pub fn prefer(&self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        let command =
            json!({"cmd": "Emulation.setEmulatedMedia", "params": {"features": features}});
        self.tell("/goog/cdp/execute", &command);
    }

    pub fn open(&self, http: SocketAddr, path: &str) {
        self.tell("/url", &json!({"url": format!("http://{http}{path}")}));
    }

    /// Runs the body of a function in the page; gives what it returns.
    #[track_caller]
    pub fn run(&self, script: &str) -> Value {
        self.tell("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Waits until an expression in the page is true.
    #[track_caller]
    pub fn wait_until(&self, expression: &str) {
        let script = format!("return Boolean({expression})");
        let holds = || (self.run(&script) == true).then_some(());
        eventually(expression, holds);
    }

    /// Waits until the page has this text in what CSS `selector` names; gives all of it.
    #[track_caller]
    pub fn wait_for_text(&self, selector: &str, text: &str) -> String {
        let script =
            format!("return document.querySelector({selector:?})?.innerText.trim() ?? null");
        eventually(&format!("{text:?} in {selector}"), || {
            let found = self.run(&script).as_str()?.to_owned();
            found.contains(text).then_some(found)
        })
    }

    /// Clicks as a pointer does, on what an XPath names.
    #[track_caller]
    pub fn click(&self, path: &str) {
        let element = self.element(path);
        self.tell(&format!("/element/{element}/click"), &json!({}));
    }

    /// Types into the control under this label, in place of what it has.
    #[track_caller]
    pub fn fill(&self, label: &str, text: &str) {
        let path = format!("//*[@id=//label[normalize-space()='{label}']/@for]");
        let element = self.element(&path);
        self.tell(&format!("/element/{element}/clear"), &json!({}));
        self.tell(&format!("/element/{element}/value"), &json!({"text": text}));
    }

    /// Presses and releases one key, wherever the focus is.
    pub fn press(&self, key: char) {
        let actions = ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key}));
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": actions});
        self.tell("/actions", &json!({"actions": [keyboard]}));
    }

    /// What the browser has complained of since it was last asked: errors of scripts, of the policy, of the network.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.tell("/se/log", &json!({"type": "browser"}));
        let lines = log.as_array().unwrap().iter();
        lines.map(ToString::to_string).collect()
    }

    /// A picture of the window.
    pub fn picture(&self, path: &Path) {
        let answer = self
            .agent
            .get(format!("{}/screenshot", self.session))
            .call();
        let body: Value = answer.unwrap().body_mut().read_json().unwrap();
        let picture = STANDARD.decode(body["value"].as_str().unwrap()).unwrap();
        std::fs::write(path, picture).unwrap();
    }

    #[track_caller]
    fn element(&self, path: &str) -> String {
        let wanted = json!({"using": "xpath", "value": path});
        eventually(path, || {
            let found = self.tell("/elements", &wanted);
            Some(found[0][ELEMENT].as_str()?.to_owned())
        })
    }

    #[track_caller]
    fn tell(&self, path: &str, body: &Value) -> Value {
        let answer = { self.agent.post(format!("{}{path}", self.session)) }.send_json(body);
        let mut answer = answer.unwrap();
        let mut value: Value = answer.body_mut().read_json().unwrap();
        assert_eq!(answer.status(), 200, "{path} {body}: {value}");
        value["value"].take()
    }
}

impl Drop for Browser {
    /// Closes the browser before its driver is killed, which would leave it behind.
    fn drop(&mut self) {
        let _ = self.agent.delete(&self.session).call();
    }
}
