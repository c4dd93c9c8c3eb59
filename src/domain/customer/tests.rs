#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use banto_channel::{Buyer, RemoteRefund};
use proptest::prelude::*;

use super::*;
use crate::domain::{Ids, OrderId};

struct Count(i64);

impl Ids for Count {
    fn next_id(&mut self) -> i64 {
        self.0 += 1;
        self.0
    }
}

fn address(postcode: &str, line1: &str) -> Address {
    Address { postcode: postcode.into(), line1: line1.into(), ..Address::default() }
}

fn person(name: &str, email: &str, phone: &str, postcode: &str, line1: &str) -> Details {
    let home = Address { name: name.into(), ..address(postcode, line1) };
    Details {
        buyer: Buyer { name: name.into(), email: email.into(), phone: phone.into(), ..Buyer::default() },
        bill_to: home.clone(),
        ship_to: home,
        ..Details::default()
    }
}

/// Whether two orders are found to be one person's, whichever came first.
fn one_person(one: &Details, other: &Details) -> bool {
    let together = |first: &Details, second: &Details| {
        let (mut roll, mut ids) = (Roll::default(), Count(100));
        roll.place(&mut ids, 1, &Face::of(first), 1);
        roll.place(&mut ids, 2, &Face::of(second), 2);
        roll.home(1).is_some() && roll.home(1) == roll.home(2)
    };
    let answer = together(one, other);
    assert_eq!(answer, together(other, one), "the order of arrival matters: {one:?} {other:?}");
    answer
}

#[test]
fn who_is_the_same_person() {
    let hanako =
        person("髙﨑 花子", "Hanako@Example.jp ", "090-1234-5678", "150-0001", "神宮前1-2-3 メゾン101");
    for (same, why, other) in [
        (true, "mail", person("H. T.", "ｈａｎａｋｏ@example.JP", "", "", "")),
        (
            true,
            "name and address",
            person("高崎　花子 様", "", "", "１５００００１", "神宮前１丁目２番３号 ﾒｿﾞﾝ 101号室"),
        ),
        (
            true,
            "name without a space, and address",
            person("高崎花子", "x@example.jp", "", "1500001", "神宮前 一丁目2-3-101"),
        ),
        (true, "phone and family name", person("高崎 太郎", "taro@example.jp", "+81 90 1234 5678", "", "")),
        (
            true,
            "phone and a name without a space",
            person("高崎太郎", "", "０９０ー１２３４ー５６７８", "", ""),
        ),
        (false, "phone alone", person("山田 太郎", "", "09012345678", "", "")),
        (false, "name alone", person("髙﨑 花子", "", "", "", "")),
        (false, "address alone", person("山田 太郎", "", "", "1500001", "神宮前1-2-3 メゾン101")),
        (false, "name and another room", person("髙﨑 花子", "", "", "1500001", "神宮前1-2-3 メゾン102")),
        (false, "name and another postcode", person("髙﨑 花子", "", "", "1500002", "神宮前1-2-3 メゾン101")),
        (false, "name and a postcode", person("髙﨑 花子", "", "", "1500001", "")),
        (false, "nothing", Details::default()),
    ] {
        assert_eq!(one_person(&hanako, &other), same, "{why}");
    }
    let taro = person("YAMADA TARO", "", "", "1000001", "1-1");
    assert!(one_person(&taro, &person("Taro Yamada", "", "", "100-0001", "千代田1-1")));
    assert!(!one_person(&Details::default(), &Details::default()), "two who tell nothing are not one");
}

#[test]
fn a_presents_address_is_not_the_givers() {
    let giver = Details {
        ship_to: Address {
            name: "山田 太郎".into(),
            phone: "0311112222".into(),
            ..address("1000001", "千代田1-1")
        },
        ..person("髙﨑 花子", "hanako@example.jp", "", "1500001", "神宮前1-2-3")
    };
    let taro = person("山田 太郎", "taro@example.jp", "0311112222", "1000001", "千代田1-1");
    assert!(!one_person(&giver, &taro));
    assert_eq!(Face::of(&giver).phone, "");
    let face = Face::of(&Details { bill_to: Address::default(), ..giver });
    assert_eq!(face.keys.len(), 1, "{face:?}");
}

#[test]
fn a_relay_address_is_known_as_one() {
    let kind = |mail: &str| Face::of(&person("", mail, "", "", "")).keys.first().map(|k| k.kind);
    for masked in
        ["0f@pc.fw.rakuten.ne.jp", "x@fw.rakuten.ne.jp", "a1@marketplace.amazon.co.jp", "b@members.ebay.com"]
    {
        assert_eq!(kind(masked), Some(KeyKind::Relay), "{masked}");
    }
    for own in
        ["x@rakuten.ne.jp", "x@notfw.rakuten.ne.jp", "x@amazon.co.jp", "marketplace.amazon.co.jp@example.jp"]
    {
        assert_eq!(kind(own), Some(KeyKind::Mail), "{own}");
    }
    for none in [
        "",
        "hanako",
        "@example.jp",
        "a@b@example.jp",
        "a@local",
        "noreply@example.jp",
        "a b@example.jp",
        "x@y.invalid",
    ] {
        assert_eq!(kind(none), None, "{none}");
    }
}

#[test]
fn phones_and_addresses_have_one_form() {
    for phone in ["03-1234-5678", "+81 3 1234 5678", "（０３）１２３４－５６７８", "+81(0)3-1234-5678"]
    {
        assert_eq!(fold_phone(phone).as_deref(), Some("0312345678"), "{phone}");
    }
    for none in ["", "110", "なし", "000-0000-0000", "1234"] {
        assert_eq!(fold_phone(none), None, "{none}");
    }
    let place = |a: &Address| fold_address(a);
    assert_eq!(place(&address("150-0001", "神宮前三丁目2番1号")), place(&address("1500001", "神宮前3-2-1")));
    assert_eq!(place(&address("", "")), None);
    assert_eq!(place(&address("1500001", "")), None);
    assert_eq!(place(&address("", "Rose Cottage")), Some("|rosecottage".to_owned()));
    assert!(same_family("山田 太郎", "山田 花子") && !same_family("山田 太郎", "山本 太郎"));
    assert!(same_family("taro yamada", "hanako yamada") && !same_family("a smith", "a jones"));
    assert!(!same_family("", "") && !same_family("山田太郎", "山田花子"));
}

#[test]
fn what_a_person_took_apart_stays_apart() {
    let (mut roll, mut ids) = (Roll::default(), Count(100));
    let face = Face::of(&person("髙﨑 花子", "ours@example.jp", "", "", ""));
    for customer in [7, 8] {
        roll.load_customer(customer, customer);
        roll.load_key("m:ours@example.jp".into(), customer, String::new());
    }
    roll.load_apart(7, 8);
    roll.load_home(1, 7);
    let again = roll.place(&mut ids, 1, &face, 1).unwrap();
    assert_eq!((again.customer, again.joined), (7, Vec::new()));
    let new = roll.place(&mut ids, 2, &face, 2).unwrap();
    assert_eq!((new.customer, new.joined), (8, Vec::new()), "the one who bought last");
    // A third who turns out to be 7 is not 8 either.
    roll.load_key("p:0312345678".into(), 9, "高崎 花子".into());
    let both = Face::of(&person("髙﨑 花子", "ours@example.jp", "0312345678", "", ""));
    assert_eq!(roll.place(&mut ids, 1, &both, 3).unwrap().joined, [9]);
    assert!(!roll.apart.may_join(7, 8));
}

#[test]
fn forgetting_leaves_nothing_but_the_country() {
    let mut details = person("髙﨑 花子", "hanako@example.jp", "0312345678", "1500001", "神宮前1-2-3");
    details.note = "花子です".into();
    details.wait = Some("花子".into());
    details.bill_to.country = "JP".into();
    details.bill_to.region = "東京都".into();
    details.bill_to.name_kana = "タカサキ ハナコ".into();
    details.refunds = vec![RemoteRefund {
        reason: "花子".into(),
        ..serde_json::from_str(r#"{"id":"1","amount":5,"at":null,"reason":"","lines":[]}"#).unwrap()
    }];
    forget(&mut details, Timestamp(5));
    let text = serde_json::to_string(&details).unwrap();
    for trace in ["花子", "hanako", "031234", "神宮前", "150", "タカサキ"] {
        assert!(!text.contains(trace), "{trace} is in {text}");
    }
    assert!(text.contains("東京都") && text.contains("JP"));
    assert_eq!(details.house.forgotten_at, Some(Timestamp(5)));
    assert!(Face::of(&details).is_blank());
    forget(&mut details, Timestamp(6));
    assert_eq!(details.house.forgotten_at, Some(Timestamp(5)));
}

/// People with few mails, phones and addresses, so that many coincide.
fn arbitrary_person() -> impl Strategy<Value = Details> {
    let pick = |texts: &'static [&'static str]| prop::sample::select(texts);
    (
        pick(&["山田 太郎", "山田 花子", "鈴木 一", "山田太郎", "Taro Yamada", ""]),
        pick(&["", "", "a@example.jp", "b@example.jp", "c@fw.rakuten.ne.jp"]),
        pick(&["", "", "0311112222", "+81 3 1111 2222", "09033334444"]),
        pick(&["", "", "1-2-3", "4-5-6"]),
    )
        .prop_map(|(name, email, phone, line)| person(name, email, phone, "1000001", line))
}

/// Who is together with whom, by what a chain of shared keys says.
fn by_chains(faces: &[Face]) -> Vec<usize> {
    let mut group: Vec<usize> = (0..faces.len()).collect();
    let joins = |a: &Face, b: &Face| {
        a.keys.iter().any(|k| b.keys.iter().any(|other| k.text == other.text && k.joins(&other.name)))
    };
    for _ in faces {
        for a in 0..faces.len() {
            for b in 0..faces.len() {
                if joins(&faces[a], &faces[b]) {
                    let least = group[a].min(group[b]);
                    (group[a], group[b]) = (least, least);
                }
            }
        }
    }
    group
}

proptest! {
    #[test]
    fn customers_do_not_depend_on_who_came_first(people in prop::collection::vec(arbitrary_person(), 1..9), turn in 0usize..9) {
        let faces: Vec<Face> = people.iter().map(Face::of).collect();
        let want = by_chains(&faces);
        let (mut roll, mut ids) = (Roll::default(), Count(100));
        for n in 0..faces.len() {
            let at = (n + turn) % faces.len();
            roll.place(&mut ids, at as OrderId, &faces[at], n as i64);
        }
        // The same news again change nothing.
        let before = roll.homes.clone();
        for (at, face) in faces.iter().enumerate() {
            if let Some(placed) = roll.place(&mut ids, at as OrderId, face, 0) {
                prop_assert!(placed.joined.is_empty() && !placed.new_order);
            }
        }
        prop_assert_eq!(&before, &roll.homes);
        for a in 0..faces.len() {
            for b in 0..faces.len() {
                let (a_home, b_home) = (roll.home(a as OrderId), roll.home(b as OrderId));
                if !faces[a].is_blank() && !faces[b].is_blank() {
                    prop_assert_eq!(a_home == b_home, want[a] == want[b], "{:?} {:?}", people[a], people[b]);
                }
            }
        }
    }
}
