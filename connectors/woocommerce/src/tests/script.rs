//! A shop that answers what a closure says, and remembers what it was asked.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use banto_channel::{Clock, Cx, Http, Request, Response, Result, Secret, Timestamp};

use crate::WooCommerce;
use crate::config::Settings;

/// 2026-11-21T10:00:00Z.
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
    /// Verb, path and query of what was sent since the last call, with bodies.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock().unwrap()).iter().map(line).collect()
    }

    /// The requests themselves.
    pub fn requests(&self) -> Vec<Request> {
        self.log.lock().unwrap().clone()
    }
}

/// "POST orders/7/notes {…}"; the path without the base of the API.
pub fn line(request: &Request) -> String {
    let query: Vec<String> = request.query.iter().map(|(n, v)| format!("{n}={v}")).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    let body = String::from_utf8_lossy(&request.body);
    let space = if body.is_empty() { "" } else { " " };
    format!("{} {}{mark}{}{space}{body}", request.method.as_str(), path(request), query.join("&"))
}

/// The path below `/wp-json/wc/v3/`, or below `/wp-json/` for other namespaces.
pub fn path(request: &Request) -> &str {
    let path = request.url.split_once("/wp-json/").unwrap().1;
    path.strip_prefix("wc/v3/").unwrap_or(path)
}

/// The value of a query parameter.
pub fn query<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
}

/// A clock that stands until it is set.
#[derive(Debug)]
pub struct Still(AtomicI64);

impl Still {
    pub fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(self.0.load(Ordering::Relaxed))
    }
}

/// What a call is handed, with the script and the clock behind it.
pub fn stage(
    answer: impl Fn(&Request) -> Result<Response> + Send + Sync + 'static,
) -> (Cx, Arc<Script>, Arc<Still>) {
    let script = Arc::new(Script { log: Mutex::new(Vec::new()), answer: Box::new(answer) });
    let clock = Arc::new(Still(AtomicI64::new(NOW)));
    let cx = Cx { http: script.clone(), clock: clock.clone() };
    (cx, script, clock)
}

/// An answer with a body and nothing else.
pub fn answer(status: u16, body: impl Into<String>) -> Result<Response> {
    Ok(Response { status, headers: Vec::new(), body: body.into().into_bytes() })
}

/// A WordPress error.
pub fn wp_error(status: u16, code: &str, message: &str) -> Result<Response> {
    answer(status, format!(r#"{{"code":"{code}","message":"{message}","data":{{"status":{status}}}}}"#))
}

/// A connector whose config is the least one plus `extra`.
pub fn shop(extra: &str) -> WooCommerce {
    let text = format!(
        "url = \"https://shop.example\"\nconsumer_key_file = \"key\"\nconsumer_secret_file = \"secret\"\n{extra}"
    );
    WooCommerce::new(Settings::read(&toml::from_str(&text).unwrap(), &secrets).unwrap())
}

/// The credentials of the scripted shop.
pub fn secrets(name: &str) -> Result<Secret> {
    Ok(Secret::new(match name {
        "key" => "ck_0123456789abcdef",
        "secret" => "cs_fedcba9876543210",
        "hook" => "0123456789abcdef0123456789abcdef",
        "odd-hook" => "0123456789abcdef<&>",
        _ => "",
    }))
}
