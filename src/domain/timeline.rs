//! What an order's timeline, its hold and the answers about its mails say, in both languages.
//!
//! What a connector says, and what puts an order on hold, the store keeps in both languages ([`Bilingual::packed`]). Of the
//! rest it keeps the English sentence, which is made from a [`Phrase`], and a page finds the phrase in it again. What is no
//! phrase of ours (a person's words, a marketplace's, a mail server's) stays as it came.

use banto_channel::{Bilingual, NoticeKind, has_japanese};

use super::deeds::mail_in_words;
use super::mail_policy::MailKind;
use super::order::{payment_from, payment_in_words};

/// A sentence of ours in English and in Japanese, with a gap `{}` for each thing that differs, in the same order in both.
#[derive(Clone, Copy, Debug)]
pub struct Phrase {
    en: &'static str,
    ja: &'static str,
}

impl Phrase {
    pub(super) const fn new(en: &'static str, ja: &'static str) -> Self {
        assert!(has_japanese(ja), "the second text of a phrase is the Japanese one");
        Self { en, ja }
    }

    /// The English sentence, as the store keeps it.
    #[must_use]
    pub fn fill(&self, gaps: &[&str]) -> String {
        filled(self.en, gaps)
    }

    /// The sentence in both languages.
    #[must_use]
    pub fn both(&self, gaps: &[&str]) -> Bilingual {
        Bilingual { en: self.fill(gaps), ja: filled(self.ja, gaps) }
    }

    /// The sentence around another one.
    #[must_use]
    pub fn around(&self, inner: &Bilingual) -> Bilingual {
        Bilingual { en: filled(self.en, &[&inner.en]), ja: filled(self.ja, &[&inner.ja]) }
    }

    /// What stands in the gaps of a text that is this sentence.
    #[must_use]
    pub fn read<'t>(&self, text: &'t str) -> Option<Vec<&'t str>> {
        let mut pieces = self.en.split("{}").peekable();
        let mut rest = text.strip_prefix(pieces.next()?)?;
        let mut gaps = Vec::new();
        while let Some(piece) = pieces.next() {
            let (gap, after) = match pieces.peek() {
                Some(_) => rest.split_once(piece)?,
                None => (rest.strip_suffix(piece)?, ""),
            };
            gaps.push(gap);
            rest = after;
        }
        rest.is_empty().then_some(gaps)
    }

    /// The Japanese sentence for a text that is this one.
    fn translate(&self, text: &str, gap: impl Fn(&str) -> String) -> Option<String> {
        let gaps: Vec<String> = self.read(text)?.into_iter().map(gap).collect();
        Some(filled(self.ja, &gaps))
    }
}

fn filled(pattern: &str, gaps: &[impl AsRef<str>]) -> String {
    let mut gaps = gaps.iter();
    let mut text = String::new();
    for (at, piece) in pattern.split("{}").enumerate() {
        if at > 0 {
            text.push_str(gaps.next().map_or("", AsRef::as_ref));
        }
        text.push_str(piece);
    }
    text
}

/// A parcel that nobody can follow; behind its carrier.
pub const NO_TRACKING: &str = "no tracking number";
const SHORTFALL: Phrase = Phrase::new("{} units are not there", "{}点が足りません");
const SHORTFALL_OF_ONE: Phrase = Phrase::new("{} unit is not there", "{}点が足りません");
/// A line's title, and the code that no item has.
pub const NO_ITEM: Phrase = Phrase::new(
    "{}: no item for code {}; see `banto listings unmatched`",
    "{}: コード「{}」の商品がありません。出品の画面で紐付けてください",
);
/// A line's title; the line has no code.
pub const NO_CODE: Phrase = Phrase::new(
    "{}: no item for code none; see `banto listings unmatched`",
    "{}: 商品コードがないため商品が決まりません。出品の画面で紐付けてください",
);
/// The name of a kind of mail.
pub const NO_ADDRESS: Phrase = Phrase::new(
    "{}: the channel gives no mail address",
    "「{}」を送れません。チャネルからメールアドレスが渡されていません",
);
/// Quantity and title of goods that came back.
pub const ON_SALE_AGAIN: Phrase = Phrase::new("{} × {}, on sale again", "{} × {}（再販売）");
/// Quantity and title of goods that came back.
pub const SET_ASIDE: Phrase = Phrase::new("{} × {}, set aside", "{} × {}（返品保管）");
/// What a channel had an order wait for.
pub const NO_LONGER: Phrase = Phrase::new("the channel no longer says: {}", "チャネルで解消: {}");
/// The currency's code in quotes.
pub const UNKNOWN_CURRENCY: Phrase = Phrase::new("unknown currency {}", "不明な通貨 {}");
/// The sum, its currency, and the channel's total.
pub const ADDS_UP: Phrase = Phrase::new(
    "the parts add up to {} {}, the channel's total is {}",
    "内訳の合計 {} {} がチャネルの合計 {} と一致しません",
);
/// An order without lines.
pub const NO_LINES: Phrase = Phrase::new("the order has no lines", "明細がありません");
/// Why a customer is blocked.
pub const BLOCKED: Phrase = Phrase::new("blocked customer: {}", "取引停止の顧客: {}");
/// Why the house cancels by itself.
pub const NOT_PAID: Phrase = Phrase::new("not paid in time", "期限までに入金がありませんでした");

/// Reasons of ours to hold or cancel an order.
const REASONS: &[Phrase] = &[UNKNOWN_CURRENCY, ADDS_UP, NO_LINES, BLOCKED, NOT_PAID];

/// What stands in place of a mail server's answer, around it, or names the step at which it came (`mail/transport` and the
/// mail lane say so).
const ANSWERS: &[Phrase] = &[
    Phrase::new(
        "the money has come, or the order has ended",
        "入金済みか、すでに完了した受注のため送りませんでした",
    ),
    Phrase::new("{}; counted as sent, as the setting says", "{}。設定により送信済みとして扱いました"),
    Phrase::new("{}; sent again, as the setting says", "{}。設定により再送しました"),
    Phrase::new("given up: {}", "再試行を打ち切りました: {}"),
    Phrase::new("{} (try {} of {})", "{}（{}回目、上限{}回）"),
    Phrase::new("refused for good, {}: {}", "受け付けられませんでした（{}）: {}"),
    Phrase::new("not taken now, {}: {}", "今は受け付けられませんでした（{}）: {}"),
    Phrase::new("unknown whether taken: {}", "受け付けられたか不明です: {}"),
    Phrase::new(
        "the mail server refuses the sender; it is asked again soon",
        "差出人がメールサーバーに拒否されました。まもなく再試行します",
    ),
    Phrase::new("the mail server refuses the sender: {}", "差出人がメールサーバーに拒否されました: {}"),
    Phrase::new("the mail server refuses us: {}: {}", "メールサーバーに拒否されました（{}）: {}"),
    Phrase::new("banto was cut off while it was being sent", "送信中に処理が中断されました"),
    Phrase::new("no answer within {} s", "{}秒以内に応答がありませんでした"),
    Phrase::new("the server answered {} to DATA", "DATAへの応答は {} でした"),
    Phrase::new("the server answered {} to the content", "本文への応答は {} でした"),
    Phrase::new("not tried", "送信を試みていません"),
    Phrase::new(
        "this version of banto does not know such a mail",
        "このバージョンのbantoが対応していない種類のメールです",
    ),
    Phrase::new("{} is no kind of mail", "{} という種類のメールはありません"),
    Phrase::new(
        "the mail server does not answer; it is asked again soon",
        "メールサーバーが応答しません。まもなく再試行します",
    ),
    Phrase::new(
        "buyers at {} are reached through the marketplace's own mail server alone; write its log-in into {}",
        "{} 宛のメールはモールのメールサーバーからしか送れません。そのログイン情報を {} に設定してください",
    ),
    Phrase::new(
        "banto.toml has no [mail], so no mail can go out",
        "banto.toml に [mail] がないため送信できません",
    ),
    Phrase::new("there is no {} mail in {}", "メール「{}」のテンプレート（{}）がありません"),
    Phrase::new("sender's address {} is not valid: {}", "差出人のアドレス {} が正しくありません: {}"),
    Phrase::new("recipient's address {} is not valid: {}", "宛先のアドレス {} が正しくありません: {}"),
    Phrase::new(
        "it holds a blank, a control character or an angle bracket",
        "空白・制御文字・山括弧が含まれています",
    ),
    Phrase::new("it is longer than 254 octets", "254バイトを超えています"),
    Phrase::new(
        "the mail server cannot write to {}: it does not offer SMTPUTF8; use an address in ASCII (a domain in its xn-- form)",
        "メールサーバーがSMTPUTF8に対応していないため {} へ送れません。英数字のアドレスにしてください",
    ),
    Phrase::new(
        "the mail is not ASCII, and the mail server does not offer 8BITMIME",
        "メールサーバーが8BITMIMEに対応していないため、このメールを送れません",
    ),
    Phrase::new("connecting", "接続"),
    Phrase::new("the greeting", "接続の応答"),
    Phrase::new("starting TLS", "TLSの開始"),
    Phrase::new("logging in", "ログイン"),
    Phrase::new("checking the mail", "送信前の確認"),
    Phrase::new("naming the sender", "差出人の指定"),
    Phrase::new("naming the recipient", "宛先の指定"),
    Phrase::new("asking to send the content", "本文の送信要求"),
    Phrase::new("sending the content", "本文の送信"),
    Phrase::new("waiting for the answer to the content", "本文への応答待ち"),
];

/// Units that an order lacks.
#[must_use]
pub fn shortfall(units: i64) -> String {
    let phrase = if units == 1 { SHORTFALL_OF_ONE } else { SHORTFALL };
    phrase.fill(&[&units.to_string()])
}

/// The detail of an event of that kind, as the store has both.
#[must_use]
pub fn detail_in_words(kind: &str, detail: &str) -> Bilingual {
    if let Some(both) = packed(detail) {
        return both;
    }
    let one_of =
        |phrases: &[Phrase]| phrases.iter().find_map(|phrase| phrase.translate(detail, str::to_owned));
    let ja = match kind {
        "payment" => payment_from(detail).map(|payment| payment_in_words(payment).ja),
        "told" => notice(detail).map(str::to_owned),
        "told_refused" => detail
            .split_once(": ")
            .and_then(|(what, why)| Some(format!("{}: {}", notice(what)?, answer_in_words(why).ja))),
        "held" | "cancelled" => Some(hold_in_words(detail).ja),
        "released" => NO_LONGER
            .translate(detail, |waited| hold_in_words(waited).ja)
            .or_else(|| Some(hold_in_words(detail).ja)),
        "shipped" => detail.strip_suffix(NO_TRACKING).map(|carrier| format!("{carrier}追跡番号なし")),
        "shortfall" => one_of(&[SHORTFALL, SHORTFALL_OF_ONE]),
        "unmatched" => one_of(&[NO_CODE, NO_ITEM]),
        "no_mail" => NO_ADDRESS.translate(detail, mail_name),
        "returned" => one_of(&[ON_SALE_AGAIN, SET_ASIDE]),
        kind if kind.starts_with("mail_") => about_mail(detail),
        _ => None,
    };
    Bilingual { en: detail.to_owned(), ja: ja.unwrap_or_else(|| detail.to_owned()) }
}

/// A text that the store keeps in both languages.
fn packed(text: &str) -> Option<Bilingual> {
    let both = Bilingual::unpacked(text);
    (both.en != text).then_some(both)
}

/// Why an order is on hold once there is one more reason, as the store keeps it.
#[must_use]
pub fn held_also(there: Option<&str>, reason: Bilingual) -> String {
    match there.map(hold_in_words) {
        Some(there) if there.en.contains(&reason.en) => there.packed(),
        there => Bilingual::list(there.into_iter().chain([reason])).unwrap_or_default().packed(),
    }
}

/// What is left of a hold when the channel no longer asks for it, as the store keeps it: what a person or a guard said
/// stays.
#[must_use]
pub fn held_without(hold: &str, waited: &str) -> Option<String> {
    let (hold, waited) = (hold_in_words(hold), hold_in_words(waited));
    let gone =
        |part: &&str| [&waited.en, &waited.ja].iter().any(|all| all.split("; ").any(|one| one == *part));
    let left = |text: &str| text.split("; ").filter(|part| !gone(part)).collect::<Vec<_>>().join("; ");
    let left = Bilingual { en: left(&hold.en), ja: left(&hold.ja) };
    (!left.en.is_empty()).then(|| left.packed())
}

/// Why an order is on hold, or was cancelled: reasons of ours with what else was said between them.
#[must_use]
pub fn hold_in_words(hold: &str) -> Bilingual {
    if let Some(both) = packed(hold) {
        return both;
    }
    let part = |part: &str| {
        REASONS
            .iter()
            .find_map(|phrase| phrase.translate(part, str::to_owned))
            .unwrap_or_else(|| part.to_owned())
    };
    let ja: Vec<String> = hold.split("; ").map(part).collect();
    Bilingual { en: hold.to_owned(), ja: ja.join("; ") }
}

/// What a mail server said, or what we say in its place.
#[must_use]
pub fn answer_in_words(answer: &str) -> Bilingual {
    if let Some(both) = packed(answer) {
        return both;
    }
    let gap = |text: &str| answer_in_words(text).ja;
    let ja = ANSWERS.iter().find_map(|phrase| phrase.translate(answer, gap));
    Bilingual { en: answer.to_owned(), ja: ja.unwrap_or_else(|| answer.to_owned()) }
}

/// `shipped 2: what was said`: kind and revision of a mail, then its receiver or an answer.
fn about_mail(detail: &str) -> Option<String> {
    let (name, said) = detail.split_once(": ").or_else(|| Some((detail.strip_suffix(':')?, "")))?;
    let (kind, revision) = name.split_once(' ')?;
    let kind = mail_in_words(MailKind::from_name(kind)?).ja;
    let said = answer_in_words(said).ja;
    // Only of what a parcel asks for is there more than one.
    Some(match revision {
        "1" => format!("「{kind}」{said}"),
        _ => format!("「{kind}」（{revision}） {said}"),
    })
}

fn mail_name(name: &str) -> String {
    MailKind::from_name(name).map_or_else(|| name.to_owned(), |kind| mail_in_words(kind).ja)
}

/// That a channel refused to be told something, as the timeline keeps it: what it was, and why it was refused.
#[must_use]
pub fn told_refused(what: &str, why: &str) -> String {
    let Some(why) = packed(why) else { return format!("{what}: {why}") };
    let ja = notice(what).unwrap_or(what);
    Bilingual { en: format!("{what}: {}", why.en), ja: format!("{ja}: {}", why.ja) }.packed()
}

/// What a channel is told, by the word for it.
fn notice(name: &str) -> Option<&'static str> {
    let all = [
        (NoticeKind::Shipped, "出荷"),
        (NoticeKind::Cancelled, "キャンセル"),
        (NoticeKind::Paid, "入金"),
        (NoticeKind::Note, "メモ"),
        (NoticeKind::Confirmed, "受注確認"),
    ];
    all.into_iter().find(|(kind, _)| kind.name() == name).map(|(_, ja)| ja)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_finds_its_gaps_again_whatever_stands_in_them() {
        let text = ADDS_UP.fill(&["12", "JPY", "13"]);
        assert_eq!(ADDS_UP.read(&text), Some(vec!["12", "JPY", "13"]));
        for gaps in [["", "", ""], ["a, b", "x", "the channel's total is"], ["{}", " ", ", the"]] {
            let text = ADDS_UP.fill(&gaps);
            let found = ADDS_UP.read(&text).map(|gaps| ADDS_UP.fill(&gaps));
            assert_eq!(found.as_ref(), Some(&text), "{gaps:?}");
        }
        for other in ["", "the parts add up to 1 JPY", "so the order has no lines", "the order has no lines."]
        {
            assert_eq!((ADDS_UP.read(other), NO_LINES.read(other)), (None, None), "{other}");
        }
        assert_eq!(NO_LINES.read(&NO_LINES.fill(&[])), Some(vec![]));
    }

    #[test]
    fn every_phrase_has_as_many_gaps_in_both_languages() {
        let single =
            [SHORTFALL, NO_ITEM, NO_CODE, NO_ADDRESS, ON_SALE_AGAIN, SET_ASIDE, NO_LONGER].into_iter();
        for phrase in single.chain(REASONS.iter().copied()).chain(ANSWERS.iter().copied()) {
            assert_eq!(phrase.en.matches("{}").count(), phrase.ja.matches("{}").count(), "{phrase:?}");
        }
    }

    #[test]
    fn what_others_said_stays_as_it_came() {
        for (kind, detail) in [
            ("held", "RMS: 不正注文の疑い; call the buyer"),
            ("status", "on-hold"),
            ("note", "the order has no lines"),
            ("paid", "paid"),
            ("payment", "tumbled"),
            ("mail_sent", "no such kind of mail"),
        ] {
            let told = detail_in_words(kind, detail);
            assert_eq!((told.en.as_str(), told.ja.as_str()), (detail, detail), "{kind}");
        }
        assert_eq!(
            answer_in_words("250 2.0.0 OK 1795311000 given up: no").ja,
            "250 2.0.0 OK 1795311000 given up: no"
        );
    }

    #[test]
    fn a_hold_grows_and_ends_in_both_languages() {
        let waits = |en: &str, ja: &str| Bilingual { en: en.to_owned(), ja: ja.to_owned() };
        // As an order was held before there were two languages in the store.
        let hold = held_also(Some("the order has no lines; call first"), waits("in review", "審査中"));
        let told = hold_in_words(&hold);
        assert_eq!(told.en, "the order has no lines; call first; in review");
        assert_eq!(told.ja, "明細がありません; call first; 審査中");
        assert_eq!(held_also(Some(&hold), waits("in review", "審査中")), hold, "nothing is said twice");
        let left = held_without(&hold, &waits("in review", "審査中").packed());
        assert_eq!(left.map(|left| hold_in_words(&left).ja), Some("明細がありません; call first".to_owned()));
        let held = held_also(None, waits("in review; a gift", "審査中; ギフト"));
        assert_eq!(held_without(&held, &waits("a gift; in review", "ギフト; 審査中").packed()), None);
        assert_eq!(held_without("in review", &waits("in review", "審査中").packed()), None, "an old one");
        let told = detail_in_words("released", &NO_LONGER.around(&waits("in review", "審査中")).packed());
        assert_eq!(told.ja, "チャネルで解消: 審査中");
    }

    #[test]
    fn a_refusal_is_told_with_what_was_refused() {
        let why =
            Bilingual { en: "no such parcel".to_owned(), ja: "その荷物はありません".to_owned() };
        let told = detail_in_words("told_refused", &told_refused("shipped", &why.packed()));
        assert_eq!(told.en, "shipped: no such parcel");
        assert_eq!(told.ja, "出荷: その荷物はありません");
        let plain = detail_in_words("told_refused", &told_refused("shipped", "HTTP 404"));
        assert_eq!((plain.en.as_str(), plain.ja.as_str()), ("shipped: HTTP 404", "出荷: HTTP 404"));
    }

    #[test]
    fn reasons_are_told_one_by_one() {
        let hold = format!("{}; {}; call first", NO_LINES.fill(&[]), BLOCKED.fill(&["二重払い"]));
        assert_eq!(hold_in_words(&hold).ja, "明細がありません; 取引停止の顧客: 二重払い; call first");
        let gone = detail_in_words("released", &NO_LONGER.fill(&["審査中; the order has no lines"]));
        assert_eq!(gone.ja, "チャネルで解消: 審査中; 明細がありません");
        assert_eq!(detail_in_words("released", "call first").ja, "call first");
    }
}
