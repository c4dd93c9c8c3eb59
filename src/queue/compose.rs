//! The house's mails: the config, the templates and an order become a text, and a text becomes octets.

use std::sync::Arc;

use banto_channel::{Money, Parcel, Timestamp};

use super::mail_lane::{Composer, Unwritable};
use crate::config::{ChannelConfig, Config, MailConfig, Uncertain};
use crate::domain::deadline::UnpaidRule;
use crate::domain::mail_policy::MailKind;
use crate::domain::order::{Line, Order, ParcelRecord};
use crate::mail::{
    Envelope, Facts, FactsLine, MailOrder, Mailbox, Outgoing, Rendered, Shop, Templates, message, message_id,
};
use crate::store::{Letter, MailRow, MailText, OrderView};

/// Writes the mails of a house.
#[derive(Debug)]
pub struct MailRoom {
    config: Arc<Config>,
    templates: Arc<Templates>,
}

impl MailRoom {
    /// Writes with these templates, as this config says.
    #[must_use]
    pub const fn new(config: Arc<Config>, templates: Arc<Templates>) -> Self {
        Self { config, templates }
    }

    fn mail(&self) -> Result<&MailConfig, Unwritable> {
        let none = || Unwritable::Mend("banto.toml has no [mail], so no mail can go out".to_owned());
        self.config.mail.as_ref().ok_or_else(none)
    }

    /// The channel's own config; the defaults for a channel whose file is gone.
    fn channel(&self, name: &str) -> Option<&ChannelConfig> {
        self.config.channel(name)
    }

    fn from(&self, channel: &str) -> Result<Mailbox, Unwritable> {
        let house = self.mail()?;
        let own = self.channel(channel).map(|c| &c.mail);
        let name = own.and_then(|m| m.from_name.clone()).or_else(|| house.from_name.clone());
        Ok(Mailbox {
            name: name.unwrap_or_else(|| self.config.shop.name.clone()),
            address: own.and_then(|m| m.from.clone()).unwrap_or_else(|| house.from.clone()),
        })
    }

    fn reply_to(&self, channel: &str) -> Result<Option<String>, Unwritable> {
        let own = self.channel(channel).and_then(|c| c.mail.reply_to.clone());
        Ok(own.or_else(|| self.config.mail.as_ref().and_then(|m| m.reply_to.clone())))
    }

    /// The language of an order's mails: the buyer's, the channel's, the shop's, whichever has this template first.
    fn language(&self, letter: &Letter, kind: MailKind) -> Result<(Option<&str>, &str), Unwritable> {
        let own = self.channel(&letter.channel.name).map(|c| &c.mail);
        let set = own.and_then(|m| m.templates.as_deref());
        let channels = own.and_then(|m| m.language.as_deref()).unwrap_or_default();
        let shops = self.config.shop.language.as_str();
        let wanted = [letter.order.details.buyer.language.as_str(), channels, shops];
        let language = self
            .templates
            .language(set, kind, &wanted)
            .ok_or_else(|| Unwritable::Mend(format!("there is no {} mail in {shops:?}", kind.name())))?;
        Ok((set, language))
    }

    /// What a template may say of an order, in the language it is written in.
    fn view(&self, letter: &Letter, kind: MailKind, language: &str) -> Result<MailOrder, Unwritable> {
        let (order, channel) = (&letter.order, &letter.channel.name);
        let shop = Shop {
            name: self.config.shop.name.clone(),
            url: self.config.shop.url.clone(),
            email: self.reply_to(channel)?.map_or_else(|| self.from(channel).map(|m| m.address), Ok)?,
            phone: self.config.shop.phone.clone(),
            address: self.config.shop.address.clone(),
            zone: self.config.zone.clone(),
        };
        let parcel = parcel(order, letter.mail.revision).filter(|_| kind == MailKind::Shipped);
        let lines: Vec<FactsLine<'_>> =
            order.lines.iter().filter(|l| l.quantity > 0).map(facts_line).collect();
        let cancelled = order.details.house.cancelled.as_ref();
        let rule = self.channel(channel).and_then(|c| c.orders.unpaid.get(&order.payment_method));
        Ok(MailOrder::new(&Facts {
            kind,
            language,
            shop: &shop,
            channel,
            channel_title: &self.config.shop.name,
            number: &order.number,
            placed_at: order.placed_at,
            currency: &order.currency,
            totals: &order.totals,
            payment: order.payment,
            payment_title: &order.payment_title,
            payment_note: rule.and_then(|r| r.how_to_pay.as_deref()).unwrap_or_default(),
            pay_by: rule
                .and_then(|r| UnpaidRule::from_days(r.remind_days, r.cancel_days).pay_by(order.placed_at)),
            buyer: &order.details.buyer,
            bill_to: &order.details.bill_to,
            ship_to: &order.details.ship_to,
            lines: &lines,
            note: &order.details.note,
            parcel: parcel.as_ref(),
            cancel_reason: cancelled.map_or("", |c| &c.reason),
            order_url: None,
        }))
    }
}

impl Composer for MailRoom {
    fn write(&self, letter: &Letter) -> Result<MailText, Unwritable> {
        let kind = MailKind::from_name(&letter.mail.kind)
            .ok_or_else(|| Unwritable::Never(format!("{:?} is no kind of mail", letter.mail.kind)))?;
        let (set, language) = self.language(letter, kind)?;
        let view = self.view(letter, kind, language)?;
        let rendered =
            self.templates.render(set, language, kind, &view).map_err(|e| Unwritable::Mend(e.to_string()))?;
        let channel = &letter.channel.name;
        let from = self.from(channel)?.address;
        let domain = from.rsplit('@').next().unwrap_or_default();
        let order = format!("{channel}-{}", letter.order.id);
        Ok(MailText {
            message_id: message_id(kind, &order, letter.mail.revision, domain),
            subject: rendered.subject,
            text: rendered.text,
            html: rendered.html,
        })
    }

    fn seal(&self, letter: &Letter, text: &MailText, now: Timestamp) -> Result<Outgoing, Unwritable> {
        let channel = &letter.channel.name;
        let kind = MailKind::from_name(&letter.mail.kind);
        let language = kind.and_then(|kind| Some(self.language(letter, kind).ok()?.1)).unwrap_or_default();
        let envelope = Envelope {
            from: self.from(channel)?,
            reply_to: self.reply_to(channel)?.map(|address| Mailbox { name: String::new(), address }),
            to: Mailbox {
                name: letter.order.details.buyer.name.clone(),
                address: letter.mail.recipient.clone(),
            },
            message_id: text.message_id.clone(),
            date: now,
            language: language.to_owned(),
            extra: Vec::new(),
        };
        let rendered =
            Rendered { subject: text.subject.clone(), text: text.text.clone(), html: text.html.clone() };
        message(&rendered, &envelope).map_err(|e| Unwritable::Never(e.to_string()))
    }

    fn uncertain(&self, channel: &str) -> Uncertain {
        let own = self.channel(channel).and_then(|c| c.mail.uncertain);
        own.or_else(|| self.config.mail.as_ref().map(|m| m.uncertain)).unwrap_or_default()
    }
}

/// A mail of an order as it would be now, for looking at: nothing is stored. Before anything has left there is no parcel
/// to tell of; the draft makes one up.
#[must_use]
pub fn draft(view: OrderView, kind: MailKind, revision: i64, now: Timestamp) -> Letter {
    let mut order = view.order;
    if kind == MailKind::Shipped && order.parcels.iter().all(|p| p.seq != revision) {
        order.parcels.push(ParcelRecord {
            seq: revision,
            remote_id: String::new(),
            carrier: "(carrier)".to_owned(),
            tracking: "(tracking number)".to_owned(),
            tracking_url: None,
            shipped_at: now,
            lines: Vec::new(),
            ours: true,
        });
    }
    let mail = MailRow {
        order_id: order.id,
        kind: kind.name().to_owned(),
        revision,
        channel_id: order.channel,
        state: "preview".to_owned(),
        recipient: order.details.buyer.email.clone(),
        message_id: String::new(),
        subject: None,
        body_text: None,
        body_html: None,
        attempts: 0,
        answer: None,
        created_at: now.0,
        updated_at: now.0,
        sent_at: None,
    };
    Letter { mail, order, channel: view.channel }
}

fn facts_line(line: &Line) -> FactsLine<'_> {
    FactsLine {
        id: &line.remote_id,
        title: &line.title,
        code: line.code.as_deref().unwrap_or_default(),
        quantity: line.quantity,
        unit_price: Money(line.unit_price),
        total: Money(line.total),
    }
}

/// A parcel of an order, as a mail tells of it.
fn parcel(order: &Order, seq: i64) -> Option<Parcel> {
    let record = order.parcels.iter().find(|p| p.seq == seq)?;
    let line = |(no, n): &(i64, i64)| Some((order.lines.iter().find(|l| l.no == *no)?.remote_id.clone(), *n));
    let newest = order.parcels.iter().all(|p| p.seq <= seq);
    Some(Parcel {
        carrier: record.carrier.clone(),
        tracking: record.tracking.clone(),
        tracking_url: record.tracking_url.clone(),
        shipped_at: record.shipped_at,
        lines: record.lines.iter().filter_map(line).collect(),
        completes: newest && !order.is_open(),
    })
}
