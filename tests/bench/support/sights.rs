//! What is looked at: every page of the route table, with keys, words and cursors that the house really has.

use std::collections::{BTreeMap, BTreeSet};

use banto::web::screen::{Access, Route};
use banto_channel::{Address, Buyer};
use serde::Deserialize;
use serde_json::Value;

use crate::browser::Browser;
use crate::raw::{Raw, Table};
use crate::trade::{STRANGE, code, title};
use crate::year::{CHANNELS, Year};

/// Orders that keys and words are taken from, spread over all of the house.
const SAMPLES: i64 = 32;

/// Routes that are no page of their own: an answer that never ends, files that never change, a part of another page that
/// is made when it is asked for.
const NO_PAGE: [&str; 3] = ["/live", "/assets/", "/mails/templates/preview/"];

/// Lists that a form narrows down, which no link leads to.
const NARROWED: [&str; 8] = [
    "/orders?channel=yahoo",
    "/orders?channel=yahoo&tab=open",
    "/orders?payment=awaiting",
    "/stock?at=main",
    "/listings?channel=amazon",
    "/listings?channel=amazon&tab=unmapped",
    "/audit?about=bench",
    "/reports?channel=yahoo",
];

/// Pages of a list that are turned to get deep into it.
const DEEP: usize = 6;

/// One order of the house, as somebody knows it who looks for it.
#[derive(Debug)]
pub struct Sample {
    pub id: i64,
    pub number: String,
    pub buyer: Buyer,
    phone: String,
    tracking: Option<String>,
    pub code: String,
    pub listing: String,
}

#[derive(Deserialize)]
struct Details {
    buyer: Buyer,
    ship_to: Address,
}

/// What stands in addresses.
pub struct Known {
    pub samples: Vec<Sample>,
    items: i64,
    /// By table.
    keys: BTreeMap<&'static str, Vec<i64>>,
}

/// One thing that is looked at again and again, each time another one of its kind.
pub struct Sight {
    /// The route, and what is special about it.
    pub name: String,
    /// Addresses in turn.
    pub paths: Vec<String>,
    /// What the page of each address must say.
    pub says: Vec<Option<String>>,
    /// Headers that a request of it needs, beyond a session.
    pub headers: String,
}

impl Known {
    /// Of a house.
    pub async fn of(house: &mut Year) -> Self {
        let mut samples = Vec::new();
        for n in 0..SAMPLES {
            // The oldest and the newest order among them.
            let number = (house.next - 2) * n / (SAMPLES - 1);
            // Every so often an open order is of something that is no item.
            let number = if number % STRANGE == 0 { number + 1 } else { number };
            samples.push(sample(&mut house.raw, number).await);
        }
        let mut keys = BTreeMap::new();
        for table in ["customer", "person", "quarantine"] {
            keys.insert(table, ids(&mut house.raw, table).await);
        }
        Self { samples, items: house.range.items, keys }
    }

    fn key(&self, table: &str, turn: usize) -> Option<String> {
        let keys = self.keys.get(table).filter(|keys| !keys.is_empty())?;
        Some(keys[turn % keys.len()].to_string())
    }

    /// A route's path with its parameters filled in; `None` if there is one that nobody here knows.
    fn fill(&self, route: &str, turn: usize) -> Option<String> {
        let sample = &self.samples[turn * 7 % self.samples.len()];
        let mut path = String::new();
        let mut before = "";
        for part in route.split('/').skip(1) {
            let value = match (before, part) {
                ("orders", "{id}") | ("mails", "{order}") => sample.id.to_string(),
                ("{order}", "{kind}") => "received".to_owned(),
                ("{kind}", "{revision}") => "1".to_owned(),
                ("stock" | "items", "{code}") => sample.code.clone(),
                ("explain", "{channel}") => CHANNELS[turn % 2].to_owned(),
                ("{channel}", "{listing}") => sample.listing.clone(),
                ("customers", "{id}") => self.key("customer", turn)?,
                ("users", "{id}") => self.key("person", turn)?,
                ("quarantine", "{id}") => self.key("quarantine", turn)?,
                ("channels", "{name}") => CHANNELS[turn % CHANNELS.len()].to_owned(),
                (_, part) if part.starts_with('{') => return None,
                (_, part) => part.to_owned(),
            };
            path.push('/');
            path.push_str(&value);
            before = part;
        }
        Some(path)
    }

    /// A route's addresses, each another one; `None` if it has a parameter that nobody here knows.
    pub fn addresses(&self, route: &str) -> Option<Vec<String>> {
        let turns = 0..self.samples.len();
        let paths: Option<BTreeSet<String>> = turns.map(|turn| self.fill(route, turn)).collect();
        Some(paths?.into_iter().collect())
    }
}

/// Everything to look at, and the routes for which nothing is known to look at.
pub async fn sights(
    known: &Known,
    routes: &[Route],
    browser: &mut Browser,
) -> (Vec<Sight>, Vec<&'static str>) {
    let (mut all, mut unknown, mut links) = (Vec::new(), Vec::new(), BTreeSet::new());
    let is_page = |route: &&Route| {
        route.method.as_str() == "GET"
            && route.access != Access::Public
            && !NO_PAGE.iter().any(|start| route.path.starts_with(start))
    };
    let mut asked = Vec::new();
    for route in routes.iter().filter(is_page) {
        let Some(mut paths) = known.addresses(route.path) else {
            unknown.push(route.path);
            continue;
        };
        let answer = browser.plain(&paths[0]).await;
        if answer.status == 200 {
            links.extend(hrefs(&answer.text()));
            all.extend(around(browser, route.path, &paths[0], &answer.text()).await);
            all.push(Sight::of(route.path, paths));
        } else {
            asked.push((route.path, paths.swap_remove(0)));
        }
    }
    // What wants to be asked for something in particular is asked as other pages do.
    for (route, path) in asked {
        match links.iter().find(|link| link.split_once('?').is_some_and(|(to, _)| to == path)) {
            Some(link) => all.push(Sight::of(route, vec![link.clone()])),
            None => unknown.push(route),
        }
    }
    let has =
        |path: &str| routes.iter().any(|route| route.path == path.split('?').next().unwrap_or_default());
    all.extend(
        NARROWED.iter().filter(|path| has(path)).map(|path| Sight::of(path, vec![(*path).to_owned()])),
    );
    let searches = [
        ("/orders", orders(known)),
        ("/customers", people(known)),
        ("/stock", goods(known)),
        ("/listings", offers(known)),
    ];
    all.extend(searches.into_iter().filter(|(list, _)| has(list)).flat_map(|(_, sights)| sights));
    all.sort_by(|a, b| a.name.cmp(&b.name));
    (all, unknown)
}

/// The tabs and filters that a page links to, and its list's second and a deep page.
async fn around(browser: &mut Browser, route: &str, path: &str, text: &str) -> Vec<Sight> {
    let mut all = Vec::new();
    let own = |link: &String| link.split_once('?').is_some_and(|(to, _)| to == path);
    let next = next_page(path, text);
    for link in hrefs(text).into_iter().filter(own).filter(|link| Some(link) != next.as_ref()).take(12) {
        let query = link.split_once('?').map_or("", |(_, query)| query);
        all.push(Sight::of(&format!("{route}?{query}"), vec![link.clone()]));
    }
    let mut at = next;
    for turned in 2..=DEEP {
        let Some(page) = at else { break };
        if turned == 2 || turned == DEEP {
            all.push(Sight::of(&format!("{route}, page {turned}"), vec![page.clone()]));
        }
        at = next_page(path, &browser.text(&page).await);
    }
    all
}

/// Every address that a page links to.
fn hrefs(text: &str) -> BTreeSet<String> {
    text.split("href=\"").skip(1).filter_map(|rest| Some(plain(rest.split_once('"')?.0))).collect()
}

/// Where a page's list goes on.
fn next_page(path: &str, text: &str) -> Option<String> {
    let anchor = text
        .split("<a ")
        .skip(1)
        .find(|a| a.split('>').next().is_some_and(|a| a.contains("rel=\"next\"")))?;
    let link = plain(anchor.split_once("href=\"")?.1.split_once('"')?.0);
    Some(if link.starts_with('?') { format!("{}{link}", path.split('?').next()?) } else { link })
}

fn plain(escaped: &str) -> String {
    escaped.replace("&amp;", "&").replace("&#38;", "&")
}

impl Sight {
    /// Something of which the answer need not say anything in particular.
    pub fn of(name: &str, paths: Vec<String>) -> Self {
        Self { name: name.to_owned(), says: vec![None; paths.len()], paths, headers: String::new() }
    }

    /// A search in a list for what each sample has, which the page must then show.
    fn search(
        known: &Known,
        list: &str,
        what: &str,
        of: impl Fn(&Sample) -> Option<(String, String)>,
    ) -> Self {
        let found: Vec<(String, String)> = known.samples.iter().filter_map(of).collect();
        assert!(!found.is_empty(), "no order has {what}");
        Self {
            name: format!("{list}?q= {what}"),
            paths: found.iter().map(|(q, _)| format!("{list}?q={}", encoded(q))).collect(),
            says: found.into_iter().map(|(_, says)| (!says.is_empty()).then_some(says)).collect(),
            headers: String::new(),
        }
    }
}

fn orders(known: &Known) -> Vec<Sight> {
    let search = |what: &str, of: &dyn Fn(&Sample) -> Option<(String, String)>| {
        Sight::search(known, "/orders", what, of)
    };
    let family = |s: &Sample| s.buyer.name.split(' ').next().unwrap_or_default().to_owned();
    let none = String::new;
    let mut all = vec![
        search("number", &|s| Some((s.number.clone(), s.number.clone()))),
        search("start of a number", &|s| Some((s.number.get(..3)?.to_owned(), none()))),
        search("name", &|s| Some((s.buyer.name.clone(), none()))),
        search("family name", &|s| Some((family(s), none()))),
        search("one letter", &|s| Some((family(s).chars().next()?.to_string(), none()))),
        search("phone", &|s| Some((s.phone.clone(), s.number.clone()))),
        search("mail address", &|s| Some((s.buyer.email.clone(), s.number.clone()))),
        search("tracking number", &|s| Some((s.tracking.clone()?, s.number.clone()))),
        search("item's code", &|s| Some((s.code.clone(), none()))),
        search("name and item", &|s| Some((format!("{} {}", family(s), s.code), s.number.clone()))),
        search("nothing has it", &|s| Some((format!("zz{}", s.number), none()))),
    ];
    let middle = known.samples[known.samples.len() / 2].id;
    all.push(Sight::of("/orders deep", vec![format!("/orders?before={middle}")]));
    all
}

fn people(known: &Known) -> Vec<Sight> {
    let search = |what: &str, of: &dyn Fn(&Sample) -> Option<(String, String)>| {
        Sight::search(known, "/customers", what, of)
    };
    vec![
        search("name", &|s| Some((s.buyer.name.clone(), s.buyer.name.clone()))),
        search("one letter", &|s| Some((s.buyer.name.chars().next()?.to_string(), String::new()))),
        search("phone", &|s| Some((s.phone.clone(), s.buyer.name.clone()))),
        search("mail address", &|s| Some((s.buyer.email.clone(), s.buyer.name.clone()))),
    ]
}

fn goods(known: &Known) -> Vec<Sight> {
    let search = |what: &str, of: &dyn Fn(&Sample) -> Option<(String, String)>| {
        Sight::search(known, "/stock", what, of)
    };
    let middle = code(known.items / 2);
    vec![
        search("code", &|s| Some((s.code.clone(), s.code.clone()))),
        search("start of a code", &|s| Some((s.code.get(..6)?.to_owned(), String::new()))),
        search("name", &|_| Some((title(known.items / 3), title(known.items / 3)))),
        search("one letter", &|_| Some(("焼".to_owned(), String::new()))),
        Sight::of("/stock deep", vec![format!("/stock?after={middle}")]),
    ]
}

fn offers(known: &Known) -> Vec<Sight> {
    let search = |what: &str, of: &dyn Fn(&Sample) -> Option<(String, String)>| {
        Sight::search(known, "/listings", what, of)
    };
    vec![
        search("code", &|s| Some((s.code.clone(), s.code.clone()))),
        search("name", &|_| Some((title(known.items / 3), title(known.items / 3)))),
        search("one letter", &|_| Some(("焼".to_owned(), String::new()))),
    ]
}

/// A text as it stands in an address.
pub fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

async fn sample(raw: &mut Raw, number: i64) -> Sample {
    // By the channel's key, which has an index.
    let key = 1_000_000 + number;
    let condition = format!("channel_id IN (SELECT id FROM channel) AND remote_id = '{key}'");
    let order = row(raw, "orders", &["id", "number", "details"], &condition).await.unwrap();
    let id = order[0].as_i64().unwrap();
    let details: Details = serde_json::from_str(order[2].as_str().unwrap()).unwrap();
    let of = format!("order_id = {id}");
    let line = row(raw, "order_line", &["code", "listing"], &of).await.unwrap();
    let parcel = row(raw, "parcel", &["tracking"], &of).await;
    Sample {
        id,
        number: order[1].as_str().unwrap().to_owned(),
        phone: details.ship_to.phone,
        buyer: details.buyer,
        tracking: parcel.map(|row| row[0].as_str().unwrap().to_owned()),
        code: line[0].as_str().unwrap().to_owned(),
        listing: line[1].as_str().unwrap().to_owned(),
    }
}

async fn row(raw: &mut Raw, name: &'static str, columns: &[&str], condition: &str) -> Option<Vec<Value>> {
    let columns = columns.iter().map(|c| ((*c).to_owned(), String::new())).collect();
    raw.rows(&Table { name, columns }, condition).await.into_iter().next()
}

async fn ids(raw: &mut Raw, name: &'static str) -> Vec<i64> {
    let table = Table { name, columns: vec![("id".to_owned(), String::new())] };
    // Some of the newest and some of the oldest.
    let condition = format!(
        "id IN (SELECT id FROM (SELECT id FROM {name} ORDER BY id LIMIT 16)) OR \
         id IN (SELECT id FROM (SELECT id FROM {name} ORDER BY id DESC LIMIT 16))"
    );
    raw.rows(&table, &condition).await.into_iter().filter_map(|row| row[0].as_i64()).collect()
}
