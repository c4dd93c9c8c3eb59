//! The whole way of a mail: config, templates, an order, and a real dialogue with a mail server on loopback.

use std::sync::Arc;

use banto::config::{Config, Surroundings};
use banto::mail::sink::header_value;
use banto::mail::{MailKind, SinkRates, Smtp, SmtpConfig, SmtpSink, Templates, TlsMode};
use banto::queue::compose::MailRoom;
use banto::queue::lane_once;
use banto::queue::mail_lane::{Composer, MailLane};
use banto::store::MailKey;
use tokio_util::sync::CancellationToken;

use crate::stores::{Fresh, each_store};
use crate::trading::Trading;

const HOUSE: &str = r#"
[shop]
name = "番頭商店"
phone = "03-0000-0001"
address = ["〒100-0001", "東京都千代田区1-2-3"]
language = "ja"

[mail]
from = "shop@banto.example"
reply_to = "help@banto.example"
host = "127.0.0.1"
tls = "none"
"#;

const HONTEN: &str = r#"
kind = "sim"
mode = "live"

[connector]

[orders.unpaid.bacs]
remind_days = 3
cancel_days = 7
how_to_pay = "海山銀行 本店 普通 1234567"
"#;

fn room() -> MailRoom {
    let directory = tempfile::tempdir().unwrap();
    let config =
        Config::from_texts(directory.path(), &Surroundings::default(), HOUSE, &[("honten", HONTEN)]).unwrap();
    MailRoom::new(Arc::new(config), Arc::new(Templates::load(None).unwrap()))
}

#[tokio::test]
async fn an_orders_mails_arrive_as_the_house_writes_them() {
    each_store(async |fresh: &Fresh| {
        let trading = Trading::live(fresh).await;
        let order = trading.order(trading.remote("1001", &[("CUP", 2)])).await;
        let shipment = banto::domain::deeds::Shipment {
            carrier: "ヤマト運輸".to_owned(),
            tracking: "1234-5678".to_owned(),
            tracking_url: Some("https://track.example/1234".to_owned()),
            lines: vec![(1, 1)],
        };
        trading.store.ship_order(&trading.act(order), &shipment).await.unwrap();
        trading.store.cancel_order(&trading.act(order), "rest", "").await.unwrap();
        let sink = SmtpSink::start(1, SinkRates::default()).await.unwrap();
        let smtp = Smtp::new(&SmtpConfig::new("127.0.0.1", sink.addr.port(), TlsMode::None)).unwrap();
        let lane = MailLane::new(Arc::new(room()), Arc::new(smtp));
        assert_eq!(lane_once(&lane, &trading.cx(), &CancellationToken::new()).await.unwrap(), 3);
        let mut mails = sink.take();
        mails.sort_by_key(|m| m.message_id.clone());
        let ids: Vec<_> = mails.iter().map(|m| m.message_id.split('.').next().unwrap().to_owned()).collect();
        assert_eq!(ids, ["<paid", "<received", "<shipped"]);
        for mail in &mails {
            assert!(mail.message_id.ends_with("@banto.example>"), "{}", mail.message_id);
            assert_eq!(mail.to, ["buyer-1001@example.jp"]);
            assert_eq!(header_value(&mail.bytes, "Reply-To").as_deref(), Some("help@banto.example"));
            assert!(mail.subject.contains("N-1001"), "{}", mail.subject);
        }
        let stored = trading.mail(order, "shipped").await.unwrap();
        assert_eq!(stored.message_id, mails[2].message_id);
        let text = stored.body_text.unwrap();
        assert!(
            text.contains("1234-5678")
                && text.contains("番頭商店")
                && text.contains("https://track.example/1234")
        );
    })
    .await;
}

#[tokio::test]
async fn a_reminder_says_by_when_and_a_cancellation_says_why() {
    let fresh = Fresh::sqlite().await;
    let trading = Trading::live(&fresh).await;
    let mut remote = trading.remote("1001", &[("CUP", 2)]);
    remote.payment = banto_channel::Payment::Awaiting;
    let order = trading.order(crate::trading::raw(remote)).await;
    trading.store.remind_order(&trading.act(order)).await.unwrap();
    let write = async |kind| {
        let key = MailKey { order, kind, revision: 1 };
        room().write(&trading.store.letters(&[key]).await.unwrap()[0]).unwrap()
    };
    let reminder = write(MailKind::Reminder).await;
    // Seven days after 1 April 2026, in Tokyo.
    for said in ["4月8日", "海山銀行 本店 普通 1234567", "電話：03-0000-0001", "東京都千代田区1-2-3"]
    {
        assert!(reminder.text.contains(said), "{said}: {}", reminder.text);
    }
    trading.store.cancel_order(&trading.act(order), "sold out", "在庫切れのため").await.unwrap();
    let cancelled = write(MailKind::Cancelled).await;
    assert!(cancelled.text.contains("在庫切れのため"), "{}", cancelled.text);
    assert_eq!(cancelled.message_id, write(MailKind::Cancelled).await.message_id, "stable");
    assert_ne!(cancelled.message_id, reminder.message_id);
}
