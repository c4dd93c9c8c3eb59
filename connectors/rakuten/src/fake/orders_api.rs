//! The order calls besides the search.

use serde_json::{Value, json};

use super::order::{Row, When, day, stamp};
use super::order_json::order_json;
use super::reply::{Reply, message};
use super::state::Shop;

pub(super) fn get(shop: &Shop, body: &Value) -> Reply {
    if !body["version"].as_i64().is_some_and(|version| (3..=10).contains(&version)) {
        return Reply::order_error(400, "GET_ORDER_ERROR_009", "versionの項目を指定して下さい。");
    }
    let numbers = texts(&body["orderNumberList"]);
    if numbers.is_empty() || numbers.len() > 100 {
        return Reply::order_error(400, "GET_ORDER_ERROR_011", "orderNumberListの書式が不正です。");
    }
    let oldest = shop.now() - 730 * 86_400;
    let (mut orders, mut missing) = (Vec::new(), Vec::new());
    for number in &numbers {
        let order = shop.orders.get(*number);
        match order.filter(|order| order.at(When::Placed).is_some_and(|at| at >= oldest)) {
            Some(order) => orders.push(order_json(order, shop.config.masks_mail)),
            None => missing.push(*number),
        }
    }
    let mut messages: Vec<Value> = missing
        .iter()
        .map(|number| about(number, "INFO", "GET_ORDER_INFO_102", "受注情報が取得できませんでした。"))
        .collect();
    if !orders.is_empty() {
        let (kind, code) = match missing.is_empty() {
            true => ("INFO", "GET_ORDER_INFO_101"),
            false => ("WARNING", "GET_ORDER_WARNING_101"),
        };
        let text = format!("受注情報取得に成功しました。(取得件数{}件)", orders.len());
        messages.insert(0, message(kind, code, &text));
    }
    Reply::json(
        200,
        &json!({ "MessageModelList": messages, "OrderModelList": orders, "version": body["version"] }),
    )
}

pub(super) fn confirm(shop: &mut Shop, body: &Value) -> Reply {
    let mut messages = Vec::new();
    let mut done = false;
    for number in texts(&body["orderNumberList"]) {
        let unfixed =
            |order: &super::order::Order| order_json(order, true)["requestPrice"].as_i64() == Some(-9999);
        let state = shop.orders.get(number).map(|order| (order.progress, unfixed(order)));
        let (kind, code, text) = match state {
            None => ("ERROR", "101", "指定された注文番号は存在しませんでした。"),
            Some((800.., _)) => ("ERROR", "102", "指定された注文番号は既にキャンセルされています。"),
            Some((101.., _)) => ("ERROR", "103", "指定された注文番号は既にステータス移動されています。"),
            Some((_, true)) => ("ERROR", "105", "金額が未設定の注文です。"),
            Some(_) => {
                shop.confirm(number);
                done = true;
                ("INFO", "101", "注文確認に成功しました。")
            }
        };
        messages.push(about(number, kind, &format!("CONFIRM_ORDER_{kind}_{code}"), text));
    }
    Reply::json(if done { 200 } else { 400 }, &json!({ "MessageModelList": messages }))
}

pub(super) fn ship(shop: &mut Shop, body: &Value) -> Reply {
    let number = body["orderNumber"].as_str().unwrap_or_default().to_owned();
    let error = |status, code: &str, text: &str| {
        Reply::order_error(status, &format!("UPDATE_ORDERSHIPPING_ERROR_{code}"), text)
    };
    let Some(order) = shop.orders.get(&number) else {
        return error(400, "101", "指定された注文番号は存在しませんでした。");
    };
    match order.progress {
        300..=799 if order.progress != 400 => {}
        800.. => {
            return error(
                200,
                "102",
                "指定された注文番号は既にキャンセルされているため、発送完了報告が出来る状態ではありませんでした。",
            );
        }
        _ => return error(200, "101", "指定された注文番号は発送完了報告が出来る状態ではありませんでした。"),
    }
    let baskets = body["BasketidModelList"].as_array().cloned().unwrap_or_default();
    if baskets.is_empty() || baskets.iter().any(|basket| basket["basketId"].as_i64() != Some(order.basket)) {
        return error(400, "011", "basketIdの書式が不正です。");
    }
    let rows: Vec<Value> = baskets
        .iter()
        .flat_map(|basket| basket["ShippingModelList"].as_array().cloned().unwrap_or_default())
        .collect();
    let errors: Vec<Value> = rows.iter().enumerate().filter_map(|(at, row)| bad_row(at, row)).collect();
    if !errors.is_empty() {
        return Reply::json(400, &json!({ "MessageModelList": errors }));
    }
    let messages: Vec<Value> =
        rows.iter().enumerate().map(|(at, row)| take_row(shop, &number, at, row)).collect();
    shop.report(&number);
    Reply::json(200, &json!({ "MessageModelList": messages }))
}

/// What is wrong with a row, if anything.
fn bad_row(at: usize, row: &Value) -> Option<Value> {
    let carrier = row["deliveryCompany"].as_str().unwrap_or_default();
    let known = carrier.parse::<u32>().is_ok_and(|code| (1000..=1031).contains(&code));
    let day = row["shippingDate"].as_str().unwrap_or_default();
    let is_day = day.is_empty() || (day.len() == 10 && day.split('-').map(str::len).eq([4, 2, 2]));
    let field = match (known, is_day) {
        (true, true) => return None,
        (false, _) => "deliveryCompany",
        (_, false) => "shippingDate",
    };
    let mut error = message("ERROR", "UPDATE_ORDERSHIPPING_ERROR_011", &format!("{field}の書式が不正です。"));
    error["dataNumber"] = json!(at + 1);
    error["shippingDetailId"] = row["shippingDetailId"].clone();
    Some(error)
}

/// Adds, changes or deletes a row: what is not named stays, what is empty goes.
fn take_row(shop: &mut Shop, number: &str, at: usize, row: &Value) -> Value {
    let new_id = shop.id();
    let id = row["shippingDetailId"].as_i64();
    let mut done = message("INFO", "UPDATE_ORDERSHIPPING_INFO_102", "発送情報の更新設定が完了しました。");
    if let Some(order) = shop.orders.get_mut(number) {
        if row["shippingDeleteFlag"].as_i64() == Some(1) {
            order.rows.retain(|known| Some(known.id) != id);
            done = message("INFO", "UPDATE_ORDERSHIPPING_INFO_103", "発送情報の削除設定が完了しました。");
        } else {
            if !order.rows.iter().any(|known| Some(known.id) == id) {
                order.rows.push(Row { id: id.unwrap_or(new_id), ..Row::default() });
                done = message("INFO", "UPDATE_ORDERSHIPPING_INFO_101", "発送情報の追加設定が完了しました。");
            }
            let wanted = id.unwrap_or(new_id);
            for known in order.rows.iter_mut().filter(|known| known.id == wanted) {
                let set = |to: &mut String, name: &str| {
                    if let Some(text) = row[name].as_str() {
                        text.clone_into(to);
                    }
                };
                set(&mut known.carrier, "deliveryCompany");
                set(&mut known.number, "shippingNumber");
                set(&mut known.day, "shippingDate");
            }
        }
    }
    done["dataNumber"] = json!(at + 1);
    done["shippingDetailId"] = json!(id.unwrap_or(new_id));
    done
}

pub(super) fn cancel(shop: &mut Shop, body: &Value, after_shipping: bool) -> Reply {
    let number = body["orderNumber"].as_str().unwrap_or_default().to_owned();
    let name = if after_shipping { "CANCEL_ORDER_AFTER_SHIPPING" } else { "CANCEL_ORDER" };
    let error = |text: &str| Reply::order_error(400, &format!("{name}_ERROR_101"), text);
    let (Some(restore @ 0..=2), Some(detail)) =
        (body["inventoryRestoreType"].as_i64(), body["changeReasonDetailApply"].as_i64())
    else {
        return error("inventoryRestoreTypeの項目を指定して下さい。");
    };
    let Some(progress) = shop.orders.get(&number).map(|order| order.progress) else {
        return error("指定された注文番号は存在しませんでした。");
    };
    let fits = match after_shipping {
        true => (500..=800).contains(&progress),
        false => (100..=300).contains(&progress),
    };
    if !fits {
        return error("指定された注文番号はキャンセルできる状態ではありませんでした。");
    }
    shop.cancel(&number, detail, after_shipping, restore != 2);
    Reply::json(
        200,
        &json!({ "MessageModelList": [message("INFO", &format!("{name}_INFO_101"), "キャンセル申請に成功しました。")] }),
    )
}

pub(super) fn payment(shop: &Shop, body: &Value) -> Reply {
    let number = body["orderNumber"].as_str().unwrap_or_default();
    let Some(order) = shop.orders.get(number) else {
        return Reply::order_error(400, "GET_PAYMENT_ERROR_101", "指定された注文番号は存在しませんでした。");
    };
    let paid = order.at(When::Paid);
    let payment = json!({
        "orderPaymentNumber": format!("{number}-1"), "paymentMethod": order.method.code,
        "paymentAmount": order.asked(), "paymentCharge": 0,
        "paymentStatus": if paid.is_some() { 30_600 } else { 30_100 },
        "paymentFixDatetime": paid.map(stamp),
        "PaymentBankModel": { "transferDate": paid.map(day), "transferNameKana": "ヤマダ タロウ" },
        "PaymentMultiModel": null, "RefundModelList": [],
    });
    Reply::json(
        200,
        &json!({
            "MessageModelList": [message("INFO", "GET_PAYMENT_INFO_101", "支払情報取得に成功しました。")],
            "OrderModel": { "orderNumber": number, "PaymentModelList": [payment] },
        }),
    )
}

fn about(number: &str, kind: &str, code: &str, text: &str) -> Value {
    let mut message = message(kind, code, text);
    message["orderNumber"] = json!(number);
    message
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().map(|list| list.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}
