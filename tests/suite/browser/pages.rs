//! Every page that there is, found through the router's own table and the links of the pages: none may be forgotten.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use axum::http::Method;
use banto::web::screen::{Access, Route, routes};
use banto_channel::{Read, both};
use serde::Deserialize;
use serde_json::json;

use super::axe::{Axe, Rules};
use super::driver::{Browser, DESK, PHONE, Size};
use super::people::{busy_house, first_owner};
use super::stage::Stage;

/// What a page may weigh over the wire, style and script included.
const WEIGHT_MAX: u64 = 100 * 1024;
/// Words of the demo's own that stand where the program's do.
const NAMES: [&str; 8] =
    ["amazon", "auction", "honten", "overseas", "rakuten", "shopify", "vendure", "yahoo"];
/// Where no link can lead: the frame of a preview that nobody has asked for (`screen::desk::mails` opens one).
const UNLINKED: &str = "/mails/templates/preview/{token}";
/// What the headers of an answer weigh, at most.
const HEADERS: u64 = 600;

/// The answer behind a link.
#[derive(Debug, Deserialize)]
struct Answer {
    status: u16,
    kind: String,
    redirected: bool,
    sandboxed: bool,
}

impl Answer {
    /// A mail in its frame is no page of ours, and no script runs in it, an examiner's neither.
    fn is_page(&self) -> bool {
        self.kind.starts_with("text/html") && !self.redirected && !self.sandboxed
    }
}

/// An address for each route that somebody can look at.
struct Site {
    /// Route and address of what is a page.
    pages: BTreeMap<&'static str, String>,
    /// What is wrong so far.
    faults: Vec<String>,
}

/// Whether an address (without its query) is one of this route's.
fn fits(route: &str, address: &str) -> bool {
    let mut parts = (route.split('/'), address.split(['?', '#']).next().unwrap_or_default().split('/'));
    loop {
        match (parts.0.next(), parts.1.next()) {
            (None, None) => return true,
            (Some(name), Some(part)) if name == part || (name.starts_with('{') && !part.is_empty()) => {}
            _ => return false,
        }
    }
}

impl Site {
    /// Walks from the pages without a parameter over all links, until each of the routes has an address.
    async fn walk(browser: &Browser, table: &[Route]) -> Self {
        let all: Vec<&'static str> = table.iter().map(|route| route.path).collect();
        let mut open: BTreeSet<&'static str> =
            all.iter().copied().filter(|path| path.contains('{')).collect();
        let plain = all.iter().filter(|path| !path.contains('{'));
        let mut queue: VecDeque<(&'static str, String)> =
            plain.map(|path| (*path, (*path).to_owned())).collect();
        let mut site = Self { pages: BTreeMap::new(), faults: Vec::new() };
        // Pages that say nothing without a query, and lead elsewhere then.
        let mut asking: BTreeSet<&'static str> = BTreeSet::new();
        while let Some((route, address)) = queue.pop_front() {
            let answer = ask(browser, &address).await;
            if answer.status >= 400 {
                site.faults.push(format!("{address} ({route}) answers {}", answer.status));
            }
            if !answer.is_page() {
                asking.extend(answer.redirected.then_some(route));
                continue;
            }
            browser.open(&address).await;
            for link in links(browser).await {
                let exact = |path: &str| path == link.split(['?', '#']).next().unwrap_or_default();
                if let Some(route) = all.iter().copied().find(|path| exact(path)) {
                    if link.contains('?') && asking.remove(route) {
                        queue.push_back((route, link));
                    }
                    continue;
                }
                if let Some(route) = open.iter().copied().find(|route| fits(route, &link)) {
                    open.remove(route);
                    queue.push_back((route, link));
                }
            }
            site.pages.insert(route, address);
        }
        open.remove(UNLINKED);
        site.faults.extend(open.iter().map(|route| format!("no link leads to {route}")));
        site
    }
}

/// What stands behind an address, without opening it.
async fn ask(browser: &Browser, address: &str) -> Answer {
    let script = "const [address, done] = arguments;
        fetch(address, {method: 'HEAD', cache: 'no-store'}).then(a => done({status: a.status,
            kind: a.headers.get('content-type') ?? '', redirected: a.redirected,
            sandboxed: (a.headers.get('content-security-policy') ?? '').includes('sandbox')}));";
    let answer = browser.client.execute_async(script, vec![json!(address)]).await.unwrap();
    serde_json::from_value(answer).unwrap()
}

/// Where the links, frames and pictures of the open page lead, within the site. Sorted: lists whose order depends on
/// the moment lead the walk to the same pages.
async fn links(browser: &Browser) -> Vec<String> {
    let script = "return [...document.querySelectorAll('a[href], iframe[src], img[src]')]
        .map(e => new URL(e.href ?? e.src, location.href))
        .filter(u => u.origin === location.origin).map(u => u.pathname + u.search).sort()";
    serde_json::from_value(browser.js(script, Vec::new()).await).unwrap()
}

/// What the open page weighed over the wire, with what the browser already had.
async fn weight(browser: &Browser) -> u64 {
    let script = "const all = ['navigation', 'resource'].flatMap(t => performance.getEntriesByType(t))
            .filter(e => e.initiatorType !== 'fetch');
        return all.reduce((sum, e) => sum + e.encodedBodySize + arguments[0], 0)";
    browser.js(script, vec![json!(HEADERS)]).await.as_f64().map_or(u64::MAX, |bytes| bytes as u64)
}

/// What on the open page, of the words that are the program's own, is not in the reader's language.
async fn foreign_words(browser: &Browser) -> Vec<String> {
    let script = "const ja = document.documentElement.lang === 'ja';
        const own = 'nav.menu a, th[scope=col], label, legend, button, dt, .tabs a, main h2, .empty, .note, .hint';
        const spoken = /[\\u3040-\\u30ff\\u4e00-\\u9fff]/, word = /[a-z]{4,}/;
        const text = e => [...e.childNodes].filter(n => n.nodeType === 3).map(n => n.data).join(' ').trim();
        return [...new Set([...document.querySelectorAll(own)].map(text))].filter(t =>
            !arguments[0].includes(t) && (ja ? word.test(t) && !spoken.test(t) : spoken.test(t)))";
    serde_json::from_value(browser.js(script, vec![json!(NAMES)]).await).unwrap()
}

/// One way to look at a page.
struct Look {
    size: Size,
    dark: bool,
    rules: Rules,
}

impl Look {
    const fn of(size: Size, dark: bool, rules: Rules) -> Self {
        Self { size, dark, rules }
    }

    /// Beside a page's name.
    fn name(&self) -> String {
        let place = if self.size == PHONE { "phone" } else { "desk" };
        let light = if self.dark { "dark" } else { "light" };
        format!("{place}-{light}")
    }
}

/// Japanese first, then English. Words and colours do not depend on each other, and only contrast depends on colours:
/// between them they hold every rule in both languages and both widths, and contrast in both widths, light and dark.
const JAPANESE: [Look; 3] = [
    Look::of(DESK, false, Rules::All),
    Look::of(DESK, true, Rules::Contrast),
    Look::of(PHONE, true, Rules::Contrast),
];
/// English words are longer: on a phone it shows.
const ENGLISH: [Look; 1] = [Look::of(PHONE, false, Rules::All)];

/// Looks at pages, and notes what is wrong with them.
struct Examiner {
    axe: Axe,
    faults: Vec<String>,
}

impl Examiner {
    /// One page, as somebody sees it who reads Japanese.
    async fn japanese(&mut self, browser: &Browser, route: &str, address: &str) {
        browser.console().await;
        browser.open(address).await;
        let bytes = weight(browser).await;
        if bytes > WEIGHT_MAX {
            self.faults.push(format!("{address} weighs {bytes} bytes"));
        }
        self.look(browser, ("ja", "Japanese"), &JAPANESE, (route, address)).await;
    }

    /// The same, as somebody sees it who reads English.
    async fn english(&mut self, browser: &Browser, route: &str, address: &str) {
        browser.console().await;
        browser.open(address).await;
        self.look(browser, ("en", "English"), &ENGLISH, (route, address)).await;
    }

    /// The page that is open, in these ways.
    async fn look(
        &mut self,
        browser: &Browser,
        (code, language): (&str, &str),
        looks: &[Look],
        (route, address): (&str, &str),
    ) {
        if !browser.is(&format!("document.documentElement.lang === '{code}' && document.title")).await {
            self.faults.push(format!("{address} says neither that it is in {language} nor its title"));
        }
        let foreign = foreign_words(browser).await;
        if !foreign.is_empty() {
            self.faults.push(format!("{address} is not all in {language}: {foreign:?}"));
        }
        for look in looks {
            browser.size(look.size).await;
            browser.dark(look.dark).await;
            for violation in self.axe.violations(browser, look.rules).await {
                let fault = format!("{address} ({code}, {}): {violation}", look.name());
                if violation.is_serious() {
                    self.faults.push(fault);
                } else {
                    eprintln!("{fault}");
                }
            }
            browser.picture(&format!("{}-{code}-{}", picture_name(route), look.name())).await;
            if let Some(wide) = browser.overflow().await {
                self.faults.push(format!("{address} ({code}, {}) is too wide: {wide}", look.name()));
            }
        }
        browser.size(DESK).await;
        browser.dark(false).await;
        let said = browser.console().await;
        self.faults.extend(said.into_iter().map(|said| format!("{address}: the console says {said}")));
    }
}

fn picture_name(route: &str) -> String {
    let name = route.trim_matches('/').replace(['/', '{', '}'], "-").replace("--", "-");
    match name.trim_matches('-') {
        "" => "today".to_owned(),
        name => name.to_owned(),
    }
}

/// An order comes in that nobody can read.
async fn garbled(stage: &Stage) {
    let app = stage.house.desk().app();
    let channel = &app.running("honten").unwrap().channel;
    let reason = both!("its total cannot be read", "合計の形が読めません");
    let page = [Read::Unreadable { id: Some("garbled".into()), reason, raw: r#"{"total":"?"}"#.to_owned() }];
    let taken = stage.house.store().take_page(&channel.facts, &page, None, channel.now()).await.unwrap();
    assert_eq!(taken.quarantined.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_can_be_used_by_everybody() {
    let Some(stage) = Stage::open().await else { return };
    let mut examiner = Examiner { axe: Axe::read(), faults: Vec::new() };
    let table: Vec<Route> =
        routes(&stage.house.desk()).1.into_iter().filter(|r| r.method == Method::GET).collect();
    let (public, private): (Vec<Route>, Vec<Route>) =
        table.into_iter().partition(|r| r.access == Access::Public);
    let (stranger, foreigner) = (stage.browser().await, stage.browser_in("en").await);
    examiner.japanese(&stranger, "/setup", "/setup").await;
    examiner.english(&foreigner, "/setup", "/setup").await;
    let owner = first_owner(&stage).await;
    busy_house(&stage).await;
    garbled(&stage).await;

    let open = Site::walk(&stranger, &public).await;
    let closed = Site::walk(&owner, &private).await;
    for (browser, site) in [(&stranger, &open), (&owner, &closed)] {
        examiner.faults.extend(site.faults.iter().cloned());
        for (route, address) in &site.pages {
            examiner.japanese(browser, route, address).await;
        }
    }
    // The walk sees one channel; each kind has limits and a setup of its own.
    for name in NAMES {
        examiner.japanese(&owner, &format!("/channels/{name}"), &format!("/channels/{name}")).await;
    }
    read_english(&owner).await;
    for (browser, site) in [(&foreigner, &open), (&owner, &closed)] {
        for (route, address) in &site.pages {
            examiner.english(browser, route, address).await;
        }
    }
    let faults = examiner.faults;
    assert!(faults.is_empty(), "{} faults:\n    {}", faults.len(), faults.join("\n    "));
    stage.close().await;
}

/// From now on the person before this browser reads English.
async fn read_english(browser: &Browser) {
    browser.open("/me").await;
    browser.choose("#language", "en").await;
    browser.click("form[action='/me/language'] button").await;
    browser.until("document.documentElement.lang === 'en'").await;
}

#[test]
fn addresses_find_their_routes() {
    assert!(
        fits("/orders/{id}", "/orders/5") && fits("/orders/{id}", "/orders/5?at=2#x") && fits("/", "/?a=b")
    );
    assert!(
        !fits("/orders/{id}", "/orders/5/payload") && !fits("/orders/{id}", "/orders/") && !fits("/", "/x")
    );
}
