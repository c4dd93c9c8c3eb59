//! `banto orders show`: one order on one page, with what to do about what is wrong with it.

use banto_channel::Bilingual;
use serde::Serialize;

use crate::cli::words::local;
use crate::cli::{Amount, Exit, House, Outcome, Text, left, right, utc};
use crate::domain::order::{Line, fulfilment_name, payment_name};
use crate::domain::timeline::{answer_in_words, detail_in_words, hold_in_words};
use crate::store::{JobRow, MailRow, OrderView, TimelineRow};

#[derive(Debug, Serialize)]
struct Page {
    id: i64,
    channel: String,
    number: String,
    remote_id: String,
    version: i64,
    status: String,
    payment: &'static str,
    payment_method: String,
    paid_at: Option<String>,
    fulfilment: &'static str,
    hold: Option<String>,
    placed_at: String,
    imported_at: String,
    ship_by: Option<String>,
    buyer: banto_channel::Buyer,
    ship_to: banto_channel::Address,
    bill_to: banto_channel::Address,
    note: String,
    totals: Vec<(&'static str, Amount)>,
    lines: Vec<LinePage>,
    parcels: Vec<ParcelPage>,
    mails: Vec<MailPage>,
    waiting: Vec<JobPage>,
    timeline: Vec<EventPage>,
    remedies: Vec<String>,
}

#[derive(Debug, Serialize)]
struct LinePage {
    no: i64,
    remote_id: String,
    code: Option<String>,
    item: Option<String>,
    title: String,
    quantity: i64,
    shipped: i64,
    cancelled: i64,
    returned: i64,
    reserved: i64,
    short: i64,
    unit_price: Amount,
    total: Amount,
}

#[derive(Debug, Serialize)]
struct ParcelPage {
    seq: i64,
    carrier: String,
    tracking: String,
    tracking_url: Option<String>,
    shipped_at: String,
    lines: Vec<(i64, i64)>,
    told_by: &'static str,
}

#[derive(Debug, Serialize)]
struct MailPage {
    kind: String,
    revision: i64,
    state: String,
    recipient: String,
    message_id: String,
    attempts: i64,
    sent_at: Option<String>,
    answer: Option<String>,
}

#[derive(Debug, Serialize)]
struct JobPage {
    id: i64,
    lane: String,
    kind: String,
    state: String,
    next_try: Option<String>,
    attempts: i64,
    last_error: Option<String>,
}

#[derive(Debug, Serialize)]
struct EventPage {
    at: String,
    kind: String,
    detail: String,
    actor: String,
}

pub(super) async fn show(house: &House, order: &str) -> Outcome {
    let row = house.order(order).await?;
    let view = house.store.order_view(row.id).await?;
    let page = page(&view);
    house.out.answer(&page, |text| write(text, &view, &page))?;
    Ok(Exit::Ok)
}

fn page(view: &OrderView) -> Page {
    let order = &view.order;
    let money = |minor| Amount::new(minor, &order.currency);
    let t = &order.totals;
    let parts = [
        ("items", t.items.0),
        ("discount", -t.discount.0),
        ("shipping", t.shipping.0),
        ("fees", t.fees.0),
        ("tax on top", t.tax_on_top.0),
        ("total", t.grand.0),
        ("tax", t.tax.0),
        ("refunded", t.refunded.0),
    ];
    let told = |(name, minor): (&'static str, i64)| {
        (minor != 0 || matches!(name, "items" | "total")).then(|| (name, money(minor)))
    };
    Page {
        id: order.id,
        channel: view.channel.name.clone(),
        number: order.number.clone(),
        remote_id: order.remote_id.clone(),
        version: order.version,
        status: order.status.clone(),
        payment: payment_name(order.payment),
        payment_method: order.payment_title.clone(),
        paid_at: order.paid_at.map(|t| utc(t.0)),
        fulfilment: fulfilment_name(order.fulfilment),
        hold: order.hold.as_deref().map(|why| hold_in_words(why).en),
        placed_at: utc(order.placed_at.0),
        imported_at: utc(order.imported_at.0),
        ship_by: order.ship_by.map(|t| utc(t.0)),
        buyer: order.details.buyer.clone(),
        ship_to: order.details.ship_to.clone(),
        bill_to: order.details.bill_to.clone(),
        note: order.details.note.clone(),
        totals: parts.into_iter().filter_map(told).collect(),
        lines: order.lines.iter().map(|line| line_page(view, line)).collect(),
        parcels: parcels(view),
        mails: view.mails.iter().map(mail_page).collect(),
        waiting: view.jobs.iter().map(job_page).collect(),
        timeline: view.timeline.iter().map(event_page).collect(),
        remedies: remedies(view),
    }
}

fn line_page(view: &OrderView, line: &Line) -> LinePage {
    let held = || view.reservations.iter().filter(|r| r.line_no == line.no);
    let money = |minor| Amount::new(minor, &view.order.currency);
    LinePage {
        no: line.no,
        remote_id: line.remote_id.clone(),
        code: line.code.clone(),
        item: line.item.and_then(|item| Some(view.items.get(&item)?.code.clone())),
        title: line.title.clone(),
        quantity: line.quantity,
        shipped: line.shipped,
        cancelled: line.cancelled,
        returned: line.returned,
        reserved: held().map(|r| r.reserved).sum(),
        short: held().map(|r| r.short).sum(),
        unit_price: money(line.unit_price),
        total: money(line.total),
    }
}

fn parcels(view: &OrderView) -> Vec<ParcelPage> {
    let page = |p: &crate::domain::order::ParcelRecord| ParcelPage {
        seq: p.seq,
        carrier: p.carrier.clone(),
        tracking: p.tracking.clone(),
        tracking_url: p.tracking_url.clone(),
        shipped_at: utc(p.shipped_at.0),
        lines: p.lines.clone(),
        told_by: if p.ours { "us" } else { "channel" },
    };
    view.order.parcels.iter().map(page).collect()
}

fn mail_page(mail: &MailRow) -> MailPage {
    MailPage {
        kind: mail.kind.clone(),
        revision: mail.revision,
        state: mail.state.clone(),
        recipient: mail.recipient.clone(),
        message_id: mail.message_id.clone(),
        attempts: mail.attempts,
        sent_at: mail.sent_at.map(utc),
        answer: mail.answer.clone(),
    }
}

fn job_page(job: &JobRow) -> JobPage {
    JobPage {
        id: job.id,
        lane: job.lane.clone(),
        kind: job.kind.clone(),
        state: job.state.clone(),
        next_try: (job.state == "ready").then(|| utc(job.run_at)),
        attempts: job.attempts,
        last_error: job.last_error.as_deref().map(|why| Bilingual::unpacked(why).en),
    }
}

fn event_page(event: &TimelineRow) -> EventPage {
    EventPage {
        at: utc(event.at),
        kind: event.kind.clone(),
        detail: detail_in_words(&event.kind, &event.detail).en,
        actor: event.actor.clone(),
    }
}

/// What is wrong, each with the command that mends it.
fn remedies(view: &OrderView) -> Vec<String> {
    let order = &view.order;
    let id = order.id;
    let mut all = Vec::new();
    if let Some(why) = order.hold.as_deref().map(|why| local(hold_in_words(why))) {
        all.push(format!("on hold: {why}. When that is settled: `banto orders release #{id}`"));
    }
    for line in order.lines.iter().filter(|l| l.item.is_none() && l.per > 0 && l.to_ship() > 0) {
        all.push(format!("line {}: no item is mapped; see `banto listings unmatched`", line.no));
    }
    let short: i64 = view.reservations.iter().map(|r| r.short).sum();
    if short > 0 {
        all.push(format!(
            "short of {short}; what `banto stock receive` takes in goes to the oldest orders first"
        ));
    }
    for mail in &view.mails {
        let name = format!("#{id} {} {}", mail.kind, mail.revision);
        match mail.state.as_str() {
            "uncertain" => all.push(format!(
                "nobody knows whether the mail {:?} arrived: `banto mail decide {name} --as arrived|resend|drop`",
                mail.kind
            )),
            "refused" => all.push(format!("the mail {:?} was refused: `banto mail resend {name}`", mail.kind)),
            "by_hand" => all.push(format!("the mail {:?} waits for your word: `banto mail send {name}`", mail.kind)),
            _ => {}
        }
    }
    if view.jobs.iter().any(|job| job.state == "dead") {
        all.push(format!("the channel was not told everything: `banto orders retry #{id}`"));
    }
    all
}

fn write(text: &mut Text, view: &OrderView, page: &Page) {
    let order = &view.order;
    text.line(format!("{}/{}  #{}  {}", page.channel, page.number, page.id, page.status));
    for remedy in &page.remedies {
        text.line(format!("! {remedy}"));
    }
    text.line("");
    let paid = order.paid_at.map(|at| format!(", {}", text.time(at.0))).unwrap_or_default();
    let address = &page.ship_to;
    let place = [&address.postcode, &address.region, &address.city, &address.line1, &address.line2]
        .into_iter()
        .filter(|part| !part.is_empty())
        .cloned()
        .collect::<Vec<_>>()
        .join(" ");
    let mut pairs = vec![
        ("placed", text.time(order.placed_at.0)),
        ("payment", format!("{} ({}){paid}", page.payment, page.payment_method)),
        ("fulfilment", page.fulfilment.to_owned()),
        ("buyer", format!("{} <{}> {}", page.buyer.name, page.buyer.email, page.buyer.phone)),
        ("ship to", format!("{} {place}", address.name)),
    ];
    pairs.extend(order.ship_by.map(|at| ("leaves by", text.time(at.0))));
    pairs.extend(Some(("note", page.note.clone())).filter(|(_, note)| !note.is_empty()));
    pairs.extend(page.totals.iter().map(|(name, amount)| (*name, amount.to_string())));
    text.pairs(pairs);
    lines(text, page);
    if !page.parcels.is_empty() {
        parcel_table(text, view, page);
    }
    if !page.mails.is_empty() {
        mail_table(text, view);
    }
    if !page.waiting.is_empty() {
        job_table(text, view);
    }
    text.line("");
    let event = |e: &TimelineRow| {
        let detail = local(detail_in_words(&e.kind, &e.detail));
        [text.time(e.at), e.kind.clone(), detail, e.actor.clone()]
    };
    let rows: Vec<[String; 4]> = view.timeline.iter().map(event).collect();
    text.table([left("when"), left("what"), left(""), left("who")], &rows);
}

fn lines(text: &mut Text, page: &Page) {
    text.line("");
    let row = |l: &LinePage| {
        let item = l.item.clone().unwrap_or_else(|| format!("? {}", l.code.as_deref().unwrap_or("no code")));
        let n = |n: i64| if n == 0 { String::new() } else { n.to_string() };
        let counts = [l.shipped, l.cancelled, l.returned, l.short].map(n);
        let [shipped, cancelled, returned, short] = counts;
        let (no, quantity, total) = (l.no.to_string(), l.quantity.to_string(), l.total.to_string());
        [no, item, l.title.clone(), quantity, shipped, cancelled, returned, short, total]
    };
    let rows: Vec<[String; 9]> = page.lines.iter().map(row).collect();
    let heads = [
        right("line"),
        left("item"),
        left("title"),
        right("ordered"),
        right("shipped"),
        right("cancelled"),
        right("returned"),
        right("short"),
        right("total"),
    ];
    text.table(heads, &rows);
}

fn parcel_table(text: &mut Text, view: &OrderView, page: &Page) {
    text.line("");
    let row = |(record, p): (&crate::domain::order::ParcelRecord, &ParcelPage)| {
        let lines: Vec<String> = p.lines.iter().map(|(no, n)| format!("{no}={n}")).collect();
        let left_at = text.time(record.shipped_at.0);
        let by = p.told_by.to_owned();
        [p.seq.to_string(), p.carrier.clone(), p.tracking.clone(), lines.join(" "), left_at, by]
    };
    let rows: Vec<[String; 6]> = view.order.parcels.iter().zip(&page.parcels).map(row).collect();
    let heads = [right("parcel"), left("carrier"), left("tracking"), left("lines"), left("left"), left("by")];
    text.table(heads, &rows);
}

fn mail_table(text: &mut Text, view: &OrderView) {
    text.line("");
    let row = |m: &MailRow| {
        let answer = m.answer.clone().unwrap_or_default();
        let (kind, sent) = (format!("{} {}", m.kind, m.revision), text.time_or(m.sent_at, ""));
        [kind, m.state.clone(), sent, m.recipient.clone(), answer]
    };
    let rows: Vec<[String; 5]> = view.mails.iter().map(row).collect();
    text.table([left("mail"), left("state"), left("sent"), left("to"), left("answer")], &rows);
}

fn job_table(text: &mut Text, view: &OrderView) {
    text.line("");
    let row = |j: &JobRow| {
        let next = if j.state == "ready" { text.time(j.run_at) } else { String::new() };
        let error = local(answer_in_words(j.last_error.as_deref().unwrap_or_default()));
        [
            j.id.to_string(),
            j.kind.clone(),
            j.lane.clone(),
            j.state.clone(),
            next,
            j.attempts.to_string(),
            error,
        ]
    };
    let rows: Vec<[String; 7]> = view.jobs.iter().map(row).collect();
    let heads = [
        right("job"),
        left("tell"),
        left("lane"),
        left("state"),
        left("next try"),
        right("tries"),
        left("last error"),
    ];
    text.table(heads, &rows);
}
