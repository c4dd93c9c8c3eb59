//! Buyers who do not exist, from a seed.
//!
//! Their data has what breaks programs: characters outside JIS X 0208 (髙, 﨑, 𠮷), vendor characters (①), emoji,
//! apostrophes, names of one letter. Every mail address is unique and ends in `example.test`, a name that RFC 6761
//! keeps from ever being somebody's.

use banto_channel::{Address, Buyer};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Somebody who buys once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// As the order names them.
    pub buyer: Buyer,
    /// Where they live.
    pub home: Address,
    /// What they write to the shop; mostly nothing.
    pub note: String,
}

/// An endless row of buyers; equal seeds give equal rows.
#[derive(Debug)]
pub struct People {
    rng: StdRng,
    seed: u64,
    met: u64,
}

const FAMILY: &[(&str, &str)] = &[
    ("佐藤", "サトウ"),
    ("鈴木", "スズキ"),
    ("髙橋", "タカハシ"),
    ("田中", "タナカ"),
    ("渡邊", "ワタナベ"),
    ("山﨑", "ヤマザキ"),
    ("𠮷田", "ヨシダ"),
    ("齋藤", "サイトウ"),
    ("濵口", "ハマグチ"),
    ("德永", "トクナガ"),
    ("伊藤", "イトウ"),
    ("森", "モリ"),
];

const GIVEN: &[(&str, &str)] = &[
    ("さくら", "サクラ"),
    ("大翔", "ヒロト"),
    ("陽葵", "ヒマリ"),
    ("健", "ケン"),
    ("美咲", "ミサキ"),
    ("凜", "リン"),
    ("太郎", "タロウ"),
    ("花子", "ハナコ"),
    ("靖彥", "ヤスヒコ"),
    ("レオ", "レオ"),
];

const LATIN: &[(&str, &str)] = &[
    ("Zoë", "Müller"),
    ("Conor", "O'Brien"),
    ("Łukasz", "Żak"),
    ("Nguyễn", "Thị Mai"),
    ("José", "Núñez"),
    ("Åsa", "Björk"),
    ("I", "Ng"),
    ("Ayşe", "Yılmaz"),
];

/// Postcode, prefecture, city, street.
const JAPAN: &[(&str, &str, &str, &str)] = &[
    ("150-0001", "東京都", "渋谷区", "神宮前1-2-3"),
    ("530-0001", "大阪府", "大阪市北区", "梅田２丁目４−９"),
    ("060-0042", "北海道", "札幌市中央区", "大通西4-1"),
    ("604-8005", "京都府", "京都市中京区", "河原町通三条上る恵比須町427"),
    ("900-0015", "沖縄県", "那覇市", "久茂地3-1-1"),
    ("920-0961", "石川県", "金沢市", "香林坊2-1-1"),
    ("810-0001", "福岡県", "福岡市中央区", "天神1-8-1"),
];

/// Country, postcode, region, city, street.
const ABROAD: &[(&str, &str, &str, &str, &str)] = &[
    ("DE", "10115", "Berlin", "Berlin", "Chausseestraße 12"),
    ("US", "94110", "CA", "San Francisco", "1 Valencia St"),
    ("PL", "31-042", "Małopolskie", "Kraków", "Rynek Główny 7"),
    ("IE", "D02 X285", "", "Dublin", "5 O'Connell Bridge"),
    ("VN", "100000", "Hà Nội", "Hà Nội", "36 Hàng Bạc"),
];

const BUILDINGS: &[&str] = &["", "", "コーポ髙﨑①号室", "ハイツ 203", "第２ビル　5Ｆ", "🌸荘"];

const NOTES: &[&str] = &[
    "",
    "",
    "",
    "",
    "プレゼント用です🎁 値札を外してください",
    "①午前中に ②玄関前へ",
    "Please ring twice.\nThe bell is broken.",
    "<b>急ぎ</b> & \"丁寧に\" お願いします",
];

impl People {
    /// The buyers of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), seed, met: 0 }
    }

    /// The next one.
    pub fn meet(&mut self) -> Person {
        self.met += 1;
        let email = format!("buyer.{:x}.{}@example.test", self.seed, self.met);
        let phone = format!("090{:08}", self.rng.random_range(0..100_000_000_u32));
        let (name, kana, language, mut home) =
            if self.rng.random_range(0..4_u32) < 3 { self.in_japan() } else { self.abroad() };
        home.name.clone_from(&name);
        home.name_kana = kana;
        home.phone.clone_from(&phone);
        let buyer = Buyer { name, email, phone, language: language.to_owned() };
        let note = self.one_of(NOTES).to_string();
        Person { buyer, home, note }
    }

    fn in_japan(&mut self) -> (String, String, &'static str, Address) {
        let (family, family_kana) = *self.one_of(FAMILY);
        let (given, given_kana) = *self.one_of(GIVEN);
        let (postcode, region, city, line1) = *self.one_of(JAPAN);
        let home = Address {
            country: "JP".to_owned(),
            postcode: postcode.to_owned(),
            region: region.to_owned(),
            city: city.to_owned(),
            line1: line1.to_owned(),
            line2: self.one_of(BUILDINGS).to_string(),
            ..Address::default()
        };
        (format!("{family} {given}"), format!("{family_kana} {given_kana}"), "ja", home)
    }

    fn abroad(&mut self) -> (String, String, &'static str, Address) {
        let (given, family) = *self.one_of(LATIN);
        let (country, postcode, region, city, line1) = *self.one_of(ABROAD);
        let home = Address {
            country: country.to_owned(),
            postcode: postcode.to_owned(),
            region: region.to_owned(),
            city: city.to_owned(),
            line1: line1.to_owned(),
            ..Address::default()
        };
        (format!("{given} {family}"), String::new(), "en", home)
    }

    fn one_of<T>(&mut self, all: &'static [T]) -> &'static T {
        &all[self.rng.random_range(0..all.len())]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn equal_seeds_meet_equal_people() {
        let row = |seed| {
            let mut people = People::new(seed);
            (0..50).map(|_| people.meet()).collect::<Vec<_>>()
        };
        assert_eq!(row(7), row(7));
        assert_ne!(row(7), row(8));
    }

    #[test]
    fn addresses_are_unique_and_nobodys() {
        let mut all = BTreeSet::new();
        for seed in 0..4 {
            let mut people = People::new(seed);
            for _ in 0..500 {
                let email = people.meet().buyer.email;
                assert!(email.ends_with("@example.test") && email.is_ascii(), "{email}");
                assert!(all.insert(email));
            }
        }
    }

    #[test]
    fn the_characters_that_break_programs_are_met() {
        let mut people = People::new(1);
        let met: String = (0..500)
            .map(|_| {
                let p = people.meet();
                [p.buyer.name, p.home.line2, p.note].concat()
            })
            .collect();
        for character in ['髙', '﨑', '𠮷', '①', '🎁', '\'', 'Ł', '\n', '<'] {
            assert!(met.contains(character), "{character:?}");
        }
    }
}
