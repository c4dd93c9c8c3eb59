//! 注文詳細API's answer to banto's order.

use banto_channel::{
    Address, Bilingual, Buyer, Fulfilment, Payment, Read, RemoteOrder, RemoteOrderId, RemoteRefund,
    RemoteShipment, Timestamp, both,
};

use crate::calls::Answer;
use crate::codes;
use crate::lines;
use crate::time;
use crate::xml::Node;

/// What an order is asked for.
pub(crate) const FIELDS: &str = "OrderId,ParentOrderId,ChildOrderId,IsSplit,OrderTime,LastUpdateTime,Suspect,OrderStatus,\
    CancelReason,CancelReasonDetail,BuyerComments,IsMultiShip,MultiShipId,IsReadOnly,IsFirstClassDrugIncludes,\
    IsFirstClassDrugAgreement,FraudHoldStatus,PublicationTime,IsLineGiftOrder,LineGiftOrderId,SocialGiftType,PayStatus,\
    SettleStatus,PayType,PayMethod,PayMethodName,CombinedPayMethodName,PayActionTime,PayDate,NeedReceipt,BillFirstName,\
    BillFirstNameKana,BillLastName,BillLastNameKana,BillZipCode,BillPrefecture,BillCity,BillAddress1,BillAddress2,\
    BillPhoneNumber,BillMailAddress,BillSection1Value,BillSection2Value,ShipStatus,ShipMethodName,ShipRequestDate,\
    ShipRequestTime,ShipCompanyCode,ShipInvoiceNumber1,ShipInvoiceNumber2,ShipInvoiceNumberEmptyReason,ShipUrl,ShipDate,\
    NeedGiftWrap,GiftWrapType,GiftWrapMessage,NeedGiftWrapPaper,GiftWrapPaperType,GiftWrapName,ShipFirstName,\
    ShipFirstNameKana,ShipLastName,ShipLastNameKana,ShipZipCode,ShipPrefecture,ShipCity,ShipAddress1,ShipAddress2,\
    ShipPhoneNumber,ShipSection1Value,ShipSection2Value,ShipInstructType,ReceiveShopType,IsLineGiftShippable,\
    ShippingDeadline,PayCharge,ShipCharge,GiftWrapCharge,Discount,Adjustments,UsePoint,GiftCardDiscount,TotalPrice,\
    TotalMallCouponDiscount,TotalImmediateBonusAmount,LineId,ItemId,Title,SubCode,SubCodeOption,ItemOption,Inscription,\
    ItemTaxRatio,UnitPrice,Quantity,ReleaseDate,LeadTimeEnd,SellerId";

/// The one address of all social gifts, behind which nobody reads.
const GIFT_ADDRESS: &str = "ml-yshp-socialgift-noreply@lycorp.co.jp";

/// The mall knows no other.
pub(crate) const CURRENCY: &str = "JPY";

/// Reads the answer about order `id`.
pub(crate) fn read(answer: &Answer, id: &str) -> Read {
    let raw = answer.text.clone();
    match answer.order().and_then(|order| read_order(order, id, raw.clone())) {
        Ok(order) => Read::Order(Box::new(order)),
        Err(reason) => Read::Unreadable { id: Some(id.into()), reason, raw },
    }
}

fn read_order(order: &Node, id: &str, raw: String) -> Result<RemoteOrder, Bilingual> {
    if order.text("OrderId") != id {
        return Err(both!(
            "asked for order {id}, Yahoo! answered with {other:?}",
            "注文 {id} の取得に対して別の注文「{other}」が返されました",
            other = order.text("OrderId")
        ));
    }
    let (pay, ship) = (order.at("Pay"), order.at("Ship"));
    let placed = time::seconds(order.text("OrderTime")).ok_or_else(|| {
        both!(
            "OrderTime is {text:?}, which is no time",
            "注文日時「{text}」を読み取れません",
            text = order.text("OrderTime")
        )
    })?;
    let mut unknowns = Vec::new();
    let lines = lines::read(order, &mut unknowns)?;
    let totals = lines::totals(order.at("Detail"), &lines)?;
    let payment = payment(order, pay, &mut unknowns);
    let refunds: Vec<RemoteRefund> = match payment {
        Payment::Refunded => vec![refund(order, pay, &totals)],
        _ => Vec::new(),
    };
    let refunded =
        refunds.iter().fold(banto_channel::Money(0), |sum, r| banto_channel::Money(sum.0 + r.amount.0));
    let status = order.text("OrderStatus");
    Ok(RemoteOrder {
        id: RemoteOrderId::from(id),
        number: id.to_owned(),
        placed_at: Timestamp::from_secs(placed),
        changed_at: moment(order, "LastUpdateTime"),
        payment,
        paid_at: moment(pay, "PayActionTime")
            .or_else(|| moment(pay, "PayDate"))
            .filter(|_| payment == Payment::Paid),
        fulfilment: fulfilment(order, ship, &mut unknowns),
        status: codes::order_status(status).unwrap_or(status).to_owned(),
        currency: CURRENCY.to_owned(),
        totals: banto_channel::Totals { refunded, ..totals },
        moves_own_stock: !matches!(ship.text("ShipInstructType"), "102" | "104"),
        stock_taken: None,
        buyer: buyer(order, pay),
        bill_to: address(pay, "Bill"),
        ship_to: address(ship, "Ship"),
        payment_method: pay.text("PayMethod").to_owned(),
        payment_title: payment_title(pay, &mut unknowns),
        note: note(order, ship),
        ship_by: ship_by(order, ship),
        shipments: shipments(ship, &mut unknowns),
        wait: wait(order, ship, payment),
        refunds,
        lines,
        unknowns,
        raw,
    })
}

fn payment(order: &Node, pay: &Node, unknowns: &mut Vec<Bilingual>) -> Payment {
    let paid = match pay.text("PayStatus") {
        "1" => true,
        "0" => false,
        other => {
            unknowns.push(both!("PayStatus {other:?} is not known", "不明な入金ステータス「{other}」です"));
            false
        }
    };
    match pay.text("SettleStatus") {
        // 返金, 売上取消: what was paid went back.
        "7" | "11" if paid => Payment::Refunded,
        // キャンセル: the settlement of a cancelled order.
        "6" if paid && order.text("OrderStatus") == "4" => Payment::Refunded,
        // 有効期限切れ, オーソリエラー, Suicaアドレスエラー: the buyer may pay in another way.
        "8" | "10" | "12" if !paid => Payment::Failed,
        "" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "10" | "11" | "12" => match paid {
            true => Payment::Paid,
            false => Payment::Awaiting,
        },
        other => {
            unknowns
                .push(both!("SettleStatus {other:?} is not known", "不明な決済ステータス「{other}」です"));
            if paid { Payment::Paid } else { Payment::Awaiting }
        }
    }
}

/// Yahoo! tells that the money went back, and neither when nor in parts.
fn refund(order: &Node, pay: &Node, totals: &banto_channel::Totals) -> RemoteRefund {
    let reason = match order.text("CancelReasonDetail") {
        "" => order.text("CancelReason"),
        detail => detail,
    };
    RemoteRefund {
        id: format!("settle-{}", pay.text("SettleStatus")),
        amount: totals.grand,
        at: None,
        reason: reason.to_owned(),
        lines: Vec::new(),
    }
}

fn fulfilment(order: &Node, ship: &Node, unknowns: &mut Vec<Bilingual>) -> Fulfilment {
    let status = order.text("OrderStatus");
    if codes::order_status(status).is_none() {
        unknowns.push(both!("OrderStatus {status:?} is not known", "不明な注文ステータス「{status}」です"));
    }
    let shipped = match ship.text("ShipStatus") {
        "3" | "4" => Fulfilment::Shipped,
        // 出荷処理中 with a number is how the first of several parcels is told.
        "2" if !ship.text("ShipInvoiceNumber1").is_empty() => Fulfilment::Partial,
        "" | "0" | "1" | "2" => Fulfilment::Open,
        other => {
            unknowns.push(both!("ShipStatus {other:?} is not known", "不明な出荷ステータス「{other}」です"));
            Fulfilment::Open
        }
    };
    match status {
        // A split order lives on in its children, which the list shows as orders of their own.
        _ if order.text("IsSplit") == "true" => Fulfilment::Cancelled,
        "4" => Fulfilment::Cancelled,
        "5" => Fulfilment::Shipped,
        _ => shipped,
    }
}

/// Why Yahoo! says that the order must not leave yet.
fn wait(order: &Node, ship: &Node, payment: Payment) -> Option<Bilingual> {
    let is = |node: &Node, name: &str, value: &str| node.text(name) == value;
    let reasons = [
        (
            is(order, "IsReadOnly", "1"),
            both!(
                "the buyer may still cancel (ten minutes after the order)",
                "お客様がキャンセルできる期間です（注文から10分間）"
            ),
        ),
        (
            is(order, "FraudHoldStatus", "1"),
            both!("Yahoo! is checking it for fraud (不正保留: 審査中)", "不正保留（審査中）です"),
        ),
        (
            is(order, "FraudHoldStatus", "3"),
            both!("Yahoo! takes it for fraud (不正保留: 悪用確定)", "不正保留（悪用確定）です"),
        ),
        (
            is(order, "Suspect", "1"),
            both!("it is suspected to be a prank (いたずら注文)", "いたずら注文の疑いがあります"),
        ),
        (
            is(order, "IsLineGiftOrder", "true") && !is(ship, "IsLineGiftShippable", "true"),
            both!(
                "LINE has not released the gift yet (IsLineGiftShippable)",
                "LINEギフトの出荷許可待ちです（IsLineGiftShippable）"
            ),
        ),
        (
            is(order, "IsFirstClassDrugIncludes", "true") && !is(order, "IsFirstClassDrugAgreement", "true"),
            both!(
                "the buyer has not agreed to the explanation of the medicine yet (第1類医薬品)",
                "第1類医薬品の説明への同意待ちです"
            ),
        ),
        (
            is(order, "OrderStatus", "0"),
            both!("its status is not set yet (未入力)", "注文ステータスが未入力です"),
        ),
        (is(order, "OrderStatus", "1"), both!("it is a pre-order (予約中)", "予約中の注文です")),
        (
            is(order, "OrderStatus", "3"),
            both!(
                "it is put on hold in the store's tool (保留)",
                "ストアクリエイターProで保留になっています"
            ),
        ),
        (
            is(order, "OrderStatus", "8"),
            both!("the buyer must agree to an earlier delivery (繰上げ同意待ち)", "繰上げ同意待ちです"),
        ),
        // An unpaid order is 出荷不可 as well, and that is told by its payment.
        (
            is(ship, "ShipStatus", "0") && payment == Payment::Paid,
            both!("Yahoo! does not let it ship (出荷不可)", "出荷不可になっています"),
        ),
    ];
    Bilingual::list(reasons.into_iter().filter(|(holds, _)| *holds).map(|(_, why)| why))
}

fn buyer(order: &Node, pay: &Node) -> Buyer {
    let email = pay.text("BillMailAddress");
    // A gift that somebody else fills in names the store itself as its payer.
    let nobody = order.text("SocialGiftType") == "1" || email.eq_ignore_ascii_case(GIFT_ADDRESS);
    Buyer {
        name: name(pay, "Bill", ""),
        email: if nobody { String::new() } else { email.to_owned() },
        phone: pay.text("BillPhoneNumber").to_owned(),
        language: "ja".to_owned(),
    }
}

fn name(node: &Node, kind: &str, kana: &str) -> String {
    let part = |which: &str| node.text(&format!("{kind}{which}Name{kana}")).to_owned();
    [part("Last"), part("First")].join(" ").trim().to_owned()
}

fn address(node: &Node, kind: &str) -> Address {
    let part = |name: &str| node.text(&format!("{kind}{name}")).to_owned();
    let region = part("Prefecture");
    let sections = [part("Section1Value"), part("Section2Value")];
    Address {
        name: name(node, kind, ""),
        name_kana: name(node, kind, "Kana"),
        company: sections.join(" ").trim().to_owned(),
        // Addresses abroad have その他 for a prefecture, and their country stands in the text.
        country: if region == "その他" { String::new() } else { "JP".to_owned() },
        postcode: part("ZipCode"),
        region,
        city: part("City"),
        line1: part("Address1"),
        line2: part("Address2"),
        phone: part("PhoneNumber"),
    }
}

fn payment_title(pay: &Node, unknowns: &mut Vec<Bilingual>) -> String {
    let method = pay.text("PayMethod");
    let known = codes::payment(method);
    if known.is_none() {
        unknowns.push(both!("payment method {method:?} is not known", "不明な支払方法「{method}」です"));
    }
    let title = match pay.text("PayMethodName") {
        "" => known.unwrap_or(method),
        written => written,
    };
    match pay.text("CombinedPayMethodName") {
        "" => title.to_owned(),
        second => format!("{title} + {second}"),
    }
}

/// What the buyer wrote, and what they asked for beside the goods.
fn note(order: &Node, ship: &Node) -> String {
    let mut parts = vec![order.text("BuyerComments").to_owned()];
    let mut ask = |what: &str, fields: &[&str]| {
        let values: Vec<&str> = fields.iter().map(|f| ship.text(f)).filter(|v| !v.is_empty()).collect();
        if !values.is_empty() {
            parts.push(format!("{what}: {}", values.join(" ")));
        }
    };
    ask("配送希望", &["ShipRequestDate", "ShipRequestTime"]);
    if ship.text("NeedGiftWrap") == "true" {
        ask("ギフト包装", &["GiftWrapType", "GiftWrapMessage"]);
    }
    if ship.text("NeedGiftWrapPaper") == "true" {
        ask("のし", &["GiftWrapPaperType", "GiftWrapName"]);
    }
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

/// LINE's deadline, or else the earliest day that the lines promise.
fn ship_by(order: &Node, ship: &Node) -> Option<Timestamp> {
    let promised = || order.all("Item").filter_map(|item| time::seconds(item.text("LeadTimeEnd"))).min();
    // A day is over at its end.
    moment(ship, "ShippingDeadline").or_else(|| Some(Timestamp::from_secs(promised()? + 86_399)))
}

/// An order has place for two parcel numbers.
fn shipments(ship: &Node, unknowns: &mut Vec<Bilingual>) -> Vec<RemoteShipment> {
    let code = ship.text("ShipCompanyCode");
    let known = codes::carrier(code);
    if known.is_none() && !code.is_empty() {
        unknowns.push(both!("carrier {code:?} is not known", "不明な配送会社「{code}」です"));
    }
    if !matches!(ship.text("ReceiveShopType"), "" | "0") {
        unknowns.push(both!(
            "the goods are handed out or taken from stock in a shop (ReceiveShopType)",
            "店頭での受け取り、または店舗在庫からの引き当てです（ReceiveShopType）"
        ));
    }
    let carrier = known.and_then(|c| c.names.first()).map_or(code, |name| name);
    let url = ship.text("ShipUrl");
    let parcel = |slot: &str| {
        let tracking = ship.text(&format!("ShipInvoiceNumber{slot}"));
        (!tracking.is_empty()).then(|| RemoteShipment {
            id: slot.to_owned(),
            carrier: carrier.to_owned(),
            tracking: tracking.to_owned(),
            tracking_url: (!url.is_empty()).then(|| url.to_owned()),
            shipped_at: moment(ship, "ShipDate"),
            lines: Vec::new(),
        })
    };
    ["1", "2"].into_iter().filter_map(parcel).collect()
}

fn moment(node: &Node, name: &str) -> Option<Timestamp> {
    time::seconds(node.text(name)).map(Timestamp::from_secs)
}
