//! Stock out and back: `setStock` and `getStock`, a thousand codes a call.
//!
//! `setStock` is all or nothing: one bad row undoes the call, and the answer (HTTP 207) names the rows that are bad. So
//! those are refused and the rest is sent again. An answer that names none is searched by halves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::time::Duration;

use banto_channel::{Bilingual, Cx, Error, ErrorKind, ListingId, Outcome, Result, StockItem, both};

use crate::Yahoo;
use crate::calls::{Body, GET_STOCK, SET_STOCK, form};
use crate::lines::listing;
use crate::xml::Node;

/// Codes of one call.
const CODES_MAX: usize = 1_000;
/// `setStock` takes no larger number.
const QUANTITY_MAX: i64 = 999_999_999;
/// Calls that one push may make: two bad rows that nobody names are found among a thousand in this many.
const CALLS_MAX: usize = 40;
/// What is left after that waits so long.
const LATER: Duration = Duration::from_secs(60);

/// What came of one `setStock`.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    /// All rows were set.
    Set,
    /// Nothing was set; these rows are why.
    Bad(BTreeMap<usize, Bilingual>),
}

/// The outcomes of a push while it is made.
struct Push<'a> {
    items: &'a [StockItem],
    outcomes: Vec<Option<Outcome>>,
}

impl Push<'_> {
    fn open(&self) -> Vec<usize> {
        (0..self.items.len()).filter(|&at| self.outcomes[at].is_none()).collect()
    }

    fn decide(&mut self, places: &[usize], outcome: &Outcome) {
        for &at in places {
            self.outcomes[at] = Some(outcome.clone());
        }
    }

    fn refuse(&mut self, at: usize, reason: Bilingual) {
        self.outcomes[at] = Some(Outcome::Refused { reason });
    }

    /// Whether Yahoo! took something already, so that an error must not stand for all.
    fn is_under_way(&self) -> bool {
        self.outcomes.iter().flatten().any(|outcome| *outcome == Outcome::Applied)
    }
}

impl Yahoo {
    pub(crate) async fn push(&self, cx: &Cx, items: &[StockItem]) -> Result<Vec<Outcome>> {
        let mut push = Push { items, outcomes: vec![None; items.len()] };
        for (at, item) in items.iter().enumerate() {
            if let Some(reason) = unfit(item) {
                push.refuse(at, reason);
            }
        }
        if !self.settings.create_stock {
            self.refuse_unknown(cx, &mut push).await?;
        }
        self.set_all(cx, &mut push).await?;
        let lost = || Outcome::Retry {
            after: LATER,
            reason: both!("Yahoo! said nothing about it", "Yahoo!から結果が返されませんでした"),
        };
        Ok(push.outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(lost)).collect())
    }

    /// Refuses codes without a stock record, which `setStock` would make one for whatever they are.
    async fn refuse_unknown(&self, cx: &Cx, push: &mut Push<'_>) -> Result<()> {
        let new: Vec<usize> = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            push.open().into_iter().filter(|&at| !known.contains(push.items[at].listing.as_str())).collect()
        };
        for places in new.chunks(CODES_MAX) {
            let codes = places.iter().map(|&at| push.items[at].listing.as_str());
            let found = self.records(cx, codes).await?;
            self.known.lock().unwrap_or_else(PoisonError::into_inner).extend(found.keys().cloned());
            for &at in places {
                if !found.contains_key(push.items[at].listing.as_str()) {
                    push.refuse(
                        at,
                        both!(
                            "Yahoo! has no stock record for this code. Check the code; for a new product set its stock \
                             once in ストアクリエイターPro, or set create_stock",
                            "Yahoo!にこの商品コードの在庫がありません。コードを確認してください。新しい商品は\
                             ストアクリエイターProで一度在庫を登録するか、create_stock を設定してください"
                        ),
                    );
                }
            }
        }
        Ok(())
    }

    async fn set_all(&self, cx: &Cx, push: &mut Push<'_>) -> Result<()> {
        let mut work = rounds(push);
        let mut calls = 0;
        while let Some(places) = work.pop() {
            if calls == CALLS_MAX {
                let reason = both!(
                    "the search for bad codes took too many calls",
                    "不正な商品コードの特定に必要な呼び出しが上限を超えました"
                );
                push.decide(&places, &Outcome::Retry { after: LATER, reason });
                continue;
            }
            calls += 1;
            match self.set(cx, push.items, &places).await {
                Ok(Told::Set) => push.decide(&places, &Outcome::Applied),
                Ok(Told::Bad(named)) if !named.is_empty() => {
                    work.push(places.iter().copied().filter(|at| !named.contains_key(at)).collect());
                    named.into_iter().for_each(|(at, reason)| push.refuse(at, reason));
                }
                Ok(Told::Bad(_)) => {
                    let reason = both!(
                        "Yahoo! refused the call and named no row",
                        "Yahoo!に拒否されましたが、対象の商品が示されていません"
                    );
                    halve(push, &mut work, places, &reason);
                }
                Err(e) if e.kind == ErrorKind::Refused => halve(push, &mut work, places, &e.words()),
                Err(e) if push.is_under_way() => {
                    let after = e.retry_after.unwrap_or(LATER);
                    push.decide(&push.open(), &Outcome::Retry { after, reason: e.words() });
                    return Ok(());
                }
                Err(e) => return Err(e),
            }
            work.retain(|places| !places.is_empty());
        }
        Ok(())
    }

    async fn set(&self, cx: &Cx, items: &[StockItem], places: &[usize]) -> Result<Told> {
        let codes: Vec<&str> = places.iter().map(|&at| items[at].listing.as_str()).collect();
        let quantities: Vec<String> = places.iter().map(|&at| items[at].quantity.to_string()).collect();
        let body = form(&[
            ("seller_id", &self.settings.seller_id),
            ("item_code", &codes.join(",")),
            ("quantity", &quantities.join(",")),
        ]);
        let answer = self.send(cx, SET_STOCK, Body::Form(body), "setting stock").await?;
        if answer.root.name != "ResultSet" {
            return Err(no_result(both!("setting stock", "在庫の更新")));
        }
        Ok(match answer.status {
            207 => verdict(&answer.root, items, places),
            _ => Told::Set,
        })
    }

    pub(crate) async fn read_back(&self, cx: &Cx, listings: &[ListingId]) -> Result<Vec<(ListingId, i64)>> {
        let fit: Vec<&str> = listings.iter().map(ListingId::as_str).filter(|code| is_code(code)).collect();
        let mut numbers = Vec::with_capacity(fit.len());
        for codes in fit.chunks(CODES_MAX) {
            let found = self.records(cx, codes.iter().copied()).await?;
            let number = |code: &&str| Some((ListingId::from(*code), (*found.get(*code)?)?));
            numbers.extend(codes.iter().filter_map(number));
        }
        Ok(numbers)
    }

    /// The stock records of some codes: their number, or `None` where it is unlimited.
    async fn records<'a>(
        &self,
        cx: &Cx,
        codes: impl Iterator<Item = &'a str>,
    ) -> Result<BTreeMap<String, Option<i64>>> {
        let codes = codes.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(",");
        let body = form(&[("seller_id", &self.settings.seller_id), ("item_code", &codes)]);
        let answer = self.send(cx, GET_STOCK, Body::Form(body), "reading stock").await?;
        if answer.root.name != "ResultSet" {
            return Err(no_result(both!("reading stock", "在庫数の取得")));
        }
        let rows = answer.root.all("Result").filter(|row| row.text("Status") == "1");
        let record = |row: &Node| {
            let code = listing(row.text("ItemCode"), row.text("SubCode"))?;
            Some((code.0, row.text("Quantity").parse().ok()))
        };
        Ok(rows.filter_map(record).collect())
    }
}

fn no_result(doing: Bilingual) -> Error {
    let how = both!("the answer is no result", "応答に結果がありません");
    Error::told(ErrorKind::Malformed, doing.with(&how))
}

/// What is still to be sent, in calls that name no code twice (`st-02103`), the oldest number last in the list and
/// first in turn.
fn rounds(push: &Push<'_>) -> Vec<Vec<usize>> {
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    let mut met: BTreeMap<&str, usize> = BTreeMap::new();
    for at in push.open() {
        let turn = met.entry(push.items[at].listing.as_str()).or_default();
        if rounds.len() == *turn {
            rounds.push(Vec::new());
        }
        rounds[*turn].push(at);
        *turn += 1;
    }
    rounds.reverse();
    rounds
}

/// Looks for the culprit in each half, until it stands alone.
fn halve(push: &mut Push<'_>, work: &mut Vec<Vec<usize>>, places: Vec<usize>, reason: &Bilingual) {
    match places.as_slice() {
        [at] => push.refuse(*at, reason.clone()),
        _ => {
            let (first, second) = places.split_at(places.len() / 2);
            work.push(second.to_vec());
            work.push(first.to_vec());
        }
    }
}

/// What a 207 says. `ed-10002` means that the numbers were set and could not be read back for the answer.
fn verdict(answer: &Node, items: &[StockItem], places: &[usize]) -> Told {
    let errors: BTreeMap<String, &str> = answer
        .all("Result")
        .filter_map(|row| {
            Some((listing(row.text("ItemCode"), row.text("SubCode"))?.0, row.text("ErrorCode")))
        })
        .filter(|(_, error)| !error.is_empty())
        .collect();
    if !errors.is_empty() && errors.values().all(|error| *error == "ed-10002") {
        return Told::Set;
    }
    let named = places.iter().filter_map(|&at| {
        let error = errors.get(items[at].listing.as_str())?;
        let why =
            both!("Yahoo! refuses this code or its number", "商品コードまたは在庫数がYahoo!に拒否されました");
        Some((at, why.with(&Bilingual::quoted(reasons(error)))))
    });
    Told::Bad(named.collect())
}

/// 在庫更新API's error codes in words.
fn reasons(codes: &str) -> String {
    let word = |code: &str| match code {
        "st-02101" => "st-02101 (パラメータ「item_code」が不正です)".to_owned(),
        "st-02104" => "st-02104 (パラメータ「quantity」が不正です)".to_owned(),
        other => other.to_owned(),
    };
    codes.split(',').map(|code| word(code.trim())).collect::<Vec<_>>().join(", ")
}

/// Why an item cannot be sent, if so. A comma in a code would shift every number behind it.
fn unfit(item: &StockItem) -> Option<Bilingual> {
    let code = item.listing.as_str();
    if !is_code(code) {
        return Some(both!(
            "{code:?} is no code of Yahoo!: item code, or item code and sub code with a colon between, in letters, digits and \
             hyphens",
            "「{code}」はYahoo!のコードではありません。商品コード、または商品コードとサブコードをコロンでつないだもの\
             （英数字とハイフン）です"
        ));
    }
    let fits = (0..=QUANTITY_MAX).contains(&item.quantity);
    (!fits).then(|| {
        both!(
            "{quantity} is outside of what Yahoo! takes, 0 to {QUANTITY_MAX}",
            "在庫数 {quantity} はYahoo!で設定できる範囲（0～{QUANTITY_MAX}）にありません",
            quantity = item.quantity
        )
    })
}

fn is_code(code: &str) -> bool {
    let part = |text: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        (1..=99).contains(&text.len()) && text.bytes().all(plain)
    };
    match code.split_once(':') {
        Some((item, sub)) => part(item) && part(sub),
        None => part(code),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use banto_channel::IdempotencyKey;

    use super::*;

    fn items(codes: &[&str]) -> Vec<StockItem> {
        let item = |code: &&str| StockItem {
            listing: (*code).into(),
            quantity: 1,
            was: None,
            version: 1,
            key: IdempotencyKey::from(*code),
        };
        codes.iter().map(item).collect()
    }

    fn judged(rows: &[(&str, &str, &str)]) -> Told {
        let row = |(item, sub, error): &(&str, &str, &str)| {
            format!(
                "<Result><ItemCode>{item}</ItemCode><SubCode>{sub}</SubCode><ErrorCode>{error}</ErrorCode></Result>"
            )
        };
        let rows: String = rows.iter().map(row).collect();
        let answer = Node::parse(&format!("<ResultSet>{rows}</ResultSet>")).unwrap();
        verdict(&answer, &items(&["a", "b:c"]), &[0, 1])
    }

    #[test]
    fn a_207_names_the_bad_rows() {
        let named = |at, reason: Bilingual| Told::Bad([(at, reason)].into());
        let words = both!(
            "Yahoo! refuses this code or its number: st-02104 (パラメータ「quantity」が不正です)",
            "商品コードまたは在庫数がYahoo!に拒否されました: st-02104 (パラメータ「quantity」が不正です)"
        );
        assert_eq!(judged(&[("a", "", ""), ("b", "c", "st-02104")]), named(1, words));
        assert_eq!(judged(&[("a", "", ""), ("z", "", "st-02104")]), Told::Bad(BTreeMap::new()));
        assert_eq!(judged(&[]), Told::Bad(BTreeMap::new()));
    }

    #[test]
    fn a_207_that_could_only_not_read_back_was_set() {
        assert_eq!(judged(&[("a", "", "ed-10002"), ("b", "c", "ed-10002")]), Told::Set);
    }

    #[test]
    fn codes_are_those_that_a_list_can_hold() {
        for good in ["a", "A-1_b", "item-01:sub-01"] {
            assert!(is_code(good), "{good}");
        }
        for bad in ["", ":", "a:", ":b", "a:b:c", "a,b", "a b", "煎茶", &"x".repeat(100)] {
            assert!(!is_code(bad), "{bad}");
        }
    }
}
