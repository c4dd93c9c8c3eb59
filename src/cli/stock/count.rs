//! `banto stock count`: a stocktake beside the ledger, then into it.

use std::path::Path;

use serde::Serialize;

use super::super::items::{read_file, tell_remarks, unreadable};
use super::super::{Amount, Exit, Failure, House, Outcome, Text, counted, left, right};
use crate::domain::catalogue::Remark;
use crate::sheet;
use crate::store::{CountPlan, CountRow};

/// How a stocktake is taken.
pub(super) struct How {
    /// Make the ledger say what was counted.
    pub commit: bool,
    /// Refuse shelves that moved after this entry.
    pub as_of: Option<i64>,
    /// Add up lines of one shelf.
    pub sum: bool,
}

#[derive(Serialize)]
struct Row {
    line: u64,
    code: String,
    name: String,
    location: String,
    expected: i64,
    counted: i64,
    difference: i64,
    value: Option<Amount>,
    /// It moved since the ledger was read, so the count may be of goods that are gone.
    moved: bool,
}

#[derive(Serialize)]
struct Report {
    committed: bool,
    as_of: i64,
    rows: Vec<Row>,
    uncounted: Vec<String>,
    faults: Vec<Remark>,
    warnings: Vec<Remark>,
}

pub(super) async fn count(house: &House, file: &Path, location: Option<&str>, how: &How) -> Outcome {
    let sheet = sheet::count(&read_file(file)?).map_err(|remark| unreadable(file, &remark))?;
    let location = house.location(location).await?;
    let mut plan = house.store.plan_count(&sheet.lines, &location, how.sum).await?;
    let mut faults: Vec<Remark> = sheet.faults.into_iter().chain(std::mem::take(&mut plan.faults)).collect();
    faults.sort();
    let (mut committed, mut moved) = (false, Vec::new());
    if how.commit && faults.is_empty() {
        moved = commit(house, file, &plan, how.as_of).await?;
        committed = moved.is_empty();
        if !committed {
            // The shelves that moved are shown as they are now.
            let again = house.store.plan_count(&sheet.lines, &location, how.sum).await?;
            plan.rows = again.rows;
        }
    }
    let rows = plan.rows.iter().enumerate().map(|(at, row)| shown(row, moved.contains(&at))).collect();
    let report = Report {
        committed,
        as_of: plan.as_of,
        rows,
        uncounted: plan.uncounted,
        faults,
        warnings: sheet.warnings,
    };
    house.out.answer(&report, |text| tell(text, &report, how))?;
    let refused = !report.faults.is_empty() || !moved.is_empty();
    Ok(if refused { Exit::Refused } else { Exit::Ok })
}

async fn commit(
    house: &House,
    file: &Path,
    plan: &CountPlan,
    as_of: Option<i64>,
) -> Result<Vec<usize>, Failure> {
    let source = file.display().to_string();
    Ok(house.store.commit_count(&plan.rows, as_of, (&house.actor, &source), house.now()).await?)
}

fn shown(row: &CountRow, moved: bool) -> Row {
    Row {
        line: row.line,
        code: row.item.code.clone(),
        name: row.item.name.clone(),
        location: row.location.code.clone(),
        expected: row.level.on_hand(),
        counted: row.counted,
        difference: row.difference(),
        value: row.value().map(|v| Amount::new(v, &row.item.currency)),
        moved,
    }
}

fn tell(text: &mut Text, report: &Report, how: &How) {
    tell_remarks(text, &report.faults, &report.warnings);
    let row = |r: &Row| {
        let value =
            r.value.as_ref().filter(|_| r.difference != 0).map_or_else(String::new, ToString::to_string);
        let difference = if r.difference == 0 { String::new() } else { format!("{:+}", r.difference) };
        let moved = if r.moved { "moved meanwhile" } else { "" };
        [
            r.code.clone(),
            r.location.clone(),
            r.expected.to_string(),
            r.counted.to_string(),
            difference,
            value,
            moved.to_owned(),
            r.name.clone(),
        ]
    };
    let heads = [
        left("CODE"),
        left("LOCATION"),
        right("EXPECTED"),
        right("COUNTED"),
        right("DIFFERENCE"),
        right("VALUE"),
        left(""),
        left("NAME"),
    ];
    text.table(heads, &report.rows.iter().map(row).collect::<Vec<_>>());
    let differ = report.rows.iter().filter(|r| r.difference != 0).count();
    text.line(format!("{}, {differ} differ", counted(report.rows.len(), "shelf counted", "shelves counted")));
    if !report.uncounted.is_empty() {
        let first = report.uncounted.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
        let more = if report.uncounted.len() > 5 { ", …" } else { "" };
        let items = counted(report.uncounted.len(), "item", "items");
        text.line(format!("{items} with stock there not in the file, left as they are: {first}{more}"));
    }
    let moved = report.rows.iter().filter(|r| r.moved).count();
    let faults = counted(report.faults.len(), "fault", "faults");
    match (report.faults.len(), moved, report.committed) {
        (_, _, true) => text.line("the ledger says so now"),
        (0, 0, false) => {
            text.line(format!("nothing is written yet: add --commit --as-of {} to write it", report.as_of));
        }
        (0, n, false) => {
            let shelves = counted(n, "shelf", "shelves");
            text.line(format!("nothing was written: {shelves} moved meanwhile; count again"));
        }
        _ if how.commit => text.line(format!("nothing was written: mend {faults}")),
        _ => text.line(format!("{faults} to mend before it can be written")),
    }
}
