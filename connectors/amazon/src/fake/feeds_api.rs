//! The Feeds API, the file store that its documents lie in, and the work on a listings feed.

use std::io::Write as _;
use std::time::Duration;

use axum::body::Bytes;
use banto_channel::{ListingId, Timestamp};
use banto_sim::faults::Faults;
use banto_sim::market::Seen;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::listings_api::quantity;
use super::server::{Answer, Call, Reply, SpError};
use super::state::{Shop, bytes, iso};

/// A signed address is good for so long.
const URL_LIFE: Duration = Duration::from_secs(300);
/// Most messages of a feed.
const MESSAGES_MAX: usize = 25_000;

/// A document: one that waits for its upload, or a report.
#[derive(Debug)]
pub(super) struct Document {
    content_type: String,
    issued: Timestamp,
    body: Option<Bytes>,
    zipped: bool,
    /// Told in `Content-Encoding` when it is fetched.
    says_zipped: bool,
}

/// A feed.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) due: Timestamp,
    created: i64,
    document: String,
    status: &'static str,
    report: Option<String>,
}

pub(super) fn create_document(shop: &mut Shop, call: &Call) -> Answer {
    let body = call.json()?;
    let Some(content_type) = body["contentType"].as_str().filter(|text| !text.is_empty()) else {
        return Err(SpError::input("contentType is missing."));
    };
    shop.requests += 1;
    let id = format!("amzn1.tortuga.4.fe.{:012x}", shop.requests);
    let document = Document {
        content_type: content_type.to_owned(),
        issued: shop.clock.now(),
        body: None,
        zipped: false,
        says_zipped: false,
    };
    shop.keep(&id, document);
    Ok(Reply::json(201, &json!({ "feedDocumentId": id, "url": address(shop, &id) })))
}

fn address(shop: &Shop, id: &str) -> String {
    let signature = signature(shop, id);
    format!(
        "{}/storage/{id}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=300&X-Amz-Signature={signature}",
        shop.url
    )
}

fn signature(shop: &Shop, id: &str) -> String {
    let hash = id.bytes().fold(shop.config.seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}%2B{id}")
}

pub(super) fn get_document(shop: &mut Shop, call: &Call, id: &str) -> Answer {
    let (now, url) = (shop.clock.now(), address(shop, id));
    let Some(document) = shop.documents.get_mut(id).filter(|document| document.body.is_some()) else {
        return Err(SpError::missing("The feed document is not found."));
    };
    document.issued = now;
    document.says_zipped = call.get("enableContentEncodingUrlHeader") == Some("true");
    let mut answer = json!({ "feedDocumentId": id, "url": url });
    if document.zipped {
        answer["compressionAlgorithm"] = json!("GZIP");
    }
    Ok(Reply::json(200, &answer))
}

/// `PUT` and `GET` at a signed address.
pub(super) fn storage(shop: &mut Shop, call: &Call, id: &str) -> Reply {
    let refuse = |status: u16, code: &str| Reply {
        status,
        headers: vec![("content-type", "application/xml".to_owned())],
        body: Bytes::from(format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>")),
    };
    let now = shop.clock.now();
    let right = signature(shop, id).replace("%2B", "+");
    if call.token.is_some() {
        return refuse(400, "InvalidRequest: an access token has no business here");
    }
    if call.get("X-Amz-Signature") != Some(right.as_str()) {
        return refuse(403, "SignatureDoesNotMatch");
    }
    let Some(document) = shop.documents.get_mut(id) else {
        return refuse(404, "NoSuchKey");
    };
    if document.issued.plus(URL_LIFE) < now {
        return refuse(403, "AccessDenied: Request has expired");
    }
    match (call.method.as_str(), &document.body) {
        ("PUT", _) if call.content_type != document.content_type => refuse(403, "SignatureDoesNotMatch"),
        ("PUT", _) => {
            document.body = Some(call.body.clone());
            Reply::empty(200)
        }
        ("GET", Some(body)) => {
            let mut headers = vec![("content-type", document.content_type.clone())];
            if document.zipped && document.says_zipped {
                headers.push(("content-encoding", "gzip".to_owned()));
            }
            Reply { status: 200, headers, body: body.clone() }
        }
        _ => refuse(404, "NoSuchKey"),
    }
}

pub(super) fn create(shop: &mut Shop, call: &Call) -> Answer {
    let body = call.json()?;
    if body["feedType"] != "JSON_LISTINGS_FEED" {
        return Err(SpError::input("The fake takes JSON_LISTINGS_FEED only."));
    }
    let stores = body["marketplaceIds"].as_array();
    if !stores.is_some_and(|ids| ids.iter().any(|id| *id == shop.config.marketplace_id.as_str())) {
        return Err(SpError::input("marketplaceIds is missing or holds no store of the seller."));
    }
    let document = body["inputFeedDocumentId"].as_str().unwrap_or_default();
    if shop.documents.get(document).is_none_or(|document| document.body.is_none()) {
        return Err(SpError::input("inputFeedDocumentId names no document that was uploaded."));
    }
    let id = 50_000_000_000 + u64::try_from(shop.feeds.len()).unwrap_or(0) + 1;
    let feed = Feed {
        due: shop.clock.now().plus(shop.config.feed_time),
        created: shop.now(),
        document: document.to_owned(),
        status: "IN_QUEUE",
        report: None,
    };
    shop.feeds.insert(id, feed);
    shop.queue.push(id);
    Ok(Reply::json(202, &json!({ "feedId": id.to_string() })))
}

pub(super) fn get(shop: &Shop, id: &str) -> Answer {
    let feed = id.parse().ok().and_then(|id: u64| shop.feeds.get(&id));
    let feed = feed.ok_or_else(|| SpError::missing(format!("Feed {id} is not found.")))?;
    let mut answer = json!({
        "feedId": id, "feedType": "JSON_LISTINGS_FEED", "createdTime": iso(feed.created),
        "marketplaceIds": [shop.config.marketplace_id], "processingStatus": feed.status,
    });
    if let Some(report) = &feed.report {
        answer["resultFeedDocumentId"] = json!(report);
        answer["processingEndTime"] = json!(iso(feed.due.as_secs()));
    }
    Ok(Reply::json(200, &answer))
}

impl Shop {
    /// Works one feed off and writes its report.
    pub(super) fn work_off(&mut self, id: u64, faults: &Faults) {
        let Some((document, due)) = self.feeds.get(&id).map(|feed| (feed.document.clone(), feed.due)) else {
            return;
        };
        let body = self.documents.get(&document).and_then(|document| document.body.clone());
        let status = self.next_feed.take();
        let (status, report) = match status {
            Some(status) => (status, None),
            None => match body.and_then(|body| serde_json::from_slice::<Value>(&body).ok()) {
                Some(feed) => ("DONE", Some(self.report(id, &feed, due, faults))),
                None => ("FATAL", None),
            },
        };
        let report = report.map(|report| self.keep_report(id, &report));
        if let Some(feed) = self.feeds.get_mut(&id) {
            feed.status = status;
            feed.report = report;
        }
    }

    fn report(&mut self, id: u64, feed: &Value, due: Timestamp, faults: &Faults) -> Value {
        self.seen.push(Seen { call: format!("JSON_LISTINGS_FEED {id}"), stock: Vec::new(), at: due });
        let messages = feed["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let header = &feed["header"];
        let sound = header["sellerId"] == self.config.seller_id.as_str() && header["version"] == "2.0";
        let mut issues = Vec::new();
        if !sound || messages.is_empty() || messages.len() > MESSAGES_MAX {
            issues.push(json!({ "code": "4000001", "severity": "ERROR", "message": "The feed's header or size is invalid." }));
        } else {
            issues.extend(messages.iter().filter_map(|message| self.message(message, faults).err()));
        }
        let processed = if sound { messages.len() } else { 0 };
        json!({
            "header": { "sellerId": self.config.seller_id, "version": "2.0", "feedId": id.to_string() },
            "issues": issues,
            "summary": {
                "errors": issues.len(), "warnings": 0, "messagesProcessed": processed,
                "messagesAccepted": processed.saturating_sub(issues.len()), "messagesInvalid": issues.len(),
            },
        })
    }

    /// One message; `Err` is its issue.
    fn message(&mut self, message: &Value, faults: &Faults) -> Result<(), Value> {
        let sku = message["sku"].as_str().unwrap_or_default().to_owned();
        let issue = |code: &str, text: &str| {
            json!({
                "messageId": message["messageId"], "sku": sku, "code": code, "severity": "ERROR", "message": text,
            })
        };
        if message["operationType"] != "PATCH" || message["productType"].as_str().is_none_or(str::is_empty) {
            return Err(issue("4000003", "The fake takes PATCH messages with a product type only."));
        }
        let told = quantity(&message["patches"]).map_err(|text| issue("90220", text))?;
        if faults.refuses(&ListingId::from(sku.as_str())) {
            return Err(issue("90000900", "The attributes are invalid."));
        }
        self.set_quantity(&sku, told).map_err(|text| issue("13013", text))
    }

    fn keep_report(&mut self, feed: u64, report: &Value) -> String {
        let id = format!("amzn1.tortuga.4.fe.report.{feed}");
        let plain = bytes(report);
        let zipped = self.config.gzip_reports.then(|| zip(&plain)).flatten();
        let document = Document {
            content_type: "application/json".to_owned(),
            issued: self.clock.now(),
            zipped: zipped.is_some(),
            says_zipped: false,
            body: Some(zipped.unwrap_or(plain)),
        };
        self.keep(&id, document);
        id
    }
}

fn zip(plain: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok().map(Bytes::from)
}
