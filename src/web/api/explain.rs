//! Why an item's numbers are what they are: movements, orders, and what each channel shows and why.

use axum::Json as Answer;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Named, Query};
use super::table::{Scope, Table, words};
use super::{Api, Problem};
use crate::channels::explain::{self, Explanation, Offer};
use crate::domain::ItemId;

/// Movements for each location that nobody asked a number of.
const MOVEMENTS: i64 = 20;
/// Most movements for each location.
const MOVEMENTS_MAX: i64 = 200;

pub(super) fn routes(table: Table) -> Table {
    table.get(
        "/items/{code}/explain",
        Scope::StockRead,
        show,
        words("explainItem", "Why an item's numbers are what they are, on the shelf and on each channel")
            .query::<ExplainQuery>()
            .answers::<Explanation>(),
    )
}

/// How much of it.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ExplainQuery {
    /// Only this channel.
    channel: Option<String>,
    /// Movements of each location, newest first.
    #[param(minimum = 1, maximum = 200, default = 20)]
    movements: Option<i64>,
}

async fn show(
    State(api): State<Api>,
    Named(code): Named<String>,
    Query(q): Query<ExplainQuery>,
) -> Result<Answer<Explanation>, Problem> {
    let limit = q.movements.unwrap_or(MOVEMENTS);
    if !(1..=MOVEMENTS_MAX).contains(&limit) {
        return Err(Problem::invalid(format!("`movements` is from 1 to {MOVEMENTS_MAX}")));
    }
    let (mut explanation, item) = explain::explain(api.desk.store(), &code, limit).await?;
    explanation.offers = Some(offers(&api, item, q.channel.as_deref()).await?);
    Ok(Answer(explanation))
}

async fn offers(api: &Api, item: ItemId, only: Option<&str>) -> Result<Vec<Offer>, Problem> {
    let app = api.desk.app();
    if let Some(name) = only.filter(|name| app.running(name).is_none()) {
        return Err(Problem::invalid(format!("no channel is called {name:?}")));
    }
    let mut offers = Vec::new();
    for running in app.channels.iter().filter(|r| only.is_none_or(|name| name == r.channel.name)) {
        offers.extend(explain::offers(&app.store, &running.channel, item).await?);
    }
    Ok(offers)
}
