//! Many quantities at once: `JSON_LISTINGS_FEED`, and what came of it.
//!
//! A receipt names the feed and some of its messages. It holds few of them, since the daemon keeps it with each listing;
//! the feed's report is read once and remembered for the other receipts.

use std::collections::{BTreeMap, HashMap};
use std::io::Read as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use banto_channel::{
    Bilingual, Cx, Error, ErrorKind, ListingId, Method, Outcome, Receipt, Request, Response, Result, Secret,
    StockItem, Timestamp, both,
};
use flate2::read::GzDecoder;
use serde::{Deserialize, Serialize};

use crate::Amazon;
use crate::calls::{percent, refusal, unpercent};
use crate::limits;
use crate::model;
use crate::stock::{Change, Issue};

const CONTENT_TYPE: &str = "application/json; charset=UTF-8";
/// Messages that one receipt names.
const RECEIPT: usize = 25;
/// Reports remembered at most.
const REPORTS: usize = 8;
/// A feed that was not done is not asked after again within this time.
const ASK_AGAIN: Duration = Duration::from_secs(20);
/// Largest report after decompression, in bytes.
const REPORT_MAX: u64 = 64_000_000;
/// Wait after a feed that Amazon gave up on.
const AFTER_FATAL: Duration = Duration::from_secs(15 * 60);

#[derive(Serialize)]
struct Feed<'a> {
    header: Header<'a>,
    messages: Vec<Message<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Header<'a> {
    seller_id: &'a str,
    version: &'static str,
    issue_locale: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    message_id: usize,
    sku: &'a str,
    operation_type: &'static str,
    product_type: &'a str,
    patches: [Change; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewDocument {
    content_type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewFeed<'a> {
    feed_type: &'static str,
    marketplace_ids: [&'a str; 1],
    input_feed_document_id: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Document {
    feed_document_id: String,
    url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Created {
    feed_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Progress {
    processing_status: String,
    #[serde(default)]
    result_feed_document_id: Option<String>,
}

/// The processing report, version 2.0.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Report {
    issues: Vec<ReportIssue>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ReportIssue {
    message_id: Option<u64>,
    #[serde(flatten)]
    issue: Issue,
}

/// The receipt's text: a feed and some of its messages.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Slip {
    v: u32,
    feed: String,
    /// Message id and SKU.
    items: Vec<(u64, String)>,
}

/// What became of a feed.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// Nothing yet, as of then.
    Open(Timestamp),
    /// Done; these messages were refused, and why.
    Done(HashMap<u64, Bilingual>),
    /// It failed as a whole.
    Failed(Outcome),
}

/// Feeds asked after lately. A restart only costs a few calls.
#[derive(Debug, Default)]
pub(crate) struct Verdicts(Mutex<BTreeMap<String, Verdict>>);

impl Verdicts {
    fn get(&self, feed: &str, now: Timestamp) -> Option<Verdict> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(feed).cloned().filter(|verdict| match verdict {
            Verdict::Open(asked) => now.since(*asked) < ASK_AGAIN && *asked <= now,
            Verdict::Done(_) | Verdict::Failed(_) => true,
        })
    }

    fn keep(&self, feed: &str, verdict: Verdict) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REPORTS && !known.contains_key(feed) {
            known.pop_first();
        }
        known.insert(feed.to_owned(), verdict);
    }
}

impl Amazon {
    /// Sends the quantities as one feed.
    pub(crate) async fn submit(&self, cx: &Cx, items: &[StockItem]) -> Result<Vec<Outcome>> {
        let request = self
            .request(Method::Post, "/feeds/2021-06-30/documents", limits::FEED_DOCUMENT)
            .json(&NewDocument { content_type: CONTENT_TYPE })?
            // A second document is one that is never used.
            .idempotent();
        let document: Document = model::answer(&self.send(cx, request, "opening a feed").await?)?;
        let mut upload = self.presigned(Method::Put, &document.url)?.header("content-type", CONTENT_TYPE);
        upload.body = self.feed(items)?;
        let answer = cx.http.send(upload).await?;
        if !answer.is_success() {
            return Err(storage_error(&answer, "uploading a feed"));
        }
        let feed = NewFeed {
            feed_type: "JSON_LISTINGS_FEED",
            marketplace_ids: [self.settings.store.id],
            input_feed_document_id: &document.feed_document_id,
        };
        let request =
            self.request(Method::Post, "/feeds/2021-06-30/feeds", limits::CREATE_FEED).json(&feed)?;
        let created: Created = model::answer(&self.send(cx, request, "submitting a feed").await?)?;
        outcomes(&created.feed_id, items)
    }

    fn feed(&self, items: &[StockItem]) -> Result<Vec<u8>> {
        let settings = &self.settings;
        let messages = items.iter().enumerate().map(|(at, item)| Message {
            message_id: at + 1,
            sku: item.listing.as_str(),
            operation_type: "PATCH",
            product_type: &settings.product_type,
            patches: [Change::to(item.quantity)],
        });
        let header =
            Header { seller_id: &settings.seller_id, version: "2.0", issue_locale: settings.store.locale };
        serde_json::to_vec(&Feed { header, messages: messages.collect() })
            .map_err(|e| Error::new(ErrorKind::Unexpected, format!("cannot write the feed: {e}")))
    }

    /// A call to an address that Amazon signed. The signature is the credential: it is kept out of sight, and our own
    /// token stays at home.
    fn presigned(&self, method: Method, url: &str) -> Result<Request> {
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let local = self.settings.endpoint.starts_with("http://") && address.starts_with("http://");
        if !address.starts_with("https://") && !local {
            return Err(Error::told(
                ErrorKind::Malformed,
                both!(
                    "Amazon hands out a feed document's address that does not begin with https://",
                    "Amazonから受け取ったフィード文書のアドレスが https:// で始まっていません"
                ),
            ));
        }
        let mut request = Request::new(method, address);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            request.secret_query.push((unpercent(name), Secret::new(&unpercent(value))));
        }
        Ok(request)
    }

    pub(crate) async fn poll(&self, cx: &Cx, receipt: &Receipt) -> Result<Vec<(ListingId, Outcome)>> {
        let slip: Slip = serde_json::from_str(receipt.as_str())
            .ok()
            .filter(|slip: &Slip| slip.v == 1)
            .ok_or_else(|| {
                let words = both!(
                    "the receipt is not one of the Amazon connector",
                    "Amazonコネクターの受付番号ではありません"
                );
                Error::told(ErrorKind::NotFound, words)
            })?;
        let verdict = match self.verdicts.get(&slip.feed, cx.clock.now()) {
            Some(known) => known,
            None => {
                let verdict = self.verdict(cx, &slip.feed).await?;
                self.verdicts.keep(&slip.feed, verdict.clone());
                verdict
            }
        };
        Ok(match verdict {
            Verdict::Open(_) => Vec::new(),
            Verdict::Failed(outcome) => {
                slip.items.into_iter().map(|(_, sku)| (ListingId(sku), outcome.clone())).collect()
            }
            Verdict::Done(refused) => {
                let outcome = |message| match refused.get(&message) {
                    Some(reason) => Outcome::Refused { reason: reason.clone() },
                    None => Outcome::Applied,
                };
                slip.items.into_iter().map(|(message, sku)| (ListingId(sku), outcome(message))).collect()
            }
        })
    }

    async fn verdict(&self, cx: &Cx, feed: &str) -> Result<Verdict> {
        let path = format!("/feeds/2021-06-30/feeds/{}", percent(feed));
        let request = self.request(Method::Get, &path, limits::GET_FEED);
        let progress: Progress = model::answer(&self.send(cx, request, "asking after a feed").await?)?;
        let again = |after, reason: Bilingual| Verdict::Failed(Outcome::Retry { after, reason });
        match (progress.processing_status.as_str(), progress.result_feed_document_id) {
            ("IN_QUEUE" | "IN_PROGRESS", _) => Ok(Verdict::Open(cx.clock.now())),
            ("DONE", Some(document)) => self.report(cx, &document).await,
            ("DONE", None) => Ok(again(
                AFTER_FATAL,
                both!(
                    "feed {feed} is done and has no report",
                    "フィード {feed} は完了しましたが、結果がありません"
                ),
            )),
            ("CANCELLED", _) => Ok(again(
                Duration::ZERO,
                both!("feed {feed} was cancelled at Amazon", "フィード {feed} はAmazonで取り消されました"),
            )),
            ("FATAL", _) => {
                let reason = both!(
                    "Amazon gave up on feed {feed} (FATAL); what of it was done is not known",
                    "Amazonでフィード {feed} の処理が中断されました（FATAL）。どこまで反映されたかは不明です"
                );
                Ok(again(AFTER_FATAL, reason))
            }
            (other, _) => {
                let words = both!(
                    "feed {feed} is {other:?}, which Amazon does not document",
                    "フィード {feed} のステータス「{other}」はAmazonの仕様書にありません"
                );
                Err(Error::told(ErrorKind::Malformed, words))
            }
        }
    }

    async fn report(&self, cx: &Cx, document: &str) -> Result<Verdict> {
        let path = format!("/feeds/2021-06-30/documents/{}", percent(document));
        let request = self
            .request(Method::Get, &path, limits::GET_FEED_DOCUMENT)
            .query("enableContentEncodingUrlHeader", "true");
        let document: Document = model::answer(&self.send(cx, request, "asking for a feed's report").await?)?;
        let mut answer = cx.http.send(self.presigned(Method::Get, &document.url)?).await?;
        if !answer.is_success() {
            return Err(storage_error(&answer, "reading a feed's report"));
        }
        if answer.body.starts_with(&[0x1f, 0x8b]) {
            answer.body = unzipped(&answer.body)?;
        }
        let report: Report = model::answer(&answer)?;
        Ok(verdict(&report))
    }
}

/// One outcome an item, in order: pending, each with the receipt of its group.
fn outcomes(feed: &str, items: &[StockItem]) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::with_capacity(items.len());
    let mut message = 0;
    for group in items.chunks(RECEIPT) {
        let items = group.iter().map(|item| {
            message += 1;
            (message, item.listing.as_str().to_owned())
        });
        let slip = Slip { v: 1, feed: feed.to_owned(), items: items.collect() };
        let receipt = serde_json::to_string(&slip)
            .map_err(|e| Error::new(ErrorKind::Unexpected, format!("cannot write the receipt: {e}")))?;
        outcomes.extend(group.iter().map(|_| Outcome::Pending(Receipt(receipt.clone()))));
    }
    Ok(outcomes)
}

/// Errors by message. One that names no message is about the whole feed, of which nothing was done then.
pub(crate) fn verdict(report: &Report) -> Verdict {
    let mut refused: HashMap<u64, Bilingual> = HashMap::new();
    for row in report.issues.iter().filter(|row| row.issue.is_error()) {
        let Some(message) = row.message_id else {
            return Verdict::Failed(Outcome::Refused { reason: row.issue.words() });
        };
        let before = refused.remove(&message);
        let reasons = Bilingual::list(before.into_iter().chain([row.issue.words()]));
        refused.extend(reasons.map(|reason| (message, reason)));
    }
    Verdict::Done(refused)
}

/// A report that came compressed although the address was asked to say so.
fn unzipped(body: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let unusable = |how: &Bilingual| {
        let doing = both!("reading a feed's report", "フィードの結果の取得");
        Error::told(ErrorKind::Malformed, doing.with(how))
    };
    let torn = |_| unusable(&both!("the compressed text is torn", "圧縮データが途中で切れています"));
    GzDecoder::new(body).take(REPORT_MAX + 1).read_to_end(&mut out).map_err(torn)?;
    match u64::try_from(out.len()).is_ok_and(|len| len <= REPORT_MAX) {
        true => Ok(out),
        false => Err(unusable(&both!("it is too large", "サイズが大きすぎます"))),
    }
}

/// Refusals of the file store: its addresses live for five minutes, so another try with a new one may work.
fn storage_error(answer: &Response, doing: &str) -> Error {
    let kind = match refusal(answer, doing).kind {
        ErrorKind::Auth | ErrorKind::Refused | ErrorKind::NotFound => ErrorKind::Unreachable,
        kind => kind,
    };
    let words = both!(
        "{doing}: Amazon's file store answers with HTTP {status}",
        "Amazonのファイル保管先の応答がHTTP {status}でした",
        status = answer.status
    );
    Error::told(kind, words)
}
