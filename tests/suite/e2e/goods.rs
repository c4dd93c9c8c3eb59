//! What the house of the tests sells, as its shops and its catalogue file know it.

use std::fmt::Write as _;

use banto_woocommerce::fake::{FakeProduct, FakeVariation};

/// Code, name, price in yen, opening stock.
pub const GOODS: [(&str, &str, i64, i64); 6] = [
    ("TEA-01", "煎茶 100g", 1080, 900),
    ("TEA-02", "ほうじ茶 100g", 864, 900),
    ("CUP-01", "湯呑 青", 2200, 700),
    ("CUP-02", "湯呑 白", 2200, 30),
    ("POT-01", "急須 常滑焼", 6600, 400),
    ("CLOTH-01", "ふきん 髙島縮 ①", 550, 800),
];

/// The options of the one product with variations; each is an item of its own.
const NOREN: [(&str, &str, i64); 2] = [("NOREN-R", "紅", 300), ("NOREN-B", "藍", 15)];

/// Code, name, price, components.
const SET: (&str, &str, i64, &str) = ("SET-01", "お茶セット", 4180, "TEA-01*2+CUP-01*1");

/// Three of an item under a code that the house does not know: a person has to map it.
pub const BUNDLE: (&str, &str, i64) = ("TEA01-3P", "煎茶 3本組", 3000);

/// What each shop has on its shelves before banto comes.
pub fn products() -> Vec<FakeProduct> {
    let simple = |code: &str, name: &str, price: i64| FakeProduct {
        name: name.to_owned(),
        sku: code.to_owned(),
        price,
        stock: Some(3),
        ..FakeProduct::default()
    };
    let mut all: Vec<FakeProduct> = GOODS.iter().map(|g| simple(g.0, g.1, g.2)).collect();
    all.push(simple(SET.0, SET.1, SET.2));
    all.push(simple(BUNDLE.0, BUNDLE.1, BUNDLE.2));
    let variation = |(code, option, _): &(&str, &str, i64)| FakeVariation {
        option: (*option).to_owned(),
        sku: (*code).to_owned(),
        price: 3300,
        stock: Some(3),
        ..FakeVariation::default()
    };
    all.push(FakeProduct {
        name: "のれん".to_owned(),
        attribute: "色".to_owned(),
        variations: NOREN.iter().map(variation).collect(),
        ..FakeProduct::default()
    });
    all
}

/// The catalogue as the merchant's file.
pub fn catalogue() -> String {
    let mut csv = String::from("code,name,jan,price,tax_rate,stock,components\n");
    for (code, name, yen, stock) in GOODS {
        let _ = writeln!(csv, "{code},{name},,{yen},10,{stock},");
    }
    for (code, colour, stock) in NOREN {
        let _ = writeln!(csv, "{code},のれん {colour},,3300,10,{stock},");
    }
    let (code, name, yen, parts) = SET;
    let _ = writeln!(csv, "{code},{name},,{yen},10,,{parts}");
    csv
}
