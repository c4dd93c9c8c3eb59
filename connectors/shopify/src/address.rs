//! People and addresses.

use banto_channel::{Address, Buyer};

use crate::model::{MailingAddress, Order};

/// Countries that write the family name first.
const FAMILY_NAME_FIRST: [&str; 5] = ["JP", "CN", "KR", "TW", "HU"];

/// Prefectures by the number of their ISO 3166-2 code; Shopify names them in the reader's alphabet.
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

/// Who bought: the order's own mail address and phone, the name of the one who pays.
pub(crate) fn buyer(order: &Order) -> Buyer {
    let named = order.billing_address.as_ref().or(order.shipping_address.as_ref());
    let phone = text(&order.phone);
    Buyer {
        name: named.map(name).unwrap_or_default(),
        email: text(&order.email),
        phone: match phone.is_empty() {
            true => named.map(|address| text(&address.phone)).unwrap_or_default(),
            false => phone,
        },
        language: text(&order.customer_locale),
    }
}

/// One address; empty if there is none or it is withheld.
pub(crate) fn address(address: Option<&MailingAddress>) -> Address {
    let Some(address) = address else {
        return Address::default();
    };
    let country = text(&address.country_code_v2);
    Address {
        name: name(address),
        name_kana: String::new(),
        company: text(&address.company),
        region: region(&country, &text(&address.province_code), &text(&address.province)),
        country,
        postcode: text(&address.zip),
        city: text(&address.city),
        line1: text(&address.address1),
        line2: text(&address.address2),
        phone: text(&address.phone),
    }
}

/// Whether anything of a postal address is there.
pub(crate) fn is_known(address: &Address) -> bool {
    !(address.line1.is_empty() && address.city.is_empty() && address.postcode.is_empty())
}

fn name(address: &MailingAddress) -> String {
    let (first, last) = (text(&address.first_name), text(&address.last_name));
    if first.is_empty() && last.is_empty() {
        return text(&address.name);
    }
    let country = text(&address.country_code_v2);
    let (one, two) = match FAMILY_NAME_FIRST.contains(&country.as_str()) {
        true => (last, first),
        false => (first, last),
    };
    format!("{one} {two}").trim().to_owned()
}

fn region(country: &str, code: &str, name: &str) -> String {
    let prefecture = code
        .strip_prefix("JP-")
        .filter(|_| country == "JP")
        .and_then(|number| number.parse::<usize>().ok())
        .and_then(|number| PREFECTURES.get(number.checked_sub(1)?));
    match (prefecture, name) {
        (Some(prefecture), _) => (*prefecture).to_owned(),
        (None, "") => code.to_owned(),
        (None, name) => name.to_owned(),
    }
}

fn text(field: &Option<String>) -> String {
    field.as_deref().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefectures_have_their_own_names() {
        assert_eq!(region("JP", "JP-01", "Hokkaidō"), "北海道");
        assert_eq!(region("JP", "JP-47", ""), "沖縄県");
        assert_eq!(region("JP", "JP-48", "Nowhere"), "Nowhere");
        assert_eq!(region("US", "CA", "California"), "California");
        assert_eq!(region("US", "CA", ""), "CA");
    }

    #[test]
    fn names_are_written_in_the_countrys_order() {
        let of = |country: &str| {
            name(&MailingAddress {
                first_name: Some("花子".to_owned()),
                last_name: Some("山田".to_owned()),
                country_code_v2: Some(country.to_owned()),
                ..MailingAddress::default()
            })
        };
        assert_eq!((of("JP"), of("US")), ("山田 花子".to_owned(), "花子 山田".to_owned()));
    }
}
