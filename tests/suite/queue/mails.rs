//! The lane of mails against a server whose every answer is decided here.

mod ways;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use banto::config::Uncertain;
use banto::mail::{Outgoing, Stage, Verdict};
use banto::queue::mail_lane::{Composer, MailLane, Post, Unwritable};
use banto::queue::{LEASE, lane_once, run_lane};
use banto::store::{Letter, MailAct, MailText};
use banto_channel::{Payment, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::stores::{Fresh, each_store};
use crate::trading::{Trading, raw};

/// What the server does with the next mail.
#[derive(Debug)]
pub enum Next {
    Say(Verdict),
    /// Takes it, and our process dies before it hears so.
    TakeAndCut,
}

#[derive(Debug, Default)]
pub struct Server {
    next: Mutex<VecDeque<Next>>,
    taken: Mutex<Vec<Outgoing>>,
    /// Cancelled by the server at the first mail.
    stop: Mutex<Option<CancellationToken>>,
}

impl Server {
    pub fn will(&self, next: Next) {
        self.next.lock().unwrap().push_back(next);
    }

    fn taken(&self) -> Vec<Outgoing> {
        self.taken.lock().unwrap().clone()
    }
}

#[async_trait]
impl Post for Server {
    fn connections(&self) -> usize {
        1
    }

    async fn send(&self, mail: &Outgoing) -> Verdict {
        if let Some(stop) = self.stop.lock().unwrap().take() {
            stop.cancel();
        }
        let next = self.next.lock().unwrap().pop_front();
        match next {
            Some(Next::Say(verdict)) => return verdict,
            Some(Next::TakeAndCut) => {
                self.taken.lock().unwrap().push(mail.clone());
                std::future::pending::<()>().await;
            }
            None => self.taken.lock().unwrap().push(mail.clone()),
        }
        Verdict::Accepted { answer: "250 queued as 1".to_owned() }
    }
}

/// Writes a number that grows, so that a text written twice would differ.
#[derive(Debug)]
struct Pen {
    written: Mutex<u32>,
    broken: Mutex<bool>,
    uncertain: Uncertain,
}

impl Composer for Pen {
    fn write(&self, letter: &Letter) -> Result<MailText, Unwritable> {
        if *self.broken.lock().unwrap() {
            return Err(Unwritable::Mend("ja/received.txt:3: no such value".to_owned()));
        }
        let mut written = self.written.lock().unwrap();
        *written += 1;
        Ok(MailText {
            message_id: format!(
                "<{}.{}.{}@shop.example>",
                letter.mail.kind, letter.order.id, letter.mail.revision
            ),
            subject: format!("{} {}", letter.mail.kind, letter.order.number),
            text: format!("text {written}"),
            html: String::new(),
        })
    }

    fn seal(&self, letter: &Letter, text: &MailText, _: Timestamp) -> Result<Outgoing, Unwritable> {
        if letter.mail.recipient.contains("nobody") {
            return Err(Unwritable::Never("to address is not valid".to_owned()));
        }
        let bytes = format!("{}\n{}\n{}", text.message_id, text.subject, text.text).into_bytes();
        Ok(Outgoing { from: "shop@example.jp".to_owned(), to: letter.mail.recipient.clone(), bytes })
    }

    fn uncertain(&self, _: &str) -> Uncertain {
        self.uncertain
    }
}

pub struct House {
    pub trading: Trading,
    pub server: Arc<Server>,
    pen: Arc<Pen>,
    lane: MailLane,
}

impl House {
    pub async fn open(fresh: &Fresh, uncertain: Uncertain) -> Self {
        let trading = Trading::live(fresh).await;
        let server = Arc::new(Server::default());
        let pen = Arc::new(Pen { written: Mutex::default(), broken: Mutex::default(), uncertain });
        let lane = MailLane::new(Arc::clone(&pen) as _, Arc::clone(&server) as _);
        Self { trading, server, pen, lane }
    }

    pub async fn run(&self) -> usize {
        lane_once(&self.lane, &self.trading.cx(), &CancellationToken::new()).await.unwrap()
    }

    /// Runs the lane in a process that dies while it waits for the server.
    async fn run_and_die(&self) {
        let cx = self.trading.cx();
        let stop = CancellationToken::new();
        let cut = tokio::time::timeout(Duration::from_secs(2), lane_once(&self.lane, &cx, &stop)).await;
        assert!(cut.is_err(), "it was to be cut off");
    }

    /// An unpaid order: one mail.
    pub async fn order(&self, id: &str) -> i64 {
        let mut order = self.trading.remote(id, &[("CUP", 1)]);
        order.payment = Payment::Awaiting;
        self.trading.order(raw(order)).await
    }

    async fn state(&self, order: i64) -> String {
        self.trading.mail(order, "received").await.unwrap().state
    }
}

fn received(order: i64) -> banto::store::MailKey {
    banto::store::MailKey { order, kind: banto::mail::MailKind::Received, revision: 1 }
}

fn busy(stage: Stage) -> Verdict {
    Verdict::Temporary { code: Some(451), text: "busy".to_owned(), stage, retry_after: None }
}

#[tokio::test]
async fn a_mail_goes_out_once_and_leaves_its_text_and_its_trace() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh, Uncertain::Ask).await;
        let order = house.order("1").await;
        assert_eq!(house.run().await, 1);
        assert_eq!(house.run().await, 0);
        let mail = house.trading.mail(order, "received").await.unwrap();
        assert_eq!((mail.state.as_str(), mail.attempts), ("sent", 1));
        assert_eq!(mail.body_text.as_deref(), Some("text 1"));
        assert_eq!(mail.answer.as_deref(), Some("250 queued as 1"));
        assert_eq!(mail.sent_at, Some(house.trading.now().0));
        assert_eq!(house.server.taken()[0].to, "buyer-1@example.jp");
        assert_eq!(house.server.taken().len(), 1);
        assert_eq!(house.trading.jobs().await, []);
        assert!(house.trading.story(order).await.contains(&"mail_sent".to_owned()));
        // The channel tells the order again, changed: no second mail.
        let mut again = house.trading.remote("1", &[("CUP", 1)]);
        again.note = "のし".to_owned();
        again.payment = Payment::Awaiting;
        house.trading.order(raw(again)).await;
        assert_eq!(house.run().await, 0);
    })
    .await;
}

#[tokio::test]
async fn not_now_is_tried_again_with_the_same_text() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh, Uncertain::Ask).await;
        let order = house.order("1").await;
        house.server.will(Next::Say(busy(Stage::Recipient)));
        house.run().await;
        assert_eq!(house.state(order).await, "queued");
        assert_eq!(house.run().await, 0, "not at once");
        house.trading.pass(Duration::from_secs(31));
        house.run().await;
        let mail = house.trading.mail(order, "received").await.unwrap();
        assert_eq!(
            (mail.state.as_str(), mail.attempts, mail.body_text.as_deref()),
            ("sent", 2, Some("text 1"))
        );
        assert_eq!(house.trading.jobs().await, []);
    })
    .await;
}

#[tokio::test]
async fn a_mail_that_is_never_taken_is_refused_in_the_end_and_can_be_sent_by_a_person() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh, Uncertain::Ask).await;
        let order = house.order("1").await;
        let mut tries = 0;
        while house.state(order).await == "queued" {
            house.server.will(Next::Say(busy(Stage::Data)));
            tries += house.run().await;
            house.trading.pass(Duration::from_secs(5 * 3600));
            assert!(tries < 100, "never given up");
        }
        assert_eq!(house.state(order).await, "refused");
        assert!(tries > 20, "given up after {tries} tries");
        assert_eq!(house.trading.jobs().await, []);
        let retried =
            house.trading.store.retry_order(order, "cli:hanako", house.trading.now()).await.unwrap();
        assert_eq!(retried.mails, 1);
        house.run().await;
        assert_eq!(house.state(order).await, "sent");
    })
    .await;
}

#[tokio::test]
async fn a_refusal_is_final_and_visible() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh, Uncertain::Ask).await;
        let order = house.order("1").await;
        let verdict =
            Verdict::Permanent { code: Some(550), text: "no such user".to_owned(), stage: Stage::Recipient };
        house.server.will(Next::Say(verdict));
        house.run().await;
        let mail = house.trading.mail(order, "received").await.unwrap();
        assert_eq!(mail.state, "refused");
        assert!(mail.answer.unwrap().contains("550 no such user"));
        assert_eq!(house.trading.jobs().await, []);
        assert_eq!(house.trading.store.mails_pending().await.unwrap(), [("refused".to_owned(), 1)]);
        // An address that is none is not even offered to the server.
        let mut odd = house.trading.remote("2", &[("CUP", 1)]);
        odd.buyer.email = "nobody".to_owned();
        odd.payment = Payment::Awaiting;
        let odd = house.trading.order(raw(odd)).await;
        house.run().await;
        assert_eq!(house.state(odd).await, "refused");
        assert_eq!(house.server.taken().len(), 0);
    })
    .await;
}

#[tokio::test]
async fn what_is_cut_off_after_the_server_took_it_waits_for_a_person() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh, Uncertain::Ask).await;
        let order = house.order("1").await;
        house.server.will(Next::TakeAndCut);
        house.run_and_die().await;
        assert_eq!(house.state(order).await, "sending");
        assert_eq!(house.run().await, 0, "the claim has not run out");
        house.trading.pass(LEASE * 2);
        house.run().await;
        assert_eq!(house.state(order).await, "uncertain");
        assert_eq!(house.trading.jobs().await, []);
        assert_eq!(house.trading.store.alerts().await.unwrap()[0].kind, "mail_uncertain");
        house.trading.pass(Duration::from_secs(86_400));
        house.run().await;
        assert_eq!(house.server.taken().len(), 1, "never blindly");
        assert!(house.trading.story(order).await.contains(&"mail_uncertain".to_owned()));
        let now = house.trading.now();
        let store = &house.trading.store;
        let refused = store.act_on_mail(&received(order), MailAct::Send, "cli:hanako", now).await;
        assert!(refused.is_err(), "sending needs a person's `resend`");
        store.act_on_mail(&received(order), MailAct::Resend, "cli:hanako", now).await.unwrap();
        house.run().await;
        let taken = house.server.taken();
        assert_eq!(taken.len(), 2);
        assert_eq!(taken[0].bytes, taken[1].bytes, "the same Message-ID and text");
        assert_eq!(store.alerts().await.unwrap(), []);
        assert_eq!(house.state(order).await, "sent");
    })
    .await;
}

#[tokio::test]
async fn the_setting_may_resend_or_drop_what_is_uncertain() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh, Uncertain::Resend).await;
        let order = house.order("1").await;
        house.server.will(Next::TakeAndCut);
        house.run_and_die().await;
        house.trading.pass(LEASE * 2);
        house.run().await;
        assert_eq!(house.state(order).await, "queued");
        house.trading.pass(Duration::from_secs(120));
        house.run().await;
        assert_eq!(house.state(order).await, "sent");
        let taken = house.server.taken();
        assert_eq!(taken.len(), 2);
        assert_eq!(taken[0].bytes, taken[1].bytes);
    })
    .await;
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh, Uncertain::Drop).await;
        let order = house.order("1").await;
        house.server.will(Next::Say(Verdict::Unknown { text: "the answer was lost".to_owned() }));
        house.run().await;
        assert_eq!(house.state(order).await, "dropped");
        house.trading.pass(LEASE * 2);
        assert_eq!(house.run().await, 0);
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_comes_after_the_claim_ran_out_is_still_true() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh, Uncertain::Ask).await;
        let order = house.order("1").await;
        let (store, now) = (&house.trading.store, house.trading.now());
        let job = store.claim("mail", "clerk", now, LEASE, 1).await.unwrap().remove(0);
        let text = house.pen.write(&store.letters(&[received(order)]).await.unwrap()[0]).unwrap();
        let marked = store.begin_sending(&[(received(order), text)], now).await.unwrap();
        // Another daemon takes this one for dead.
        house.trading.pass(LEASE * 2);
        house.run().await;
        assert_eq!(house.state(order).await, "uncertain");
        let end = banto::store::MailEnd {
            key: received(order),
            attempts: marked[0].attempts,
            state: "sent",
            answer: "250 ok".to_owned(),
            event: Some("mail_sent"),
        };
        store.settle_mails(&[end], &[(job, banto::store::JobEnd::Done)], &[], now).await.unwrap();
        assert_eq!(house.state(order).await, "sent");
    })
    .await;
}

#[tokio::test]
async fn no_outage_of_the_server_makes_a_mail_be_given_up() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh, Uncertain::Ask).await;
        let orders = [house.order("1").await, house.order("2").await, house.order("3").await];
        for _ in 0..100 {
            house.server.will(Next::Say(busy(Stage::Connect)));
            assert_eq!(house.run().await, 3);
            assert_eq!(house.run().await, 0, "the lane rests");
            house.trading.pass(Duration::from_secs(301));
        }
        assert_eq!(house.trading.store.alerts().await.unwrap().len(), 1);
        let stopped = Verdict::Stopped { reason: "535 wrong password".to_owned() };
        house.server.will(Next::Say(stopped));
        house.run().await;
        assert!(house.trading.store.alerts().await.unwrap()[0].detail.contains("535 wrong password"));
        house.trading.pass(Duration::from_secs(301));
        house.run().await;
        for order in orders {
            assert_eq!(house.state(order).await, "sent");
        }
        assert_eq!(house.server.taken().len(), 3);
        assert_eq!(house.trading.store.alerts().await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_broken_template_keeps_mails_until_it_is_mended() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh, Uncertain::Ask).await;
        let order = house.order("1").await;
        *house.pen.broken.lock().unwrap() = true;
        for _ in 0..50 {
            assert_eq!(house.run().await, 1);
            house.trading.pass(Duration::from_secs(601));
        }
        assert_eq!(house.state(order).await, "queued");
        assert!(house.trading.store.alerts().await.unwrap()[0].detail.contains("ja/received.txt:3"));
        *house.pen.broken.lock().unwrap() = false;
        house.run().await;
        assert_eq!(house.state(order).await, "sent");
        assert_eq!(house.trading.store.alerts().await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_stop_gives_back_what_was_not_begun() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh, Uncertain::Ask).await;
        for n in 0..5 {
            house.order(&n.to_string()).await;
        }
        let stop = CancellationToken::new();
        *house.server.stop.lock().unwrap() = Some(stop.clone());
        lane_once(&house.lane, &house.trading.cx(), &stop).await.unwrap();
        assert_eq!(house.server.taken().len(), 1, "the one that was under way");
        let pending = house.trading.store.mails_pending().await.unwrap();
        assert_eq!(pending, [("queued".to_owned(), 4)]);
        house.run().await;
        assert_eq!(house.server.taken().len(), 5);
    })
    .await;
}

#[tokio::test]
async fn mails_by_hand_and_held_mails_wait_for_a_word() {
    each_store(async |fresh: &Fresh| {
        let mut house = House::open(fresh, Uncertain::Ask).await;
        house.trading.facts.mails.received.by_hand = true;
        let order = house.order("1").await;
        assert_eq!(house.run().await, 0);
        assert_eq!(house.state(order).await, "by_hand");
        let store = &house.trading.store;
        let now = house.trading.now();
        store.act_on_mail(&received(order), MailAct::Send, "cli:hanako", now).await.unwrap();
        assert!(store.act_on_mail(&received(order), MailAct::Send, "cli:hanako", now).await.is_err());
        store.act_on_mail(&received(order), MailAct::Hold, "cli:hanako", now).await.unwrap();
        assert_eq!(house.run().await, 0);
        store.hold_order(&house.trading.act(order), "ask the buyer").await.unwrap();
        let held = store.act_on_mail(&received(order), MailAct::Send, "cli:hanako", now).await;
        assert!(held.unwrap_err().to_string().contains("ask the buyer"));
        store.release_order(&house.trading.act(order)).await.unwrap();
        assert_eq!(house.state(order).await, "by_hand", "a release is not a word about the mail");
        store.act_on_mail(&received(order), MailAct::Send, "cli:hanako", now).await.unwrap();
        house.run().await;
        assert_eq!(house.state(order).await, "sent");
    })
    .await;
}

#[tokio::test]
async fn a_hold_catches_mails_that_are_already_claimed() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh, Uncertain::Ask).await;
        let order = house.order("1").await;
        let store = &house.trading.store;
        // Claimed by a lane that has not marked it yet.
        let job = store.claim("mail", "clerk", house.trading.now(), LEASE, 1).await.unwrap();
        store.hold_order(&house.trading.act(order), "wait").await.unwrap();
        let letters = store.letters(&[received(order)]).await.unwrap();
        let text = house.pen.write(&letters[0]).unwrap();
        assert_eq!(store.begin_sending(&[(received(order), text)], house.trading.now()).await.unwrap(), []);
        store.release_order(&house.trading.act(order)).await.unwrap();
        store.settle_mails(&[], &[], &job, house.trading.now()).await.unwrap();
        assert_eq!(house.run().await, 1, "released before the lane let go of it, it must still go out");
        assert_eq!(house.state(order).await, "sent");
        assert_eq!(house.trading.jobs().await, []);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_lane_wakes_for_new_mails_and_ends_when_told() {
    each_store(async |fresh: &Fresh| {
        let House { trading, server, lane, .. } = House::open(fresh, Uncertain::Ask).await;
        let stop = CancellationToken::new();
        let running = tokio::spawn(run_lane(Arc::new(lane), trading.cx(), stop.clone()));
        for n in 1..=3 {
            trading.order(trading.remote(&n.to_string(), &[("CUP", 1)])).await;
            let arrived = async {
                while server.taken().len() < 2 * n {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(10), arrived).await.unwrap();
        }
        stop.cancel();
        tokio::time::timeout(Duration::from_secs(10), running).await.unwrap().unwrap();
        assert_eq!(server.taken().len(), 6, "two mails an order");
    })
    .await;
}
