//! An RMS that answers what a closure says, and remembers what it was asked.

use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use banto_channel::{Clock, Cx, Http, Request, Response, Result, Secret, Timestamp};
use serde_json::Value;

use crate::Rakuten;
use crate::config::Settings;

/// 2026-11-21T19:00:00 in Japan.
pub const NOW: i64 = 1_795_255_200;

type Answer = dyn Fn(&Request) -> Result<Response> + Send + Sync;

/// The scripted way out.
pub struct Script {
    log: Mutex<Vec<Request>>,
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
        let answer = (self.answer)(&request);
        self.log.lock().unwrap().push(request);
        answer
    }
}

impl Script {
    pub fn requests(&self) -> Vec<Request> {
        self.log.lock().unwrap().clone()
    }

    /// The last part of each path, such as `getOrder` or `bulk-upsert`.
    pub fn calls(&self) -> Vec<String> {
        self.requests().iter().map(|request| call(request).to_owned()).collect()
    }
}

pub fn call(request: &Request) -> &str {
    request.url.trim_end_matches('/').rsplit('/').next().unwrap()
}

pub fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(NOW)
    }
}

/// What a call is handed, with the script behind it.
pub fn stage(answer: impl Fn(&Request) -> Result<Response> + Send + Sync + 'static) -> (Cx, Arc<Script>) {
    let script = Arc::new(Script { log: Mutex::new(Vec::new()), answer: Box::new(answer) });
    (Cx { http: script.clone(), clock: Arc::new(Still) }, script)
}

pub fn answer(status: u16, body: impl ToString) -> Result<Response> {
    Ok(Response { status, headers: Vec::new(), body: body.to_string().into_bytes() })
}

/// A connector whose config is the least one plus `extra`.
pub fn shop(extra: &str) -> Rakuten {
    let text = format!("service_secret_file = \"secret\"\nlicense_key_file = \"key\"\n{extra}");
    Rakuten::new(Settings::read(&toml::from_str(&text).unwrap(), &secrets).unwrap())
}

/// The credentials of the scripted shop.
pub fn secrets(name: &str) -> Result<Secret> {
    Ok(Secret::new(match name {
        "secret" => "SP000000_aaaaaaaa",
        "key" => "SL000000_bbbbbbbb",
        "next" => "SL000000_cccccccc",
        _ => "",
    }))
}
