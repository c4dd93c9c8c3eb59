//! A stocktake: by scanner or by sheet, put beside the ledger, and into it once a person has seen the differences. A shelf
//! that moved since is shown, and nothing is written.

use askama::Template;
use axum::extract::{Form, Multipart, State};
use axum::response::Response;
use banto_channel::{Bilingual, both};
use serde::Deserialize;

use super::once::{Turn, end, new_key, sent_key, turn};
use super::scan::{Heard, ScanPage, Slip, hear};
use super::sheet::{Upload, read, written};
use super::{Place, item_path, place};
use crate::domain::catalogue::{CountLine, Remark};
use crate::sheet;
use crate::store::{CountPlan, CountRow, LocationRow, Store};
use crate::web::screen::{Desk, Fault, Page, Section, Visit, done, html};

const COUNT: (&str, bool) = ("/stock/count", true);
/// Rows shown of a plan: what differs comes first.
const SHOWN: usize = 300;
/// Items named that were not counted.
const UNCOUNTED: usize = 20;

fn frame(desk: &Desk, visit: &Visit) -> Page {
    desk.page(visit, Section::Stock, &both!("Stocktake", "棚卸"))
}

pub(super) async fn show(State(desk): State<Desk>, visit: Visit) -> Result<Response, Fault> {
    let slip = Slip { units: 1, as_of: desk.store().newest_entry().await?, ..Slip::default() };
    html(&ScanPage::of(&desk, frame(&desk, &visit), COUNT, slip, Heard::default()).await?)
}

pub(super) async fn scan_act(
    State(desk): State<Desk>,
    visit: Visit,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let mut slip = Slip::read(fields, 0);
    let mut heard = Heard::default();
    if let Some(code) = slip.act.strip_prefix("drop ") {
        slip.lines.retain(|(known, _)| known != code);
    } else {
        heard = hear(&desk, &mut slip).await?;
    }
    if slip.act != "book" || heard.trouble.is_some() || slip.lines.is_empty() {
        return html(&ScanPage::of(&desk, frame(&desk, &visit), COUNT, slip, heard).await?);
    }
    let line = |(at, (code, counted)): (usize, &(String, i64))| CountLine {
        line: at as u64 + 1,
        code: Some(code.clone()),
        gtin: None,
        location: None,
        counted: *counted,
    };
    let count = Count {
        lines: slip.lines.iter().rev().enumerate().map(line).collect(),
        at: slip.at,
        sum: false,
        // What was sold since counting began makes the count doubtful.
        as_of: Some(slip.as_of),
        name: "scanner".to_owned(),
        remarks: Vec::new(),
    };
    compare(&desk, &visit, count).await
}

pub(super) async fn sheet(
    State(desk): State<Desk>,
    visit: Visit,
    form: Multipart,
) -> Result<Response, Fault> {
    let upload = Upload::read(form).await?;
    let sheet = sheet::count(&upload.bytes).map_err(|remark| Fault::bad_input(remark.words()))?;
    let remarks = sheet.faults.into_iter().chain(sheet.warnings).collect();
    let count = Count {
        lines: sheet.lines,
        at: upload.at,
        sum: upload.ticked,
        as_of: None,
        name: upload.name,
        remarks,
    };
    compare(&desk, &visit, count).await
}

/// What was counted, on its way from page to page.
#[derive(Clone, Debug)]
struct Count {
    lines: Vec<CountLine>,
    /// Code of the location of lines that name none.
    at: String,
    sum: bool,
    /// Shelves that moved after this entry are not as they were counted.
    as_of: Option<i64>,
    /// The file's name, for the audit.
    name: String,
    /// What was found while reading.
    remarks: Vec<Remark>,
}

/// Shows a count beside the ledger; writes nothing.
async fn compare(desk: &Desk, visit: &Visit, count: Count) -> Result<Response, Fault> {
    let location = place(desk, &count.at).await?;
    let plan = desk.store().plan_count(&count.lines, &location, count.sum).await?;
    let as_of = count.as_of.unwrap_or(plan.as_of);
    let since: Vec<usize> =
        (0..plan.rows.len()).filter(|at| plan.rows[*at].level.last_entry > as_of).collect();
    html(&PlanPage::of(frame(desk, visit), &count, plan, (as_of, since), None))
}

/// One shelf, counted.
#[derive(Clone, Debug)]
struct Row {
    href: String,
    code: String,
    name: String,
    place: String,
    expected: i64,
    counted: i64,
    difference: i64,
    value: Option<(i64, String)>,
    /// It moved since it was counted.
    moved: bool,
}

impl Row {
    fn of(row: &CountRow, moved: bool) -> Self {
        Self {
            href: item_path(&row.item.code),
            code: row.item.code.clone(),
            name: row.item.name.clone(),
            place: Place::from(row.location.clone()).name,
            expected: row.level.on_hand(),
            counted: row.counted,
            difference: row.difference(),
            value: row.value().map(|value| (value, row.item.currency.clone())),
            moved,
        }
    }
}

#[derive(Template)]
#[template(path = "stock_count.html", config = "src/web/askama.toml")]
struct PlanPage {
    p: Page,
    rows: Vec<Row>,
    /// How many there are, and how many of them differ.
    all: i64,
    differ: i64,
    moved: i64,
    remarks: Vec<String>,
    /// Lines cannot be taken: nothing can be written.
    faulty: bool,
    uncounted: Vec<String>,
    uncounted_more: i64,
    trouble: Option<String>,
    sheet: String,
    at: String,
    sum: bool,
    name: String,
    /// So that it is written once.
    key: String,
    as_of: i64,
    /// The newest entry now: who commits with it says that the moved shelves were counted again.
    newest: i64,
}

impl PlanPage {
    fn of(
        p: Page,
        count: &Count,
        plan: CountPlan,
        (as_of, moved): (i64, Vec<usize>),
        trouble: Option<Bilingual>,
    ) -> Self {
        let mut rows: Vec<Row> =
            plan.rows.iter().enumerate().map(|(at, row)| Row::of(row, moved.contains(&at))).collect();
        let (all, differ) = (rows.len(), rows.iter().filter(|r| r.difference != 0).count());
        rows.sort_by_key(|r| (!r.moved, r.difference == 0));
        rows.truncate(SHOWN);
        let remarks: Vec<&Remark> = count.remarks.iter().chain(&plan.faults).collect();
        let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        Self {
            rows,
            all: number(all),
            differ: number(differ),
            moved: number(moved.len()),
            remarks: remarks.iter().take(SHOWN).map(|r| p.say(&r.words())).collect(),
            faulty: !plan.faults.is_empty(),
            uncounted: plan.uncounted.iter().take(UNCOUNTED).cloned().collect(),
            uncounted_more: number(plan.uncounted.len().saturating_sub(UNCOUNTED)),
            trouble: trouble.map(|words| p.say(&words)),
            sheet: written(&count.lines),
            at: count.at.clone(),
            sum: count.sum,
            name: count.name.clone(),
            key: new_key(),
            as_of,
            newest: plan.as_of,
            p,
        }
    }
}

/// What the plan's page sends.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct CommitForm {
    sheet: String,
    #[serde(default)]
    at: String,
    #[serde(default)]
    sum: String,
    #[serde(default)]
    name: String,
    as_of: i64,
    /// `all`, or `rest` without the shelves that moved.
    act: String,
    /// Made with the page; without one `as_of` alone keeps the same count from being written twice.
    #[serde(default)]
    key: String,
}

pub(super) async fn commit(
    State(desk): State<Desk>,
    visit: Visit,
    Form(form): Form<CommitForm>,
) -> Result<Response, Fault> {
    let Some(key) = sent_key(&form.key) else { return take(&desk, &visit, form, desk.store()).await };
    let as_of = form.as_of.to_string();
    let said = [&*form.sheet, &*form.at, &*form.sum, &*as_of, &*form.act];
    match turn(&desk, &key, &said).await? {
        Turn::First(this) => {
            let answer = take(&desk, &visit, form, &desk.store().once(this)).await;
            end(&desk, this).await;
            answer
        }
        // A page that was sent before is not shown again: what it compared has changed since.
        other => Ok(done(&visit, "/stock/count", &other.words())),
    }
}

/// Writes the count by this store, or shows what is in the way.
async fn take(desk: &Desk, visit: &Visit, form: CommitForm, by: &Store) -> Result<Response, Fault> {
    let location = place(desk, &form.at).await?;
    let count = Count {
        lines: read(&form.sheet),
        at: form.at,
        sum: !form.sum.is_empty(),
        as_of: Some(form.as_of),
        name: form.name,
        remarks: Vec::new(),
    };
    let mut plan = desk.store().plan_count(&count.lines, &location, count.sum).await?;
    if !plan.faults.is_empty() || plan.rows.is_empty() {
        let trouble =
            both!("Nothing was written: mend these lines", "登録していません。次の行を修正してください");
        let page = PlanPage::of(frame(desk, visit), &count, plan, (form.as_of, Vec::new()), Some(trouble));
        return html(&page);
    }
    if form.act == "rest" {
        plan.rows.retain(|row| row.level.last_entry <= form.as_of);
    }
    write(desk, visit, &location, &count, plan, by).await
}

/// Writes the count, all of it or nothing.
async fn write(
    desk: &Desk,
    visit: &Visit,
    location: &LocationRow,
    count: &Count,
    plan: CountPlan,
    by: &Store,
) -> Result<Response, Fault> {
    let as_of = count.as_of.unwrap_or(plan.as_of);
    let (actor, now) = (visit.actor(), desk.now());
    let moved = by.commit_count(&plan.rows, Some(as_of), (&actor, &count.name), now).await?;
    if moved.is_empty() {
        let (shelves, differ) = (plan.rows.len(), plan.rows.iter().filter(|r| r.difference() != 0).count());
        let words = both!(
            "{shelves} shelves counted, {differ} differed; the ledger says what was counted",
            "{shelves} 件の棚卸を登録しました（差異 {differ} 件）。在庫に反映されています"
        );
        return Ok(done(visit, "/stock/count", &words));
    }
    // The shelves that moved are shown as they are now.
    let again = desk.store().plan_count(&count.lines, location, count.sum).await?;
    let since: Vec<usize> =
        (0..again.rows.len()).filter(|at| again.rows[*at].level.last_entry > as_of).collect();
    let shelves = moved.len();
    let trouble = both!(
        "Nothing was written: {shelves} shelves moved since they were counted",
        "登録していません。数えた後に動いた棚が {shelves} 件あります"
    );
    html(&PlanPage::of(frame(desk, visit), count, again, (as_of, since), Some(trouble)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]
mod tests {
    use super::super::tests::{NASTY, assert_tame, page};
    use super::*;
    use crate::web::screen::Language;

    #[test]
    fn strangers_texts_are_texts_and_a_conflict_offers_both_ways_out() {
        for (language, words) in [(Language::Ja, "動いた棚を除いて登録"), (Language::En, "Write the others")]
        {
            let row = |difference, moved| Row {
                href: item_path(NASTY),
                code: NASTY.into(),
                name: NASTY.into(),
                place: NASTY.into(),
                expected: 5,
                counted: 5 + difference,
                difference,
                value: Some((difference * 1980, "JPY".into())),
                moved,
            };
            let plan = PlanPage {
                p: page(language),
                rows: vec![row(-2, true), row(3, false), row(0, false)],
                all: 3,
                differ: 2,
                moved: 1,
                remarks: vec![NASTY.into()],
                faulty: false,
                uncounted: vec![NASTY.into()],
                uncounted_more: 4,
                trouble: Some(NASTY.into()),
                sheet: NASTY.into(),
                at: NASTY.into(),
                sum: true,
                name: NASTY.into(),
                key: "once".into(),
                as_of: 7,
                newest: 9,
            };
            let text = plan.render().unwrap();
            assert_tame(&text);
            assert!(text.contains(words) && text.contains("−¥3,960") && text.contains("+3"), "{text}");
        }
    }
}
