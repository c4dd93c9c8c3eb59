//! What needs a person now.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use banto_channel::both;

use super::access::Routes;
use super::{Desk, Fault, Page, Section, Visit, html};

#[derive(Template)]
#[template(path = "today.html", config = "src/web/askama.toml")]
struct TodayPage {
    p: Page,
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes.page("/", show)
}

async fn show(State(desk): State<Desk>, visit: Visit) -> Result<Response, Fault> {
    let p = desk.page(&visit, Section::Today, &both!("Today", "今日"));
    html(&TodayPage { p })
}
