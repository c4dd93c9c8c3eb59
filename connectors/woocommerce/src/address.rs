//! Addresses: name order by country, Japanese prefectures by name, readings of names.

use banto_channel::{Address, Buyer};

use crate::model::{Contact, Order};

/// Prefectures in the order of JIS X 0401, which WooCommerce's codes JP01 to JP47 follow.
const PREFECTURES: [&str; 47] = [
    "北海道",
    "青森県",
    "岩手県",
    "宮城県",
    "秋田県",
    "山形県",
    "福島県",
    "茨城県",
    "栃木県",
    "群馬県",
    "埼玉県",
    "千葉県",
    "東京都",
    "神奈川県",
    "新潟県",
    "富山県",
    "石川県",
    "福井県",
    "山梨県",
    "長野県",
    "岐阜県",
    "静岡県",
    "愛知県",
    "三重県",
    "滋賀県",
    "京都府",
    "大阪府",
    "兵庫県",
    "奈良県",
    "和歌山県",
    "鳥取県",
    "島根県",
    "岡山県",
    "広島県",
    "山口県",
    "徳島県",
    "香川県",
    "愛媛県",
    "高知県",
    "福岡県",
    "佐賀県",
    "長崎県",
    "熊本県",
    "大分県",
    "宮崎県",
    "鹿児島県",
    "沖縄県",
];

/// Countries whose address format in WooCommerce puts the family name first.
const FAMILY_NAME_FIRST: [&str; 3] = ["HU", "JP", "TW"];

/// Which of an order's two addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which {
    Billing,
    Shipping,
}

/// One address of an order.
pub(crate) fn address(order: &Order<'_>, which: Which) -> Address {
    let (contact, word) = match which {
        Which::Billing => (&order.billing.0, "billing"),
        Which::Shipping => (&order.shipping.0, "shipping"),
    };
    let country = contact.country.0.trim().to_owned();
    Address {
        name: name(contact),
        name_kana: reading(order, word),
        company: tidy(&contact.company.0),
        postcode: tidy(&contact.postcode.0),
        region: region(&country, contact.state.0.trim()),
        city: tidy(&contact.city.0),
        line1: tidy(&contact.address_1.0),
        line2: tidy(&contact.address_2.0),
        phone: tidy(&contact.phone.0),
        country,
    }
}

/// Where the goods go: shops without a separate shipping address leave it empty, and the billing address counts.
pub(crate) fn ship_to(order: &Order<'_>) -> Address {
    let mut ship_to = address(order, Which::Shipping);
    if ship_to.line1.is_empty() && ship_to.city.is_empty() && ship_to.postcode.is_empty() {
        return address(order, Which::Billing);
    }
    if ship_to.phone.is_empty() {
        ship_to.phone = tidy(&order.billing.0.phone.0);
    }
    ship_to
}

/// Who bought.
pub(crate) fn buyer(order: &Order<'_>) -> Buyer {
    Buyer {
        name: name(&order.billing.0),
        email: tidy(&order.billing.0.email.0),
        phone: tidy(&order.billing.0.phone.0),
        language: String::new(),
    }
}

fn name(contact: &Contact) -> String {
    let first = contact.first_name.0.trim();
    let last = contact.last_name.0.trim();
    let country = contact.country.0.trim();
    let (one, two) = match FAMILY_NAME_FIRST.contains(&country) {
        true => (last, first),
        false => (first, last),
    };
    format!("{one} {two}").trim().to_owned()
}

/// The reading that the plugin "Japanized for WooCommerce" keeps, from its classic or its block checkout.
fn reading(order: &Order<'_>, word: &str) -> String {
    let part = |name: &str| {
        order
            .meta_text(&format!("_{word}_yomigana_{name}"))
            .or_else(|| order.meta_text(&format!("_wc_{word}/jp4wc/yomigana_{name}")))
            .unwrap_or_default()
    };
    format!("{} {}", part("last_name"), part("first_name")).trim().to_owned()
}

fn region(country: &str, state: &str) -> String {
    let named = state
        .strip_prefix("JP")
        .filter(|_| country == "JP")
        .and_then(|number| number.parse::<usize>().ok())
        .and_then(|number| PREFECTURES.get(number.checked_sub(1)?));
    named.map_or_else(|| state.to_owned(), |name| (*name).to_owned())
}

fn tidy(text: &str) -> String {
    text.trim().to_owned()
}

/// Undoes the HTML entities that WordPress leaves in titles.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        match from.find(';').filter(|end| *end <= 8) {
            Some(end) => {
                let (entity, after) = from.split_at(end + 1);
                match character(entity) {
                    Some(c) => out.push(c),
                    None => out.push_str(entity),
                }
                rest = after;
            }
            None => {
                out.push('&');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    out.trim().to_owned()
}

fn character(entity: &str) -> Option<char> {
    let name = entity.strip_prefix('&')?.strip_suffix(';')?;
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code).filter(|c| !c.is_control());
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_become_characters() {
        assert_eq!(plain("Tom &amp; Jerry &#8211; &#x9AD9;&hearts; 5 & 6"), "Tom & Jerry – 髙&hearts; 5 & 6");
        assert_eq!(plain("A & B; C &"), "A & B; C &");
    }

    #[test]
    fn prefectures_have_names() {
        assert_eq!(region("JP", "JP01"), "北海道");
        assert_eq!(region("JP", "JP13"), "東京都");
        assert_eq!(region("JP", "JP47"), "沖縄県");
        assert_eq!(region("JP", "JP00"), "JP00");
        assert_eq!(region("JP", "JP48"), "JP48");
        assert_eq!(region("US", "CA"), "CA");
    }
}
