//! Listings: which item each offer of each channel is, with proposals; and the order lines that wait for one.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::response::Response;
use banto_channel::{Bilingual, both};
use serde::Deserialize;

use super::access::Routes;
use super::stock::{encoded, item_path};
use super::{Access, Desk, Fault, Page, Section, Visit, done, html};
use crate::domain::counted::{by_number, counted};
use crate::domain::mapping::Rule;
use crate::domain::{ChannelId, ItemId};
use crate::store::{ListingCounts, ListingTab, ListingView, Mapped, Waiting, shown};

/// Rows of a page.
const ROWS: i64 = 50;
/// Waiting order lines looked at.
const LINES: i64 = 500;
/// Proposals looked at for one page; those shown are accepted at once.
const PROPOSALS: i64 = 200;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .page("/listings", show)
        .post("/listings/map", Access::Staff, map)
        .post("/listings/ignore", Access::Staff, ignore)
        .post("/listings/unmap", Access::Staff, unmap)
        .get("/listings/accept", Access::Staff, preview)
        .post("/listings/accept", Access::Staff, accept)
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ListQuery {
    tab: String,
    channel: String,
    q: String,
    /// `CHANNEL-LISTING`, both by key.
    after: String,
}

const fn tab_of(name: &str) -> (&'static str, ListingTab) {
    match name.as_bytes() {
        b"proposals" => ("proposals", ListingTab::Proposed),
        b"mapped" => ("mapped", ListingTab::Mapped),
        b"ignored" => ("ignored", ListingTab::Ignored),
        b"errors" => ("errors", ListingTab::Failed),
        _ => ("unmatched", ListingTab::Unmatched),
    }
}

#[derive(Template)]
#[template(path = "listings.html", config = "src/web/askama.toml")]
struct ListingsPage {
    p: Page,
    tab: &'static str,
    channel: String,
    /// Each channel, and whether it is the one that is looked at.
    channels: Vec<(String, bool)>,
    q: String,
    tabs: Vec<Tab>,
    rows: Vec<Row>,
    /// Lines whose offer is none of the rows.
    waiting: Vec<Row>,
    first: Option<String>,
    next: Option<String>,
}

#[derive(Clone, Debug)]
struct Tab {
    key: &'static str,
    name: &'static str,
    /// `12`, `999+`, or nothing.
    count: String,
    /// It is the one that is looked at.
    here: bool,
}

/// A listing, or the lines that name one that is not known.
#[derive(Clone, Debug, Default)]
struct Row {
    channel: String,
    listing: String,
    code: String,
    gtin: String,
    title: String,
    active: bool,
    ignored: bool,
    item: Option<String>,
    item_href: String,
    per: i64,
    shows: Option<i64>,
    error: Option<String>,
    next_try: Option<i64>,
    /// Code of the item proposed, and why.
    proposal: Option<(String, String)>,
    /// `LISTING:ITEM`, both by key: what is accepted when the proposal is.
    seen: String,
    /// Orders that wait for its item, with their addresses, and units.
    orders: Vec<(String, String)>,
    more_orders: i64,
    units: i64,
}

impl Row {
    fn of(p: &Page, view: ListingView) -> Self {
        let row = view.row;
        Self {
            shows: shown(&row),
            seen: view
                .proposal
                .as_ref()
                .map(|found| format!("{}:{}", row.id, found.item))
                .unwrap_or_default(),
            channel: view.channel,
            listing: row.remote_id,
            code: row.code.unwrap_or_default(),
            gtin: row.gtin.unwrap_or_default(),
            title: row.title,
            active: row.active,
            ignored: row.ignored,
            item_href: view.code.as_deref().map(item_path).unwrap_or_default(),
            item: view.code,
            per: row.per,
            error: row.error.map(|why| p.kept(&why)),
            next_try: row.retry_at,
            proposal: view.proposal.map(|found| (found.code, p.say(&rule_words(found.rule)))),
            ..Self::default()
        }
    }

    /// Names the orders that wait; the order's page is found by its number.
    fn awaited_by(&mut self, waiting: &Waiting) {
        const NAMED: usize = 5;
        let link = |order: &String| {
            let number = order.split_once('/').map_or(order.as_str(), |(_, number)| number);
            (order.clone(), format!("/orders?q={}", encoded(number)))
        };
        self.orders = waiting.orders.iter().take(NAMED).map(link).collect();
        self.more_orders = i64::try_from(waiting.orders.len().saturating_sub(NAMED)).unwrap_or(0);
        self.units = waiting.units;
    }
}

fn rule_words(rule: Rule) -> Bilingual {
    match rule {
        Rule::Code => both!("same code", "コードが一致"),
        Rule::SimilarCode => both!("similar code", "コードが類似"),
        Rule::Gtin => both!("same JAN", "JANが一致"),
        Rule::Title => both!("same title", "商品名が一致"),
    }
}

fn tabs(p: &Page, counts: ListingCounts, here: &str) -> Vec<Tab> {
    let count = |n: i64| if n == 0 { String::new() } else { p.count(&n) };
    let tab = |key, (en, ja): (&'static str, &'static str), count| {
        let name = if p.is_ja() { ja } else { en };
        Tab { key, name, count, here: key == here }
    };
    vec![
        tab("unmatched", ("Unmatched", "未紐付け"), count(counts.unmatched)),
        tab("proposals", ("Proposals", "候補あり"), count(counts.proposed)),
        tab("mapped", ("Mapped", "紐付け済み"), String::new()),
        tab("ignored", ("Ignored", "対象外"), count(counts.ignored)),
        tab("errors", ("Errors", "エラー"), count(counts.failed)),
    ]
}

async fn show(
    State(desk): State<Desk>,
    visit: Visit,
    Query(query): Query<ListQuery>,
) -> Result<Response, Fault> {
    let p = desk.page(&visit, Section::Listings, &both!("Listings", "出品"));
    let store = desk.store();
    let channels = store.channels().await?;
    let channel = channels.iter().find(|c| c.name == query.channel).map(|c| c.id);
    let (tab, which) = tab_of(&query.tab);
    let (after, searched) = (place(&query.after), !query.q.trim().is_empty());
    let (views, next) = if searched {
        (store.find_listings(&query.q, channel).await?, None)
    } else {
        let page = store.listing_page(which, channel, after.unwrap_or((0, 0)), ROWS).await?;
        (page.views, page.next)
    };
    let mut rows: Vec<Row> = views.into_iter().map(|view| Row::of(&p, view)).collect();
    let waiting = match which {
        ListingTab::Unmatched | ListingTab::Proposed => store.first_lines_waiting(LINES).await?,
        _ => Vec::new(),
    };
    let others = which == ListingTab::Unmatched && after.is_none() && !searched;
    let waiting = laid_beside(&mut rows, waiting, &query.channel, others);
    let more = |after: String| {
        let channel = if query.channel.is_empty() {
            String::new()
        } else {
            format!("&channel={}", encoded(&query.channel))
        };
        format!("/listings?tab={tab}{channel}{after}")
    };
    html(&ListingsPage {
        tabs: tabs(&p, store.listing_counts().await?, if query.q.is_empty() { tab } else { "" }),
        first: after.map(|_| more(String::new())),
        next: next.map(|(channel, id)| more(format!("&after={channel}-{id}"))),
        channels: channels.into_iter().map(|c| (c.name.clone(), c.name == query.channel)).collect(),
        channel: query.channel,
        q: query.q,
        p,
        tab,
        rows,
        waiting,
    })
}

/// A place in a list of listings, as its address has it: `CHANNEL-LISTING`, both by key.
fn place(text: &str) -> Option<(ChannelId, i64)> {
    let (channel, listing) = text.split_once('-')?;
    Some((channel.parse().ok()?, listing.parse().ok()?))
}

/// Puts the waiting lines beside their listings; those of other offers come back as rows of their own, if wanted.
fn laid_beside(rows: &mut [Row], waiting: Vec<Waiting>, channel: &str, others: bool) -> Vec<Row> {
    let mut rest = Vec::new();
    for one in waiting.into_iter().filter(|w| channel.is_empty() || w.channel == channel) {
        let listing = one.listing.clone().unwrap_or_default();
        let beside =
            |row: &&mut Row| row.channel == one.channel && row.listing == listing && !listing.is_empty();
        if let Some(row) = rows.iter_mut().find(beside) {
            row.awaited_by(&one);
        } else if others {
            let mut row = Row {
                channel: one.channel.clone(),
                listing,
                code: one.code.clone().unwrap_or_default(),
                title: one.title.clone(),
                ..Row::default()
            };
            row.awaited_by(&one);
            rest.push(row);
        }
    }
    rest
}

/// What a person says about one listing.
#[derive(Clone, Debug, Deserialize)]
struct ListingForm {
    channel: String,
    listing: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    per: String,
    /// The tab to go back to.
    #[serde(default)]
    tab: String,
}

impl ListingForm {
    fn back(&self) -> String {
        format!("/listings?tab={}", tab_of(&self.tab).0)
    }
}

async fn map(
    State(desk): State<Desk>,
    visit: Visit,
    Form(form): Form<ListingForm>,
) -> Result<Response, Fault> {
    let per = if form.per.is_empty() { Some(1) } else { form.per.trim().parse::<i64>().ok() };
    let per = per.ok_or_else(|| {
        Fault::bad_input(both!(
            "The units are a number; nothing was changed",
            "個数は数字で入力してください。何も変更されていません"
        ))
    })?;
    let offer = (form.channel.as_str(), form.listing.as_str());
    let code = form.code.trim();
    let mapped = desk.store().map_listing(offer, (code, per), &visit.actor(), desk.now()).await?;
    wake(&desk, &mapped);
    let (channel, listing, lines) = (&form.channel, &form.listing, mapped.matched);
    let words = both!(
        "{channel} {listing} is {per} × {code} now; {served} got it",
        "{channel} の {listing} を {per} × {code} に紐付けました（待っていた受注明細 {lines} 件に反映）",
        served = counted(lines, "waiting order line", "waiting order lines")
    );
    Ok(done(&visit, &form.back(), &words))
}

/// The channels whose listings were mapped push their numbers now.
fn wake(desk: &Desk, mapped: &Mapped) {
    for running in desk.app().channels {
        if mapped.listings.iter().any(|(channel, ..)| *channel == running.channel.name) {
            running.signals.look_at_all();
        }
    }
}

async fn ignore(
    State(desk): State<Desk>,
    visit: Visit,
    Form(form): Form<ListingForm>,
) -> Result<Response, Fault> {
    desk.store().ignore_listing(&form.channel, &form.listing, &visit.actor(), desk.now()).await?;
    let (channel, listing) = (&form.channel, &form.listing);
    let words = both!(
        "{channel} {listing} has no stock behind it: nothing is pushed to it and no order waits for it",
        "{channel} の {listing} を在庫対象外にしました（在庫を送信せず、受注も待ちません）"
    );
    Ok(done(&visit, &form.back(), &words))
}

async fn unmap(
    State(desk): State<Desk>,
    visit: Visit,
    Form(form): Form<ListingForm>,
) -> Result<Response, Fault> {
    desk.store().unmap_listing(&form.channel, &form.listing, &visit.actor(), desk.now()).await?;
    let (channel, listing) = (&form.channel, &form.listing);
    let words = both!(
        "{channel} {listing} waits for an item again; orders that are there keep theirs",
        "{channel} の {listing} の紐付けを外しました（既存の受注はそのままです）"
    );
    Ok(done(&visit, &form.back(), &words))
}

/// Which proposals are meant.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct AcceptForm {
    /// `exact` (code and JAN), or `all` (titles, too).
    rule: String,
    channel: String,
    /// As in [`ListQuery`].
    after: String,
}

impl AcceptForm {
    fn rules(&self) -> &'static [Rule] {
        match self.rule.as_str() {
            "all" => &[Rule::Code, Rule::SimilarCode, Rule::Gtin, Rule::Title],
            _ => &[Rule::Code, Rule::SimilarCode, Rule::Gtin],
        }
    }
}

#[derive(Template)]
#[template(path = "listing_accept.html", config = "src/web/askama.toml")]
struct AcceptPage {
    p: Page,
    /// Code and JAN only, not titles.
    exact: bool,
    channel: String,
    /// Where the page begins.
    after: String,
    rows: Vec<Row>,
    /// The page of the proposals behind those that were looked at for this one.
    next: Option<String>,
}

/// The address of the proposals from a place on.
fn accept_path(rule: &str, channel: &str, after: &str) -> String {
    let rule = if rule == "all" { "all" } else { "exact" };
    format!("/listings/accept?rule={rule}&channel={}&after={}", encoded(channel), encoded(after))
}

async fn preview(
    State(desk): State<Desk>,
    visit: Visit,
    Query(form): Query<AcceptForm>,
) -> Result<Response, Fault> {
    let p = desk.page(&visit, Section::Listings, &both!("Accept proposals", "候補の一括紐付け"));
    let channel = channel_id(&desk, &form.channel).await?;
    let from = place(&form.after).unwrap_or((0, 0));
    let found = desk.store().proposals(form.rules(), channel, from, PROPOSALS).await?;
    let next = found.next.map(|(c, id)| accept_path(&form.rule, &form.channel, &format!("{c}-{id}")));
    html(&AcceptPage {
        exact: form.rule != "all",
        rows: found.views.into_iter().map(|view| Row::of(&p, view)).collect(),
        channel: form.channel,
        after: form.after,
        next,
        p,
    })
}

/// Maps what was shown, and nothing else: a proposal that came since waits for its own look.
async fn accept(
    State(desk): State<Desk>,
    visit: Visit,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let seen = form.iter().filter(|(key, _)| key == "seen");
    let pair = |text: &str| text.split_once(':').and_then(|(l, i)| Some((l.parse().ok()?, i.parse().ok()?)));
    let shown: Option<BTreeMap<i64, ItemId>> = seen.map(|(_, text)| pair(text)).collect();
    let shown = shown
        .filter(|shown| i64::try_from(shown.len()).is_ok_and(|n| (1..=PROPOSALS).contains(&n)))
        .ok_or_else(|| Fault::bad_input(both!("No proposal was chosen", "候補が選択されていません")))?;
    let mapped = desk.store().accept_shown(&shown, &visit.actor(), desk.now()).await?;
    wake(&desk, &mapped);
    let (listings, lines) = (mapped.listings.len(), mapped.matched);
    let mut words = both!(
        "{mapped} mapped; {served} got {their} item",
        "出品 {listings} 件を紐付けました（待っていた受注明細 {lines} 件に反映）",
        mapped = counted(listings, "listing", "listings"),
        served = counted(lines, "waiting order line", "waiting order lines"),
        their = by_number(lines, "its", "their")
    );
    let left = shown.len().saturating_sub(listings);
    if left > 0 {
        words = words.then(both!(
            "{left} have changed since you looked and were left as they are",
            "{left} 件は表示後に変更されたため、紐付けていません"
        ));
    }
    let back = if field("rest").is_empty() {
        "/listings?tab=proposals".to_owned()
    } else {
        // Those that were accepted stand there no more, others have moved up.
        accept_path(field("rule"), field("channel"), field("after"))
    };
    Ok(done(&visit, &back, &words))
}

async fn channel_id(desk: &Desk, name: &str) -> Result<Option<i64>, Fault> {
    if name.is_empty() {
        return Ok(None);
    }
    Ok(Some(desk.store().channel(name).await?.id))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]
mod tests {
    use super::super::stock::tests::{NASTY, assert_tame, page};
    use super::*;
    use crate::web::screen::Language;

    fn row(ignored: bool) -> Row {
        let nasty = || NASTY.to_owned();
        Row {
            channel: nasty(),
            listing: nasty(),
            code: nasty(),
            gtin: nasty(),
            title: nasty(),
            active: false,
            ignored,
            item: None,
            item_href: String::new(),
            per: 2,
            shows: Some(3),
            error: Some(nasty()),
            next_try: Some(1_795_311_060_000_000),
            proposal: Some((nasty(), nasty())),
            seen: "1:2".into(),
            orders: vec![(nasty(), "/orders?q=1".into())],
            more_orders: 3,
            units: 4,
        }
    }

    #[test]
    fn strangers_texts_are_texts() {
        for (language, words) in [(Language::Ja, "未紐付け"), (Language::En, "Unmatched")] {
            let p = page(language);
            let counts = ListingCounts { unmatched: 1_000, proposed: 3, ignored: 0, failed: 1 };
            let listings = ListingsPage {
                tab: "unmatched",
                channel: NASTY.into(),
                channels: vec![(NASTY.into(), true)],
                q: NASTY.into(),
                tabs: tabs(&p, counts, "unmatched"),
                rows: vec![row(false), Row { item: Some(NASTY.into()), ..row(false) }, row(true)],
                waiting: vec![row(false)],
                first: None,
                next: Some("/listings?tab=unmatched&after=1-2".into()),
                p,
            };
            let text = listings.render().unwrap();
            assert_tame(&text);
            assert!(text.contains(words) && text.contains("999+"), "{text}");
            let accept = AcceptPage {
                p: page(language),
                exact: true,
                channel: NASTY.into(),
                after: NASTY.into(),
                rows: vec![row(false)],
                next: Some(accept_path("exact", NASTY, "1-2")),
            };
            let text = accept.render().unwrap();
            assert_tame(&text);
            assert!(text.contains("name=\"rest\"") && text.contains("after=1-2\" rel=\"next\""), "{text}");
        }
    }

    #[test]
    fn waiting_lines_stand_beside_their_listing_or_by_themselves() {
        let waiting = |channel: &str, listing: Option<&str>| Waiting {
            channel: channel.into(),
            listing: listing.map(str::to_owned),
            orders: (1..=7).map(|n| format!("{channel}/N-{n}")).collect(),
            units: 9,
            ..Waiting::default()
        };
        let mut rows = vec![Row { channel: "a".into(), listing: "1".into(), ..Row::default() }];
        let all = || vec![waiting("a", Some("1")), waiting("b", Some("1")), waiting("a", None)];
        let rest = laid_beside(&mut rows, all(), "", true);
        assert_eq!((rows[0].units, rows[0].orders.len(), rows[0].more_orders), (9, 5, 2));
        assert_eq!(rows[0].orders[0], ("a/N-1".to_owned(), "/orders?q=N-1".to_owned()));
        let rest: Vec<_> = rest.iter().map(|r| (r.channel.as_str(), r.listing.as_str())).collect();
        assert_eq!(rest, [("b", "1"), ("a", "")]);
        assert_eq!(laid_beside(&mut rows, all(), "b", true).len(), 1);
        assert!(laid_beside(&mut rows, all(), "", false).is_empty());
    }
}
