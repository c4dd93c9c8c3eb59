//! `orderStatusChange`, `orderPayStatusChange`, `orderShipStatusChange`.

use super::http::{Call, Reply};
use super::orders_api::{bad_request, is_ours, no_order};
use super::state::Store;
use super::write::{error, has_tag, tag};

const DONE: &str = "<ResultSet totalResultsAvailable=\"1\" totalResultsReturned=\"1\" ok=\"1\" ng=\"0\"><Result><Status>OK</Status>\
                    </Result></ResultSet>";

/// The order and the request, if both can be used.
fn target(store: &Store, call: &Call) -> Result<(String, String), Reply> {
    let request = call.text();
    let id = tag(&request, "OrderId");
    match store.order(&id) {
        _ if !is_ours(store, call, &request) => Err(bad_request()),
        None => Err(no_order()),
        Some(order) if store.is_read_only(order) => {
            Err(refused("od90166", "キャンセル可能期間中の注文は更新できません。"))
        }
        Some(_) => Ok((id, request)),
    }
}

fn refused(code: &str, message: &str) -> Reply {
    Reply::xml(400, &error(code, message))
}

fn warned(code: &str) -> Reply {
    let warning = format!("<Warning><Code>{code}</Code><Message></Message><Detail></Detail></Warning>");
    Reply::xml(200, &DONE.replace("</Result>", &format!("{warning}</Result>")))
}

pub(super) fn status(store: &mut Store, call: &Call) -> Reply {
    let (id, request) = match target(store, call) {
        Ok(found) => found,
        Err(refusal) => return refusal,
    };
    let (wanted, reason) = (tag(&request, "OrderStatus"), tag(&request, "CancelReason"));
    let detail = tag(&request, "CancelReasonDetail").chars().count();
    let now = store.field(&id, "", "OrderStatus");
    match (now.as_str(), wanted.as_str()) {
        (now, wanted) if now == wanted => warned("od91705"),
        ("4", _) => refused("od91103", "注文ステータスを変更できません。"),
        (_, "4") if reason == "230" && !(10..=200).contains(&detail) => bad_request(),
        (_, "4") => {
            store.cancel(&id, &reason, &tag(&request, "CancelReasonDetail"));
            Reply::xml(200, DONE)
        }
        ("2" | "3" | "1", "5") | ("2", "3") | ("3" | "5", "2") => {
            store.change(&id, &[("", "OrderStatus", &wanted)]);
            Reply::xml(200, DONE)
        }
        _ => refused("od91103", "注文ステータスを変更できません。"),
    }
}

pub(super) fn pay(store: &mut Store, call: &Call) -> Reply {
    let (id, request) = match target(store, call) {
        Ok(found) => found,
        Err(refusal) => return refusal,
    };
    let status = tag(&request, "PayStatus");
    if !matches!(status.as_str(), "0" | "1") {
        return bad_request();
    }
    let method = store.field(&id, "Pay", "PayMethod");
    let is_own =
        ["payment_b", "payment_c", "payment_d", "payment_e"].iter().any(|own| method.starts_with(own));
    if !is_own {
        return refused("od91106", "入金ステータスを変更できないお支払い方法です。");
    }
    let day = tag(&request, "PayDate");
    let day = match day.len() {
        8 => format!("{}-{}-{}", &day[..4], &day[4..6], &day[6..]),
        _ => String::new(),
    };
    store
        .change(&id, &[("Pay", "PayStatus", &status), ("Pay", "PayDate", &day), ("Ship", "ShipStatus", "1")]);
    Reply::xml(200, DONE)
}

pub(super) fn ship(store: &mut Store, call: &Call) -> Reply {
    let (id, request) = match target(store, call) {
        Ok(found) => found,
        Err(refusal) => return refusal,
    };
    let (status, carrier) = (tag(&request, "ShipStatus"), tag(&request, "ShipCompanyCode"));
    let fits = matches!(status.as_str(), "0" | "1" | "2" | "3" | "4");
    if !fits || tag(&request, "IsPointFix") != "true" {
        return bad_request();
    }
    let stored = store.field(&id, "Ship", "ShipCompanyCode");
    let by = if carrier.is_empty() { stored } else { carrier.clone() };
    let slots = ["ShipInvoiceNumber1", "ShipInvoiceNumber2"];
    if slots.iter().any(|slot| !number_fits(&by, &tag(&request, slot))) {
        return refused("od91136", "配送伝票番号が不正です。");
    }
    let numbers = slots.iter().any(|slot| !tag(&request, slot).is_empty());
    let numbered = slots.iter().any(|slot| !store.field(&id, "Ship", slot).is_empty());
    if has_tag(&request, "ShipInvoiceNumberEmptyReason") && (numbers || numbered) {
        return refused("od91190", "伝票番号と伝票番号なし理由は同時に設定できません。");
    }
    store.change(&id, &[("Ship", "ShipStatus", &status)]);
    let fields = [
        "ShipCompanyCode",
        "ShipInvoiceNumber1",
        "ShipInvoiceNumber2",
        "ShipInvoiceNumberEmptyReason",
        "ShipUrl",
    ];
    for name in fields {
        if has_tag(&request, name) {
            store.change(&id, &[("Ship", name, &tag(&request, name))]);
        }
    }
    let day = tag(&request, "ShipDate");
    if day.len() == 8 {
        let day = format!("{}-{}-{}", &day[..4], &day[4..6], &day[6..]);
        store.change(&id, &[("Ship", "ShipDate", &day)]);
    }
    Reply::xml(200, DONE)
}

fn number_fits(carrier: &str, number: &str) -> bool {
    let letters = number.chars().filter(|c| *c != '-').count();
    let plain = number.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') && number.len() <= 30;
    match carrier {
        _ if number.is_empty() => true,
        "1001" => number.bytes().all(|b| b.is_ascii_digit() || b == b'-') && number.len() <= 14,
        "1003" => plain && (11..=13).contains(&letters),
        _ => plain,
    }
}
