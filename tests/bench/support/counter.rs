//! The screen of a filled house, served as the daemon serves it, with somebody logged in.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use banto::app::App;
use banto::config::Config;
use banto::domain::people::{Language, Role};
use banto::keys::Token;
use banto::store::{Login, NewPerson};
use banto::web::screen::{self, Desk, House, Route};
use banto::web::{self, HookAnswer, HookSink, Metrics, WebState};
use banto_channel::{Clock, Timestamp, Webhook};
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio_util::sync::CancellationToken;

use crate::shops::{self, Door};
use crate::year::{CHANNELS, Year};

/// It is always the moment after the newest order.
#[derive(Debug)]
pub struct Still(pub Timestamp);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        self.0
    }
}

#[derive(Debug)]
struct Fixed(App);

impl House for Fixed {
    fn app(&self) -> App {
        self.0.clone()
    }
}

#[derive(Debug)]
struct NoHooks;

#[async_trait::async_trait]
impl HookSink for NoHooks {
    async fn receive(&self, _: &str, _: &Webhook<'_>) -> HookAnswer {
        HookAnswer::UnknownChannel
    }
}

/// The screen of one house.
pub struct Counter {
    /// Where it listens.
    pub at: SocketAddr,
    /// Every route there is.
    pub routes: Vec<Route>,
    /// The headers of somebody who is logged in.
    pub headers: String,
    stop: CancellationToken,
}

impl Counter {
    /// Serves the screen of a house whose config is written to `dir`. Its channels are never called.
    pub async fn open(house: &Year, dir: &Path) -> Self {
        let door =
            Door { url: "http://127.0.0.1:9".to_owned(), key: "ck_0".to_owned(), secret: "cs_0".to_owned() };
        shops::config(dir, &house.url, "live", 0, &vec![door; CHANNELS.len()]);
        for (n, name) in CHANNELS.iter().enumerate() {
            let file = |name: &str| dir.join(format!("channels/{name}.toml"));
            std::fs::rename(file(&format!("shop{n}")), file(name)).unwrap();
        }
        let (config, clock) = (Config::load(dir).unwrap(), Arc::new(Still(house.now())));
        let app = App::build(config, house.store.clone(), clock).await.unwrap();
        let stop = CancellationToken::new();
        let desk = Desk::new(Arc::new(Fixed(app)), stop.clone());
        let (_, routes) = screen::routes(&desk);
        let state = WebState {
            checks: Vec::new(),
            hooks: Arc::new(NoHooks),
            metrics: Metrics::of(PrometheusBuilder::new().build_recorder().handle()),
            desk: Some(desk),
        };
        let listener = web::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(web::serve(listener, web::router(state), stop.clone()));
        Self { at, routes, headers: log_in(house).await, stop }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Somebody who may do everything, and a session.
async fn log_in(house: &Year) -> String {
    let (store, now) = (&house.store, house.now());
    let known = store.person_called("bench").await.unwrap();
    let person = match known {
        Some(person) => person,
        None => {
            let new = NewPerson {
                name: "bench",
                full_name: "番頭",
                password: "not a hash: nobody logs in with it",
                role: Role::Owner,
                language: Language::Ja,
            };
            store.add_person(&new, "bench", now).await.unwrap()
        }
    };
    let (token, csrf) = (Token::new(), Token::new());
    let login = Login {
        person: person.id,
        totp_step: None,
        session: &token.digest(),
        csrf: &csrf.0,
        agent: "bench",
        address: "127.0.0.1",
    };
    store.log_in(&login, now).await.unwrap();
    format!("cookie: banto_session={}\r\n", token.0)
}
