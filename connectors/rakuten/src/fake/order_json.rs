//! An order as `getOrder` hands it out in version 10.

use serde_json::{Value, json};

use super::order::{Contact, Line, Order, Row, When, stamp};

/// Names of the carriers that the fake writes beside their codes.
const CARRIERS: [(&str, &str); 3] = [("1001", "ヤマト運輸"), ("1002", "佐川急便"), ("1003", "日本郵便")];

/// The whole order; what is odd about it is done last.
pub(super) fn order_json(order: &Order, masks_mail: bool) -> Value {
    let mut whole = head(order);
    let models = json!({
        "OrdererModel": orderer(order, masks_mail),
        "SettlementModel": {
            "settlementMethodCode": order.method.code, "settlementMethod": order.method.name,
            "rpaySettlementFlag": 1, "cardName": null, "cardNumber": null, "cardOwner": null, "cardYm": null,
            "cardPayType": null, "cardInstallmentDesc": null,
        },
        "DeliveryModel": { "deliveryName": "宅配便", "deliveryClass": null },
        "PointModel": { "usedPoint": order.points },
        "WrappingModel1": null,
        "WrappingModel2": null,
        "PackageModelList": [package(order)],
        "CouponModelList": [],
        "ChangeReasonModelList": changes(order),
        "TaxSummaryModelList": taxes(order),
        "DueDateModelList": [],
    });
    for part in [amounts(order), flags(order), models] {
        if let (Value::Object(whole), Value::Object(part)) = (&mut whole, part) {
            whole.extend(part);
        }
    }
    if let Some(odd) = order.odd {
        odd(&mut whole);
    }
    whole
}

fn head(order: &Order) -> Value {
    let at = |when| order.at(when).map(stamp);
    json!({
        "orderNumber": order.number, "orderProgress": order.progress, "subStatusId": null, "subStatusName": null,
        "orderDatetime": at(When::Placed), "shopOrderCfmDatetime": at(When::Confirmed),
        "orderFixDatetime": at(When::Fixed), "shippingInstDatetime": at(When::Fixed),
        "shippingCmplRptDatetime": at(When::Reported), "cancelDueDate": null, "deliveryDate": null,
        "shippingTerm": null, "remarks": format!("[配送日時指定:]\n\n{}", order.note), "memo": order.memo,
        "operator": null, "mailPlugSentence": null,
    })
}

fn amounts(order: &Order) -> Value {
    json!({
        "goodsPrice": order.goods(), "postagePrice": order.postage, "deliveryPrice": 0, "paymentCharge": 0,
        "paymentChargeTaxRate": 0.1, "totalPrice": order.goods() + order.postage, "requestPrice": order.asked(),
        "couponAllTotalPrice": 0, "couponShopPrice": 0, "couponOtherPrice": 0,
        "additionalFeeOccurAmountToUser": 0, "additionalFeeOccurAmountToShop": 0,
    })
}

/// What is the same in every ordinary order.
fn flags(order: &Order) -> Value {
    json!({
        "giftCheckFlag": 0, "socialGiftFlag": 0, "severalSenderFlag": 0, "equalSenderFlag": 1,
        "isolatedIslandFlag": 0, "rakutenMemberFlag": 1, "carrierCode": 11, "emailCarrierCode": 0, "orderType": 1,
        "reserveNumber": null, "reserveDeliveryCount": null, "cautionDisplayType": 0,
        "cautionDisplayDetailType": null, "rakutenConfirmFlag": 0, "asurakuFlag": 0, "drugFlag": 0, "dealFlag": 0,
        "membershipType": 0, "modifyFlag": i64::from(!order.changes.is_empty()), "receiptIssueCount": 0,
        "receiptIssueHistoryList": [], "deliveryCertPrgFlag": 0, "oneDayOperationFlag": 0,
    })
}

fn orderer(order: &Order, masks_mail: bool) -> Value {
    let mut orderer = person(&order.orderer);
    let mail = match masks_mail && !order.orderer.mail.is_empty() {
        true => format!("{:032x}s1@pc.fw.rakuten.ne.jp", order.basket),
        false => order.orderer.mail.clone(),
    };
    orderer["emailAddress"] = json!(mail);
    for nothing in ["sex", "birthYear", "birthMonth", "birthDay"] {
        orderer[nothing] = Value::Null;
    }
    orderer
}

fn person(contact: &Contact) -> Value {
    let mut phone = contact.phone.splitn(3, '-').map(|part| json!(part));
    json!({
        "zipCode1": contact.zip.0, "zipCode2": contact.zip.1, "prefecture": contact.prefecture,
        "city": contact.city, "subAddress": contact.sub_address, "familyName": contact.name.0,
        "firstName": contact.name.1, "familyNameKana": contact.kana.0, "firstNameKana": contact.kana.1,
        "phoneNumber1": phone.next(), "phoneNumber2": phone.next(), "phoneNumber3": phone.next(),
    })
}

fn package(order: &Order) -> Value {
    let mut receiver = person(&order.receiver);
    receiver["isolatedIslandFlag"] = json!(0);
    json!({
        "basketId": order.basket, "postagePrice": order.postage, "postageTaxRate": 0.1, "deliveryPrice": 0,
        "deliveryTaxRate": 0.1, "goodsPrice": order.goods(), "totalPrice": order.goods() + order.postage,
        "noshi": null, "packageDeleteFlag": 0, "SenderModel": receiver,
        "ItemModelList": order.lines.iter().map(item).collect::<Vec<_>>(),
        "ShippingModelList": order.rows.iter().map(row).collect::<Vec<_>>(),
        "DeliveryCvsModel": null, "defaultDeliveryCompanyCode": "1001", "dropOffFlag": 0, "dropOffLocation": null,
        "SocialGiftModel": null,
    })
}

fn item(line: &Line) -> Value {
    let info = (!line.option.is_empty()).then(|| format!("種類:{}", line.option));
    let code = (!line.code.is_empty()).then_some(&line.code);
    json!({
        "itemDetailId": line.id, "itemName": line.title, "itemId": 10_000_000 + line.id,
        "itemNumber": line.manage_number, "manageNumber": line.manage_number, "price": line.price,
        "units": line.units, "includePostageFlag": 0, "includeTaxFlag": 1, "includeCashOnDeliveryPostageFlag": 0,
        "selectedChoice": null, "pointRate": 1, "pointType": 0, "inventoryType": 1, "delvdateInfo": null,
        "restoreInventoryFlag": 0, "dealFlag": 0, "drugFlag": 0, "deleteItemFlag": 0, "taxRate": rate(line),
        "priceTaxIncl": line.price, "isSingleItemShipping": 0,
        "SkuModelList": [{ "variantId": line.variant_id, "merchantDefinedSkuId": code, "skuInfo": info }],
    })
}

fn rate(line: &Line) -> f64 {
    if line.reduced_tax { 0.08 } else { 0.1 }
}

fn row(row: &Row) -> Value {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let name = CARRIERS.iter().find(|(code, _)| *code == row.carrier).map(|(_, name)| *name);
    json!({
        "shippingDetailId": row.id, "shippingNumber": some(&row.number), "deliveryCompany": some(&row.carrier),
        "deliveryCompanyName": name, "shippingDate": some(&row.day),
    })
}

fn changes(order: &Order) -> Value {
    let change = |change: &super::order::Change| {
        json!({
            "changeId": change.id, "changeType": change.kind, "changeTypeDetail": null,
            "changeReason": i64::from(change.detail < 8), "changeReasonDetail": change.detail,
            "changeApplyDatetime": stamp(change.at), "changeFixDatetime": stamp(change.at),
            "changeCmplDatetime": null,
        })
    };
    order.changes.iter().map(change).collect()
}

/// Tax by rate, included in the prices; postage is taxed at 10 %.
fn taxes(order: &Order) -> Value {
    let sum = |reduced: bool| -> i64 {
        let lines = order.lines.iter().filter(|line| line.reduced_tax == reduced);
        lines.map(|line| line.price * line.units).sum::<i64>() + if reduced { 0 } else { order.postage }
    };
    let summary = |(rate, percent, asked): (f64, i64, i64)| {
        json!({
            "taxRate": rate, "reqPrice": asked, "reqPriceTax": asked * percent / (100 + percent),
            "totalPrice": asked, "paymentCharge": 0, "couponPrice": 0, "point": 0,
        })
    };
    let rates = [(0.1, 10, sum(false)), (0.08, 8, sum(true))];
    rates.into_iter().filter(|(_, _, asked)| *asked != 0).map(summary).collect()
}
