//! `getStock`, `setStock`, `myItemList`, `getItem`.

use std::collections::BTreeSet;

use banto_channel::ListingId;
use banto_sim::Faults;

use super::http::{Call, Reply};
use super::state::Store;
use super::write::{error, value, written};

const CODES_MAX: usize = 1_000;
const LIST_MAX: usize = 100;

/// What a `setStock` asks for.
pub(super) fn asked(call: &Call) -> Vec<(ListingId, i64)> {
    let form = call.text();
    let (codes, numbers) = (value(&form, "item_code"), value(&form, "quantity"));
    let pairs = codes.split(',').zip(numbers.split(','));
    pairs.map(|(code, number)| (ListingId::from(code), number.parse().unwrap_or(-1))).collect()
}

fn wrong_seller(store: &Store, form: &str) -> Option<Reply> {
    match value(form, "seller_id") {
        seller if seller == store.config().seller_id => None,
        seller if seller.is_empty() => {
            Some(Reply::xml(400, &error("px-04001", "\"seller_id\" is not specified")))
        }
        _ => Some(Reply::xml(400, &error("ed-00004", "ストアアカウントが存在しません。"))),
    }
}

pub(super) fn get_stock(store: &Store, call: &Call) -> Reply {
    let form = call.text();
    if let Some(refusal) = wrong_seller(store, &form) {
        return refusal;
    }
    let codes = value(&form, "item_code");
    let codes: Vec<&str> = codes.split(',').collect();
    if codes.len() > CODES_MAX {
        return Reply::xml(
            400,
            &error("st-01102", "パラメータ「item_code」に指定した商品コードの数が上限値を超えています。"),
        );
    }
    let mut ok = 0;
    let rows: String = codes
        .iter()
        .map(|code| {
            let (item, sub) = code.split_once(':').unwrap_or((code, ""));
            let names = written("ItemCode", item) + &written("SubCode", sub);
            match store.stock(code) {
                None => format!("<Result>{names}<Status>0</Status></Result>"),
                Some(number) => {
                    ok += 1;
                    let number = number.map_or(String::new(), |n| n.to_string());
                    // White space around the values, as the documents' example has it.
                    format!(
                        "<Result>{names}<Status>\n 1\n </Status><Quantity>\n {number}\n </Quantity>\
                         <AllowOverdraft>0</AllowOverdraft><IsPublished>1</IsPublished></Result>\n"
                    )
                }
            }
        })
        .collect();
    let (all, ng) = (codes.len(), codes.len() - ok);
    Reply::xml(
        200,
        &format!(
            "<ResultSet totalResultsAvailable=\"{all}\" totalResultsReturned=\"{all}\" firstResultPosition=\"1\" \
             ok=\"{ok}\" ng=\"{ng}\">{rows}</ResultSet>"
        ),
    )
}

pub(super) fn set_stock(store: &mut Store, faults: &Faults, call: &Call) -> Reply {
    let form = call.text();
    if let Some(refusal) = wrong_seller(store, &form) {
        return refusal;
    }
    let (codes, numbers) = (value(&form, "item_code"), value(&form, "quantity"));
    let (codes, numbers): (Vec<&str>, Vec<&str>) = (codes.split(',').collect(), numbers.split(',').collect());
    let bad = |code: &str, message: &str| Reply::xml(400, &error(code, message));
    if codes.len() > CODES_MAX {
        return bad("st-02102", "パラメータ「item_code」に指定した商品コードの数が上限値を超えています。");
    }
    if codes.iter().collect::<BTreeSet<_>>().len() < codes.len() {
        return bad("st-02103", "パラメータ「item_code」に重複する商品コードが含まれています。");
    }
    if codes.len() != numbers.len() {
        return bad("st-02105", "パラメータ「quantity」に指定した在庫数の数が商品コードの数と一致しません。");
    }
    let judged: Vec<Row<'_>> =
        codes.iter().zip(&numbers).map(|(code, number)| judge(store, faults, code, number)).collect();
    let is_good = judged.iter().all(|row| row.errors.is_empty());
    if !is_good && !store.config().names_bad_rows {
        return bad("st-02104", "パラメータ「quantity」が不正です。");
    }
    if is_good {
        judged.iter().for_each(|row| store.set_stock(row.code, row.number));
    }
    let rows: String = judged.iter().map(Row::xml).collect();
    let all = judged.len();
    let document = format!(
        "<ResultSet totalResultsAvailable=\"{all}\" totalResultsReturned=\"{all}\" firstResultPosition=\"1\">{rows}</ResultSet>"
    );
    Reply::xml(if is_good { 200 } else { 207 }, &document)
}

struct Row<'a> {
    code: &'a str,
    number: i64,
    errors: Vec<&'static str>,
}

impl Row<'_> {
    /// A good row tells its number although a bad one undid it, as the documents' example does.
    fn xml(&self) -> String {
        let (item, sub) = self.code.split_once(':').unwrap_or((self.code, ""));
        let names = written("ItemCode", item) + &written("SubCode", sub);
        match self.errors.is_empty() {
            true => format!("<Result>{names}<Quantity>{}</Quantity></Result>", self.number),
            false => {
                let errors = self.errors.join(",");
                format!("<Result>{names}<Quantity></Quantity><ErrorCode>{errors}</ErrorCode></Result>")
            }
        }
    }
}

fn judge<'a>(store: &Store, faults: &Faults, code: &'a str, number: &str) -> Row<'a> {
    let mut errors = Vec::new();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b':' || b == b'_';
    if code.is_empty() || !code.bytes().all(plain) {
        errors.push("st-02101");
    }
    // A sign makes the number a difference.
    let found: Option<i64> = number.parse().ok();
    let number = match number.starts_with(['+', '-']) {
        true => found.map(|by| store.stock(code).flatten().unwrap_or(0) + by),
        false => found,
    };
    if !number.is_some_and(|n| (-999_999_999..=999_999_999).contains(&n)) || faults.refuses(&code.into()) {
        errors.push("st-02104");
    }
    Row { code, number: number.unwrap_or(0), errors }
}

pub(super) fn list(store: &Store, call: &Call) -> Reply {
    if let Some(refusal) = wrong_seller(store, &call.query) {
        return refusal;
    }
    let wanted = value(&call.query, "query").to_ascii_lowercase();
    if wanted.is_empty() {
        return Reply::xml(400, &error("it-01102", "queryまたはstcat_keyは必須です。"));
    }
    let number = |name: &str, usual: usize| value(&call.query, name).parse().unwrap_or(usual).max(1);
    let (start, results) = (number("start", 1), number("results", 25).min(LIST_MAX));
    let found: Vec<_> =
        store.items().filter(|item| item.code.to_ascii_lowercase().starts_with(&wanted)).collect();
    let rows: Vec<String> = found
        .iter()
        .skip(start - 1)
        .take(results)
        .map(|item| {
            let number = store.stock(&item.code).flatten().filter(|_| item.subs.is_empty());
            let number = number.map_or(String::new(), |n| n.to_string());
            format!(
                "<Result>{}<HasSubCode>{}</HasSubCode>{}<Display>1</Display><EditingFlag>0</EditingFlag>\
                 <OriginalPrice></OriginalPrice><Price>{}</Price><SalePrice></SalePrice><Quantity>{number}</Quantity>\
                 </Result>\n",
                written("ItemCode", &item.code),
                u8::from(!item.subs.is_empty()),
                written("Name", &item.name),
                item.price,
            )
        })
        .collect();
    Reply::xml(
        200,
        &format!(
            "<ResultSet totalResultsAvailable=\"{}\" totalResultsReturned=\"{}\" firstResultPosition=\"{start}\">{}</ResultSet>",
            found.len(),
            rows.len(),
            rows.concat()
        ),
    )
}

pub(super) fn get_item(store: &Store, call: &Call) -> Reply {
    if let Some(refusal) = wrong_seller(store, &call.query) {
        return refusal;
    }
    let code = value(&call.query, "item_code");
    let Some(item) = store.items().find(|item| item.code == code) else {
        return Reply::xml(400, &error("it-02201", "指定された商品は存在しません。"));
    };
    let sub = |sub: &super::FakeSub| {
        let number = store.stock(&format!("{}:{}", item.code, sub.code)).flatten();
        let number = number.map_or(String::new(), |n| n.to_string());
        format!(
            "<SubCode code=\"{}\" quantity=\"{number}\" stockClose=\"0\"><Option name=\"サイズ\" value=\"{}\"/></SubCode>",
            sub.code, sub.option
        )
    };
    let subs: String = item.subs.iter().map(sub).collect();
    let names = written("ItemCode", &item.code) + &written("Name", &item.name);
    let document = format!(
        "<ResultSet totalResultsReturned=\"1\"><Result>{names}<Price>{}</Price><SubCodes>{subs}</SubCodes></Result></ResultSet>",
        item.price
    );
    Reply::xml(200, &document)
}
