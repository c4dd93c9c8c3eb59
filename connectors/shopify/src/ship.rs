//! Parcels out: which fulfillment orders a parcel fulfils, and whether Shopify knows it already.

use std::collections::{BTreeMap, BTreeSet};

use banto_channel::{Bilingual, Carrier, Cx, Outcome, Parcel, Result, both};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Shopify;
use crate::calls::Connection;
use crate::documents::{OPEN_WORK, SHIP, WORK_LINES};
use crate::id::{self, short};
use crate::model::{Assigned, Fulfillment, Head, Hold};
use crate::notify::{outcome, refused, unknown_order};
use crate::time;

/// Carriers that Shopify makes tracking links for under another name than people write. Others go out as written.
const NAMED: &[Carrier] = &[
    Carrier {
        code: "Yamato (JA)",
        names: &["ヤマト運輸", "ヤマト", "クロネコヤマト", "yamato", "kuroneko yamato"],
    },
    Carrier { code: "Sagawa (JA)", names: &["佐川急便", "佐川", "sagawa"] },
    Carrier {
        code: "Japan Post (JA)",
        names: &["日本郵便", "ゆうパック", "ゆうパケット", "郵便局", "japan post", "jp post"],
    },
];

#[derive(Deserialize)]
struct WorkAnswer {
    order: Option<WorkOrder>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WorkOrder {
    fulfillment_orders: Connection<Work>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LinesAnswer {
    fulfillment_order: Option<Lines>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lines {
    line_items: Connection<WorkLine>,
}

/// One location's work on an order, with its lines.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Work {
    id: String,
    status: String,
    supported_actions: Vec<Action>,
    assigned_location: Assigned,
    fulfillment_holds: Vec<Hold>,
    line_items: Connection<WorkLine>,
}

#[derive(Clone, Debug, Deserialize)]
struct Action {
    action: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WorkLine {
    id: String,
    remaining_quantity: i64,
    line_item: Head,
}

impl Work {
    fn can_be_shipped(&self) -> bool {
        self.supported_actions.iter().any(|one| one.action == "CREATE_FULFILLMENT")
    }

    fn location(&self) -> &str {
        self.assigned_location.location.as_ref().map_or("", |location| &location.id)
    }

    fn remains(&self) -> i64 {
        self.line_items.nodes.iter().map(|line| line.remaining_quantity).sum()
    }

    /// Why Shopify would not take a parcel.
    fn hindrance(&self) -> Bilingual {
        let holds: Vec<&str> =
            self.fulfillment_holds.iter().map(|hold| hold.display_reason.as_str()).collect();
        let told = both!(
            "its fulfillment is {status} in Shopify",
            "Shopifyの出荷状況が {status} です",
            status = self.status
        );
        match holds.is_empty() {
            true => told,
            false => told.with(&Bilingual::quoted(holds.join(", "))),
        }
    }
}

/// What goes into one call: units of the lines of a location's fulfillment orders.
type Share = BTreeMap<String, Vec<(String, i64)>>;

impl Shopify {
    pub(crate) async fn shipped(&self, cx: &Cx, gid: &str, parcel: &Parcel) -> Result<Outcome> {
        let whole = self.whole_order(cx, gid).await?.ok_or_else(unknown_order)?;
        let known = Known::of(&whole.order.fulfillments, parcel);
        if known.whole {
            return Ok(Outcome::Applied);
        }
        let mut work = self.open_work(cx, gid).await?;
        // What another location ships is not in our parcel.
        work.retain(|work| {
            id::number(work.location()).is_none_or(|place| self.settings.locations.contains(&place))
        });
        let shares = match shares(&work, parcel, &known) {
            Ok(shares) => shares,
            // A try before this one told all of it.
            Err(_) if parcel.lines.is_empty() && known.begun => return Ok(Outcome::Applied),
            Err(reason) => return Ok(refused(reason)),
        };
        for share in shares.values() {
            let errors = self.tell(cx, SHIP, &self.fulfillment(share, parcel), "telling a shipment").await?;
            if !errors.is_empty() {
                return Ok(outcome(&errors));
            }
        }
        Ok(Outcome::Applied)
    }

    fn fulfillment(&self, share: &Share, parcel: &Parcel) -> Value {
        let work: Vec<Value> = share
            .iter()
            .map(|(work, lines)| {
                let lines: Vec<Value> =
                    lines.iter().map(|(id, quantity)| json!({ "id": id, "quantity": quantity })).collect();
                json!({ "fulfillmentOrderId": work, "fulfillmentOrderLineItems": lines })
            })
            .collect();
        let carrier = parcel.carrier.trim();
        let company = Carrier::find(NAMED, carrier).map_or(carrier, |named| named.code);
        let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        json!({ "fulfillment": {
            "lineItemsByFulfillmentOrder": work,
            "notifyCustomer": self.settings.notify_customer,
            "trackingInfo": {
                "company": some(company),
                "number": some(&parcel.tracking),
                "url": parcel.tracking_url.as_deref().and_then(some),
            },
        } })
    }

    /// Every fulfillment order of an order, with all its lines.
    async fn open_work(&self, cx: &Cx, gid: &str) -> Result<Vec<Work>> {
        let doing = "reading fulfillment orders";
        let mut all: Connection<Work> = Connection::unread();
        while all.page_info.has_next_page {
            let variables = json!({ "id": gid, "after": all.page_info.end_cursor });
            let told = self.ask(cx, OPEN_WORK, &variables, doing).await?;
            all.extend(told.data::<WorkAnswer>()?.order.ok_or_else(unknown_order)?.fulfillment_orders)?;
        }
        for work in &mut all.nodes {
            while work.line_items.page_info.has_next_page {
                let variables = json!({ "id": work.id, "after": work.line_items.page_info.end_cursor });
                let told = self.ask(cx, WORK_LINES, &variables, doing).await?;
                let more: LinesAnswer = told.data()?;
                work.line_items.extend(more.fulfillment_order.ok_or_else(unknown_order)?.line_items)?;
            }
        }
        Ok(all.nodes)
    }
}

/// What Shopify knows of a parcel already.
#[derive(Default)]
struct Known {
    /// The parcel is there as a whole.
    whole: bool,
    /// Something of it is there.
    begun: bool,
    /// Locations whose part of it is there; a parcel with goods of two locations is two fulfillments.
    locations: BTreeSet<String>,
    /// Units by line that are there under the parcel's number.
    held: BTreeMap<String, i64>,
}

impl Known {
    /// A parcel is known by its number. One without a number is the same if it holds the same units and was told after
    /// it left: an earlier parcel of the same units was told before.
    fn of(fulfillments: &[Fulfillment], parcel: &Parcel) -> Self {
        let there = fulfillments.iter().filter(|fulfillment| fulfillment.left());
        let number = parcel.tracking.trim();
        if !number.is_empty() {
            return Self::by_number(there.filter(|fulfillment| has_number(fulfillment, number)), parcel);
        }
        let told_since = |fulfillment: &&Fulfillment| {
            let told = fulfillment.created_at.as_deref().and_then(time::seconds);
            told.is_some_and(|at| at >= parcel.shipped_at.as_secs()) && has_number(fulfillment, "")
        };
        let since: Vec<&Fulfillment> = there.filter(told_since).collect();
        Self {
            whole: since.iter().any(|fulfillment| same_units(fulfillment, parcel)),
            begun: !since.is_empty(),
            ..Self::default()
        }
    }

    fn by_number<'a>(numbered: impl Iterator<Item = &'a Fulfillment>, parcel: &Parcel) -> Self {
        let mut known = Self::default();
        for fulfillment in numbered {
            known.begun = true;
            known.locations.extend(fulfillment.location.as_ref().map(|location| location.id.clone()));
            for line in &fulfillment.fulfillment_line_items.nodes {
                *known.held.entry(short(&line.line_item.id)).or_default() += line.quantity.unwrap_or(0);
            }
        }
        let held = |(line, units): &(String, i64)| known.held.get(line).is_some_and(|held| held >= units);
        known.whole = !parcel.lines.is_empty() && parcel.lines.iter().all(held);
        known
    }
}

/// Whether one of its numbers is this; the empty one, whether it has none.
fn has_number(fulfillment: &Fulfillment, number: &str) -> bool {
    let mut numbers =
        fulfillment.tracking_info.iter().map(|info| info.number.as_deref().unwrap_or_default().trim());
    match number.is_empty() {
        true => numbers.all(str::is_empty),
        false => numbers.any(|known| known == number),
    }
}

fn same_units(fulfillment: &Fulfillment, parcel: &Parcel) -> bool {
    let mut told: Vec<(String, i64)> = fulfillment
        .fulfillment_line_items
        .nodes
        .iter()
        .map(|line| (short(&line.line_item.id), line.quantity.unwrap_or(0)))
        .collect();
    let mut asked = parcel.lines.clone();
    told.sort_unstable();
    asked.sort_unstable();
    told == asked
}

/// Distributes a parcel over the fulfillment orders that can be shipped and are not told yet, by location, because one
/// call ships from one.
///
/// `Err` says why it cannot be.
fn shares<'a>(
    work: &'a [Work],
    parcel: &Parcel,
    known: &Known,
) -> std::result::Result<BTreeMap<&'a str, Share>, Bilingual> {
    // Of "everything that is open" a location that told its part has nothing left that is meant.
    let told = |work: &Work| parcel.lines.is_empty() && known.locations.contains(work.location());
    let ready = || work.iter().filter(|work| work.can_be_shipped() && !told(work));
    let mut shares: BTreeMap<&str, Share> = BTreeMap::new();
    let mut take = |work: &'a Work, line: &WorkLine, quantity: i64| {
        let share = shares.entry(work.location()).or_default();
        share.entry(work.id.clone()).or_default().push((line.id.clone(), quantity));
    };
    if parcel.lines.is_empty() {
        for work in ready() {
            for line in work.line_items.nodes.iter().filter(|line| line.remaining_quantity > 0) {
                take(work, line, line.remaining_quantity);
            }
        }
    }
    for (id, quantity) in &parcel.lines {
        let mut left = quantity - known.held.get(id).copied().unwrap_or(0);
        for work in ready() {
            for line in work.line_items.nodes.iter().filter(|line| short(&line.line_item.id) == *id) {
                let units = line.remaining_quantity.min(left);
                if units > 0 {
                    take(work, line, units);
                    left -= units;
                }
            }
        }
        if left > 0 {
            return Err(hindered(work).unwrap_or_else(|| {
                both!(
                    "{left} of {quantity} units of line {id} are not open in Shopify any more",
                    "明細 {id} の{quantity}点のうち{left}点は、Shopifyで出荷待ちではありません"
                )
            }));
        }
    }
    match shares.is_empty() {
        false => Ok(shares),
        true => Err(hindered(work).unwrap_or_else(|| {
            both!(
                "nothing of the order is open at our locations in Shopify any more: it was shipped, moved or cancelled there",
                "Shopifyの自社ロケーションに出荷待ちの商品がありません。Shopifyで出荷・移動・キャンセルのいずれかが行われています"
            )
        })),
    }
}

/// Why what is left cannot be shipped, if something is left.
fn hindered(work: &[Work]) -> Option<Bilingual> {
    work.iter().find(|work| work.remains() > 0 && !work.can_be_shipped()).map(Work::hindrance)
}
