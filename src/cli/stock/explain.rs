//! `banto stock show` and `banto stock explain`: why an item's numbers are what they are.

use std::sync::Arc;
use std::time::Duration;

use banto_channel::Clock;

use super::super::{Exit, Failure, House, Outcome, Text, left, right};
use crate::app::App;
use crate::channels::explain::{self, Explanation, Hold, Movement, Numbers, Offer};
use crate::channels::offer::Standing;
use crate::clock::SystemClock;

/// Movements that `show` prints.
const SHOWN: i64 = 8;

/// An item's levels, who holds it, and its newest movements.
pub(super) async fn show(house: &House, code: &str) -> Outcome {
    let (explanation, _) = explain::explain(&house.store, code, SHOWN).await?;
    house.out.answer(&explanation, |text| tell_goods(text, &explanation))?;
    Ok(Exit::Ok)
}

/// The same with more movements, and what every channel shows of it.
pub(super) async fn explain(house: &House, code: &str, only: Option<&str>, limit: i64) -> Outcome {
    let (mut explanation, item) = explain::explain(&house.store, code, limit).await?;
    let mut offers = Vec::new();
    for config in house.config.enabled_channels().filter(|c| only.is_none_or(|name| name == c.name)) {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new(Duration::ZERO));
        let running = App::channel(&house.config, &house.store, &clock, config).await?;
        offers.extend(explain::offers(&house.store, &running.channel, item).await?);
    }
    if let Some(name) = only.filter(|name| house.config.channel(name).is_none()) {
        return Err(Failure::not_found(format!(
            "no channel is called {name:?}; `banto channel list` shows them"
        )));
    }
    explanation.offers = Some(offers);
    house.out.answer(&explanation, |text| {
        tell_goods(text, &explanation);
        for offer in explanation.offers.iter().flatten() {
            tell_offer(text, offer);
        }
        if explanation.offers.as_ref().is_some_and(Vec::is_empty) {
            text.line("");
            text.line("no channel offers it");
        }
    })?;
    Ok(Exit::Ok)
}

fn tell_goods(text: &mut Text, explanation: &Explanation) {
    text.line(format!("{}  {}", explanation.code, explanation.name));
    if explanation.set {
        text.line(format!("a set; {} can be made of what is free", explanation.available));
    }
    for goods in &explanation.goods {
        if explanation.set {
            text.line("");
            text.line(format!("{} × {}  {}", goods.units, goods.code, goods.name));
        }
        let shelf = |(location, n): (&String, &Numbers)| {
            let numbers = [n.on_hand, n.reserved, n.available, n.short].map(|n| n.to_string());
            let [on_hand, reserved, free, short] = numbers;
            [location.clone(), on_hand, reserved, free, short]
        };
        let heads = [left("LOCATION"), right("ON HAND"), right("RESERVED"), right("FREE"), right("SHORT")];
        text.table(heads, &goods.locations.iter().map(shelf).collect::<Vec<_>>());
        if !goods.orders.is_empty() {
            text.line("");
            let row = |h: &Hold| {
                [
                    format!("{}/{}", h.channel, h.number),
                    h.line.to_string(),
                    h.location.clone(),
                    h.reserved.to_string(),
                    h.short.to_string(),
                ]
            };
            let heads = [left("ORDER"), right("LINE"), left("LOCATION"), right("HOLDS"), right("LACKS")];
            text.table(heads, &goods.orders.iter().map(row).collect::<Vec<_>>());
        }
        tell_movements(text, &goods.movements);
    }
}

fn tell_movements(text: &mut Text, movements: &[Movement]) {
    if movements.is_empty() {
        return;
    }
    text.line("");
    let row = |m: &Movement| {
        [
            text.time(m.micros),
            m.location.clone(),
            format!("{} → {}", m.from, m.to),
            m.quantity.to_string(),
            m.available_after.to_string(),
            m.reserved_after.to_string(),
            m.short_after.to_string(),
            m.reason.clone(),
            m.order_name.clone().unwrap_or_default(),
            m.actor.clone(),
        ]
    };
    let rows: Vec<_> = movements.iter().map(row).collect();
    let heads = [
        left("WHEN"),
        left("LOCATION"),
        left("MOVEMENT"),
        right("UNITS"),
        right("FREE"),
        right("RESERVED"),
        right("SHORT"),
        left("WHY"),
        left("ORDER"),
        left("BY"),
    ];
    text.table(heads, &rows);
}

fn tell_offer(text: &mut Text, offer: &Offer) {
    let number = |n: Option<i64>| n.map_or_else(|| "unknown".to_owned(), |n| n.to_string());
    text.line("");
    let state = match offer.standing {
        Standing::Observed => "only observed",
        Standing::Awaits => "waits for its receipt",
        Standing::Paused => "paused",
        Standing::Failed => "failed",
        Standing::Right => "right",
        Standing::Drift | Standing::Behind => "behind",
    };
    text.line(format!("{}/{}  {}: {state}", offer.channel, offer.listing, offer.title));
    for step in &offer.why {
        text.line(format!("  {} → {}", step.what, step.gives));
    }
    text.line(format!(
        "  wanted {}, shows {}",
        offer.wanted.map_or_else(|| "nothing".to_owned(), |n| n.to_string()),
        number(offer.shows)
    ));
    let [sent_at, answered_at, next_try] = offer.times;
    let time = |at: Option<i64>| text.time_or(at, "never");
    let mut lines = vec![
        match offer.sent {
            Some(n) => format!("  sent {n} ({})", time(sent_at)),
            None => "  nothing was sent to it yet".to_owned(),
        },
        match offer.answered {
            Some(n) => format!("  it last told us {n} ({})", time(answered_at)),
            None => "  it never told us its number".to_owned(),
        },
    ];
    lines.extend(offer.receipt.as_ref().map(|receipt| format!("  its answer is awaited under {receipt}")));
    lines
        .extend(offer.error.as_ref().map(|error| format!("  it said: {error}; next try {}", time(next_try))));
    for line in lines {
        text.line(line);
    }
}
