//! `orderProgress`, the state of an order.

use banto_channel::{Fulfilment, Payment};

use crate::model::{Order, Shipping};

/// 取引の進捗, as RMS numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// 100: the shop has still to take it.
    Unconfirmed,
    /// 200: Rakuten checks the payment or the buyer, or waits for a prepayment.
    Processing,
    /// 300.
    Ready,
    /// 400: a change by the shop waits to be settled.
    Changing,
    /// 500.
    Shipped,
    /// 600: Rakuten is paying the shop out.
    PayingOut,
    /// 700.
    PaidOut,
    /// 800: cancelled, and Rakuten has still to settle it.
    Cancelling,
    /// 900.
    Cancelled,
}

/// Ways of payment whose money comes when or after the goods do, where RMS does not say who handles it:
/// 代金引換, 後払い of the shop's own, 請求書払い.
const PAID_LATE: [&str; 3] = ["2", "3", "7"];

impl Progress {
    pub(crate) fn of(order: &Order) -> Option<Self> {
        Some(match order.order_progress.as_str() {
            "100" => Self::Unconfirmed,
            "200" => Self::Processing,
            "300" => Self::Ready,
            "400" => Self::Changing,
            "500" => Self::Shipped,
            "600" => Self::PayingOut,
            "700" => Self::PaidOut,
            "800" => Self::Cancelling,
            "900" => Self::Cancelled,
            _ => return None,
        })
    }

    /// RMS's own word.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Unconfirmed => "注文確認待ち",
            Self::Processing => "楽天処理中",
            Self::Ready => "発送待ち",
            Self::Changing => "変更確定待ち",
            Self::Shipped => "発送済",
            Self::PayingOut => "支払手続き中",
            Self::PaidOut => "支払手続き済",
            Self::Cancelling => "キャンセル確定待ち",
            Self::Cancelled => "キャンセル確定",
        }
    }

    pub(crate) const fn is_shipped(self) -> bool {
        matches!(self, Self::Shipped | Self::PayingOut | Self::PaidOut)
    }

    pub(crate) const fn is_cancelled(self) -> bool {
        matches!(self, Self::Cancelling | Self::Cancelled)
    }
}

/// The state in RMS's own words, with the shop's sub-status behind it.
pub(crate) fn status(order: &Order, progress: Option<Progress>) -> String {
    let code = order.order_progress.as_str();
    let word = progress.map_or_else(|| code.to_owned(), |progress| format!("{} ({code})", progress.word()));
    match order.sub_status_name.as_str() {
        "" => word,
        sub => format!("{word} {sub}"),
    }
}

/// Whether the goods had left, which a cancellation afterwards does not undo.
pub(crate) fn had_left(order: &Order) -> bool {
    !order.shipping_cmpl_rpt_datetime.is_empty()
}

pub(crate) fn fulfilment(order: &Order, progress: Option<Progress>) -> Fulfilment {
    match progress {
        Some(p) if p.is_shipped() => Fulfilment::Shipped,
        Some(p) if p.is_cancelled() && had_left(order) => Fulfilment::Shipped,
        Some(p) if p.is_cancelled() => Fulfilment::Cancelled,
        // There is no state for it: a parcel is entered while others are still missing.
        _ if order.packages.iter().any(|package| !package.parcels.iter().all(Shipping::is_blank)) => {
            Fulfilment::Partial
        }
        _ => Fulfilment::Open,
    }
}

/// Rakuten guarantees its own ways of payment from the moment the order is fixed (注文確定). Money that the shop
/// collects by itself counts when RMS says that everything is settled.
pub(crate) fn payment(order: &Order, progress: Option<Progress>) -> Payment {
    let settlement = &order.settlement;
    let late = match settlement.rpay_settlement_flag.as_str() {
        "0" => true,
        "1" => false,
        _ => PAID_LATE.contains(&settlement.settlement_method_code.as_str()),
    };
    let fixed = !order.order_fix_datetime.is_empty();
    match progress {
        None | Some(Progress::Unconfirmed | Progress::Processing) => Payment::Awaiting,
        Some(Progress::PaidOut) => Payment::Paid,
        _ if late => Payment::Awaiting,
        Some(Progress::Cancelled) if fixed => Payment::Refunded,
        Some(Progress::Changing | Progress::Cancelling) if fixed => Payment::Paid,
        Some(Progress::Changing | Progress::Cancelling | Progress::Cancelled) => Payment::Awaiting,
        Some(Progress::Ready | Progress::Shipped | Progress::PayingOut) => Payment::Paid,
    }
}
