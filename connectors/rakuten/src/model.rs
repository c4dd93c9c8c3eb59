//! The parts of an order of `getOrder` (version 10) that banto reads. Every field may be missing.

use serde::Deserialize;

use crate::lenient::{Text, or_default};

/// What RMS says about a call, or about one order or row of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Message {
    #[serde(rename = "messageType")]
    kind: Text,
    #[serde(rename = "messageCode")]
    pub(crate) code: Text,
    message: Text,
    pub(crate) order_number: Text,
}

impl Message {
    pub(crate) fn is_error(&self) -> bool {
        self.kind.as_str() == "ERROR"
    }

    pub(crate) fn words(&self) -> String {
        crate::calls::words(&self.code, &self.message)
    }
}

/// An answer that holds nothing but messages.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Messages {
    #[serde(rename = "MessageModelList", deserialize_with = "or_default")]
    pub(crate) list: Vec<Message>,
}

impl Messages {
    /// The first error, in RMS's own words.
    pub(crate) fn error(&self) -> Option<&Message> {
        self.list.iter().find(|message| message.is_error())
    }
}

/// The number of an order, for one that cannot be read otherwise.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Head {
    pub(crate) order_number: Text,
    pub(crate) order_datetime: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Order {
    pub(crate) order_number: Text,
    pub(crate) order_progress: Text,
    pub(crate) sub_status_name: Text,
    pub(crate) order_datetime: Text,
    pub(crate) order_fix_datetime: Text,
    pub(crate) shipping_cmpl_rpt_datetime: Text,
    pub(crate) delivery_date: Text,
    pub(crate) shipping_term: Text,
    pub(crate) remarks: Text,
    pub(crate) gift_check_flag: Text,
    pub(crate) social_gift_flag: Text,
    pub(crate) isolated_island_flag: Text,
    pub(crate) order_type: Text,
    pub(crate) caution_display_type: Text,
    pub(crate) caution_display_detail_type: Text,
    pub(crate) rakuten_confirm_flag: Text,
    pub(crate) goods_price: Text,
    pub(crate) postage_price: Text,
    pub(crate) delivery_price: Text,
    pub(crate) payment_charge: Text,
    pub(crate) request_price: Text,
    pub(crate) coupon_all_total_price: Text,
    pub(crate) additional_fee_occur_amount_to_user: Text,
    #[serde(rename = "OrdererModel", deserialize_with = "or_default")]
    pub(crate) orderer: Person,
    #[serde(rename = "SettlementModel", deserialize_with = "or_default")]
    pub(crate) settlement: Settlement,
    #[serde(rename = "DeliveryModel", deserialize_with = "or_default")]
    pub(crate) delivery: Delivery,
    #[serde(rename = "PointModel", deserialize_with = "or_default")]
    pub(crate) point: Point,
    #[serde(rename = "WrappingModel1", deserialize_with = "or_default")]
    pub(crate) wrapping_1: Wrapping,
    #[serde(rename = "WrappingModel2", deserialize_with = "or_default")]
    pub(crate) wrapping_2: Wrapping,
    #[serde(rename = "PackageModelList", deserialize_with = "or_default")]
    pub(crate) packages: Vec<Package>,
    #[serde(rename = "TaxSummaryModelList", deserialize_with = "or_default")]
    pub(crate) taxes: Vec<TaxSummary>,
    #[serde(rename = "ChangeReasonModelList", deserialize_with = "or_default")]
    pub(crate) changes: Vec<ChangeReason>,
}

/// Who ordered (注文者) or who receives (送付先).
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Person {
    pub(crate) zip_code1: Text,
    pub(crate) zip_code2: Text,
    pub(crate) prefecture: Text,
    pub(crate) city: Text,
    pub(crate) sub_address: Text,
    pub(crate) family_name: Text,
    pub(crate) first_name: Text,
    pub(crate) family_name_kana: Text,
    pub(crate) first_name_kana: Text,
    pub(crate) phone_number1: Text,
    pub(crate) phone_number2: Text,
    pub(crate) phone_number3: Text,
    pub(crate) email_address: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Settlement {
    pub(crate) settlement_method_code: Text,
    pub(crate) settlement_method: Text,
    /// 1 where Rakuten handles the payment, 0 where the shop does (選択制決済).
    pub(crate) rpay_settlement_flag: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Delivery {
    pub(crate) delivery_name: Text,
    pub(crate) delivery_class: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Point {
    pub(crate) used_point: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Wrapping {
    pub(crate) name: Text,
    pub(crate) price: Text,
    pub(crate) include_tax_flag: Text,
    pub(crate) tax_price: Text,
}

/// One destination (送付先) with what goes there.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Package {
    pub(crate) basket_id: Text,
    pub(crate) noshi: Text,
    pub(crate) drop_off_flag: Text,
    pub(crate) drop_off_location: Text,
    #[serde(rename = "SenderModel", deserialize_with = "or_default")]
    pub(crate) receiver: Person,
    #[serde(rename = "ItemModelList", deserialize_with = "or_default")]
    pub(crate) items: Vec<Item>,
    #[serde(rename = "ShippingModelList", deserialize_with = "or_default")]
    pub(crate) parcels: Vec<Shipping>,
    #[serde(rename = "DeliveryCvsModel", alias = "DeliveryCVSModel", deserialize_with = "or_default")]
    pub(crate) store: Store,
    #[serde(rename = "SocialGiftModel", deserialize_with = "or_default")]
    pub(crate) gift: SocialGift,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Item {
    pub(crate) item_detail_id: Text,
    pub(crate) item_name: Text,
    pub(crate) item_number: Text,
    pub(crate) manage_number: Text,
    pub(crate) price: Text,
    pub(crate) price_tax_incl: Text,
    pub(crate) units: Text,
    pub(crate) selected_choice: Text,
    pub(crate) tax_rate: Text,
    #[serde(rename = "SkuModelList", deserialize_with = "or_default")]
    pub(crate) skus: Vec<Sku>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Sku {
    pub(crate) variant_id: Text,
    pub(crate) merchant_defined_sku_id: Text,
    pub(crate) sku_info: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Shipping {
    pub(crate) shipping_detail_id: Text,
    pub(crate) shipping_number: Text,
    pub(crate) delivery_company: Text,
    pub(crate) delivery_company_name: Text,
    pub(crate) shipping_date: Text,
}

impl Shipping {
    /// A row that RMS made for a parcel to come: nothing but, perhaps, the carrier that was offered at checkout.
    pub(crate) fn is_blank(&self) -> bool {
        self.shipping_number.is_empty() && self.shipping_date.is_empty()
    }
}

/// A convenience store or post office where the buyer picks it up.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Store {
    pub(crate) store_name: Text,
    pub(crate) store_zip: Text,
    pub(crate) store_prefecture: Text,
    pub(crate) store_address: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SocialGift {
    pub(crate) sg_mng_number: Text,
    pub(crate) input_due_date: Text,
    pub(crate) input_flag: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct TaxSummary {
    pub(crate) req_price_tax: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ChangeReason {
    pub(crate) change_id: Text,
    pub(crate) change_type: Text,
    pub(crate) change_reason_detail: Text,
    pub(crate) change_apply_datetime: Text,
    pub(crate) change_fix_datetime: Text,
}
