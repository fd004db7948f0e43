//! The management API as a client of ours sees it.

use std::net::SocketAddr;

use serde_json::{Value, json};
use ureq::Agent;

/// A client with a bearer token.
pub struct Api {
    agent: Agent,
    base: String,
    token: String,
}

impl Api {
    pub fn new(address: SocketAddr, token: &str) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(super::PATIENCE))
            .build()
            .new_agent();
        Self {
            agent,
            base: format!("http://{address}"),
            token: token.to_owned(),
        }
    }

    /// Status and JSON body; `Null` where there is no body.
    pub fn get(&self, path: &str) -> (u16, Value) {
        let answer = { self.agent.get(format!("{}{path}", self.base)) }
            .header("Authorization", format!("Bearer {}", self.token))
            .call();
        read(answer)
    }

    pub fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        let answer = { self.agent.put(format!("{}{path}", self.base)) }
            .header("Authorization", format!("Bearer {}", self.token))
            .send_json(body);
        read(answer)
    }

    pub fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let answer = { self.agent.post(format!("{}{path}", self.base)) }
            .header("Authorization", format!("Bearer {}", self.token))
            .send_json(body);
        read(answer)
    }

    pub fn patch(&self, path: &str, body: &Value) -> (u16, Value) {
        let answer = { self.agent.patch(format!("{}{path}", self.base)) }
            .header("Authorization", format!("Bearer {}", self.token))
            .send_json(body);
        read(answer)
    }

    pub fn delete(&self, path: &str) -> (u16, Value) {
        let answer = { self.agent.delete(format!("{}{path}", self.base)) }
            .header("Authorization", format!("Bearer {}", self.token))
            .call();
        read(answer)
    }

    /// The body as text, without the token: health and metrics.
    pub fn text(&self, path: &str) -> (u16, String) {
        let mut answer = { self.agent.get(format!("{}{path}", self.base)) }
            .call()
            .unwrap();
        let body = answer.body_mut().read_to_string().unwrap();
        (answer.status().as_u16(), body)
    }

    /// The body as text, with the token.
    pub fn text_with_token(&self, path: &str) -> (u16, String) {
        let mut answer = { self.agent.get(format!("{}{path}", self.base)) }
            .header("Authorization", format!("Bearer {}", self.token))
            .call()
            .unwrap();
        let body = answer.body_mut().read_to_string().unwrap();
        (answer.status().as_u16(), body)
    }

    /// Creates a secondary zone and gives its id.
    #[track_caller]
    pub fn create(&self, zone: &str, primaries: &[&str]) -> String {
        let body = json!({"properties": {"zoneName": zone, "primaryIps": primaries}});
        let (status, answer) = self.post("/secondaryzones", &body);
        assert_eq!(status, 202, "{answer}");
        answer["id"].as_str().expect("an id").to_owned()
    }

    /// The items of the zone's transfer status, one per primary.
    #[track_caller]
    pub fn transfer_status(&self, id: &str) -> Vec<Value> {
        let (status, answer) = self.get(&format!("/secondaryzones/{id}/axfr"));
        assert_eq!(status, 200, "{answer}");
        answer["items"].as_array().expect("items").clone()
    }
}

fn read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> (u16, Value) {
    let mut answer = answer.expect("an HTTP answer");
    let body = answer.body_mut().read_to_string().expect("a body");
    let value = match body.as_str() {
        "" => Value::Null,
        text => serde_json::from_str(text).unwrap_or_else(|_| panic!("not JSON: {text}")),
    };
    (answer.status().as_u16(), value)
}
