//! The stockroom's screen: a scanner types a JAN and Enter, the page counts. What was scanned stands in the page itself
//! until it is booked, so nothing is lost by a code that nobody knows, and no script is needed.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Form, State};
use axum::response::Response;
use banto_channel::{Bilingual, both};

use super::once::{Turn, end, new_key, sent_key, turn};
use super::{Place, list, place, places};
use crate::domain::ItemId;
use crate::domain::counted::counted;
use crate::domain::stock::{Level, QUANTITY_MAX};
use crate::store::{ItemRow, Moved, Scanned, StockAct};
use crate::web::screen::{Desk, Fault, Page, Section, Visit, done, html};

/// Lines of one slip.
const LINES_MAX: usize = 500;

/// A slip as the form carries it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Slip {
    /// Code and quantity, the newest line first.
    pub lines: Vec<(String, i64)>,
    /// What was scanned just now.
    pub scan: String,
    /// How many of it.
    pub units: i64,
    /// Code of the location.
    pub at: String,
    pub note: String,
    /// The goods are returned ones.
    pub returned: bool,
    /// `add`, `book`, or `drop CODE`.
    pub act: String,
    /// The newest movement when counting began.
    pub as_of: i64,
    /// Made when the slip was opened, so that it is booked once; empty in a form that has none.
    pub key: String,
}

impl Slip {
    /// Reads the form: `code` and `qty` come in pairs, once a line.
    pub(super) fn read(fields: Vec<(String, String)>, least: i64) -> Self {
        let mut slip = Self { units: 1, ..Self::default() };
        let mut code = None;
        for (name, value) in fields {
            match name.as_str() {
                "code" => code = Some(value),
                "qty" => slip
                    .lines
                    .extend(code.take().map(|code| (code, quantity(&value, least).unwrap_or(least)))),
                "scan" => slip.scan = value.trim().to_owned(),
                "units" => slip.units = quantity(&value, 1).unwrap_or(1),
                "at" => slip.at = value,
                "note" => slip.note = value.trim().to_owned(),
                "returned" => slip.returned = value == "1",
                "act" => slip.act = value,
                "as_of" => slip.as_of = value.parse().unwrap_or(0),
                "key" => slip.key = sent_key(&value).unwrap_or_default(),
                _ => {}
            }
        }
        slip.lines.truncate(LINES_MAX);
        slip
    }

    /// Takes a scan up: more of a line that is there, or a new one, which then stands first.
    fn add(&mut self, code: &str) {
        let there = self.lines.iter().position(|(known, _)| known == code).map(|at| self.lines.remove(at));
        let units = there.map_or(0, |(_, n)| n).saturating_add(self.units).min(QUANTITY_MAX);
        self.lines.insert(0, (code.to_owned(), units));
        (self.scan, self.units) = (String::new(), 1);
    }
}

fn quantity(text: &str, least: i64) -> Option<i64> {
    text.trim().parse::<i64>().ok().filter(|n| (least..=QUANTITY_MAX).contains(n))
}

/// What a scan came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    /// It was understood, and stands first in the slip.
    pub taken: bool,
    /// Why not.
    pub trouble: Option<Bilingual>,
    /// Items that share the JAN.
    pub choices: Vec<ItemRow>,
}

/// Looks up what was scanned and takes it up; what is not known stays in the slip's `scan`.
pub(super) async fn hear(desk: &Desk, slip: &mut Slip) -> Result<Heard, Fault> {
    let mut heard = Heard::default();
    if slip.scan.is_empty() {
        return Ok(heard);
    }
    let scan = slip.scan.clone();
    match desk.store().scanned(&scan).await? {
        Scanned::One(item) if item.is_set => {
            let code = &item.code;
            heard.trouble = Some(both!(
                "{code} is a set: scan its parts. The list is as it was",
                "{code} はセット商品です。構成品を読み取ってください。リストはそのままです"
            ));
        }
        Scanned::One(_) if slip.lines.len() >= LINES_MAX => {
            heard.trouble =
                Some(both!("The list is full: book it first", "リストがいっぱいです。先に登録してください"));
        }
        Scanned::One(item) => {
            slip.add(&item.code);
            heard.taken = true;
        }
        Scanned::Several(items) => {
            heard.trouble = Some(both!(
                "{scan} is the JAN of several items: choose one",
                "{scan} は複数の商品のJANです。商品を選んでください"
            ));
            heard.choices = items;
        }
        Scanned::Unknown => {
            heard.trouble = Some(both!(
                "No item has the code or JAN {scan}. The list is as it was",
                "コードまたはJAN「{scan}」の商品はありません。リストはそのままです"
            ));
        }
    }
    Ok(heard)
}

/// A line as the page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub code: String,
    pub name: String,
    pub quantity: i64,
    pub level: Level,
}

#[derive(Template)]
#[template(path = "stock_scan.html", config = "src/web/askama.toml")]
pub(super) struct ScanPage {
    pub p: Page,
    /// Where the form goes.
    pub path: &'static str,
    /// It counts what is there, instead of taking goods in.
    pub counts: bool,
    pub slip: Slip,
    pub lines: Vec<Line>,
    /// The first line was scanned just now.
    pub taken: bool,
    pub trouble: Option<String>,
    pub choices: Vec<ItemRow>,
    pub places: Vec<Place>,
}

impl ScanPage {
    /// The page of a slip with what its items have on the shelf now.
    pub(super) async fn of(
        desk: &Desk,
        p: Page,
        (path, counts): (&'static str, bool),
        mut slip: Slip,
        heard: Heard,
    ) -> Result<Self, Fault> {
        if slip.key.is_empty() {
            slip.key = new_key();
        }
        let codes: Vec<&str> = slip.lines.iter().map(|(code, _)| code.as_str()).collect();
        let items = desk.store().items_by_code(&codes).await?;
        let places = places(desk).await?;
        let here = places.iter().find(|l| l.code == slip.at).or(places.first()).map(|l| l.id);
        let levels = desk.store().levels_of(&items.values().map(|i| i.id).collect()).await?;
        let levels: BTreeMap<ItemId, Level> =
            levels.iter().filter(|l| Some(l.location_id) == here).map(|l| (l.item_id, l.level())).collect();
        let line = |(code, quantity): &(String, i64)| {
            let item = items.get(code)?;
            let level = levels.get(&item.id).copied().unwrap_or_default();
            Some(Line { code: code.clone(), name: item.name.clone(), quantity: *quantity, level })
        };
        Ok(Self {
            lines: slip.lines.iter().filter_map(line).collect(),
            taken: heard.taken,
            trouble: heard.trouble.map(|words| p.say(&words)),
            choices: heard.choices,
            path,
            counts,
            places,
            slip,
            p,
        })
    }
}

const RECEIVE: (&str, bool) = ("/stock/receive", false);

fn frame(desk: &Desk, visit: &Visit) -> Page {
    desk.page(visit, Section::Stock, &both!("Receive", "入荷"))
}

pub(super) async fn receive(State(desk): State<Desk>, visit: Visit) -> Result<Response, Fault> {
    let slip = Slip { units: 1, ..Slip::default() };
    html(&ScanPage::of(&desk, frame(&desk, &visit), RECEIVE, slip, Heard::default()).await?)
}

pub(super) async fn receive_act(
    State(desk): State<Desk>,
    visit: Visit,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let mut slip = Slip::read(fields, 1);
    let mut heard = Heard::default();
    if let Some(code) = slip.act.strip_prefix("drop ") {
        slip.lines.retain(|(known, _)| known != code);
    } else {
        heard = hear(&desk, &mut slip).await?;
    }
    if slip.act == "book" && heard.trouble.is_none() {
        match book(&desk, &visit, &slip).await {
            Ok(words) => return Ok(done(&visit, "/stock/receive", &words)),
            Err(trouble) => heard = Heard { trouble: Some(trouble), ..Heard::default() },
        }
    }
    html(&ScanPage::of(&desk, frame(&desk, &visit), RECEIVE, slip, heard).await?)
}

/// Books the slip, all of it or nothing, and once; why not, else what it did.
async fn book(desk: &Desk, visit: &Visit, slip: &Slip) -> Result<Bilingual, Bilingual> {
    if slip.lines.is_empty() {
        return Err(both!("Nothing was scanned yet", "まだ何も読み取られていません"));
    }
    if slip.key.is_empty() {
        return Err(both!(
            "This page is of an older version, and nothing was booked: look the list over and book it again",
            "古い画面のため登録していません。リストを確認して、もう一度登録してください"
        ));
    }
    let location = place(desk, &slip.at).await.map_err(|fault| fault.why)?;
    let mut said = vec![location.code.clone(), slip.returned.to_string()];
    said.extend(slip.lines.iter().map(|(code, quantity)| format!("{quantity} {code}")));
    let said: Vec<&str> = said.iter().map(String::as_str).collect();
    let this = match turn(desk, &slip.key, &said).await.map_err(|fault| fault.why)? {
        Turn::First(this) => this,
        Turn::Again => return Ok(Turn::Again.words()),
        other => return Err(other.words()),
    };
    let (actor, now) = (visit.actor(), desk.now());
    let act = StockAct { code: "", location: &location, actor: &actor, note: &slip.note, now };
    // Scanned last stands first; it is booked as it was scanned.
    let lines: Vec<(String, i64)> = slip.lines.iter().rev().cloned().collect();
    let done = desk.store().once(this).receive_slip(&lines, &act, slip.returned).await;
    end(desk, this).await;
    match done {
        Ok(moved) => Ok(booked_words(&moved, &Place::from(location).name)),
        Err(error) => Err(both!("Nothing was booked", "登録していません").with(&error.words())),
    }
}

fn booked_words(moved: &[Moved], place: &str) -> Bilingual {
    let items = moved.len();
    let units: i64 = moved.iter().map(|m| m.after.on_hand() - m.before.on_hand()).sum();
    let served: Vec<String> = moved.iter().flat_map(|m| m.served.iter().cloned()).collect();
    let words = both!(
        "Booked {goods} of {kinds} at {place}",
        "{place} に {items} 商品・{units} 点を登録しました",
        goods = counted(units, "unit", "units"),
        kinds = counted(items, "item", "items")
    );
    if served.is_empty() {
        return words;
    }
    let orders = list(&served);
    words.then(both!("Got what they waited for: {orders}", "不足が解消した受注: {orders}"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]
mod tests {
    use super::super::tests::{NASTY, assert_tame, page};
    use super::*;
    use crate::web::screen::Language;

    fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn repeated_scans_add_up_and_the_newest_stands_first() {
        let form = fields(&[
            ("code", "A"),
            ("qty", "2"),
            ("code", "B"),
            ("qty", "x"),
            ("scan", " B "),
            ("units", "3"),
            ("act", "add"),
        ]);
        let mut slip = Slip::read(form, 1);
        assert_eq!(slip.lines, [("A".to_owned(), 2), ("B".to_owned(), 1)]);
        assert_eq!((slip.scan.as_str(), slip.units), ("B", 3));
        slip.add("B");
        assert_eq!(slip.lines, [("B".to_owned(), 4), ("A".to_owned(), 2)]);
        assert_eq!((slip.scan.as_str(), slip.units), ("", 1));
        slip.add("C");
        assert_eq!(slip.lines[0], ("C".to_owned(), 1));
    }

    #[test]
    fn a_line_without_its_quantity_is_none_and_a_count_may_be_zero() {
        let form = || fields(&[("qty", "9"), ("code", "A"), ("code", "B"), ("qty", "0")]);
        assert_eq!(Slip::read(form(), 0).lines, [("B".to_owned(), 0)]);
        assert_eq!(Slip::read(form(), 1).lines, [("B".to_owned(), 1)]);
    }

    #[test]
    fn strangers_texts_are_texts() {
        for (language, words) in [(Language::Ja, "読み取り"), (Language::En, "Scan")] {
            let line = Line { code: NASTY.into(), name: NASTY.into(), quantity: 3, level: Level::default() };
            let scan = ScanPage {
                p: page(language),
                path: "/stock/receive",
                counts: false,
                slip: Slip {
                    scan: NASTY.into(),
                    note: NASTY.into(),
                    units: 1,
                    key: "once".into(),
                    ..Slip::default()
                },
                lines: vec![line],
                taken: true,
                trouble: Some(NASTY.into()),
                choices: Vec::new(),
                places: vec![Place { id: 1, code: NASTY.into(), name: NASTY.into() }],
            };
            let text = scan.render().unwrap();
            assert_tame(&text);
            assert!(text.contains(words) && text.contains("autofocus"), "{text}");
            assert!(text.contains("name=\"key\" value=\"once\""), "{text}");
        }
    }
}
