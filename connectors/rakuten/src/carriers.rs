//! 配送会社: the carriers that RMS knows, by its own codes (documents of `updateOrderShipping` and `getOrder`).

use banto_channel::Carrier;

const fn carrier(code: &'static str, names: &'static [&'static str]) -> Carrier {
    Carrier { code, names }
}

/// Every code that is documented. The first name is RMS's own.
pub(crate) const CARRIERS: &[Carrier] = &[
    carrier("1001", &["ヤマト運輸", "ヤマト", "クロネコヤマト", "宅急便", "Yamato", "Yamato Transport"]),
    carrier("1002", &["佐川急便", "佐川", "飛脚宅配便", "Sagawa", "Sagawa Express"]),
    carrier(
        "1003",
        &["日本郵便", "郵便局", "ゆうパック", "ゆうパケット", "クリックポスト", "レターパック", "Japan Post"],
    ),
    carrier("1004", &["西濃運輸", "西濃", "Seino"]),
    carrier("1005", &["セイノースーパーエクスプレス", "Seino Super Express"]),
    carrier("1006", &["福山通運", "福山", "Fukuyama"]),
    carrier("1007", &["名鉄運輸"]),
    carrier("1008", &["トナミ運輸", "トナミ"]),
    carrier("1009", &["第一貨物"]),
    carrier("1010", &["新潟運輸"]),
    carrier("1011", &["中越運送"]),
    carrier("1012", &["岡山県貨物運送"]),
    carrier("1013", &["久留米運送"]),
    carrier("1014", &["山陽自動車運送"]),
    carrier("1015", &["NXトランスポート"]),
    carrier("1016", &["エコ配"]),
    carrier("1017", &["EMS"]),
    carrier("1018", &["DHL"]),
    carrier("1019", &["FedEx"]),
    carrier("1020", &["UPS"]),
    carrier("1021", &["日本通運", "日通"]),
    carrier("1022", &["TNT"]),
    carrier("1023", &["OCS"]),
    carrier("1024", &["USPS"]),
    carrier("1025", &["SFエクスプレス", "順豊", "SF Express"]),
    carrier("1026", &["Aramex"]),
    carrier("1027", &["SGHグローバル・ジャパン", "SGHグローバル"]),
    carrier("1028", &["Rakuten EXPRESS", "楽天エクスプレス"]),
    carrier("1029", &["日本郵便 楽天倉庫出荷"]),
    carrier("1030", &["ヤマト運輸 クロネコゆうパケット", "クロネコゆうパケット"]),
    carrier("1031", &["名鉄NX運輸", "名鉄NX"]),
    carrier("1000", &["その他", "Other"]),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_run_from_1000_to_1031_and_names_are_unique() {
        let codes: BTreeSet<_> = CARRIERS.iter().map(|c| c.code.to_owned()).collect();
        assert_eq!(codes, (1000..=1031).map(|code| code.to_string()).collect());
        let names: Vec<_> = CARRIERS.iter().flat_map(|c| c.names).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }

    #[test]
    fn a_carrier_is_found_as_people_write_it() {
        let code = |written| Carrier::find(CARRIERS, written).map(|c| c.code);
        assert_eq!(code("ヤマト 運輸"), Some("1001"));
        assert_eq!(code("yamato"), Some("1001"));
        assert_eq!(code("1030"), Some("1030"));
        assert_eq!(code("伝書鳩"), None);
    }
}
