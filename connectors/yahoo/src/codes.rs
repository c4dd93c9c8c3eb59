//! Yahoo!'s codes and what they are called.

use banto_channel::Carrier;

/// 配送会社コード, from 注文詳細API (developer.yahoo.co.jp/webapi/shopping/orderInfo.html). They look like Rakuten's and
/// are not: 1028 and 1029 are other firms there.
pub(crate) const CARRIERS: &[Carrier] = &[
    Carrier {
        code: "1001",
        names: &["ヤマト運輸", "ヤマト", "クロネコヤマト", "宅急便", "Yamato", "Yamato Transport"],
    },
    Carrier {
        code: "1002", names: &["佐川急便", "佐川", "飛脚宅配便", "Sagawa", "Sagawa Express"]
    },
    Carrier {
        code: "1003", names: &["日本郵便", "郵便局", "ゆうパック", "ゆうパケット", "Japan Post"]
    },
    Carrier { code: "1004", names: &["西濃運輸", "西濃", "カンガルー便", "Seino"] },
    Carrier { code: "1005", names: &["西武運輸"] },
    Carrier { code: "1006", names: &["福山通運", "福山", "Fukuyama"] },
    Carrier { code: "1007", names: &["名鉄運輸", "名鉄"] },
    Carrier { code: "1008", names: &["トナミ運輸", "トナミ"] },
    Carrier { code: "1009", names: &["第一貨物"] },
    Carrier { code: "1010", names: &["新潟運輸"] },
    Carrier { code: "1011", names: &["中越運送"] },
    Carrier { code: "1012", names: &["岡山県貨物運送", "岡山県貨物"] },
    Carrier { code: "1013", names: &["久留米運送"] },
    Carrier { code: "1014", names: &["山陽自動車運送"] },
    Carrier { code: "1015", names: &["日本トラック"] },
    Carrier { code: "1016", names: &["エコ配"] },
    Carrier { code: "1017", names: &["EMS"] },
    Carrier { code: "1018", names: &["DHL"] },
    Carrier { code: "1019", names: &["FedEx"] },
    Carrier { code: "1020", names: &["UPS"] },
    Carrier { code: "1021", names: &["日通通運", "日本通運", "日通"] },
    Carrier { code: "1022", names: &["TNT"] },
    Carrier { code: "1023", names: &["OCS"] },
    Carrier { code: "1024", names: &["USPS"] },
    Carrier { code: "1025", names: &["SFエクスプレス", "順豊", "SF Express"] },
    Carrier { code: "1026", names: &["Aramex"] },
    Carrier { code: "1027", names: &["SGHグローバル・ジャパン", "SGHグローバル"] },
    Carrier { code: "1028", names: &["JPロジスティクス", "トールエクスプレス"] },
    Carrier { code: "1029", names: &["MagicalMove"] },
    Carrier { code: "5000", names: &["ASKUL LOGIST", "アスクルロジスト"] },
    Carrier { code: "5001", names: &["店頭受け取り", "受取店舗"] },
    Carrier { code: "1000", names: &["その他"] },
];

/// Yamato's code; its numbers are digits and hyphens, 14 bytes at most.
pub(crate) const YAMATO: &str = "1001";
/// Japan Post's code; its numbers have 11 to 13 characters without hyphens.
pub(crate) const JAPAN_POST: &str = "1003";

/// The carrier of an answer. Orders from before October 2018 have three digits.
pub(crate) fn carrier(code: &str) -> Option<&'static Carrier> {
    let today = match code {
        "100" => JAPAN_POST,
        "103" => YAMATO,
        "104" => "1002",
        "999" => "1000",
        other => other,
    };
    CARRIERS.iter().find(|carrier| carrier.code == today)
}

/// お支払方法番号 without its `payment_`, from 注文詳細API and 注文検索API. The transfers and the free ones have names that the
/// store gives them.
const PAYMENTS: &[(&str, &str)] = &[
    ("a1", "クレジットカード決済"),
    ("a6", "コンビニ決済（セブンイレブン）"),
    ("a7", "コンビニ決済（その他）"),
    ("a8", "モバイルSuica決済"),
    ("a9", "d払い"),
    ("a10", "au PAY（auかんたん決済）"),
    ("a11", "ソフトバンクまとめて支払い"),
    ("a15", "ペイジー"),
    ("a16", "Yahoo!マネー/預金払い"),
    ("a17", "PayPay残高等"),
    ("a18", "ゆっくり払い"),
    ("a19", "PayPayクレジット"),
    ("c1", "ゆうちょ銀行（前払い）"),
    ("c2", "ゆうちょ銀行（後払い）"),
    ("c3", "現金書留"),
    ("d1", "商品代引"),
    ("h1", "無料商品提供"),
    ("z1", "ポイント全額払い"),
    ("z3", "LINE外部決済"),
    ("z4", "商品券"),
];

/// What a payment method is called; `None` if the documents do not know it.
pub(crate) fn payment(code: &str) -> Option<&'static str> {
    let id = code.strip_prefix("payment_")?;
    let numbered = |letter, most| {
        let number = id.strip_prefix(letter).and_then(|n: &str| n.parse::<u8>().ok());
        number.is_some_and(|n| (1..=most).contains(&n))
    };
    match id {
        _ if numbered('b', 6) => Some("銀行振込"),
        _ if numbered('e', 15) => Some("ストア独自のお支払い方法"),
        _ => PAYMENTS.iter().find(|(known, _)| *known == id).map(|(_, name)| *name),
    }
}

/// 注文ステータス.
pub(crate) fn order_status(code: &str) -> Option<&'static str> {
    Some(match code {
        "0" => "未入力",
        "1" => "予約中",
        "2" => "処理中",
        "3" => "保留",
        "4" => "キャンセル",
        "5" => "完了",
        "8" => "繰上げ同意待ち",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carriers_are_found_by_code_name_and_old_code() {
        let code = |written| Carrier::find(CARRIERS, written).map(|c| c.code);
        assert_eq!(code("ヤマト運輸"), Some("1001"));
        assert_eq!(code(" fedex "), Some("1019"));
        assert_eq!(code("1028"), Some("1028"));
        assert_eq!(code("Rakuten EXPRESS"), None);
        assert_eq!(carrier("103").map(|c| c.code), Some(YAMATO));
        assert_eq!(carrier("1030").map(|c| c.code), None);
    }

    #[test]
    fn payments_have_names() {
        assert_eq!(payment("payment_a17"), Some("PayPay残高等"));
        assert_eq!(payment("payment_b6"), Some("銀行振込"));
        assert_eq!(payment("payment_e15"), Some("ストア独自のお支払い方法"));
        for unknown in ["payment_b7", "payment_e16", "payment_e", "payment_a99", "a1", ""] {
            assert_eq!(payment(unknown), None, "{unknown}");
        }
    }
}
