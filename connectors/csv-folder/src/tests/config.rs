use banto_channel::{Connector as _, ErrorKind, MailOwner, NoticeKind, Secret};

use super::place::{LEAST, place, settings};
use crate::config::{Settings, StockFiles};
use crate::text::Reading;

fn fault(text: &str) -> String {
    let error = Settings::read(&toml::from_str(text).unwrap()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config, "{error}");
    error.message
}

fn build(text: &str) -> std::sync::Arc<dyn banto_channel::Connector> {
    let none = |_: &str| Ok(Secret::new(""));
    crate::build(&toml::from_str(text).unwrap(), &none).unwrap()
}

#[test]
fn the_sample_is_a_config_with_or_without_its_optional_keys() {
    assert_eq!(build(crate::SAMPLE).capabilities().kind, crate::KIND);
    // Every commented-out key is a real one with a value that works.
    let is_code = |code: &str| code.starts_with('[') || (code.contains(" = ") && !code.starts_with('-'));
    let uncommented: String = crate::SAMPLE
        .lines()
        .filter(|line| !line.starts_with("# ----"))
        .map(|line| match line.strip_prefix("# ") {
            Some(code) if is_code(code) && !code.contains("offers), or") => code,
            _ => line,
        })
        .fold(String::new(), |text, line| text + line + "\n");
    let connector = build(&uncommented);
    assert_eq!(connector.capabilities().notices, [NoticeKind::Shipped, NoticeKind::Cancelled]);
    assert!(connector.capabilities().lists_offers);
    let settings = Settings::read(&toml::from_str(&uncommented).unwrap()).unwrap();
    assert!(settings.orders.columns.len() > 40, "{uncommented}");
}

#[test]
fn faults_name_the_key_and_the_remedy() {
    let with = |keys: &str, tables: &str| settings(keys, tables, "/srv/shop").unwrap_err().message;
    assert!(with("fodler = 1\n", "").contains("unknown field `fodler`"));
    assert!(with("encoding = \"sjis\"\n", "").contains("cp932"));
    assert!(with("delimiter = \"|\"\n", "").contains("\\t"));
    assert!(with("settle_seconds = 3601\n", "").contains("tools that rename"));
    assert!(with("max_file_mb = 65\n", "").contains("smaller files"));
    assert!(with("orders_per_page = 0\n", "").contains("1 to 200"));
    assert!(with("currency = \"YEN\"\n", "").contains("JPY"));
    assert!(with("time_zone = \"Tokyo\"\n", "").contains("Asia/Tokyo"));
    assert!(with("", "[orders.payment]\n\"x\" = \"paid\"\n").contains("payment_status"));
    assert!(with("", "[offers.columns]\ntitle = \"x\"\n").contains("offers.columns.code"));
    assert!(with("", "[offers.columns]\ncode = { sum = [\"x\"] }\n").contains("offers.columns"));
    assert!(with("", "[shipments]\ncolumns = []\n").contains("order_id"));
    let shipments = |column: &str| with("", &format!("[shipments]\ncolumns = [{column}]\n"));
    assert!(shipments("{ title = \"x\", value = \"reason\" }").contains("the 1. one"));
    assert!(
        shipments("{ title = \"x\", value = \"order_id\" }, { title = \"y\" }")
            .contains("either value or fixed")
    );
    assert!(with("", "[cancels]\ncolumns = []\ncarriers = {}\n").contains("cancels.carriers"));
    let least = |from: &str, to: &str| fault(&format!("folder = \"/srv/shop\"\n{}", LEAST.replace(from, to)));
    assert!(least("order_id = \"注文番号\"", "").contains("orders.columns.order_id"));
    assert!(least("code = \"商品コード\"", "").contains("orders.columns.code"));
    assert!(least("order_id", "orderid").contains("unknown variant `orderid`"));
    assert!(least("\"個数\"", "{ sum = [\"個数\"] }").contains("cannot be a sum"));
    assert!(least("\"open_paid\"", "\"paid\"").contains("open_paid"));
    assert!(least("value = \"quantity\"", "value = \"listing\"").contains("value = \"quantity\""));
    assert!(least("value = \"listing\"", "value = \"title\"").contains("value = \"listing\""));
    assert!(least("[stock]\n", "[stock]\ndate_format = \"x\"\n").contains("stock.date_format"));
    assert!(fault("folder = \"shop\"").contains("missing field"));
    assert!(settings("", "", "shop").unwrap_err().message.contains("whole path"));
}

#[test]
fn what_is_written_is_what_is_read() {
    let read = settings("encoding = \"cp932\"\nmax_file_mb = 2\n", "", "/srv/shop").unwrap();
    assert_eq!((read.encoding, read.file_max), (Reading::Cp932, 2_000_000));
    assert_eq!((read.settle.as_secs(), read.page, read.stock_files), (10, 200, StockFiles::Full));
}

#[test]
fn nobody_mails_until_the_config_says_who() {
    let place = place("", "");
    let can = place.connector.capabilities();
    let mails = can.mail_policy;
    assert_eq!([mails.received, mails.paid, mails.shipped, mails.cancelled], [MailOwner::Nobody; 4]);
    assert!(mails.may_widen && can.quotas.is_empty() && can.pull_interval_min.as_secs() == 5);
}
