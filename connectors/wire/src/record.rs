//! Conversations kept as JSON lines, and played back.

use std::collections::VecDeque;
use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use banto_channel::{Error, ErrorKind, Http, Request, Response, Result, Secret};

use crate::recording::{Line, header, target, told};
use crate::redact::Scrub;

/// Passes every call on and appends it, with what came back, to a writer: one JSON object a line.
///
/// No credential gets into a recording: neither the secrets of the call or of an earlier call nor the fields that
/// tokens come in. Buyers' names and addresses do: keep it as you keep the orders.
pub struct Recorder {
    inner: Arc<dyn Http>,
    kept: Mutex<Kept>,
}

struct Kept {
    out: Box<dyn Write + Send>,
    secrets: Vec<Secret>,
}

impl Recorder {
    /// Records what goes through `inner`. `secrets` are credentials that may stand in bodies (a client secret in
    /// a token call).
    #[must_use]
    pub fn new(inner: Arc<dyn Http>, out: Box<dyn Write + Send>, secrets: Vec<Secret>) -> Self {
        Self { inner, kept: Mutex::new(Kept { out, secrets }) }
    }
}

#[async_trait]
impl Http for Recorder {
    async fn send(&self, request: Request) -> Result<Response> {
        let asked = request.clone();
        let result = self.inner.send(request).await;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = kept.write(&asked, &result) {
            tracing::warn!(%error, "a call could not be recorded");
        }
        result
    }
}

impl Kept {
    fn write(&mut self, request: &Request, result: &Result<Response>) -> std::io::Result<()> {
        let query = request.secret_query.iter().map(|(_, secret)| secret);
        for secret in query.chain(request.secret_headers.iter().map(|(_, secret)| secret)) {
            if !self.secrets.contains(secret) {
                self.secrets.push(secret.clone());
            }
        }
        let scrub = Scrub::new(&self.secrets);
        let mut line = serde_json::to_vec(&Line::new(request, result, &scrub))?;
        line.push(b'\n');
        self.out.write_all(&line)?;
        self.out.flush()
    }
}

/// Answers from a recording, call by call in its order. Verb, path and plain query must be those recorded; hosts,
/// headers, bodies and secrets may differ.
pub struct Replay {
    lines: Mutex<VecDeque<Line>>,
}

impl Replay {
    /// Reads a recording.
    ///
    /// Errors: [`ErrorKind::Unexpected`] with the number of the line that is none.
    pub fn parse(recording: &str) -> Result<Self> {
        let mut lines = VecDeque::new();
        for (n, text) in recording.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
            let line = serde_json::from_str(text).map_err(|e| {
                Error::new(ErrorKind::Unexpected, format!("line {} of the recording: {e}", n + 1))
            })?;
            lines.push_back(line);
        }
        Ok(Self { lines: Mutex::new(lines) })
    }

    /// Calls that were recorded and not yet asked for.
    #[must_use]
    pub fn left(&self) -> usize {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

#[async_trait]
impl Http for Replay {
    async fn send(&self, request: Request) -> Result<Response> {
        let (path, query) = target(&request);
        let scrub = Scrub::of(&request);
        let query: Vec<_> = query.iter().map(|(name, value)| header(name, value, &scrub)).collect();
        let asked = told(request.method.as_str(), &scrub.text(&path), &query);
        let unexpected = |text: String| Error::new(ErrorKind::Unexpected, text);
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(line) = lines.front() else {
            return Err(unexpected(format!("{asked} was asked for, but the recording is at its end")));
        };
        let recorded = told(&line.method, &line.path, &line.query);
        if asked != recorded {
            return Err(unexpected(format!("{asked} was asked for, but {recorded} was recorded")));
        }
        let answer = line.answer.clone();
        lines.pop_front();
        answer.into_result()
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay").field("left", &self.left()).finish()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::Duration;

    use banto_channel::Method;

    use super::*;

    /// Answers with what it is made of.
    #[derive(Debug)]
    struct Says(Mutex<VecDeque<Result<Response>>>);

    #[async_trait]
    impl Http for Says {
        async fn send(&self, _: Request) -> Result<Response> {
            self.0.lock().unwrap().pop_front().unwrap()
        }
    }

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn answer(status: u16, body: &[u8]) -> Result<Response> {
        let headers = vec![("set-cookie".to_owned(), "session=sess_0815".to_owned())];
        Ok(Response { status, headers, body: body.to_vec() })
    }

    /// A recorder that is answered with `answers`, and what it writes.
    fn recorder(answers: Vec<Result<Response>>, secrets: Vec<Secret>) -> (Recorder, Memory) {
        let memory = Memory::default();
        let inner = Arc::new(Says(Mutex::new(answers.into())));
        (Recorder::new(inner, Box::new(memory.clone()), secrets), memory)
    }

    fn written(memory: &Memory) -> String {
        String::from_utf8(memory.0.lock().unwrap().clone()).unwrap()
    }

    fn get(path: &str) -> Request {
        Request::new(Method::Get, format!("https://shop.example{path}"))
    }

    #[tokio::test]
    async fn what_was_recorded_is_played_back_in_order() {
        let limited = Error::new(ErrorKind::RateLimited, "later").after(Duration::from_secs(7));
        let answers = vec![answer(200, "注文".as_bytes()), answer(404, &[0xff, 0x00]), Err(limited.clone())];
        let (recorder, memory) = recorder(answers, Vec::new());
        let calls = || [get("/orders").query("page", "1"), get("/orders/7?x=1"), get("/orders")];
        for call in calls() {
            _ = recorder.send(call).await;
        }
        let replay = Replay::parse(&written(&memory)).unwrap();
        let [first, second, third] = calls();
        assert_eq!(replay.send(first).await.unwrap().body, "注文".as_bytes());
        let second = replay.send(second).await.unwrap();
        assert_eq!((second.status, second.body), (404, vec![0xff, 0x00]));
        assert_eq!(replay.left(), 1);
        assert_eq!(replay.send(third).await.unwrap_err(), limited);
        assert_eq!(replay.left(), 0);
    }

    #[tokio::test]
    async fn another_call_than_the_recorded_one_is_an_error_that_names_both() {
        let (recorder, memory) = recorder(vec![answer(200, b"{}")], Vec::new());
        recorder.send(get("/orders").query("page", "1")).await.unwrap();
        let replay = Replay::parse(&written(&memory)).unwrap();
        let error = replay.send(get("/orders").query("page", "2")).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unexpected);
        assert_eq!(error.message, "GET /orders?page=2 was asked for, but GET /orders?page=1 was recorded");
        replay.send(get("/orders").query("page", "1")).await.unwrap();
        let error = replay.send(get("/orders")).await.unwrap_err();
        assert!(error.message.contains("at its end"), "{error}");
        assert!(Replay::parse("{}\n").unwrap_err().message.contains("line 1"));
    }

    #[tokio::test]
    async fn no_secret_is_in_a_recording() {
        let token = br#"{"access_token":"tok_fresh","refreshToken":"ref_fresh","expires_in":3600}"#;
        let echo = br#"{"message":"key_query\/1 and tok_header and app_secret are wrong"}"#;
        let answers =
            vec![answer(200, token), answer(401, echo), Err(Error::new(ErrorKind::Auth, "tok_header?"))];
        let (recorder, memory) = recorder(answers, vec![Secret::new("app_secret")]);
        let mut login = Request::new(Method::Post, "https://shop.example/token");
        login.body = b"grant_type=password&password=hunter22&assertion=app_secret".to_vec();
        recorder.send(login).await.unwrap();
        let call = || {
            let mut call = get("/orders").secret_header("authorization", Secret::new("Bearer tok_header"));
            call.secret_query.push(("sig".to_owned(), Secret::new("key_query/1")));
            call.query("note", "tok_header")
        };
        recorder.send(call()).await.unwrap();
        _ = recorder.send(call()).await;
        let text = written(&memory);
        for secret in
            ["tok_fresh", "ref_fresh", "key_query", "tok_header", "app_secret", "hunter22", "sess_0815"]
        {
            assert!(!text.contains(secret), "{secret} is in\n{text}");
        }
        assert!(text.contains("grant_type=password") && text.contains("3600"), "the rest is kept:\n{text}");
        assert!(text.contains(r#""secrets":["sig","authorization"]"#), "{text}");
        let replay = Replay::parse(&text).unwrap();
        replay.send(Request::new(Method::Post, "https://shop.example/token")).await.unwrap();
        assert_eq!(replay.send(call()).await.unwrap().status, 401, "a redacted query still matches");
    }
}
