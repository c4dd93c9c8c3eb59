//! Items from a merchant's sheet: first what it would change, then the change.

use askama::Template;
use axum::extract::{Form, Multipart, State};
use axum::response::Response;
use banto_channel::both;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::place;
use super::sheet::Upload;
use crate::domain::catalogue::{Draft, Remark, parts_text};
use crate::domain::counted::counted;
use crate::sheet;
use crate::store::{Import, Imported};
use crate::web::screen::{Desk, Fault, Page, Section, Visit, done, html};

/// New items, changes and remarks shown of each.
const SHOWN: usize = 200;

#[derive(Template)]
#[template(path = "item_import.html", config = "src/web/askama.toml")]
struct ImportPage {
    p: Page,
    report: Option<Report>,
}

/// What a sheet would change.
#[derive(Clone, Debug)]
struct Report {
    name: String,
    encoding: &'static str,
    faults: Vec<String>,
    warnings: Vec<String>,
    new: Vec<New>,
    changes: Vec<Change>,
    /// How many there are of each, and how many stay as they are.
    created: i64,
    updated: i64,
    unchanged: i64,
    /// The file, carried to the next page.
    file: String,
}

#[derive(Clone, Debug)]
struct New {
    code: String,
    name: String,
    gtin: String,
    price: Option<(i64, String)>,
    stock: Option<i64>,
    parts: String,
}

#[derive(Clone, Debug)]
struct Change {
    code: String,
    field: String,
    from: String,
    to: String,
}

fn frame(desk: &Desk, visit: &Visit) -> Page {
    desk.page(visit, Section::Stock, &both!("Import items", "商品の取込"))
}

pub(super) async fn show(State(desk): State<Desk>, visit: Visit) -> Result<Response, Fault> {
    html(&ImportPage { p: frame(&desk, &visit), report: None })
}

pub(super) async fn look(State(desk): State<Desk>, visit: Visit, form: Multipart) -> Result<Response, Fault> {
    let upload = Upload::read(form).await?;
    let p = frame(&desk, &visit);
    let (encoding, sheet_remarks, done) = import(&desk, &visit, &upload.bytes, &upload.name, None).await?;
    let report = report(&p, &desk, &upload, encoding, sheet_remarks, done);
    html(&ImportPage { p, report: Some(report) })
}

/// What the report's page sends.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct TakeForm {
    file: String,
    name: String,
    /// `all`, or `good` for the good lines although others are wrong.
    act: String,
}

pub(super) async fn take(
    State(desk): State<Desk>,
    visit: Visit,
    Form(form): Form<TakeForm>,
) -> Result<Response, Fault> {
    let bytes = URL_SAFE_NO_PAD.decode(&form.file).map_err(|_| {
        Fault::bad_input(both!(
            "The file did not arrive whole; nothing was changed",
            "ファイルを受信できませんでした。何も変更されていません"
        ))
    })?;
    let (_, _, imported) = import(&desk, &visit, &bytes, &form.name, Some(form.act == "good")).await?;
    if !imported.written {
        return Err(Fault::refused(both!(
            "Nothing was written: the items have changed meanwhile, or there is nothing new. Upload the sheet again",
            "登録していません。商品の内容が変わったか、新しい内容がありません。もう一度アップロードしてください"
        )));
    }
    // Listings that found their item are pushed to now.
    for running in desk.app().channels {
        running.signals.look_at_all();
    }
    let (new, changed, mapped, matched) =
        (imported.plan.create.len(), imported.plan.update.len(), imported.mapped, imported.matched);
    let words = both!(
        "{made} made, {changed} changed; an item was found for {listings} and {lines}",
        "商品を {new} 件登録、{changed} 件更新しました（出品 {mapped} 件・受注明細 {matched} 件を紐付け）",
        made = counted(new, "item", "items"),
        listings = counted(mapped, "listing", "listings"),
        lines = counted(matched, "order line", "order lines")
    );
    Ok(done(&visit, "/stock", &words))
}

type Remarks = (Vec<Remark>, Vec<Remark>);

/// Reads the sheet and, with `take`, makes and changes the items; `take` says whether bad lines are skipped.
async fn import(
    desk: &Desk,
    visit: &Visit,
    bytes: &[u8],
    name: &str,
    take: Option<bool>,
) -> Result<(&'static str, Remarks, Imported), Fault> {
    let currency = desk.app().config.shop.currency.clone();
    let sheet = sheet::items(bytes, &currency).map_err(|remark| Fault::bad_input(remark.words()))?;
    let location = place(desk, "").await?;
    let skip_bad = take == Some(true);
    let import = Import {
        currency: &currency,
        location: location.id,
        skip_bad,
        dry_run: take.is_none() || !(sheet.faults.is_empty() || skip_bad),
        source: name,
        actor: &visit.actor(),
        now: desk.now(),
    };
    let done = desk.store().import_items(&sheet.lines, &import).await?;
    Ok((sheet.encoding.name(), (sheet.faults, sheet.warnings), done))
}

fn report(
    p: &Page,
    desk: &Desk,
    upload: &Upload,
    encoding: &'static str,
    (faults, warnings): Remarks,
    done: Imported,
) -> Report {
    let currency = desk.app().config.shop.currency.clone();
    let plan = done.plan;
    let said = |mut remarks: Vec<Remark>| {
        remarks.sort();
        remarks.iter().take(SHOWN).map(|r| p.say(&r.words())).collect::<Vec<_>>()
    };
    let new = |d: &Draft| New {
        code: d.code.clone(),
        name: d.name.clone().unwrap_or_default(),
        gtin: d.gtin.clone().unwrap_or_default(),
        price: d.price.map(|price| (price, currency.clone())),
        stock: d.stock,
        parts: d.parts.as_ref().map(parts_text).unwrap_or_default(),
    };
    let changes = plan.update.iter().flat_map(|(_, draft, changes)| changes.iter().map(move |c| (draft, c)));
    let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    Report {
        name: upload.name.clone(),
        encoding,
        faults: said(faults.into_iter().chain(plan.faults).collect()),
        warnings: said(warnings.into_iter().chain(plan.warnings).collect()),
        new: plan.create.iter().take(SHOWN).map(new).collect(),
        changes: changes
            .take(SHOWN)
            .map(|(draft, c)| Change {
                code: draft.code.clone(),
                field: field_words(p, c.field),
                from: c.from.clone(),
                to: c.to.clone(),
            })
            .collect(),
        created: number(plan.create.len()),
        updated: number(plan.update.len()),
        unchanged: number(plan.unchanged),
        file: URL_SAFE_NO_PAD.encode(&upload.bytes),
    }
}

fn field_words(p: &Page, field: &str) -> String {
    let words = match field {
        "name" => both!("name", "商品名"),
        "gtin" => both!("JAN/GTIN", "JANコード"),
        "price" => both!("price", "価格"),
        "tax_rate" => both!("tax rate", "税率"),
        "parts" => both!("parts", "構成品"),
        other => return other.to_owned(),
    };
    p.say(&words)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]
mod tests {
    use super::super::tests::{NASTY, assert_tame, page};
    use super::*;
    use crate::web::screen::Language;

    #[test]
    fn strangers_texts_are_texts_and_faults_leave_only_the_good_lines() {
        let nasty = || NASTY.to_owned();
        let report = |faults: Vec<String>| Report {
            name: nasty(),
            encoding: "CP932",
            faults,
            warnings: vec![nasty()],
            new: vec![New {
                code: nasty(),
                name: nasty(),
                gtin: nasty(),
                price: Some((1980, "JPY".into())),
                stock: Some(5),
                parts: nasty(),
            }],
            changes: vec![Change { code: nasty(), field: "price".into(), from: nasty(), to: nasty() }],
            created: 1,
            updated: 1,
            unchanged: 7,
            file: "QQ".into(),
        };
        for (language, all, good) in [
            (Language::Ja, "取り込む", "正しい行だけ取り込む"),
            (Language::En, "Take it", "Take the good lines"),
        ] {
            let sound = ImportPage { p: page(language), report: Some(report(Vec::new())) }.render().unwrap();
            assert_tame(&sound);
            assert!(sound.contains(all) && !sound.contains(good), "{sound}");
            let faulty =
                ImportPage { p: page(language), report: Some(report(vec![nasty()])) }.render().unwrap();
            assert_tame(&faulty);
            assert!(faulty.contains(good) && !faulty.contains("value=\"all\""), "{faulty}");
        }
        assert!(
            ImportPage { p: page(Language::Ja), report: None }
                .render()
                .unwrap()
                .contains("multipart/form-data")
        );
    }
}
