//! The odd orders: each is there, and is odd in the way its name says.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::Stage;

async fn placed() -> (Stage, BTreeMap<&'static str, Value>) {
    let stage = Stage::open().await;
    let mut shown = BTreeMap::new();
    for odd in stage.shop.place_odd_orders() {
        assert_eq!(odd.listed, odd.name != "in the trash");
        shown.insert(odd.name, stage.order(&odd.id).await);
    }
    (stage, shown)
}

#[tokio::test]
async fn they_are_many_and_read_as_orders() {
    let (stage, shown) = placed().await;
    assert!(shown.len() >= 50, "{}", shown.len());
    let list = stage.client.get("/wc/v3/orders?per_page=100&orderby=id&order=asc").await.unwrap();
    let hidden = 1;
    assert_eq!(list.ids().len(), shown.len() - hidden, "only the trash is not listed");
    for (name, order) in &shown {
        assert!(order["id"].is_u64() && order["total"].is_string(), "{name}");
        assert!(order["line_items"].is_array() && order["meta_data"].is_array(), "{name}");
    }
}

#[tokio::test]
async fn each_is_odd_in_its_way() {
    let (_stage, shown) = placed().await;
    let of = |name: &str| &shown[name];
    let lines = |name: &str| of(name)["line_items"].as_array().unwrap().len();
    let amount = |name: &str, field: &str| of(name)[field].as_str().unwrap().parse::<i64>().unwrap();
    assert_eq!((lines("no lines"), lines("a hundred lines"), lines("five hundred lines")), (0, 100, 500));
    assert_eq!(of("emoji and characters outside Shift_JIS")["billing"]["last_name"], "髙﨑①");
    assert_eq!(of("a product that no longer exists")["line_items"][0]["sku"], Value::Null);
    assert_eq!(of("a currency that nobody knows")["currency"], "XYZ");
    assert_eq!(of("a status of a plugin")["status"], "awaiting-pickup");
    assert_eq!(amount("everything free", "total"), 0);
    assert!(amount("a negative total", "total") < 0);
    assert_eq!(
        of("meta data of every type")["meta_data"][0]["value"],
        json!([]),
        "an empty object is a list"
    );
    assert_eq!(of("two tax rates on one line")["line_items"][0]["taxes"].as_array().unwrap().len(), 2);
    let off = of("a total that does not add up");
    let sum = |order: &Value| -> i64 {
        let text = |v: &Value| v.as_str().unwrap().parse::<i64>().unwrap();
        let lines =
            |name: &str| order[name].as_array().unwrap().iter().map(|l| text(&l["total"])).sum::<i64>();
        lines("line_items") + lines("shipping_lines") + lines("fee_lines") + text(&order["total_tax"])
    };
    assert_eq!(off["total"].as_str().unwrap().parse::<i64>().unwrap(), sum(off) + 7);
    for (name, order) in &shown {
        if *name != "a total that does not add up" {
            assert_eq!(order["total"].as_str().unwrap().parse::<i64>().unwrap(), sum(order), "{name}");
        }
    }
    assert_eq!(of("in the trash")["status"], "trash");
    assert_ne!(of("a number of its own")["number"], of("a number of its own")["id"].to_string());
    assert!(amount("one coupon", "discount_total") > 0);
}
