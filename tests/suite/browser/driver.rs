//! A browser to drive: chromium behind its chromedriver, which speaks WebDriver on a port of loopback.

use std::env;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, MutexGuard};

/// The browsers of one test at a time: a machine of two cores has no room for more.
static TURN: Mutex<()> = Mutex::const_new(());

/// How long something may take that a person would call immediate, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked whether it is so.
const LOOK: Duration = Duration::from_millis(40);

/// Width and height of a window.
pub type Size = (u32, u32);
/// A desk.
pub const DESK: Size = (1280, 800);
/// A phone in the stockroom.
pub const PHONE: Size = (360, 740);

/// Runs a command, and ends it with all that it has started when nobody holds the other end of the input any more:
/// chromium outlives a chromedriver that is killed, and nothing is dropped in a test that is killed.
const LEASH: &str = r#""$0" "$@" & exec >&-; read -r _; kill -KILL 0"#;
/// How often a driver may end before it is ready. For `--port=0` it takes a free port of IPv4 and then asks for the same
/// one of IPv6, where one of the many connections beside it may have it.
const STARTS: usize = 5;
/// How long those who are killed may take to be gone.
const GONE: Duration = Duration::from_secs(5);

/// A running chromedriver. It and its browsers end with the test, also with one that fails or is killed.
pub struct Driver {
    /// The shell that has the driver on its leash.
    process: Child,
    port: u16,
    /// Where browsers keep what they keep.
    profiles: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Driver {
    /// Starts the chromedriver that `BANTO_TEST_BROWSER` names; `None`, saying so, where it names none.
    pub async fn start() -> Option<Self> {
        let Some(path) = env::var_os("BANTO_TEST_BROWSER") else {
            eprintln!("SKIP: not run, as BANTO_TEST_BROWSER does not name a chromedriver");
            return None;
        };
        let turn = TURN.lock().await;
        let profiles = tempfile::tempdir().unwrap();
        let mut said = Vec::new();
        for _ in 0..STARTS {
            let mut process = launch(&path, &profiles);
            match told_port(&mut process).await {
                Ok(port) => return Some(Self { process, port, profiles, _turn: turn }),
                Err(words) => said.push(words),
            }
        }
        panic!("chromedriver ended {STARTS} times before it was ready: {said:?}");
    }

    /// Opens a browser of its own, with its own cookies, on the site at `home`, which it asks for this language.
    pub async fn browser(&self, home: &str, language: &str) -> Browser {
        let profile = tempfile::tempdir_in(self.profiles.path()).unwrap().keep();
        let wanted = json!({
            // A page is looked at by axe in one script, beside everything else that two cores have to do.
            "timeouts": { "script": 120_000 },
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"args": [
                "--headless=new",
                // As root, as in a container, there is no sandbox; the pages are our own.
                "--no-sandbox",
                "--disable-dev-shm-usage",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--no-first-run",
                format!("--accept-lang={language}"),
                format!("--window-size={},{}", DESK.0, DESK.1),
                format!("--user-data-dir={}", profile.display()),
            ]},
        });
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(wanted.as_object().cloned().unwrap_or_default());
        let client = builder.connect(&format!("http://127.0.0.1:{}", self.port)).await.unwrap();
        let session = client.session_id().await.unwrap().unwrap();
        let browser = Browser { client, session, port: self.port, home: home.to_owned() };
        browser.size(DESK).await;
        browser
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let began = Instant::now();
        // What they still write would keep their folder from being removed.
        while matches!(self.process.try_wait(), Ok(None)) && began.elapsed() < GONE {
            std::thread::sleep(LOOK);
        }
    }
}

/// The driver on its leash, still without a port.
fn launch(path: &OsStr, profiles: &TempDir) -> Child {
    Command::new("sh")
        .args(["-c", LEASH])
        .arg(path)
        .args(["--port=0", "--log-level=WARNING"])
        .env("TMPDIR", profiles.path())
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The port that the driver says it has taken, or what it said before it ended.
async fn told_port(process: &mut Child) -> Result<u16, String> {
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let told = async {
        let mut said = Vec::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some((_, port)) = line.split_once("successfully on port ") {
                return Ok(port.trim_end_matches('.').parse().unwrap());
            }
            said.push(line);
        }
        Err(said.join("; "))
    };
    let port = tokio::time::timeout(PATIENCE, told)
        .await
        .unwrap_or_else(|_| panic!("chromedriver does not start"))?;
    // It must be able to go on talking.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok(port)
}

/// One browser with one person before it.
pub struct Browser {
    pub client: Client,
    session: String,
    port: u16,
    home: String,
}

impl Browser {
    /// Opens a page of the site.
    pub async fn open(&self, path: &str) {
        self.client.goto(&format!("{}{path}", self.home)).await.unwrap();
    }

    /// Path and query of the page that is open.
    pub async fn path(&self) -> String {
        let url = self.client.current_url().await.unwrap();
        url.as_str().strip_prefix(&self.home).unwrap_or(url.as_str()).to_owned()
    }

    /// What a script of the page's own world returns.
    pub async fn js(&self, script: &str, args: Vec<Value>) -> Value {
        match self.client.execute(script, args).await {
            Ok(value) => value,
            Err(error) => panic!("{error}\nin {script}"),
        }
    }

    /// Whether this JavaScript expression is true now. While a page is being left nothing is.
    pub async fn is(&self, expression: &str) -> bool {
        let found = self.client.execute(&format!("return !!({expression})"), Vec::new()).await;
        found.is_ok_and(|value| value == json!(true))
    }

    /// Waits until this JavaScript expression is true.
    pub async fn until(&self, expression: &str) {
        let waiting = async {
            while !self.is(expression).await {
                tokio::time::sleep(LOOK).await;
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            self.fail(&format!("not within {PATIENCE:?}: {expression}")).await;
        }
    }

    /// Waits until the page at this path is open and complete.
    pub async fn until_at(&self, path: &str) {
        let path = json!(path);
        self.until(&format!("location.pathname === {path} && document.readyState === 'complete'")).await;
    }

    /// Waits until the page's visible text has this in it.
    pub async fn until_says(&self, text: &str) {
        self.until(&format!("document.body.innerText.includes({})", json!(text))).await;
    }

    /// The visible text of the page, or of the first element that a selector finds.
    pub async fn text(&self, selector: &str) -> String {
        let found =
            self.js("return document.querySelector(arguments[0])?.innerText ?? null", vec![json!(selector)]);
        match found.await {
            Value::String(text) => text,
            _ => self.fail(&format!("nothing is {selector}")).await,
        }
    }

    /// The first element that a CSS selector finds; waits for it.
    pub async fn find(&self, selector: &str) -> Element {
        let found =
            self.client.wait().at_most(PATIENCE).every(LOOK).for_element(Locator::Css(selector)).await;
        match found {
            Ok(element) => element,
            Err(error) => self.fail(&format!("{selector}: {error}")).await,
        }
    }

    /// Clicks what a CSS selector finds first.
    pub async fn click(&self, selector: &str) {
        if let Err(error) = self.find(selector).await.click().await {
            self.fail(&format!("{selector} cannot be clicked: {error}")).await;
        }
    }

    /// Clicks the visible button, link or summary that reads like this, in `scope` (a CSS selector).
    pub async fn press(&self, scope: &str, label: &str) {
        let mark = "const [scope, label] = arguments;
            const reads = e => (e.getAttribute('aria-label') ?? e.innerText).trim().replace(/\\s+/g, ' ');
            const found = [...document.querySelectorAll(scope)].flatMap(s =>
                [...s.querySelectorAll('button, a, summary, input[type=submit]')])
                .find(e => e.checkVisibility() && reads(e) === label);
            return found";
        let what = format!("what in {scope} reads {label:?}");
        self.click_found(mark, vec![json!(scope), json!(label)], &what).await;
    }

    /// Clicks the element that a script finds; if a live page puts another in its place meanwhile, that one.
    pub async fn click_found(&self, find: &str, args: Vec<Value>, what: &str) {
        let mark = format!(
            "document.querySelectorAll('[data-pressed]').forEach(e => e.removeAttribute('data-pressed'));
            const found = (function () {{ {find} }}).apply(null, arguments);
            found?.setAttribute('data-pressed', '');
            return !!found"
        );
        let mut why = "it is not there".to_owned();
        let clicking = async {
            loop {
                if self.js(&mark, args.clone()).await == json!(true) {
                    let found = self.client.find(Locator::Css("[data-pressed]")).await;
                    match async { found?.click().await }.await {
                        Ok(()) => return,
                        Err(error) => why = error.to_string(),
                    }
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        if tokio::time::timeout(PATIENCE, clicking).await.is_err() {
            self.fail(&format!("{what} cannot be clicked: {why}")).await;
        }
    }

    /// Says yes to what the page asks.
    pub async fn say_yes(&self) {
        if let Err(error) = self.client.accept_alert().await {
            self.fail(&format!("the page asks nothing: {error}")).await;
        }
    }

    /// Strikes Tab until this JavaScript condition holds for `at`, the element with the focus; no mouse is needed for
    /// what can be reached so.
    pub async fn tab_to(&self, condition: &str) {
        for _ in 0..200 {
            self.key(Key::Tab).await;
            if self.is(&format!("(at => {condition})(document.activeElement)")).await {
                return;
            }
        }
        self.fail(&format!("no Tab leads to {condition}")).await;
    }

    /// Chooses the option of this value.
    pub async fn choose(&self, selector: &str, value: &str) {
        if let Err(error) = self.find(selector).await.select_by_value(value).await {
            self.fail(&format!("{selector} has no {value}: {error}")).await;
        }
    }

    /// Types into the field that a CSS selector finds, in place of what it holds.
    pub async fn fill(&self, selector: &str, text: &str) {
        let field = self.find(selector).await;
        let done = async {
            field.clear().await?;
            field.send_keys(text).await
        };
        if let Err(error) = done.await {
            self.fail(&format!("{selector} cannot be typed into: {error}")).await;
        }
    }

    /// Strikes keys, one after the other, wherever the focus is.
    pub async fn keys(&self, keys: impl IntoIterator<Item = char>) {
        let mut strokes = KeyActions::new("keyboard".to_owned());
        for value in keys {
            strokes = strokes.then(KeyAction::Down { value }).then(KeyAction::Up { value });
        }
        self.client.perform_actions(strokes).await.unwrap();
    }

    /// Strikes a key that has a name.
    pub async fn key(&self, key: Key) {
        self.keys([char::from(key)]).await;
    }

    /// Makes the window this large; as small as a phone's too, which a window of the desktop cannot be.
    pub async fn size(&self, (width, height): Size) {
        let mobile = width < 600;
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
        self.devtools("Emulation.setTouchEmulationEnabled", json!({"enabled": mobile})).await;
    }

    /// Has pages believe that the person likes them dark, or light.
    pub async fn dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": value}]});
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Whether the page is wider than the window, which then scrolls sideways; says what sticks out.
    pub async fn overflow(&self) -> Option<String> {
        let script = "const wide = innerWidth, root = document.documentElement;
            if (root.scrollWidth <= wide) return null;
            const inside = e => e && (['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(e).overflowX)
                || inside(e.parentElement));
            const out = [...document.body.querySelectorAll('*')].filter(e =>
                e.getBoundingClientRect().right > wide + 1 && !inside(e.parentElement));
            return `${root.scrollWidth} px in a window of ${wide}: ` + out.slice(0, 4).map(e =>
                e.outerHTML.slice(0, 120)).join(' | ')";
        self.js(script, Vec::new()).await.as_str().map(ToOwned::to_owned)
    }

    /// What the browser's console said since it was last asked: errors of scripts, broken rules of the content policy,
    /// answers of 400 and above.
    pub async fn console(&self) -> Vec<String> {
        let said = self.vendor("se/log", &json!({"type": "browser"})).await;
        let entries = said.as_array().cloned().unwrap_or_default();
        let matters = |e: &&Value| matches!(e["level"].as_str(), Some("SEVERE" | "WARNING"));
        entries.iter().filter(matters).filter_map(|e| e["message"].as_str()).map(ToOwned::to_owned).collect()
    }

    /// Keeps a picture of the whole page as `NAME.png` in `target/test-screenshots`.
    pub async fn picture(&self, name: &str) {
        let shot = self.devtools("Page.captureScreenshot", json!({"captureBeyondViewport": true})).await;
        let bytes = base64(shot["data"].as_str().unwrap_or_default());
        let folder = pictures();
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), bytes).unwrap();
    }

    /// Fails the test, with the page as it stands.
    pub async fn fail(&self, why: &str) -> ! {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("test").replace("::", "-");
        self.picture(&format!("failed-{name}")).await;
        let text = self.js("return document.body.innerText", Vec::new()).await;
        let text: String = text.as_str().unwrap_or_default().chars().take(3000).collect();
        panic!("{why}\nat {}, which reads:\n{text}\nconsole: {:?}", self.path().await, self.console().await)
    }

    /// A command of the browser's own tools.
    async fn devtools(&self, command: &str, params: Value) -> Value {
        self.vendor("goog/cdp/execute", &json!({"cmd": command, "params": params})).await
    }

    /// A command of this driver that is not in the WebDriver standard.
    async fn vendor(&self, command: &str, params: &Value) -> Value {
        let body = params.to_string();
        let head = format!(
            "POST /session/{}/{command} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            self.session,
            body.len()
        );
        let tcp = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let mut tcp = BufReader::new(tcp);
        tcp.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        // The driver keeps its connections open.
        let (mut head, mut length) = (String::new(), 0);
        while tcp.read_line(&mut head).await.unwrap() > 2 {
            let line = head.lines().last().unwrap_or_default().to_ascii_lowercase();
            if let Some(bytes) = line.strip_prefix("content-length:") {
                length = bytes.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        tcp.read_exact(&mut body).await.unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{command}: {}", String::from_utf8_lossy(&body));
        let mut answer: Value = serde_json::from_slice(&body).unwrap();
        answer["value"].take()
    }
}

/// Where pictures are kept.
fn pictures() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target"))
        .join("test-screenshots")
}

fn base64(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}
