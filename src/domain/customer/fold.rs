//! Names, addresses, phones and mail addresses in the one form in which they are compared.

use banto_channel::Address;
use unicode_normalization::UnicodeNormalization;

use crate::domain::search::{fold, phone_digits};

/// Domains under which marketplaces hand out addresses that stand for a buyer's own.
const RELAYS: &[&str] = &[
    "fw.rakuten.ne.jp",
    "marketplace.amazon.co.jp",
    "marketplace.amazon.com",
    "marketplace.amazon.co.uk",
    "marketplace.amazon.de",
    "marketplace.amazon.fr",
    "marketplace.amazon.it",
    "marketplace.amazon.es",
    "marketplace.amazon.ca",
    "marketplace.amazon.com.au",
    "members.ebay.com",
    "relay.walmart.com",
];

/// Shortest number that is a phone's and not an extension.
const PHONE_MIN: usize = 9;

/// Whether a folded mail address is one that a marketplace made for its buyer.
#[must_use]
pub fn is_masked(mail: &str) -> bool {
    let domain = mail.rsplit('@').next().unwrap_or_default();
    RELAYS.iter().any(|relay| domain.strip_suffix(relay).is_some_and(|d| d.is_empty() || d.ends_with('.')))
}

/// A mail address in lower case without spaces around it; `None` if it is none, or one that nobody has.
#[must_use]
pub fn fold_mail(text: &str) -> Option<String> {
    let mail: String = text.trim().nfkc().flat_map(char::to_lowercase).collect();
    let (user, domain) = mail.split_once('@')?;
    let sound = !user.is_empty() && domain.contains('.') && !domain.contains('@');
    let nobody = domain.ends_with(".invalid") || matches!(user, "noreply" | "no-reply" | "none" | "dummy");
    let clean = !mail.chars().any(|c| c.is_whitespace() || c.is_control());
    (sound && clean && !nobody).then_some(mail)
}

/// The digits of a phone number as it is dialled within Japan: `+81 90-1234-5678` is `09012345678`. `None` if there are
/// too few, or only one over and over.
#[must_use]
pub fn fold_phone(text: &str) -> Option<String> {
    let digits = phone_digits(text);
    let first = digits.chars().next()?;
    (digits.len() >= PHONE_MIN && digits.chars().any(|c| c != first)).then_some(digits)
}

/// Folded words of a name, in the order in which names are compared: a Japanese name's as written, others' by the
/// alphabet, as `Yamada Taro` is `Taro Yamada`. Empty if there is no letter.
#[must_use]
pub fn fold_name(text: &str) -> String {
    let text = text.trim();
    let text = ["様", "さま", "御中"].iter().find_map(|title| text.strip_suffix(title)).unwrap_or(text);
    let parts = text.split(|c: char| c.is_whitespace() || matches!(c, ',' | '、' | '・' | '･'));
    let mut words: Vec<String> =
        parts.map(|part| fold(part).replace(['.', '_', '@'], "")).filter(|w| !w.is_empty()).collect();
    if !words.iter().any(|w| is_japanese(w)) {
        words.sort();
    }
    words.join(" ")
}

fn is_japanese(text: &str) -> bool {
    text.chars()
        .any(|c| matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}'))
}

/// Whether two folded names are of one family: equal first words of Japanese names, where one is written without a
/// space it begins with the other's; of other names a word in common, as nobody can tell which is the family's.
#[must_use]
pub fn same_family(one: &str, other: &str) -> bool {
    if one.is_empty() || other.is_empty() {
        return false;
    }
    if one.replace(' ', "") == other.replace(' ', "") {
        return true;
    }
    match (is_japanese(one), is_japanese(other)) {
        (true, true) => match (one.split_once(' '), other.split_once(' ')) {
            (Some((a, _)), Some((b, _))) => a == b,
            (Some((family, _)), None) => other.starts_with(family),
            (None, Some((family, _))) => one.starts_with(family),
            (None, None) => false,
        },
        (false, false) => {
            let word = |w: &&str| w.chars().count() > 1;
            one.split(' ').filter(word).any(|w| other.split(' ').any(|o| o == w))
        }
        _ => false,
    }
}

/// An address in the form in which it is compared: postcode and house numbers, or where it has no postcode or no
/// number, all of its letters. `None` if it names no place.
#[must_use]
pub fn fold_address(address: &Address) -> Option<String> {
    let postcode: String = address.postcode.nfkc().filter(char::is_ascii_alphanumeric).collect();
    let postcode = postcode.to_lowercase();
    let place = [&address.city, &address.line1, &address.line2].map(String::as_str).join(" ");
    let place = arabic_blocks(&place.nfkc().collect::<String>());
    let numbers: Vec<&str> =
        place.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty()).collect();
    if !postcode.is_empty() && !numbers.is_empty() {
        return Some(format!("{postcode}|{}", numbers.join(".")));
    }
    // A town alone is no address.
    let street = format!("{}{}", fold(&address.line1), fold(&address.line2));
    (!street.is_empty())
        .then(|| format!("{postcode}|{}{}{street}", fold(&address.region), fold(&address.city)))
}

/// 一丁目 as 1丁目: a block's number is written either way.
fn arabic_blocks(place: &str) -> String {
    const DIGITS: [char; 9] = ['一', '二', '三', '四', '五', '六', '七', '八', '九'];
    let mut out = place.to_owned();
    for (n, kanji) in (1..).zip(DIGITS) {
        for block in ["丁目", "番", "号"] {
            out = out.replace(&format!("{kanji}{block}"), &format!("{n}{block}"));
        }
    }
    out
}
