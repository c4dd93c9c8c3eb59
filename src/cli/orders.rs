//! `banto orders`: the order book, and what a person does to an order.

mod quarantine;
mod show;

use std::sync::Arc;
use std::time::Duration;

use banto_channel::Clock;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::words::local;
use super::{Amount, Exit, Failure, Globals, House, Outcome, left, right, utc};
use crate::app::App;
use crate::channels::Channel;
use crate::clock::SystemClock;
use crate::domain::counted::counted;
use crate::domain::deeds::Shipment;
use crate::domain::order::{fulfilment_name, payment_name};
use crate::domain::timeline::hold_in_words;
use crate::store::{Act, Done, OrderFilter, OrderRow};

/// Look at orders, and do something to them
#[derive(Args, Debug)]
pub struct OrdersCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Orders, newest first
    List(List),
    /// Everything about one order
    Show(Which),
    /// Stop an order and its mails until it is released
    Hold {
        #[command(flatten)]
        which: Which,
        /// Why, for whoever finds it
        reason: String,
    },
    /// Let an order on hold go on
    Release(Which),
    /// Tell the marketplace that the order is taken, where it waits for that word
    Confirm(Which),
    /// Cancel what has not left; its goods are free again
    Cancel {
        #[command(flatten)]
        which: Which,
        /// Why, for the record and the channel
        #[arg(long)]
        reason: String,
        /// Why, for the mail to the buyer; nothing is said without it
        #[arg(long, value_name = "TEXT", default_value = "")]
        to_buyer: String,
    },
    /// Note that the money arrived outside the channel
    Pay(Which),
    /// Send a parcel off: stock leaves, the channel is told, the buyer gets a mail
    Ship(Ship),
    /// Take goods back
    Return {
        #[command(flatten)]
        which: Which,
        /// Number of the line
        line: i64,
        /// How many
        quantity: i64,
        /// Put them on sale again; otherwise they are set aside
        #[arg(long)]
        restock: bool,
        /// Where they lie [default: the first location]
        #[arg(long, value_name = "CODE")]
        location: Option<String>,
    },
    /// Set what was given up for an order going again: notices to the channel, refused mails
    Retry(Which),
    /// Orders that could not be understood
    Quarantine(quarantine::Quarantine),
}

#[derive(Args, Debug)]
struct Which {
    /// CHANNEL/NUMBER, a number that only one order has, or #ID
    order: String,
}

#[derive(Args, Debug)]
struct List {
    /// Only those of which something may still leave
    #[arg(long, group = "filter")]
    open: bool,
    /// Only those on hold
    #[arg(long, group = "filter")]
    held: bool,
    /// Only open ones whose money has not arrived
    #[arg(long, group = "filter")]
    unpaid: bool,
    /// Only those that lack goods
    #[arg(long, group = "filter")]
    short: bool,
    /// Only those with this number, mail address, or part of the buyer's name
    #[arg(long, group = "filter", value_name = "TEXT")]
    find: Option<String>,
    /// Only those of this channel
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
    /// At most this many
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: i64,
    /// Only those older than the order with this id, for the next page
    #[arg(long, value_name = "ID")]
    before: Option<i64>,
}

#[derive(Args, Debug)]
struct Ship {
    #[command(flatten)]
    which: Which,
    /// Carrier, by the channel's code where it has codes
    #[arg(long)]
    carrier: String,
    /// Tracking number
    #[arg(long, default_value = "")]
    tracking: String,
    /// Where the buyer can follow it
    #[arg(long, value_name = "ADDRESS")]
    url: Option<String>,
    /// A line and how many of it are in this parcel; everything that is left without it
    #[arg(long = "line", value_name = "LINE=QUANTITY", value_parser = line)]
    lines: Vec<(i64, i64)>,
}

fn line(text: &str) -> Result<(i64, i64), String> {
    let parts = text.split_once('=').and_then(|(no, n)| Some((no.parse().ok()?, n.parse().ok()?)));
    parts.ok_or_else(|| format!("{text:?} is not LINE=QUANTITY, such as 1=2"))
}

impl OrdersCommand {
    pub(super) async fn run(self, globals: &Globals) -> Outcome {
        let house = globals.house().await?;
        match self.what {
            What::List(what) => list(&house, &what).await,
            What::Show(Which { order }) => show::show(&house, &order).await,
            What::Retry(Which { order }) => retry(&house, &order).await,
            What::Quarantine(command) => command.run(&house).await,
            What::Hold { which, reason } => {
                let deed = Deed::of(&house, &which).await?;
                deed.told(house.store.hold_order(&deed.act(), &reason).await?)
            }
            What::Release(which) => {
                let deed = Deed::of(&house, &which).await?;
                deed.told(house.store.release_order(&deed.act()).await?)
            }
            What::Confirm(which) => {
                let deed = Deed::of(&house, &which).await?;
                deed.told(house.store.confirm_order(&deed.act()).await?)
            }
            What::Cancel { which, reason, to_buyer } => {
                let deed = Deed::of(&house, &which).await?;
                deed.told(house.store.cancel_order(&deed.act(), &reason, &to_buyer).await?)
            }
            What::Pay(which) => {
                let deed = Deed::of(&house, &which).await?;
                deed.told(house.store.pay_order(&deed.act(), house.now()).await?)
            }
            What::Ship(Ship { which, carrier, tracking, url, lines }) => {
                let deed = Deed::of(&house, &which).await?;
                let shipment = Shipment { carrier, tracking, tracking_url: url, lines };
                deed.told(house.store.ship_order(&deed.act(), &shipment).await?)
            }
            What::Return { which, line, quantity, restock, location } => {
                let place = house.location(location.as_deref()).await?;
                let deed = Deed::of(&house, &which).await?;
                let goods = (line, quantity);
                deed.told(house.store.return_goods(&deed.act(), goods, place.id, restock).await?)
            }
        }
    }
}

/// A deed on one order, with what the store must know of its channel.
struct Deed<'a> {
    house: &'a House,
    channel: Arc<Channel>,
    row: OrderRow,
}

impl<'a> Deed<'a> {
    async fn of(house: &'a House, which: &Which) -> Result<Self, Failure> {
        let row = house.order(&which.order).await?;
        let name = house.store.channel_of(row.channel_id).await?.name;
        let config = house.config.channel(&name).ok_or_else(|| {
            Failure::refused(format!(
                "the order's channel {name} has no file in {}/channels any more, so nobody knows who mails its buyers",
                house.config.dir.display()
            ))
        })?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new(Duration::ZERO));
        let channel = App::channel(&house.config, &house.store, &clock, config).await?.channel;
        Ok(Self { house, channel, row })
    }

    fn act(&self) -> Act<'_> {
        Act {
            order: self.row.id,
            version: Some(self.row.version),
            seller: self.channel.seller(),
            actor: &self.house.actor,
            now: self.house.now(),
        }
    }

    /// Says how the order stands now, and who is not told.
    fn told(&self, done: Done) -> Outcome {
        let order = &done.order;
        let (payment, fulfilment) = (payment_name(order.payment), fulfilment_name(order.fulfilment));
        let answer = serde_json::json!({
            "id": order.id,
            "channel": self.channel.name,
            "number": order.number,
            "payment": payment,
            "fulfilment": fulfilment,
            "hold": order.hold.as_deref().map(|why| hold_in_words(why).en),
            "version": order.version,
            "parcels": order.parcels.len(),
            "remarks": done.remarks.iter().map(ToString::to_string).collect::<Vec<_>>(),
        });
        self.house.out.answer(&answer, |text| {
            let why = order.hold.as_deref().map(|why| local(hold_in_words(why)));
            let hold = why.map(|why| format!(", on hold: {why}")).unwrap_or_default();
            text.line(format!(
                "{}/{} #{}: {payment}, {fulfilment}{hold}",
                self.channel.name, order.number, order.id
            ));
            for remark in &done.remarks {
                text.line(format!("  {remark}"));
            }
        })?;
        Ok(Exit::Ok)
    }
}

#[derive(Debug, Serialize)]
struct Listed {
    id: i64,
    channel: String,
    number: String,
    placed_at: String,
    status: String,
    payment: String,
    fulfilment: String,
    hold: Option<String>,
    total: Amount,
    buyer: String,
}

async fn list(house: &House, what: &List) -> Outcome {
    let filter = match (&what.find, what.open, what.held, what.unpaid, what.short) {
        (Some(text), ..) => OrderFilter::Find(text),
        (None, true, ..) => OrderFilter::Open,
        (None, _, true, ..) => OrderFilter::Held,
        (None, _, _, true, _) => OrderFilter::Unpaid,
        (None, _, _, _, true) => OrderFilter::Short,
        _ => OrderFilter::All,
    };
    let channel = match &what.channel {
        Some(name) => Some(house.store.channel(name).await?.id),
        None => None,
    };
    let before = what.before.unwrap_or(i64::MAX);
    let rows = house.store.orders(filter, channel, before, what.limit.max(1)).await?;
    let channels = house.store.channels().await?;
    let name = |id| channels.iter().find(|c| c.id == id).map(|c| c.name.clone()).unwrap_or_default();
    let listed = |row: &OrderRow| Listed {
        id: row.id,
        channel: name(row.channel_id),
        number: row.number.clone(),
        placed_at: utc(row.placed_at),
        status: row.status.clone(),
        payment: row.payment.clone(),
        fulfilment: row.fulfilment.clone(),
        hold: row.hold.as_deref().map(|why| hold_in_words(why).en),
        total: Amount::new(row.grand_total, &row.currency),
        buyer: row.buyer_name.clone(),
    };
    let orders: Vec<Listed> = rows.iter().map(listed).collect();
    house.out.answer(&orders, |text| {
        let table: Vec<[String; 8]> = rows
            .iter()
            .zip(&orders)
            .map(|(row, order)| {
                let names = (format!("{}/{}", order.channel, order.number), text.time(row.placed_at));
                let why = row.hold.as_deref().map(|why| local(hold_in_words(why)));
                let hold = why.map(|why| format!("HOLD: {why}")).unwrap_or_default();
                let axes = (order.payment.clone(), order.fulfilment.clone());
                let id = format!("#{}", order.id);
                [names.0, id, names.1, axes.0, axes.1, order.total.to_string(), order.buyer.clone(), hold]
            })
            .collect();
        let heads = [
            left("order"),
            left("id"),
            left("placed"),
            left("payment"),
            left("fulfilment"),
            right("total"),
            left("buyer"),
            left(""),
        ];
        text.table(heads, &table);
    })?;
    Ok(Exit::Ok)
}

async fn retry(house: &House, order: &str) -> Outcome {
    let row = house.order(order).await?;
    let retried = house.store.retry_order(row.id, &house.actor, house.now()).await?;
    let answer = serde_json::json!({ "id": row.id, "jobs": retried.jobs, "mails": retried.mails });
    house.out.answer(&answer, |text| match (retried.jobs, retried.mails) {
        (0, 0) => text.line(format!("#{}: nothing had been given up", row.id)),
        (jobs, mails) => {
            let (notices, mails) = (counted(jobs, "notice", "notices"), counted(mails, "mail", "mails"));
            text.line(format!("#{}: to be tried again: {notices} and {mails}", row.id));
        }
    })?;
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_parcel_is_a_number_and_a_quantity() {
        assert_eq!(line("2=3"), Ok((2, 3)));
        for wrong in ["2", "2=", "=3", "a=1", "1=b", "1=2=3", ""] {
            assert!(line(wrong).is_err(), "{wrong:?}");
        }
    }
}
