//! A shop that answers what a closure says, and remembers what it was asked.

use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use banto_channel::{Cx, Http, Request, Response, Result, Secret};
use banto_sim::SimClock;
use serde_json::Value;

use crate::Shopify;
use crate::config::Settings;

type Answer = dyn Fn(&Asked) -> Result<Response> + Send + Sync;

/// One call: the operation (or the path, for a token), and the variables.
#[derive(Clone, Debug)]
pub struct Asked {
    pub name: String,
    pub variables: Value,
    pub request: Request,
}

impl Asked {
    fn of(request: Request) -> Self {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let path = request.url.rsplit('/').next().unwrap().to_owned();
        let name = body["operationName"].as_str().map_or(path, ToOwned::to_owned);
        Self { name, variables: body["variables"].clone(), request }
    }
}

/// The scripted way out.
pub struct Script {
    log: Mutex<Vec<Asked>>,
    answer: Box<Answer>,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Script")
    }
}

#[async_trait]
impl Http for Script {
    async fn send(&self, request: Request) -> Result<Response> {
        let asked = Asked::of(request);
        let answer = (self.answer)(&asked);
        self.log.lock().unwrap().push(asked);
        answer
    }
}

impl Script {
    /// What was asked since the last time.
    pub fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }
}

/// What a call is handed, with the script behind it.
pub fn stage(answer: impl Fn(&Asked) -> Result<Response> + Send + Sync + 'static) -> (Cx, Arc<Script>) {
    let script = Arc::new(Script { log: Mutex::new(Vec::new()), answer: Box::new(answer) });
    (Cx { http: script.clone(), clock: SimClock::usual() }, script)
}

/// An answer with a body and nothing else.
pub fn answer(status: u16, body: impl Into<String>) -> Result<Response> {
    Ok(Response { status, headers: Vec::new(), body: body.into().into_bytes() })
}

/// An answer with data.
pub fn data(data: &Value) -> Result<Response> {
    answer(200, serde_json::json!({ "data": data }).to_string())
}

/// An answer with an error of that code, and no data.
pub fn fault(code: &str, message: &str) -> Result<Response> {
    let errors = serde_json::json!([{ "message": message, "extensions": { "code": code } }]);
    answer(200, serde_json::json!({ "errors": errors, "data": null }).to_string())
}

/// A connector with a lasting token whose config is the least one plus `extra`.
pub fn shop(extra: &str) -> Shopify {
    let text = format!(
        "shop = \"tea\"\naccess_token_file = \"token\"\nclient_secret_file = \"secret\"\nlocation_ids = [1]\n{extra}"
    );
    Shopify::new(Settings::read(&toml::from_str(&text).unwrap(), &secrets).unwrap())
}

/// The credentials of the scripted shop.
pub fn secrets(name: &str) -> Result<Secret> {
    Ok(Secret::new(match name {
        "token" => "shpat_0123456789",
        "secret" => "shpss_9876543210",
        _ => "",
    }))
}
