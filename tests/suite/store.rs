//! The store's own care of itself: its schema over the releases, what it does to text, and whether the doctor sees
//! what is wrong.

use std::time::Duration;

use banto::doctor::{Finding, State, examine, worst};
use banto::store::{SchemaState, Store};
use banto_channel::{Read, RemoteOrder};

use crate::lived::{HARD_TEXT, live_in};
use crate::stores::{Fresh, each_store};
use crate::trading::{Trading, raw};

#[tokio::test]
async fn migrations_are_pending_until_they_are_applied() {
    for fresh in [Some(Fresh::empty_sqlite().await), Fresh::empty_postgres().await].into_iter().flatten() {
        let pending = fresh.store.pending_migrations().await.unwrap();
        assert_eq!(pending, Store::migrations(), "{}", fresh.engine());
        assert_eq!((pending[0].number, pending[0].name.as_str()), (1, "core"));
        fresh.store.migrate().await.unwrap();
        assert_eq!(fresh.store.pending_migrations().await.unwrap(), []);
        fresh.store.migrate().await.unwrap();
    }
}

#[tokio::test]
async fn the_release_before_runs_on_a_schema_that_a_newer_one_has_added_to() {
    each_store(async |fresh| {
        let blob = if fresh.engine() == "sqlite" { "x'00'" } else { "'\\x00'" };
        let newer = format!(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (9000, 'to come', true, {blob}, 0)"
        );
        fresh.run(&newer).await;
        fresh.run("ALTER TABLE item ADD COLUMN colour TEXT").await;
        let program = Store::migrations().last().unwrap().number;
        let state = fresh.store.schema_state().await.unwrap();
        assert_eq!(state, SchemaState::Newer { at: 9000, program });
        fresh.store.migrate().await.unwrap();
        live_in(fresh).await;
        assert_eq!(fresh.store.verify_ledger().await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn text_comes_back_as_it_was_and_a_nul_stops_nobody() {
    each_store(async |fresh| {
        let trading = Trading::live(fresh).await;
        trading.stock(&[("tea", 5)]).await;
        let with_note = |id: &str, note: &str| {
            let order = trading.remote(id, &[("tea", 1)]);
            raw(RemoteOrder { note: note.to_owned(), payment_title: note.to_owned(), ..order })
        };
        let nul = "be\0fore \\u0000 and \\\0";
        let hard = with_note("hard", HARD_TEXT);
        let orders = [hard.clone(), with_note("nul", nul), trading.remote("plain", &[("tea", 1)])];
        let page: Vec<Read> = orders.into_iter().map(|o| Read::Order(Box::new(o))).collect();
        let report = trading.store.take_page(&trading.facts, &page, None, trading.now()).await.unwrap();
        assert_eq!((report.new.len(), report.quarantined.len()), (3, 0), "{report:?}");
        let order = trading.view(report.new[0]).await.order;
        assert_eq!((order.payment_title.as_str(), order.details.note.as_str()), (HARD_TEXT, HARD_TEXT));
        let order = trading.view(report.new[1]).await.order;
        assert_eq!(order.payment_title, "be\u{fffd}fore \\u0000 and \\\u{fffd}");
        let again = trading.take(vec![hard]).await;
        assert_eq!((again.unchanged, again.changed.len()), (1, 0));
    })
    .await;
}

async fn ask(fresh: &Fresh, trading: &Trading) -> Vec<Finding> {
    let mut asked = Vec::new();
    let findings =
        examine(&fresh.store, None, trading.now(), &mut |check| asked.push(check.to_owned())).await.unwrap();
    assert_eq!(asked.len(), findings.len());
    findings
}

#[tokio::test]
async fn the_doctor_finds_a_lived_in_house_in_order() {
    each_store(async |fresh| {
        let trading = live_in(fresh).await;
        let findings = ask(fresh, &trading).await;
        assert_eq!(worst(&findings), State::Warning, "{findings:#?}");
        let warned: Vec<_> =
            findings.iter().filter(|f| f.state == State::Warning).map(|f| (f.check, f.count)).collect();
        let mut expected = vec![
            ("all orders were understood", 1),
            ("all order lines have an item", 1),
            ("nothing is short", 1),
            ("no alert is open", 1),
        ];
        if fresh.engine() == "postgres" {
            // The house lives in a time of its own, the server does not.
            expected.insert(0, ("the server suits", 1));
        }
        assert_eq!(warned, expected);
        trading.pass(Duration::from_secs(2 * 60 * 60));
        let later = ask(fresh, &trading).await;
        let overdue = |check: &str| later.iter().any(|f| f.check == check && f.state == State::Warning);
        for check in ["no job is overdue", "channels are read", "listings are up to date"] {
            assert!(overdue(check), "nobody works here any more: {check} {later:#?}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_doctor_sees_each_thing_that_is_broken() {
    let (ledger, needs) = ("ledger, levels and reservations agree", "orders hold what they need");
    // One of each in a house, so that none is found for another's sake.
    let houses: [&[(&str, &str)]; 4] = [
        &[
            (ledger, "UPDATE level SET available = available + 1 WHERE reserved > 0"),
            (needs, "UPDATE order_line SET quantity = quantity + 1"),
            ("each order has its payload", "DELETE FROM payload"),
        ],
        &[
            (ledger, "UPDATE entry SET quantity = quantity + 1 WHERE reason = 'shipped'"),
            (needs, "UPDATE reservation SET line_no = line_no + 7"),
            ("sets are made of items", "UPDATE item SET is_set = true WHERE code = 'cup'"),
            ("ids are not used twice", "UPDATE counter SET next = 3"),
        ],
        &[
            (ledger, "UPDATE entry SET prev_id = prev_id - 1 WHERE prev_id > 0"),
            ("nothing is below zero", "UPDATE order_line SET returned = -1"),
            ("each queued mail has its job", "DELETE FROM job WHERE lane = 'mail'"),
        ],
        &[
            (ledger, "DELETE FROM entry WHERE id = (SELECT MAX(id) FROM entry)"),
            (needs, "DELETE FROM reservation WHERE reserved > 0"),
        ],
    ];
    for planted in houses {
        each_store(async |fresh| {
            let trading = live_in(fresh).await;
            for (_, damage) in planted {
                fresh.run(damage).await;
            }
            let findings = ask(fresh, &trading).await;
            for (check, damage) in planted {
                let found = findings.iter().find(|f| f.check == *check).unwrap();
                assert_eq!(found.state, State::Broken, "{damage}: {findings:#?}");
                assert!(found.count > 0 && !found.examples.is_empty() && found.remedy.is_some(), "{found:?}");
            }
            let broken = findings.iter().filter(|f| f.state == State::Broken).count();
            assert!(broken <= planted.len() + 1, "what is whole is not called broken: {findings:#?}");
        })
        .await;
    }
}

#[tokio::test]
async fn the_doctor_warns_of_what_a_person_should_look_at() {
    let planted = [
        ("no mail is stuck", "UPDATE mail SET state = 'sending', updated_at = 0 WHERE kind = 'paid'"),
        ("no mail is uncertain", "UPDATE mail SET state = 'uncertain' WHERE kind = 'received'"),
        ("no job was given up", "UPDATE job SET state = 'dead' WHERE id = (SELECT MIN(id) FROM job)"),
        ("no job is overdue", "UPDATE job SET run_at = 0 WHERE id = (SELECT MAX(id) FROM job)"),
        ("channels are read", "UPDATE channel SET pull_failed_since = 0, pull_error = '401'"),
        ("listings are up to date", "UPDATE entry SET at = 0"),
        ("channels are not stopped", "UPDATE channel SET stopped = '80 % would be zero'"),
    ];
    each_store(async |fresh| {
        let trading = live_in(fresh).await;
        let state =
            |findings: &[Finding], check: &str| findings.iter().find(|f| f.check == check).map(|f| f.state);
        let before = ask(fresh, &trading).await;
        for (check, change) in planted {
            assert_eq!(state(&before, check), Some(State::Ok), "{check}");
            fresh.run(change).await;
            let findings = ask(fresh, &trading).await;
            assert_eq!(state(&findings, check), Some(State::Warning), "{change}: {findings:#?}");
        }
    })
    .await;
}
