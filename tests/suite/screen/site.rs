//! The whole web over real HTTP on a store of either engine, and browsers that are logged in.
//!
//! `each_site(async |site| …)` runs a test on both engines; `site.log_in(Role::Staff)` gives a browser that keeps its
//! cookies, adds the session's token to every form, and follows no redirect by itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

use async_trait::async_trait;
use banto::app::App;
use banto::config::{Config, Surroundings};
use banto::domain::people::{Language, Role};
use banto::keys::{self, Token};
use banto::store::{Login, NewPerson, PersonRow, Store};
use banto::web::screen::{self, Desk, House, Route};
use banto::web::{self, HookAnswer, HookSink, Metrics, WebState};
use banto_channel::{Clock, Webhook};
use banto_sim::SimClock;
use metrics_exporter_prometheus::PrometheusBuilder;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::stores::{Fresh, each_store};

/// Everybody's password.
pub const PASSWORD: &str = "correct horse 12";
/// Its hash, made once: it is meant to take long.
static HASH: LazyLock<String> = LazyLock::new(|| keys::hash(PASSWORD).unwrap());

const HOUSE: &str = "[shop]\nname = \"茶屋 <本店>\"\n";

/// The web of a house that stands still: nothing pulls, pushes or sends.
pub struct Site {
    pub store: Store,
    pub clock: Arc<SimClock>,
    pub at: SocketAddr,
    /// Every route with what it demands.
    pub routes: Vec<Route>,
    pub app: App,
    _folder: TempDir,
    _serving: DropGuard,
}

/// What a [`Site`] is to be, if not the usual.
#[derive(Clone, Copy, Default)]
pub struct Plan<'a> {
    /// `banto.toml`; empty for the usual one.
    pub house: &'a str,
    /// Name and file of each channel.
    pub channels: &'a [(&'a str, &'a str)],
}

#[derive(Debug)]
struct Still(App);

impl House for Still {
    fn app(&self) -> App {
        self.0.clone()
    }
}

#[derive(Debug)]
struct NoHooks;

#[async_trait]
impl HookSink for NoHooks {
    async fn receive(&self, _: &str, _: &Webhook<'_>) -> HookAnswer {
        HookAnswer::UnknownChannel
    }
}

/// Runs a test on the web of a fresh store of each engine at hand.
pub async fn each_site(test: impl AsyncFn(&Site)) {
    each_store(async |fresh| test(&Site::on(fresh).await).await).await;
}

impl Site {
    /// On this store, without channels.
    pub async fn on(fresh: &Fresh) -> Self {
        Self::planned(fresh, Plan::default(), SimClock::usual()).await
    }

    /// On this store, as planned, at the time of this clock.
    pub async fn planned(fresh: &Fresh, plan: Plan<'_>, clock: Arc<SimClock>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let app = build(folder.path(), fresh, plan, Arc::clone(&clock)).await;
        let stop = CancellationToken::new();
        let desk = Desk::new(Arc::new(Still(app.clone())), stop.clone());
        let routes = screen::routes(&desk).1;
        let state = WebState {
            checks: Vec::new(),
            hooks: Arc::new(NoHooks),
            metrics: Metrics::of(PrometheusBuilder::new().build_recorder().handle()),
            desk: Some(desk),
        };
        let listener = web::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(web::serve(listener, web::router(state), stop.clone()));
        let store = fresh.store.clone();
        Self { store, clock, at, routes, app, _folder: folder, _serving: stop.drop_guard() }
    }

    /// A browser that nobody has logged in with.
    pub fn stranger(&self) -> Browser {
        Browser {
            at: self.at,
            cookies: Mutex::default(),
            csrf: String::new(),
            headers: Vec::new(),
            session: None,
        }
    }

    /// Somebody with this name and role, whose password is [`PASSWORD`].
    pub async fn person(&self, name: &str, role: Role) -> PersonRow {
        if let Some(there) = self.store.person_called(name).await.unwrap() {
            return there;
        }
        let new = NewPerson { name, full_name: name, password: HASH.as_str(), role, language: Language::En };
        self.store.add_person(&new, "test", self.clock.now()).await.unwrap()
    }

    /// A browser in which somebody of this role (`owner`, `staff`, `read_only`) is logged in. There is always an
    /// owner: without anybody every page leads to the set-up.
    pub async fn log_in(&self, role: Role) -> Browser {
        self.person("owner", Role::Owner).await;
        self.log_in_as(role.name(), role).await
    }

    /// As [`Site::log_in`], with a name.
    pub async fn log_in_as(&self, name: &str, role: Role) -> Browser {
        let person = self.person(name, role).await;
        let (token, csrf) = (Token::new(), Token::new());
        let login = Login {
            person: person.id,
            totp_step: None,
            session: &token.digest(),
            csrf: &csrf.0,
            agent: "test",
            address: "192.0.2.1",
        };
        self.store.log_in(&login, self.clock.now()).await.unwrap();
        let cookies = BTreeMap::from([("banto_session".to_owned(), token.0.clone())]);
        Browser {
            cookies: Mutex::new(cookies),
            csrf: csrf.0,
            session: Some(token.digest()),
            ..self.stranger()
        }
    }
}

async fn build(dir: &Path, fresh: &Fresh, plan: Plan<'_>, clock: Arc<SimClock>) -> App {
    let house = if plan.house.is_empty() { HOUSE } else { plan.house };
    let state = Some(fresh.state().to_owned());
    let around = Surroundings { state_directory: state, ..Surroundings::default() };
    let config = Config::from_texts(dir, &around, house, plan.channels).unwrap();
    App::build(config, fresh.store.clone(), clock as Arc<dyn Clock>).await.unwrap()
}

/// A browser: cookies, and the token that every form carries.
pub struct Browser {
    at: SocketAddr,
    cookies: Mutex<BTreeMap<String, String>>,
    /// The session's token for forms.
    pub csrf: String,
    /// Key of its session in the store.
    pub session: Option<String>,
    /// Headers of every request.
    pub headers: Vec<(String, String)>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Head in lower case names: `name: value` lines.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Where it leads.
    pub fn location(&self) -> &str {
        self.header("location").unwrap_or_default()
    }

    /// Insists on a status.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}\n{:?}", self.body, self.headers);
        self
    }
}

impl Browser {
    /// With a header on every request.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A page.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"").await
    }

    /// A page that is there, as text.
    pub async fn page(&self, path: &str) -> String {
        self.get(path).await.expect(200).body
    }

    /// A form with the session's token.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let mut form = form.to_vec();
        if !self.csrf.is_empty() {
            form.push(("csrf", &self.csrf));
        }
        self.post_bare(path, &form).await
    }

    /// A form as it is.
    pub async fn post_bare(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let pairs: Vec<String> = form.iter().map(|(k, v)| format!("{}={}", encode(k), encode(v))).collect();
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        self.ask("POST", path, &kind, pairs.join("&").as_bytes()).await
    }

    /// A form of fields and files (name, file name, content), with the session's token.
    pub async fn upload(&self, path: &str, form: &[(&str, &str)], files: &[(&str, &str, &[u8])]) -> Answer {
        let mut body = Vec::new();
        for (name, value) in form.iter().chain(&[("csrf", self.csrf.as_str())]) {
            let part =
                format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend(part.as_bytes());
        }
        for (name, file, content) in files {
            let head = format!(
                "--edge\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\n\r\n"
            );
            body.extend(head.as_bytes());
            body.extend(*content);
            body.extend(b"\r\n");
        }
        body.extend(b"--edge--\r\n");
        self.ask("POST", path, &[("content-type", "multipart/form-data; boundary=edge")], &body).await
    }

    /// Any request.
    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.at);
        let own = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.chain(headers.iter().copied()) {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let cookies = self.cookies();
        if !cookies.is_empty() {
            let _ = write!(head, "cookie: {cookies}\r\n");
        }
        let _ = write!(head, "content-length: {}\r\n\r\n", body.len());
        let mut stream = TcpStream::connect(self.at).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        // The server may refuse before it has read everything.
        let _ = stream.write_all(body).await;
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes).await;
        let answer = read(&bytes);
        self.keep_cookies(&answer);
        answer
    }

    fn cookies(&self) -> String {
        let kept = self.cookies.lock().unwrap();
        kept.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// A cookie that the browser has.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(name).cloned()
    }

    /// Gives the browser a cookie.
    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
    }

    fn keep_cookies(&self, answer: &Answer) {
        let mut kept = self.cookies.lock().unwrap();
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                kept.remove(name);
            } else {
                kept.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// Takes the session's token from a page, as forms do.
    pub async fn learn_csrf(&mut self, path: &str) {
        let page = self.page(path).await;
        let at = page.split_once("<meta name=\"csrf\" content=\"").unwrap().1;
        self.csrf = at.split_once('"').unwrap().0.to_owned();
    }
}

fn read(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or_else(|| {
        panic!("no answer: {:?}", String::from_utf8_lossy(bytes));
    });
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let is_chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let body = &bytes[end + 4..];
    let body = if is_chunked { unchunked(body) } else { body.to_vec() };
    Answer { status, headers, body: String::from_utf8_lossy(&body).into_owned() }
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(at) = rest.windows(2).position(|w| w == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..at]).unwrap().trim(), 16).unwrap();
        let (chunk, after) = rest[at + 2..].split_at(size);
        body.extend(chunk);
        if size == 0 || after.len() < 2 {
            break;
        }
        rest = &after[2..];
    }
    body
}
