//! When a prepayment arrived: `getPayment`, if the config asks for it.

use banto_channel::{Cx, ErrorKind, Result, Timestamp};
use serde::{Deserialize, Serialize};

use crate::lenient::{Text, or_default};
use crate::model::Order;
use crate::{Rakuten, time};

/// 銀行振込, セブンイレブン（前払）, ローソン・ファミリーマート・郵便局ATM等（前払）.
const PREPAID: [&str; 3] = ["9", "13", "14"];
/// The version of `getPayment` that the client libraries send.
const GET_PAYMENT_VERSION: u8 = 4;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ask<'a> {
    order_number: &'a str,
    version: u8,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    #[serde(rename = "OrderModel", deserialize_with = "or_default")]
    order: Payments,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Payments {
    #[serde(rename = "PaymentModelList", deserialize_with = "or_default")]
    list: Vec<Payment>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Payment {
    payment_fix_datetime: Text,
    #[serde(rename = "PaymentBankModel", deserialize_with = "or_default")]
    bank: Bank,
    #[serde(rename = "PaymentMultiModel", deserialize_with = "or_default")]
    store: Store,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Bank {
    transfer_date: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Store {
    event_datetime: Text,
}

impl Payment {
    fn arrived(&self) -> Option<Timestamp> {
        [&self.bank.transfer_date, &self.store.event_datetime, &self.payment_fix_datetime]
            .into_iter()
            .find_map(|at| time::timestamp(at.as_str()))
    }
}

impl Rakuten {
    /// When the order was paid, as far as it was prepaid and the config asks. A refusal leaves it open: the order is
    /// worth more than the date.
    pub(crate) async fn paid_at(&self, cx: &Cx, order: &Order) -> Result<Option<Timestamp>> {
        let prepaid = PREPAID.contains(&order.settlement.settlement_method_code.as_str());
        if !self.settings.read_payment_dates || !prepaid || order.order_fix_datetime.is_empty() {
            return Ok(None);
        }
        let body = Ask { order_number: order.order_number.as_str(), version: GET_PAYMENT_VERSION };
        let request = self.order_call("getPayment", &body)?.idempotent();
        match self.send(cx, request, "reading a payment").await {
            Ok(response) => {
                let answer: Answer = response.json()?;
                Ok(answer.order.list.iter().find_map(Payment::arrived))
            }
            Err(e) if matches!(e.kind, ErrorKind::Refused | ErrorKind::NotFound) => Ok(None),
            Err(e) => Err(e),
        }
    }
}
