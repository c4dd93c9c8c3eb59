//! What programs ask for: every `GET` of the API's own table, plain and with every parameter that its document names.

use banto::store::NewToken;
use banto::web::api::{self, BASE};

use crate::sights::{Known, Sample, Sight, encoded};
use crate::year::{CHANNELS, Year};

/// Values of a parameter, and what they are.
type Values = (&'static str, Vec<String>);

/// Everything to ask for, each under a token of its own: one alone would soon have asked too often. And the routes of
/// which something is not known.
pub async fn calls(house: &mut Year, known: &Known) -> (Vec<Sight>, Vec<&'static str>) {
    let document = format!("{BASE}/openapi.json");
    let (mut all, mut unknown) = (vec![Sight::of(&document, vec![document.clone()])], Vec::new());
    let documented = api::listed();
    for route in api::routes().into_iter().filter(|route| !route.writes()) {
        let path = format!("{BASE}{}", route.path);
        let Some(paths) = known.addresses(&path) else {
            unknown.push(route.path);
            continue;
        };
        let itself = documented.iter().filter(|one| one.method == "GET" && one.path == path);
        for (parameter, ..) in itself.flat_map(|one| &one.parameters).filter(|(_, at, _)| *at == "query") {
            match values(known, route.path, parameter) {
                Some(kinds) => all.extend(kinds.iter().map(|kind| asked(&path, &paths, parameter, kind))),
                None => unknown.push(route.path),
            }
        }
        all.push(Sight::of(&path, paths));
    }
    // Those of earlier runs.
    house.raw.script("DELETE FROM api_token WHERE name LIKE 'bench-%'".to_owned()).await;
    for (n, sight) in all.iter_mut().enumerate() {
        sight.headers = format!("authorization: Bearer {}\r\n", token(house, n).await);
    }
    (all, unknown)
}

/// The addresses of a route with one parameter, which takes its values in turn.
fn asked(path: &str, paths: &[String], parameter: &str, (kind, values): &Values) -> Sight {
    let turns = 0..paths.len().max(values.len());
    let address = |turn: usize| {
        let (path, value) = (&paths[turn % paths.len()], &values[turn % values.len()]);
        format!("{path}?{parameter}={}", encoded(value))
    };
    Sight::of(&format!("{path}?{parameter}= {kind}"), turns.map(address).collect())
}

/// What a parameter is asked with; `None` if nobody here knows it.
fn values(known: &Known, route: &str, parameter: &str) -> Option<Vec<Values>> {
    let of = |kind, what: fn(&Sample) -> String| (kind, known.samples.iter().map(what).collect());
    let one = |kind: &'static str| (kind, vec![kind.to_owned()]);
    let channels = |most: usize| ("name", CHANNELS.iter().take(most).map(|c| (*c).to_owned()).collect());
    Some(match (route, parameter) {
        (_, "limit" | "movements") => vec![one("200")],
        ("/orders", "channel") => vec![channels(CHANNELS.len())],
        ("/orders", "only") => ["open", "held", "unpaid", "short"].map(one).to_vec(),
        ("/orders", "q") => vec![
            of("number", |s| s.number.clone()),
            of("name", |s| s.buyer.name.clone()),
            of("item's code", |s| s.code.clone()),
        ],
        ("/orders", "before" | "after") | ("/shortfalls", "after") => vec![of("id", |s| s.id.to_string())],
        ("/items", "after") => vec![of("code", |s| s.code.clone())],
        // The first two sell every item.
        ("/items/{code}/explain", "channel") => vec![channels(2)],
        ("/channels/{name}/listings", "after") => vec![of("offer", |s| s.listing.clone())],
        _ => return None,
    })
}

/// A token that may see everything.
async fn token(house: &Year, n: usize) -> String {
    let scopes = api::Scope::ALL.map(api::Scope::name).join(" ");
    let name = format!("bench-{n}");
    let new = NewToken { name: &name, scopes: &scopes, expires_at: None, actor: "bench", now: house.now() };
    house.store.add_token(&new).await.unwrap().1
}
