//! `banto mail`: what goes to buyers, and what a person decides about it.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::{Exit, Failure, Globals, House, Outcome, left, right, utc};
use crate::app;
use crate::mail::MailKind;
use crate::queue::compose::{MailRoom, draft};
use crate::queue::mail_lane::Composer;
use crate::store::{MailAct, MailKey, MailRow};

/// Look at mails to buyers, and decide about them
#[derive(Args, Debug)]
pub struct MailCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Mails, those of the newest orders first
    List {
        /// Only those in this state
        #[arg(long, value_enum)]
        state: Option<State>,
        /// Only those of this order
        #[arg(long, value_name = "ORDER", conflicts_with = "state")]
        order: Option<String>,
        /// At most this many
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: i64,
    },
    /// One mail with the exact text that went out
    Show(Which),
    /// Write a mail on a real order as it would be now; nothing is stored or sent
    Preview {
        #[command(flatten)]
        which: Which,
        /// Write the HTML part into this file, to look at it in a browser
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
    },
    /// Send one that waits for a person, or that is held
    Send(Which),
    /// Send one again: the same text under the same Message-ID
    Resend {
        #[command(flatten)]
        which: Which,
        /// Write it anew from the order and the templates as they are now
        #[arg(long)]
        rewrite: bool,
    },
    /// Keep one from going out
    Hold(Which),
    /// Decide about one of which nobody knows whether it arrived
    Decide {
        #[command(flatten)]
        which: Which,
        /// What to do about it
        #[arg(long, value_enum)]
        r#as: Verdict,
    },
}

/// States of mails.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum State {
    /// Not done with: everything but sent and dropped
    Pending,
    Queued,
    ByHand,
    Held,
    Sending,
    Sent,
    Refused,
    Uncertain,
    Dropped,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Verdict {
    /// The buyer has it
    Arrived,
    /// Send it again; the buyer may get it twice
    Resend,
    /// Leave it; the buyer may have got none
    Drop,
}

#[derive(Args, Debug)]
struct Which {
    /// CHANNEL/NUMBER, a number that only one order has, or #ID
    order: String,
    /// received, reminder, paid, shipped or cancelled
    #[arg(value_parser = kind)]
    kind: MailKind,
    /// The parcel's number for `shipped`
    #[arg(default_value_t = 1)]
    revision: i64,
}

fn kind(text: &str) -> Result<MailKind, String> {
    MailKind::from_name(text).ok_or_else(|| {
        let names: Vec<&str> = MailKind::ALL.into_iter().map(MailKind::name).collect();
        format!("there is {}", names.join(", "))
    })
}

impl MailCommand {
    pub(super) async fn run(self, globals: &Globals) -> Outcome {
        let house = globals.house().await?;
        match self.what {
            What::List { state, order, limit } => list(&house, state, order.as_deref(), limit).await,
            What::Show(which) => show(&house, &which).await,
            What::Preview { which, html } => preview(&house, &which, html).await,
            What::Send(which) => act(&house, &which, MailAct::Send).await,
            What::Resend { which, rewrite: false } => act(&house, &which, MailAct::Resend).await,
            What::Resend { which, rewrite: true } => act(&house, &which, MailAct::Rewrite).await,
            What::Hold(which) => act(&house, &which, MailAct::Hold).await,
            What::Decide { which, r#as } => decide(&house, &which, r#as).await,
        }
    }
}

async fn key(house: &House, which: &Which) -> Result<MailKey, Failure> {
    let order = house.order(&which.order).await?;
    Ok(MailKey { order: order.id, kind: which.kind, revision: which.revision })
}

#[derive(Debug, Serialize)]
struct Listed {
    order: i64,
    kind: String,
    revision: i64,
    state: String,
    recipient: String,
    message_id: String,
    subject: Option<String>,
    attempts: i64,
    answer: Option<String>,
    created_at: String,
    sent_at: Option<String>,
}

fn listed(row: &MailRow) -> Listed {
    Listed {
        order: row.order_id,
        kind: row.kind.clone(),
        revision: row.revision,
        state: row.state.clone(),
        recipient: row.recipient.clone(),
        message_id: row.message_id.clone(),
        subject: row.subject.clone(),
        attempts: row.attempts,
        answer: row.answer.clone(),
        created_at: utc(row.created_at),
        sent_at: row.sent_at.map(utc),
    }
}

async fn list(house: &House, state: Option<State>, order: Option<&str>, limit: i64) -> Outcome {
    let rows = match order {
        Some(order) => house.store.mails_of(house.order(order).await?.id).await?,
        None => {
            let state = state.and_then(|s| Some(s.to_possible_value()?.get_name().to_owned()));
            house.store.mails(state.as_deref(), limit.max(1)).await?
        }
    };
    let mails: Vec<Listed> = rows.iter().map(listed).collect();
    house.out.answer(&mails, |text| {
        let row = |m: &MailRow| {
            let (order, kind) = (format!("#{}", m.order_id), m.kind.clone());
            let (revision, tries) = (m.revision.to_string(), m.attempts.to_string());
            let (sent, answer) = (text.time_or(m.sent_at, ""), m.answer.clone().unwrap_or_default());
            [order, kind, revision, m.state.clone(), sent, tries, m.recipient.clone(), answer]
        };
        let table: Vec<[String; 8]> = rows.iter().map(row).collect();
        let heads = [
            left("order"),
            left("kind"),
            right("no"),
            left("state"),
            left("sent"),
            right("tries"),
            left("to"),
            left("answer"),
        ];
        text.table(heads, &table);
    })?;
    Ok(Exit::Ok)
}

async fn show(house: &House, which: &Which) -> Outcome {
    let row = house.store.mail(&key(house, which).await?).await?;
    let mut answer = serde_json::to_value(listed(&row))?;
    answer["text"] = row.body_text.clone().into();
    answer["html"] = row.body_html.clone().into();
    house.out.answer(&answer, |text| {
        let sent = text.time_or(row.sent_at, "not yet");
        text.pairs([
            ("state", row.state.clone()),
            ("to", row.recipient.clone()),
            ("sent", sent),
            ("tries", row.attempts.to_string()),
            ("answer", row.answer.clone().unwrap_or_default()),
            ("message-id", row.message_id.clone()),
            ("subject", row.subject.clone().unwrap_or_else(|| "not written yet".to_owned())),
        ]);
        if let Some(body) = &row.body_text {
            text.line("");
            body.lines().for_each(|line| text.line(line));
        }
    })?;
    Ok(Exit::Ok)
}

async fn preview(house: &House, which: &Which, html: Option<PathBuf>) -> Outcome {
    let view = house.store.order_view(house.order(&which.order).await?.id).await?;
    let templates =
        app::templates(&house.config).map_err(|e| Failure::new(Exit::Config, format!("{e:#}")))?;
    let room = MailRoom::new(Arc::new(house.config.clone()), Arc::new(templates));
    let letter = draft(view, which.kind, which.revision, house.now());
    let text = room.write(&letter).map_err(|e| Failure::new(Exit::Config, e.to_string()))?;
    if let Some(file) = &html {
        std::fs::write(file, &text.html)?;
    }
    let answer = serde_json::json!({
        "to": letter.mail.recipient, "subject": text.subject, "text": text.text, "html": text.html,
        "message_id": text.message_id,
    });
    house.out.answer(&answer, |page| {
        page.pairs([
            ("to", &letter.mail.recipient),
            ("subject", &text.subject),
            ("message-id", &text.message_id),
        ]);
        page.line("");
        text.text.lines().for_each(|line| page.line(line));
        if let Some(file) = &html {
            page.line("");
            page.line(format!("the HTML part is in {}", file.display()));
        }
    })?;
    Ok(Exit::Ok)
}

async fn act(house: &House, which: &Which, what: MailAct) -> Outcome {
    let key = key(house, which).await?;
    let row = house.store.act_on_mail(&key, what, &house.actor, house.now()).await?;
    house.out.answer(&listed(&row), |text| {
        let next = if row.state == "queued" { "; the daemon sends it" } else { "" };
        text.line(format!("{key} to {}: {}{next}", row.recipient, row.state));
    })?;
    Ok(Exit::Ok)
}

async fn decide(house: &House, which: &Which, verdict: Verdict) -> Outcome {
    let row = house.store.mail(&key(house, which).await?).await?;
    if row.state != "uncertain" {
        return Err(Failure::refused(format!("nothing is uncertain about it: it is {}", row.state)));
    }
    let what = match verdict {
        Verdict::Arrived => MailAct::Arrived,
        Verdict::Resend => MailAct::Resend,
        Verdict::Drop => MailAct::Drop,
    };
    act(house, which, what).await
}
