//! `banto orders quarantine`: orders that could not be understood, with what the marketplace sent.

use banto_channel::Bilingual;
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::cli::words::local;
use crate::cli::{Exit, House, Outcome, left, utc};
use crate::store::QuarantineRow;

/// Orders that could not be understood
#[derive(Args, Debug)]
pub(super) struct Quarantine {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Those that wait for somebody (what is done without a subcommand)
    List,
    /// One of them, with what the marketplace sent
    Show {
        /// Its number in the list
        id: i64,
    },
    /// Note that one was dealt with by hand. One that is understood when it is read again leaves by itself
    Close {
        /// Its number in the list
        id: i64,
        /// What was done about it
        #[arg(long)]
        reason: String,
    },
}

#[derive(Debug, Serialize)]
struct Waiting {
    id: i64,
    channel: String,
    remote_id: Option<String>,
    at: String,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

const LISTED: i64 = 1000;

impl Quarantine {
    pub(super) async fn run(self, house: &House) -> Outcome {
        match self.what.unwrap_or(What::List) {
            What::List => list(house).await,
            What::Show { id } => show(house, id).await,
            What::Close { id, reason } => close(house, id, &reason).await,
        }
    }
}

async fn waiting(house: &House, row: &QuarantineRow, body: bool) -> crate::store::Result<Waiting> {
    Ok(Waiting {
        id: row.id,
        channel: house.store.channel_of(row.channel_id).await?.name,
        remote_id: row.remote_id.clone(),
        at: utc(row.at),
        reason: Bilingual::unpacked(&row.reason).en,
        body: body.then(|| row.body.clone()),
    })
}

async fn list(house: &House) -> Outcome {
    let rows = house.store.quarantined(LISTED).await?;
    let mut all = Vec::with_capacity(rows.len());
    for row in &rows {
        all.push(waiting(house, row, false).await?);
    }
    house.out.answer(&all, |text| {
        let cells = |(row, w): (&QuarantineRow, &Waiting)| {
            let order = format!("{}/{}", w.channel, w.remote_id.as_deref().unwrap_or("?"));
            [w.id.to_string(), order, text.time(row.at), local(Bilingual::unpacked(&row.reason))]
        };
        let table: Vec<[String; 4]> = rows.iter().zip(&all).map(cells).collect();
        text.table([left("id"), left("order"), left("since"), left("why")], &table);
    })?;
    Ok(Exit::Ok)
}

async fn show(house: &House, id: i64) -> Outcome {
    let row = house.store.quarantine_row(id).await?;
    let one = waiting(house, &row, true).await?;
    house.out.answer(&one, |text| {
        let order = one.remote_id.clone().unwrap_or_else(|| "its id could not be read".to_owned());
        text.line(format!("{}/{order}, since {}", one.channel, text.time(row.at)));
        text.line(local(Bilingual::unpacked(&row.reason)));
        if row.resolved_at.is_some() {
            text.line("it has been understood or dealt with since");
        }
        text.line("");
        row.body.lines().for_each(|line| text.line(line));
    })?;
    Ok(Exit::Ok)
}

async fn close(house: &House, id: i64, reason: &str) -> Outcome {
    house.store.close_quarantine(id, reason, &house.actor, house.now()).await?;
    house.out.answer(&serde_json::json!({ "id": id, "closed": true }), |text| {
        text.line(format!("{id} is noted as dealt with: {reason}"));
    })?;
    Ok(Exit::Ok)
}
