//! What a daemon was doing when it was killed goes on with the next start, not when its claims run out.

use std::time::Duration;

use banto::mail::SinkRates;
use banto::store::{JobRow, MailText, Store};
use banto_channel::Timestamp;

use super::first_day::{buy, shows};
use super::house::{House, Plan, eventually};
use super::process::Daemon;

const SOON: Duration = Duration::from_secs(15);
/// Far beyond what the test waits.
const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_daemon_had_claimed_goes_on_at_once() {
    for postgres in [false, true] {
        let Some(house) = House::open(Plan { postgres, seed: 31, ..Plan::default() }).await else { continue };
        house.stock_up().await;
        let daemon = house.start().await;
        shows(house.shop("kyoto"), "TEA-01", 900).await;
        // Buyers of orders from before the channel went live get no mail; shops know whole seconds.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        claimed_and_killed(&house, daemon).await;
        house.sink.set_rates(SinkRates::default());
        let daemon = house.start().await;
        let store = house.store().await;
        eventually("the mail that was not begun is out", SOON, async || house.sink.count() == 1).await;
        eventually("the mail that was begun waits for a person", SOON, async || {
            store.mails(Some("uncertain"), 10).await.unwrap().len() == 1
        })
        .await;
        eventually("nothing waits", SOON, async || waiting(&store).await.is_empty()).await;
        assert_eq!(house.sink.count(), 1);
        store.close().await;
        daemon.stop().await;
    }
}

/// Two mails that the server does not take for now; a daemon that claims both for an hour, marks one of them as being
/// sent, and is killed.
async fn claimed_and_killed(house: &House, daemon: Daemon) {
    house.sink.set_rates(SinkRates { rcpt_4xx: 1000, ..SinkRates::default() });
    buy(house.shop("honten"), "TEA-01", 1, false);
    buy(house.shop("kyoto"), "TEA-01", 1, false);
    let store = house.store().await;
    eventually("two mails were tried", SOON, async || {
        let jobs = waiting(&store).await;
        jobs.len() == 2 && jobs.iter().all(|j| j.state == "ready" && j.attempts > 0)
    })
    .await;
    let owner = waiting(&store).await[0].owner.clone().unwrap();
    daemon.kill().await;
    let later = Timestamp(waiting(&store).await.iter().map(|j| j.run_at).max().unwrap());
    let claimed = store.claim("mail", &owner, later, HOUR, 10).await.unwrap();
    assert_eq!(claimed.len(), 2);
    let begun = claimed[0].mail().unwrap();
    let row = store.mail(&begun).await.unwrap();
    let text = MailText {
        message_id: row.message_id,
        subject: row.subject.unwrap(),
        text: row.body_text.unwrap(),
        html: row.body_html.unwrap_or_default(),
    };
    assert_eq!(store.begin_sending(&[(begun, text)], later).await.unwrap().len(), 1);
    store.close().await;
}

async fn waiting(store: &Store) -> Vec<JobRow> {
    store.waiting_jobs("mail", 10).await.unwrap()
}
