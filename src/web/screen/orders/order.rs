//! `/orders/{id}`: everything about one order, and everything that can be done to it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use banto_channel::{Address, Bilingual, Fulfilment, NoticeKind, both};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::acts::Typed;
use super::words::{self, Chip};
use crate::app::Running;
use crate::domain::OrderId;
use crate::domain::intake::is_unpaid;
use crate::domain::order::{Line, Order, fulfilment_name, payment_name};
use crate::domain::timeline::{answer_in_words, detail_in_words, hold_in_words};
use crate::store::{JobRow, MailRow, OrderView, TimelineRow};
use crate::web::screen::{Desk, Fault, Page, Section, Visit, html};

/// Characters of a mail that the page shows; all of it stands on the mail's own page.
const MAIL_SHOWN: usize = 4_000;

#[derive(Template)]
#[template(path = "order.html", config = "src/web/askama.toml")]
pub(super) struct OrderPage {
    pub(super) p: Page,
    pub(super) o: Head,
    pub(super) can: Can,
    pub(super) lines: Vec<LineView>,
    pub(super) totals: Vec<(String, i64)>,
    pub(super) refunds: Vec<Refund>,
    pub(super) parcels: Vec<Parcel>,
    pub(super) mails: Vec<Mail>,
    pub(super) jobs: Vec<Job>,
    pub(super) events: Vec<Event>,
    /// Carriers that the channel knows; empty means that any text will do.
    pub(super) carriers: Vec<&'static str>,
    /// Where goods can come back to.
    pub(super) places: Vec<(i64, String)>,
    /// The page of the person who ordered, once that was found out.
    pub(super) customer: Option<i64>,
    pub(super) problem: Option<Problem>,
    /// What was typed before the problem came.
    pub(super) typed: Typed,
}

/// Why a wish was not granted.
pub(super) struct Problem {
    pub(super) why: String,
    /// What happened to the order since it was looked at.
    pub(super) since: Vec<Event>,
}

/// The order itself.
pub(super) struct Head {
    pub(super) id: OrderId,
    pub(super) version: i64,
    pub(super) look: String,
    /// The newest event that the page shows.
    pub(super) seen: i64,
    pub(super) number: String,
    pub(super) remote_id: String,
    pub(super) channel: String,
    pub(super) status: String,
    pub(super) payment: Chip,
    pub(super) payment_title: String,
    pub(super) paid_at: Option<i64>,
    pub(super) fulfilment: Chip,
    pub(super) hold: Option<String>,
    pub(super) wait: Option<String>,
    pub(super) placed_at: i64,
    pub(super) imported_at: i64,
    pub(super) ship_by: Option<i64>,
    pub(super) late: bool,
    pub(super) currency: String,
    pub(super) buyer: String,
    pub(super) email: String,
    pub(super) phone: String,
    pub(super) note: String,
    pub(super) ship_to: Vec<String>,
    pub(super) bill_to: Vec<String>,
    pub(super) elsewhere: bool,
    pub(super) short: i64,
    pub(super) unmatched: usize,
    /// More than one unit is left, so that a parcel may hold a part.
    pub(super) in_parts: bool,
}

/// Which forms the page offers. Whether a deed is done decides the store alone.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Can {
    pub(super) confirm: bool,
    pub(super) hold: bool,
    pub(super) release: bool,
    pub(super) ship: bool,
    pub(super) pay: bool,
    pub(super) remind: bool,
    pub(super) cancel: bool,
    pub(super) take_back: bool,
    pub(super) send_mails: bool,
    pub(super) retry: bool,
    /// The channel has no file in the config, so nothing can be done to its orders.
    pub(super) orphan: bool,
}

pub(super) struct LineView {
    pub(super) no: i64,
    pub(super) code: String,
    /// The item's page.
    pub(super) item: Option<(String, String)>,
    pub(super) unmatched: bool,
    pub(super) title: String,
    pub(super) unit_price: i64,
    pub(super) total: i64,
    pub(super) quantity: i64,
    pub(super) shipped: i64,
    pub(super) cancelled: i64,
    pub(super) returned: i64,
    pub(super) reserved: i64,
    pub(super) short: i64,
    pub(super) to_ship: i64,
    pub(super) with_buyer: i64,
}

pub(super) struct Refund {
    pub(super) amount: i64,
    pub(super) at: Option<i64>,
    pub(super) reason: String,
}

pub(super) struct Parcel {
    pub(super) seq: i64,
    pub(super) carrier: String,
    pub(super) tracking: String,
    pub(super) url: Option<String>,
    pub(super) shipped_at: i64,
    pub(super) lines: String,
    pub(super) ours: bool,
}

pub(super) struct Mail {
    pub(super) href: String,
    pub(super) kind: String,
    pub(super) state: Chip,
    pub(super) recipient: String,
    pub(super) at: i64,
    pub(super) subject: String,
    pub(super) text: Option<String>,
    pub(super) answer: String,
}

pub(super) struct Job {
    pub(super) what: String,
    pub(super) dead: bool,
    pub(super) run_at: i64,
    pub(super) attempts: i64,
    pub(super) error: String,
}

pub(super) struct Event {
    pub(super) at: i64,
    pub(super) what: String,
    pub(super) detail: String,
    pub(super) actor: String,
    pub(super) is_note: bool,
}

pub(super) async fn show(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<OrderId>,
) -> Result<Response, Fault> {
    page(&desk, &visit, id, None).await
}

/// The page, with what somebody wished and did not get.
pub(super) async fn page(
    desk: &Desk,
    visit: &Visit,
    id: OrderId,
    denied: Option<(Bilingual, Typed)>,
) -> Result<Response, Fault> {
    let view = desk.store().order_view(id).await?;
    let app = desk.app();
    let running = app.running(&view.channel.name);
    let places = desk.store().locations().await?.into_iter().map(|l| (l.id, place_name(&l.code, &l.name)));
    let places = places.collect();
    let title = Bilingual::quoted(format!("{} {}", view.channel.name, view.order.number));
    let p = desk.page(visit, Section::Orders, &title);
    let mut page = build(p, &view, running, places, denied);
    page.customer = desk.store().customer_of(id).await?.map(|customer| customer.id);
    html(&page)
}

fn place_name(code: &str, name: &str) -> String {
    if name.is_empty() { code.to_owned() } else { name.to_owned() }
}

pub(super) fn build(
    p: Page,
    view: &OrderView,
    running: Option<&Running>,
    places: Vec<(i64, String)>,
    denied: Option<(Bilingual, Typed)>,
) -> OrderPage {
    let events: Vec<Event> = view.timeline.iter().rev().map(|row| event(&p.visit, row)).collect();
    let (why, typed) = denied.map_or((None, Typed::default()), |(why, typed)| (Some(why), typed));
    let problem = why.map(|why| Problem {
        why: p.say(&why),
        since: match typed.version {
            Some(version) if version != view.order.version => {
                let news = view.timeline.iter().filter(|row| row.id > typed.seen.unwrap_or(0));
                news.map(|row| event(&p.visit, row)).collect()
            }
            _ => Vec::new(),
        },
    });
    let known = running.map(|r| r.channel.seller().carriers).unwrap_or_default();
    let order = &view.order;
    OrderPage {
        o: head(&p, view),
        can: can(view, running),
        lines: order.lines.iter().map(|line| line_view(view, line)).collect(),
        totals: totals(&p.visit, order),
        refunds: refunds(order),
        parcels: parcels(order),
        mails: view.mails.iter().map(|mail| mail_view(&p.visit, mail)).collect(),
        jobs: view.jobs.iter().map(|job| job_view(&p.visit, job)).collect(),
        carriers: known.iter().map(|c| c.names.first().copied().unwrap_or(c.code)).collect(),
        customer: None,
        events,
        places,
        problem,
        typed,
        p,
    }
}

/// A digest of what a person decides on. The shop's echo of our own deed is a new version of the order and changes
/// nothing of this.
pub(super) fn look(order: &Order) -> String {
    let lines = order.lines.iter().map(|l| (l.no, l.item, l.quantity, l.cancelled, l.shipped, l.returned));
    let lines: Vec<_> = lines.collect();
    let (payment, fulfilment) = (payment_name(order.payment), fulfilment_name(order.fulfilment));
    let told = format!("{payment} {fulfilment} {:?} {lines:?} {:?}", order.hold, order.details.ship_to);
    Sha256::digest(told).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn head(p: &Page, view: &OrderView) -> Head {
    let order = &view.order;
    let details = &order.details;
    Head {
        id: order.id,
        version: order.version,
        look: look(order),
        seen: view.timeline.last().map_or(0, |row| row.id),
        number: order.number.clone(),
        remote_id: order.remote_id.clone(),
        channel: view.channel.name.clone(),
        status: order.status.clone(),
        payment: words::payment(&p.visit, payment_name(order.payment)),
        payment_title: order.payment_title.clone(),
        paid_at: order.paid_at.map(|at| at.0),
        fulfilment: words::fulfilment(&p.visit, fulfilment_name(order.fulfilment)),
        hold: order.hold.as_deref().map(|why| p.say(&hold_in_words(why))),
        wait: details.wait.as_deref().map(|why| p.say(&hold_in_words(why))),
        placed_at: order.placed_at.0,
        imported_at: order.imported_at.0,
        ship_by: order.ship_by.map(|at| at.0),
        late: order.is_open() && order.ship_by.is_some_and(|at| at < p.now),
        currency: order.currency.clone(),
        buyer: details.buyer.name.clone(),
        email: details.buyer.email.clone(),
        phone: details.buyer.phone.clone(),
        note: details.note.clone(),
        ship_to: address(&details.ship_to),
        bill_to: if details.bill_to == details.ship_to { Vec::new() } else { address(&details.bill_to) },
        elsewhere: !order.moves_stock,
        short: view.reservations.iter().map(|r| r.short).sum(),
        unmatched: order.lines.iter().filter(|line| is_unmatched(order, line)).count(),
        in_parts: order.lines.iter().map(Line::to_ship).sum::<i64>() > 1,
    }
}

fn is_unmatched(order: &Order, line: &Line) -> bool {
    order.moves_stock && line.item.is_none() && line.per > 0 && line.to_ship() > 0
}

/// An address as it is written on a parcel.
fn address(a: &Address) -> Vec<String> {
    let place = format!("{}{}{}", a.region, a.city, a.line1);
    [
        if a.postcode.is_empty() { String::new() } else { format!("〒{}", a.postcode) },
        place,
        a.line2.clone(),
        a.company.clone(),
        a.name.clone(),
        a.name_kana.clone(),
        a.phone.clone(),
        a.country.clone(),
    ]
    .into_iter()
    .filter(|line| !line.is_empty())
    .collect()
}

fn can(view: &OrderView, running: Option<&Running>) -> Can {
    let order = &view.order;
    let (open, held, unpaid) = (order.is_open(), order.hold.is_some(), is_unpaid(order.payment));
    let confirms = running.is_some_and(|r| r.channel.seller().notices.contains(&NoticeKind::Confirmed));
    Can {
        confirm: confirms && open && !held && order.details.house.confirmed_at.is_none(),
        hold: open && !held,
        release: held,
        ship: open && !held && order.moves_stock,
        pay: unpaid && order.fulfilment != Fulfilment::Cancelled,
        remind: unpaid && open && !held,
        cancel: open,
        take_back: order.lines.iter().any(|line| line.shipped > line.returned),
        send_mails: !held && view.mails.iter().any(|mail| mail.state == "by_hand"),
        retry: view.jobs.iter().any(|job| job.state == "dead")
            || view.mails.iter().any(|mail| mail.state == "refused"),
        orphan: running.is_none(),
    }
}

fn line_view(view: &OrderView, line: &Line) -> LineView {
    let held = || view.reservations.iter().filter(|r| r.line_no == line.no);
    let item = line.item.and_then(|item| view.items.get(&item)).map(|item| {
        (item.code.clone(), format!("/stock/{}", utf8_percent_encode(&item.code, NON_ALPHANUMERIC)))
    });
    LineView {
        no: line.no,
        code: line.code.clone().unwrap_or_default(),
        item,
        unmatched: is_unmatched(&view.order, line),
        title: line.title.clone(),
        unit_price: line.unit_price,
        total: line.total,
        quantity: line.quantity,
        shipped: line.shipped,
        cancelled: line.cancelled,
        returned: line.returned,
        reserved: held().map(|r| r.reserved).sum(),
        short: held().map(|r| r.short).sum(),
        to_ship: line.to_ship(),
        with_buyer: (line.shipped - line.returned).max(0),
    }
}

fn totals(visit: &Visit, order: &Order) -> Vec<(String, i64)> {
    let t = &order.totals;
    let parts = [
        (both!("Items", "商品計"), t.items.0),
        (both!("Discount", "値引き"), -t.discount.0),
        (both!("Shipping", "送料"), t.shipping.0),
        (both!("Fees", "手数料"), t.fees.0),
        (both!("Tax on top", "外税"), t.tax_on_top.0),
        (both!("Total", "合計"), t.grand.0),
        (both!("Tax in it", "うち消費税"), t.tax.0),
        (both!("Refunded", "返金"), -t.refunded.0),
    ];
    let shown = |at: usize, minor: i64| minor != 0 || matches!(at, 0 | 5);
    let rows = parts.iter().enumerate().filter(|(at, (_, minor))| shown(*at, *minor));
    rows.map(|(_, (name, minor))| (visit.say(name), *minor)).collect()
}

fn refunds(order: &Order) -> Vec<Refund> {
    let view = |refund: &banto_channel::RemoteRefund| Refund {
        amount: refund.amount.0,
        at: refund.at.map(|at| at.0),
        reason: refund.reason.clone(),
    };
    order.details.refunds.iter().map(view).collect()
}

fn parcels(order: &Order) -> Vec<Parcel> {
    let view = |parcel: &crate::domain::order::ParcelRecord| Parcel {
        seq: parcel.seq,
        carrier: parcel.carrier.clone(),
        tracking: parcel.tracking.clone(),
        // Only an address of the web is made a link: what a channel sends might be anything.
        url: parcel
            .tracking_url
            .clone()
            .filter(|url| url.starts_with("https://") || url.starts_with("http://")),
        shipped_at: parcel.shipped_at.0,
        lines: parcel.lines.iter().map(|(no, n)| format!("{no} × {n}")).collect::<Vec<_>>().join(", "),
        ours: parcel.ours,
    };
    order.parcels.iter().map(view).collect()
}

fn mail_view(visit: &Visit, mail: &MailRow) -> Mail {
    Mail {
        href: format!("/mails/{}/{}/{}", mail.order_id, mail.kind, mail.revision),
        kind: visit.say(&words::mail_kind(&mail.kind)),
        state: words::mail_state(visit, &mail.state),
        recipient: mail.recipient.clone(),
        at: mail.sent_at.unwrap_or(mail.updated_at),
        subject: mail.subject.clone().unwrap_or_default(),
        text: mail.body_text.as_ref().map(|text| text.chars().take(MAIL_SHOWN).collect()),
        answer: visit.say(&answer_in_words(mail.answer.as_deref().unwrap_or_default())),
    }
}

fn job_view(visit: &Visit, job: &JobRow) -> Job {
    let told = job.notice().ok().map(|told| words::notice(told.notice.kind()));
    let what = match (told, job.mail()) {
        (Some(what), _) => {
            both!("Tell the channel of {en}", "チャネルへ{ja}を通知", en = what.en, ja = what.ja)
        }
        (None, Some(mail)) => {
            let kind = words::mail_kind(mail.kind.name());
            both!("Mail \"{en}\"", "メール「{ja}」", en = kind.en, ja = kind.ja)
        }
        (None, None) => Bilingual::quoted(job.kind.clone()),
    };
    Job {
        what: visit.say(&what),
        dead: job.state == "dead",
        run_at: job.run_at,
        attempts: job.attempts,
        error: visit.say(&answer_in_words(job.last_error.as_deref().unwrap_or_default())),
    }
}

fn event(visit: &Visit, row: &TimelineRow) -> Event {
    Event {
        at: row.at,
        what: visit.say(&words::event(&row.kind)),
        detail: visit.say(&detail_in_words(&row.kind, &row.detail)),
        actor: row.actor.clone(),
        is_note: row.kind == "note",
    }
}
