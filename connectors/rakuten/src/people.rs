//! Who ordered, and where it goes.

use banto_channel::{Address, Buyer};

use crate::lenient::Text;
use crate::model::{Order, Package, Person};

/// What stands in every field of a social gift's address until its receiver has entered one.
const TO_BE_ENTERED: &str = "入力待ち";

pub(crate) fn buyer(order: &Order) -> Buyer {
    let orderer = &order.orderer;
    Buyer {
        name: name(&orderer.family_name, &orderer.first_name),
        email: orderer.email_address.as_str().to_owned(),
        phone: phone(orderer),
        language: String::new(),
    }
}

/// RMS has no country. Where a Japanese prefecture stands, it is Japan; otherwise nothing is invented.
pub(crate) fn address(person: &Person) -> Address {
    let prefecture = person.prefecture.as_str();
    let is_japan = prefecture.ends_with(['都', '道', '府', '県']);
    Address {
        name: name(&person.family_name, &person.first_name),
        name_kana: name(&person.family_name_kana, &person.first_name_kana),
        company: String::new(),
        country: if is_japan { "JP".to_owned() } else { String::new() },
        postcode: joined(&[&person.zip_code1, &person.zip_code2], "-"),
        region: prefecture.to_owned(),
        city: person.city.as_str().to_owned(),
        line1: person.sub_address.as_str().to_owned(),
        line2: String::new(),
        phone: phone(person),
    }
}

/// Whether the receiver of a social gift has still to say where it goes.
pub(crate) fn awaits_address(package: &Package) -> bool {
    let gift = &package.gift;
    let is_gift = !gift.sg_mng_number.is_empty() || !gift.input_due_date.is_empty();
    (is_gift && gift.input_flag.as_str() == "0") || package.receiver.prefecture.as_str() == TO_BE_ENTERED
}

/// The store where the buyer picks it up, on one line; empty if it goes to a door.
pub(crate) fn store(package: &Package) -> String {
    let store = &package.store;
    joined(&[&store.store_name, &store.store_zip, &store.store_prefecture, &store.store_address], " ")
}

/// The receiver on one line, for a person.
pub(crate) fn on_one_line(person: &Person) -> String {
    let address = address(person);
    let parts = [&address.name, &address.postcode, &address.region, &address.city, &address.line1];
    parts.map(String::as_str).join(" ").trim().to_owned()
}

/// Whether two packages go to the same door.
pub(crate) fn same_place(a: &Person, b: &Person) -> bool {
    let place = |p: &Person| Address { name_kana: String::new(), phone: String::new(), ..address(p) };
    place(a) == place(b)
}

fn name(family: &Text, first: &Text) -> String {
    joined(&[family, first], " ")
}

fn phone(person: &Person) -> String {
    joined(&[&person.phone_number1, &person.phone_number2, &person.phone_number3], "-")
}

fn joined(parts: &[&Text], between: &str) -> String {
    let parts: Vec<&str> = parts.iter().map(|part| part.as_str()).filter(|part| !part.is_empty()).collect();
    parts.join(between)
}
