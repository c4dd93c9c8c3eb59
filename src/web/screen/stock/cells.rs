//! What one channel shows of an item, in a few characters, and the words for it.

use std::collections::BTreeMap;

use banto_channel::{Bilingual, both};

use super::super::format;
use super::{Page, encoded, item_path};
use crate::channels::offer::{Offer, Standing};
use crate::domain::ItemId;
use crate::domain::plan::{StockRule, Why};
use crate::store::ItemRow;

/// One listing in its cell of the grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    /// Its explanation.
    pub href: String,
    /// What it should show; `–` when nothing is pushed.
    pub ours: String,
    /// What it shows as far as we know.
    pub shows: String,
    /// What the channel said last, where that is another number than it shows.
    pub answered: Option<String>,
    /// What the rule does, in signs.
    pub rule: String,
    pub class: &'static str,
    pub state: String,
    pub error: Option<String>,
}

impl Cell {
    pub(super) fn of(p: &Page, code: &str, channel: &str, offer: &Offer) -> Self {
        let (class, state) = standing_words(offer.standing);
        let row = &offer.row;
        Self {
            href: explain_path(code, channel, &row.remote_id),
            ours: number(p, ours(offer)),
            shows: number(p, offer.shows),
            answered: row.answered.filter(|n| Some(*n) != offer.shows).map(|n| p.number(&n)),
            rule: rule_signs(&offer.rule),
            class,
            state: p.say(&state),
            error: row.error.as_deref().map(|why| p.kept(why)),
        }
    }
}

/// Our number, also where it is not pushed just now.
pub(super) fn ours(offer: &Offer) -> Option<i64> {
    let computed = offer.way.last().map(|step| step.gives);
    offer.wanted.or_else(|| computed.filter(|_| offer.row.item_id.is_some()))
}

pub(super) fn number(p: &Page, n: Option<i64>) -> String {
    n.map_or_else(|| "–".to_owned(), |n| p.number(&n))
}

pub(super) fn explain_path(code: &str, channel: &str, listing: &str) -> String {
    format!("{}/explain/{}/{}", item_path(code), encoded(channel), encoded(listing))
}

/// The class of the label and what stands on it.
pub(super) fn standing_words(standing: Standing) -> (&'static str, Bilingual) {
    match standing {
        Standing::Right => ("ok", both!("ok", "一致")),
        Standing::Behind => ("info", both!("on its way", "反映待ち")),
        Standing::Awaits => ("info", both!("to be confirmed", "確認待ち")),
        Standing::Drift => ("warn", both!("drift", "ずれ")),
        Standing::Failed => ("bad", both!("error", "エラー")),
        Standing::Paused => ("quiet", both!("paused", "停止中")),
        Standing::Observed => ("quiet", both!("observed only", "参照のみ")),
    }
}

/// `50% −2 ≤5`: share, buffer, cap.
pub(super) fn rule_signs(rule: &StockRule) -> String {
    if let Some(fixed) = rule.fixed {
        return format!("={fixed}");
    }
    let share = rule.share_percent.map(|share| format!("{share}%"));
    let buffer = (rule.buffer > 0).then(|| format!("−{}", rule.buffer));
    let cap = rule.cap.map(|cap| format!("≤{cap}"));
    [share, buffer, cap].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// One step of the way to a number.
pub(in crate::web::screen) fn step_words(why: &Why, items: &BTreeMap<ItemId, ItemRow>) -> Bilingual {
    match why {
        Why::Fixed => both!("The rule fixes the number", "設定で固定された数"),
        Why::There(supply) => {
            let code =
                items.get(&supply.item).map_or_else(|| format!("#{}", supply.item), |i| i.code.clone());
            let (available, units) = (format::number(supply.available), supply.units);
            match units {
                1 => both!("{code}: {available} available", "{code}: 販売可能 {available}"),
                _ => both!(
                    "{code}: {available} available ÷ {units} in each",
                    "{code}: 販売可能 {available} ÷ 1点あたり {units}"
                ),
            }
        }
        Why::NoItem => both!("No item is mapped", "商品が紐付けられていません"),
        Why::Scarcest => both!("The scarcest part decides", "最も少ない構成品で決まります"),
        Why::Share(percent) => both!("{percent} % of it for this channel", "このチャネルへの配分 {percent}%"),
        Why::HeldBack(units) => both!("{units} held back (buffer)", "{units} をバッファとして残します"),
        Why::AtMost(cap) => both!("At most {cap} (cap)", "上限 {cap}"),
        Why::OwnOrders(own) => both!(
            "{own} more in the channel's own open orders, which it subtracts itself",
            "チャネル側で差し引かれる未出荷の受注 {own} を足します"
        ),
        Why::Paused => both!("The rule pauses pushes: this is not sent", "設定で停止中のため送信しません"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_told_in_signs() {
        let rule = StockRule { share_percent: Some(50), buffer: 2, cap: Some(5), ..StockRule::default() };
        assert_eq!(rule_signs(&rule), "50% −2 ≤5");
        assert_eq!(rule_signs(&StockRule::default()), "");
        assert_eq!(rule_signs(&StockRule { fixed: Some(3), buffer: 2, ..StockRule::default() }), "=3");
    }

    #[test]
    fn every_standing_has_words_of_its_own() {
        let all = [
            Standing::Right,
            Standing::Behind,
            Standing::Awaits,
            Standing::Drift,
            Standing::Failed,
            Standing::Paused,
            Standing::Observed,
        ];
        let words: std::collections::BTreeSet<String> = all.iter().map(|s| standing_words(*s).1.ja).collect();
        assert_eq!(words.len(), all.len());
        assert_eq!(explain_path("A", "honten", "gid://x/1"), "/stock/A/explain/honten/gid%3A%2F%2Fx%2F1");
    }
}
