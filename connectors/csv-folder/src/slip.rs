//! The rows of one order to a [`RemoteOrder`].

mod lines;

use banto_channel::{
    Address, Bilingual, Buyer, Fulfilment, Money, Payment, RemoteLine, RemoteOrder, RemoteOrderId,
    RemoteRefund, RemoteShipment, Timestamp, Totals, both, minor_digits,
};

use crate::columns::{Layout, OrderField};
use crate::config::Settings;
use crate::status::{self, LineKind, State};
use crate::table::Row;
use crate::text::title_key;

/// Why an order cannot be read: line, column, reason.
pub(crate) type Fault = Bilingual;

/// One order as its rows tell it.
pub(crate) struct Slip<'a> {
    settings: &'a Settings,
    layout: &'a Layout<OrderField>,
    id: &'a str,
    rows: Vec<(&'a Row, State)>,
    /// Those of them that are about goods.
    goods: Vec<(&'a Row, State)>,
    /// The others, and what each is about.
    extras: Vec<(&'a Row, LineKind)>,
    currency: String,
    unknowns: Vec<Bilingual>,
}

impl<'a> Slip<'a> {
    pub(crate) fn new(
        settings: &'a Settings,
        layout: &'a Layout<OrderField>,
        id: &'a str,
        rows: &[&'a Row],
    ) -> Self {
        let mut slip = Self {
            settings,
            layout,
            id,
            rows: Vec::new(),
            goods: Vec::new(),
            extras: Vec::new(),
            currency: String::new(),
            unknowns: Vec::new(),
        };
        for row in rows {
            let state = slip.state(row);
            if state == State::Ignore {
                continue;
            }
            slip.rows.push((row, state));
            match slip.kind(row) {
                LineKind::Goods => slip.goods.push((row, state)),
                other => slip.extras.push((row, other)),
            }
        }
        slip
    }

    /// The order; `None` if the marketplace's words say that it is none.
    ///
    /// Errors: [`Fault`] for what cannot be read. What is merely not known stands in the order's `unknowns`.
    pub(crate) fn order(mut self, raw: String) -> Result<Option<RemoteOrder>, Fault> {
        use OrderField as F;
        if self.rows.is_empty() {
            return Ok(None);
        }
        self.check_id()?;
        let placed_at = self.time(F::PlacedAt)?;
        let placed_at = placed_at.ok_or_else(|| {
            self.fault(self.rows[0].0, F::PlacedAt, &both!("there is no time", "日時がありません"))
        })?;
        self.currency = self.currency();
        let lines = self.lines()?;
        let totals = self.totals(&lines)?;
        let paid_at = self.time(F::PaidAt)?;
        let buyer = Buyer {
            name: self.text(F::BuyerName),
            email: self.text(F::BuyerEmail),
            phone: self.text(F::BuyerPhone),
            language: String::new(),
        };
        let states: Vec<State> = self.rows.iter().map(|(_, state)| *state).collect();
        let number = Some(self.text(F::Number)).filter(|number| !number.is_empty());
        self.same_recipient();
        Ok(Some(RemoteOrder {
            id: RemoteOrderId::from(self.id),
            number: number.unwrap_or_else(|| self.id.to_owned()),
            placed_at,
            changed_at: self.time(F::ChangedAt)?,
            payment: self.payment(&states, paid_at, &totals),
            paid_at,
            fulfilment: status::fulfilment(&states),
            status: self.statuses(),
            refunds: refunds(&totals),
            moves_own_stock: true,
            stock_taken: None,
            bill_to: self.address(&BILL),
            ship_to: self.address(&SHIP),
            payment_method: self.payment_method(),
            payment_title: self.text(F::PaymentMethod),
            note: self.text(F::Note),
            ship_by: self.time(F::ShipBy)?,
            shipments: self.shipments(&lines)?,
            wait: states.contains(&State::Wait).then(|| {
                both!(
                    "the marketplace says {words:?}",
                    "モール側のステータスは「{words}」です",
                    words = self.statuses()
                )
            }),
            currency: self.currency,
            unknowns: self.unknowns,
            totals,
            buyer,
            lines,
            raw,
        }))
    }

    fn fault(&self, row: &Row, field: OrderField, why: &Bilingual) -> Fault {
        let (line, title) = (row.line, self.layout.name(field));
        both!("line {line}, {en}", "{line}行目の{ja}", en = title.en, ja = title.ja).with(why)
    }

    /// Notes something for the staff, which holds the order.
    pub(crate) fn unknown(&mut self, what: Bilingual) {
        if !self.unknowns.contains(&what) {
            self.unknowns.push(what);
        }
    }

    /// Excel turns long numbers into 1.23457E+14, and several orders into one.
    fn check_id(&self) -> Result<(), Fault> {
        let exponent = self.id.split_once(['E', 'e']).is_some_and(|(digits, exponent)| {
            let number = |text: &str, also: char| {
                !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == also)
            };
            digits.contains('.') && number(digits, '.') && exponent.starts_with('+') && number(exponent, '+')
        });
        match exponent {
            true => Err(self.fault(
                self.rows[0].0,
                OrderField::OrderId,
                &both!(
                    "{id:?} is an order number that Excel has spoilt; export the file anew and do not save it in Excel",
                    "「{id}」はExcelで変換された注文番号です。もう一度書き出し、Excelで保存せずに使用してください",
                    id = self.id
                ),
            )),
            false => Ok(()),
        }
    }

    /// What a row's status word means; open and to be paid, with a word to the staff, if nobody said.
    fn state(&mut self, row: &Row) -> State {
        let word = self.layout.text(row, OrderField::Status);
        match self.settings.orders.status.get(&title_key(&word)) {
            Some(state) => *state,
            None => {
                self.unknown(both!(
                    "status {word:?}: say what it means in [connector.orders.status]",
                    "不明なステータス「{word}」です。意味を [connector.orders.status] に設定してください"
                ));
                State::OpenUnpaid
            }
        }
    }

    /// What a row is about; goods, with a word to the staff, if nobody said.
    fn kind(&mut self, row: &Row) -> LineKind {
        if !self.layout.has(OrderField::LineKind) {
            return LineKind::Goods;
        }
        let word = self.layout.text(row, OrderField::LineKind);
        let known = self.settings.orders.line_kinds.get(&title_key(&word)).copied();
        known.unwrap_or_else(|| {
            self.unknown(both!(
                "line kind {word:?}: say what it means in [connector.orders.line_kinds]",
                "不明な行種別「{word}」です。意味を [connector.orders.line_kinds] に設定してください"
            ));
            LineKind::Goods
        })
    }

    /// The words of all rows, each once.
    fn statuses(&self) -> String {
        let mut words: Vec<String> = Vec::new();
        for (row, _) in &self.rows {
            let word = self.layout.text(row, OrderField::Status);
            if !words.contains(&word) {
                words.push(word);
            }
        }
        words.join(" / ")
    }

    /// A value of the whole order: that of the first row that has it.
    fn first(&self, field: OrderField) -> Option<(&'a Row, String)> {
        let texts = self.rows.iter().map(|(row, _)| (*row, self.layout.text(row, field)));
        texts.into_iter().find(|(_, text)| !text.is_empty())
    }

    fn text(&self, field: OrderField) -> String {
        self.first(field).map(|(_, text)| text).unwrap_or_default()
    }

    fn time(&self, field: OrderField) -> Result<Option<Timestamp>, Fault> {
        let Some((row, text)) = self.first(field) else { return Ok(None) };
        self.settings.orders.dates.read(&text).map(Some).map_err(|why| self.fault(row, field, &why))
    }

    fn currency(&mut self) -> String {
        let told = self.text(OrderField::Currency);
        let code = if told.is_empty() { self.settings.orders.currency.clone() } else { told };
        if minor_digits(&code).is_none() {
            self.unknown(both!(
                "currency {code:?}: its amounts are left empty",
                "不明な通貨「{code}」です。金額は空欄のまま取り込みました"
            ));
        }
        code
    }

    fn payment(&mut self, states: &[State], paid_at: Option<Timestamp>, totals: &Totals) -> Payment {
        if totals.refunded > Money(0) {
            let all = totals.refunded >= totals.grand;
            return if all { Payment::Refunded } else { Payment::PartlyRefunded };
        }
        let word = self.text(OrderField::PaymentStatus);
        let told = match word.is_empty() {
            true => None,
            false => {
                let known = self.settings.orders.payment.get(&title_key(&word)).copied();
                if known.is_none() {
                    self.unknown(both!(
                        "payment status {word:?}: say what it means in [connector.orders.payment]",
                        "不明な入金状況「{word}」です。意味を [connector.orders.payment] に設定してください"
                    ));
                }
                known
            }
        };
        // Cancelled rows say nothing of the money for the others.
        let mut of_rows =
            states.iter().filter(|s| s.fulfilment() != Fulfilment::Cancelled).map(|s| s.payment());
        let first =
            of_rows.next().or_else(|| states.first().map(|s| s.payment())).unwrap_or(Payment::Awaiting);
        let by_state = if of_rows.all(|payment| payment == first) { first } else { Payment::Partial };
        match told.unwrap_or(by_state) {
            Payment::Awaiting if told.is_none() && paid_at.is_some() => Payment::Paid,
            payment => payment,
        }
    }

    fn payment_method(&mut self) -> String {
        let told = self.text(OrderField::PaymentMethod);
        let table = &self.settings.orders.payment_methods;
        if told.is_empty() || table.is_empty() {
            return told;
        }
        match table.get(&title_key(&told)).cloned() {
            Some(method) => method,
            None => {
                self.unknown(both!(
                    "payment method {told:?}: name it in [connector.orders.payment_methods]",
                    "不明な支払方法「{told}」です。[connector.orders.payment_methods] に追加してください"
                ));
                told
            }
        }
    }

    fn address(&self, fields: &[OrderField; 10]) -> Address {
        let [name, name_kana, company, country, postcode, region, city, line1, line2, phone] =
            fields.map(|field| self.text(field));
        Address { name, name_kana, company, country, postcode, region, city, line1, line2, phone }
    }

    /// An order goes to one place; rows that name several are held. What a row leaves empty it does not contradict.
    fn same_recipient(&mut self) {
        let differs = |field: &OrderField| {
            let mut told =
                self.rows.iter().map(|(row, _)| self.layout.text(row, *field)).filter(|t| !t.is_empty());
            let first = told.next();
            told.any(|text| Some(&text) != first.as_ref())
        };
        if SHIP.iter().any(differs) {
            self.unknown(both!(
                "its rows name several recipients, of which the first is told",
                "行によって届け先が異なります。先頭の届け先を取り込みました"
            ));
        }
    }

    /// One parcel for each carrier and tracking number that the rows name.
    fn shipments(&self, lines: &[RemoteLine]) -> Result<Vec<RemoteShipment>, Fault> {
        let mut parcels: Vec<RemoteShipment> = Vec::new();
        for ((row, _), line) in self.goods.iter().zip(lines) {
            let text = |field| self.layout.text(row, field);
            let (carrier, tracking) = (text(OrderField::Carrier), text(OrderField::Tracking));
            if tracking.is_empty() {
                continue;
            }
            let at = parcels.iter().position(|p| p.carrier == carrier && p.tracking == tracking);
            let at = at.unwrap_or(parcels.len());
            if at == parcels.len() {
                let shipped_at = self.time(OrderField::ShippedAt)?;
                let id = tracking.clone();
                parcels.push(RemoteShipment {
                    id,
                    carrier,
                    tracking,
                    tracking_url: None,
                    shipped_at,
                    lines: Vec::new(),
                });
            }
            parcels[at].lines.push((line.id.clone(), line.shipped.unwrap_or(line.quantity - line.cancelled)));
        }
        Ok(parcels)
    }
}

const SHIP: [OrderField; 10] = {
    use OrderField as F;
    [
        F::ShipName,
        F::ShipKana,
        F::ShipCompany,
        F::ShipCountry,
        F::ShipPostcode,
        F::ShipRegion,
        F::ShipCity,
        F::ShipLine1,
        F::ShipLine2,
        F::ShipPhone,
    ]
};

const BILL: [OrderField; 10] = {
    use OrderField as F;
    [
        F::BillName,
        F::BillKana,
        F::BillCompany,
        F::BillCountry,
        F::BillPostcode,
        F::BillRegion,
        F::BillCity,
        F::BillLine1,
        F::BillLine2,
        F::BillPhone,
    ]
};

/// A file says what was given back in all, so it is one refund that grows.
fn refunds(totals: &Totals) -> Vec<RemoteRefund> {
    if totals.refunded == Money(0) {
        return Vec::new();
    }
    vec![RemoteRefund {
        id: "refunded".to_owned(),
        amount: totals.refunded,
        at: None,
        reason: String::new(),
        lines: Vec::new(),
    }]
}
