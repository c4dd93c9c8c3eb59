//! People who buy: the same number is always the same person.

use banto_channel::{Address, Buyer};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const FAMILY: [(&str, &str); 40] = [
    ("佐藤", "サトウ"),
    ("鈴木", "スズキ"),
    ("髙橋", "タカハシ"),
    ("田中", "タナカ"),
    ("渡邊", "ワタナベ"),
    ("伊藤", "イトウ"),
    ("山本", "ヤマモト"),
    ("中村", "ナカムラ"),
    ("小林", "コバヤシ"),
    ("加藤", "カトウ"),
    ("吉田", "ヨシダ"),
    ("山田", "ヤマダ"),
    ("佐々木", "ササキ"),
    ("山口", "ヤマグチ"),
    ("松本", "マツモト"),
    ("井上", "イノウエ"),
    ("木村", "キムラ"),
    ("林", "ハヤシ"),
    ("斎藤", "サイトウ"),
    ("清水", "シミズ"),
    ("山﨑", "ヤマザキ"),
    ("森", "モリ"),
    ("池田", "イケダ"),
    ("橋本", "ハシモト"),
    ("阿部", "アベ"),
    ("石川", "イシカワ"),
    ("小川", "オガワ"),
    ("前田", "マエダ"),
    ("岡田", "オカダ"),
    ("長谷川", "ハセガワ"),
    ("藤田", "フジタ"),
    ("後藤", "ゴトウ"),
    ("近藤", "コンドウ"),
    ("村上", "ムラカミ"),
    ("遠藤", "エンドウ"),
    ("青木", "アオキ"),
    ("坂本", "サカモト"),
    ("福田", "フクダ"),
    ("太田", "オオタ"),
    ("西村", "ニシムラ"),
];

const GIVEN: [(&str, &str); 36] = [
    ("久美子", "クミコ"),
    ("陽子", "ヨウコ"),
    ("恵", "メグミ"),
    ("由美", "ユミ"),
    ("明美", "アケミ"),
    ("智子", "トモコ"),
    ("裕子", "ユウコ"),
    ("葵", "アオイ"),
    ("陽菜", "ヒナ"),
    ("結衣", "ユイ"),
    ("美咲", "ミサキ"),
    ("さくら", "サクラ"),
    ("凛", "リン"),
    ("直美", "ナオミ"),
    ("幸子", "サチコ"),
    ("和子", "カズコ"),
    ("真由美", "マユミ"),
    ("綾", "アヤ"),
    ("誠", "マコト"),
    ("浩", "ヒロシ"),
    ("隆", "タカシ"),
    ("健太", "ケンタ"),
    ("大輔", "ダイスケ"),
    ("翔", "ショウ"),
    ("蓮", "レン"),
    ("湊", "ミナト"),
    ("悠真", "ユウマ"),
    ("一郎", "イチロウ"),
    ("博", "ヒロシ"),
    ("茂", "シゲル"),
    ("修", "オサム"),
    ("剛", "ツヨシ"),
    ("拓也", "タクヤ"),
    ("直樹", "ナオキ"),
    ("哲也", "テツヤ"),
    ("学", "マナブ"),
];

/// Prefecture, city, street, and the first digits of the postcode.
const PLACES: [(&str, &str, &str, &str); 14] = [
    ("北海道", "札幌市中央区", "南一条西", "060"),
    ("宮城県", "仙台市青葉区", "一番町", "980"),
    ("東京都", "世田谷区", "三軒茶屋", "154"),
    ("東京都", "杉並区", "阿佐谷南", "166"),
    ("東京都", "八王子市", "明神町", "192"),
    ("神奈川県", "横浜市港北区", "日吉", "223"),
    ("埼玉県", "さいたま市浦和区", "常盤", "330"),
    ("千葉県", "船橋市", "本町", "273"),
    ("愛知県", "名古屋市千種区", "今池", "464"),
    ("京都府", "京都市中京区", "烏丸通御池上る", "604"),
    ("大阪府", "大阪市北区", "天神橋", "530"),
    ("兵庫県", "神戸市灘区", "六甲町", "657"),
    ("広島県", "広島市中区", "本川町", "730"),
    ("福岡県", "福岡市早良区", "西新", "814"),
];

const HOUSES: [&str; 6] = ["", "", "コーポ椿", "グランメゾン", "ハイツ三番館", "メゾン青葉"];

/// A buyer and where parcels go.
pub struct Person {
    /// As the channel tells the buyer.
    pub buyer: Buyer,
    /// Home.
    pub home: Address,
}

/// The person of a number.
pub fn person(n: i64) -> Person {
    let mut rng = StdRng::seed_from_u64(n.unsigned_abs() ^ 0x0b_a2_70);
    let family = FAMILY[rng.random_range(0..FAMILY.len())];
    let given = GIVEN[rng.random_range(0..GIVEN.len())];
    let place = PLACES[rng.random_range(0..PLACES.len())];
    let phone = match rng.random_range(0..4) {
        0 => format!("03-{:04}-{:04}", rng.random_range(3000..6999), rng.random_range(0..10_000)),
        area => {
            format!("0{}0-{:04}-{:04}", 6 + area, rng.random_range(1000..9999), rng.random_range(0..10_000))
        }
    };
    let house = HOUSES[rng.random_range(0..HOUSES.len())];
    let room = rng.random_range(101..999);
    let name = format!("{} {}", family.0, given.0);
    let home = Address {
        name: name.clone(),
        name_kana: format!("{} {}", family.1, given.1),
        country: "JP".to_owned(),
        postcode: format!("{}-{:04}", place.3, rng.random_range(0..10_000)),
        region: place.0.to_owned(),
        city: place.1.to_owned(),
        line1: format!(
            "{}{}-{}-{}",
            place.2,
            rng.random_range(1..9),
            rng.random_range(1..30),
            rng.random_range(1..20)
        ),
        line2: if house.is_empty() { String::new() } else { format!("{house} {room}号室") },
        phone: phone.clone(),
        ..Address::default()
    };
    let email = format!("buyer{n}@example.com");
    Person { buyer: Buyer { name, email, phone, language: "ja".to_owned() }, home }
}
