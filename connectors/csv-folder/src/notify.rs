//! Parcels and cancelled orders out, one file each.

use banto_channel::{
    Bilingual, Cx, Error, IdempotencyKey, Notice, Outcome, Parcel, RemoteOrderId, Result, Timestamp, both,
};

use crate::CsvFolder;
use crate::calls::hash;
use crate::config::Shipments;
use crate::outgoing::{CancelValue, Cells, ShipmentValue};
use crate::text::title_key;

pub(crate) const SHIPMENTS: &str = "shipments";
pub(crate) const CANCELS: &str = "cancels";

/// Under a subfolder: an empty file for each intent that went out, named by its key, so that it stays known when the
/// tool has taken the file away.
const TOLD: &str = ".told";

type Row = std::result::Result<Vec<String>, Bilingual>;

impl CsvFolder {
    pub(crate) fn notify(
        &self,
        cx: &Cx,
        order: &RemoteOrderId,
        notice: &Notice,
        key: &IdempotencyKey,
    ) -> Result<Outcome> {
        let now = cx.clock.now();
        match (notice, &self.settings.shipments, &self.settings.cancels) {
            (Notice::Shipped(parcel), Some(shipments), _) => {
                let rows = self.parcel_rows(shipments, order, parcel);
                self.tell(SHIPMENTS, &shipments.cells, order, rows, key, now)
            }
            (Notice::Cancelled { reason }, _, Some(cancels)) => {
                let row = cancels.row(|value| match value {
                    CancelValue::OrderId => order.0.clone(),
                    CancelValue::Reason => reason.replace(['\r', '\n'], " "),
                });
                self.tell(CANCELS, cancels, order, row.map(|row| vec![row]), key, now)
            }
            _ => {
                let call = format!("notify_order({})", notice.kind().name());
                Err(Error::unsupported((call.as_str(), "この種類の通知（ファイルの列が未設定）")))
            }
        }
    }

    /// One row for the parcel, or one for each of its lines where the file has columns for that.
    fn parcel_rows(
        &self,
        shipments: &Shipments,
        order: &RemoteOrderId,
        parcel: &Parcel,
    ) -> std::result::Result<Vec<Vec<String>>, Bilingual> {
        let cells = &shipments.cells;
        let by_line = cells.have(ShipmentValue::LineId);
        if !parcel.completes && !by_line && !cells.have(ShipmentValue::Completes) {
            return Err(both!(
                "this is a part of the order, and the shipment file has no column to say so: enter it at the \
                 marketplace by hand, or map line_id and quantity",
                "注文の一部の出荷ですが、出荷ファイルにそれを示す列がありません。モールの画面で入力するか、line_id と quantity の\
                 列を設定してください"
            ));
        }
        let carrier = shipments.carrier(&parcel.carrier)?;
        let shipped_at = self.settings.orders.dates.write(parcel.shipped_at, &shipments.date_format);
        let row = |line: &str, quantity: &str| -> Row {
            cells.row(|value| match value {
                ShipmentValue::OrderId => order.0.clone(),
                ShipmentValue::Carrier => carrier.clone(),
                ShipmentValue::Tracking => parcel.tracking.clone(),
                ShipmentValue::TrackingUrl => parcel.tracking_url.clone().unwrap_or_default(),
                ShipmentValue::ShippedAt => shipped_at.clone(),
                ShipmentValue::LineId => line.to_owned(),
                ShipmentValue::Quantity => quantity.to_owned(),
                ShipmentValue::Completes => u8::from(parcel.completes).to_string(),
            })
        };
        if by_line && !parcel.lines.is_empty() {
            return parcel.lines.iter().map(|(line, quantity)| row(line, &quantity.to_string())).collect();
        }
        Ok(vec![row("", "")?])
    }

    /// Writes a file once for each key.
    fn tell<V: Copy + PartialEq>(
        &self,
        subfolder: &str,
        cells: &Cells<V>,
        order: &RemoteOrderId,
        rows: std::result::Result<Vec<Vec<String>>, Bilingual>,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> Result<Outcome> {
        self.folder.is_there()?;
        let register = format!("{subfolder}/{TOLD}");
        let mark = hash(key.as_str().as_bytes());
        if self.folder.read_own(&register, &mark)?.is_some() {
            return Ok(Outcome::Applied);
        }
        let rows = match rows {
            Ok(rows) => rows,
            Err(reason) => return Ok(Outcome::Refused { reason }),
        };
        // A crash may have come between the file and the mark.
        let end = format!("-{mark}.csv");
        let written = self.folder.list(subfolder)?.iter().any(|entry| entry.shown().ends_with(&end));
        if !written {
            let time = self.settings.orders.dates.write(now, "%Y%m%dT%H%M%S");
            let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
            let order: String = order.as_str().chars().take(40).map(plain).collect();
            let bytes = cells.file(&rows, self.settings.delimiter);
            self.folder.put(subfolder, &format!("{time}-{order}{end}"), &bytes)?;
        }
        self.folder.put(&register, &mark, b"")?;
        Ok(Outcome::Applied)
    }
}

impl Shipments {
    /// The marketplace's word for a carrier.
    fn carrier(&self, written: &str) -> std::result::Result<String, Bilingual> {
        if self.carriers.is_empty() {
            return Ok(written.to_owned());
        }
        let key = title_key(written);
        let code = self.carriers.values().find(|code| title_key(code) == key);
        code.or_else(|| self.carriers.get(&key)).cloned().ok_or_else(|| {
            both!(
                "carrier {written:?} has no code here: add it under [connector.shipments.carriers]",
                "配送会社「{written}」のコードがありません。[connector.shipments.carriers] に追加してください"
            )
        })
    }
}
