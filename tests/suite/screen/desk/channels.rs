//! Channels: paused, let go after a look, taken live, and given their secrets.

use std::os::unix::fs::PermissionsExt;

use banto::domain::people::Role;

use super::{NASTY, Shop, field, whole};
use crate::stores::{Fresh, each_store};

#[tokio::test]
async fn a_channel_is_paused_resumed_and_pushed_by_staff() {
    each_store(async |fresh: &Fresh| {
        let shop = Shop::open(fresh).await;
        let staff = shop.browser(Role::Staff).await;
        let act = async |what: &str| staff.post("/channels/honten/act", &[("do", what)]).await.status;
        let row = async || shop.trading.store.channel("honten").await.unwrap();
        assert_eq!((act("pause").await, row().await.paused), (303, true));
        assert_eq!(act("pause").await, 409, "somebody has done that");
        assert_eq!(act("push").await, 409, "it is paused");
        assert!(staff.page("/channels").await.contains("paused"));
        assert_eq!((act("resume").await, row().await.paused), (303, false));
        let asked = row().await.push_asked;
        assert_eq!((act("push").await, row().await.push_asked), (303, asked + 1));
        assert_eq!(act("pull").await, 303);
        assert_eq!(act("nonsense").await, 422);
        let noted = "SELECT COUNT(*) FROM audit WHERE actor = 'user:staff' AND subject = 'honten' \
            AND action IN ('pause_channel', 'resume_channel', 'push', 'pull')";
        assert_eq!(fresh.number(noted).await, 4);
        let from_to = "SELECT COUNT(*) FROM audit WHERE action = 'pause_channel' \
            AND before_state = '{\"paused\":false}' AND after_state = '{\"paused\":true}'";
        assert_eq!(fresh.number(from_to).await, 1);
        let resumed = staff.page("/audit?action=resume_channel").await;
        assert!(resumed.contains("<del>yes</del>") && resumed.contains("<ins>no</ins>"), "{resumed}");
        let looker = shop.browser(Role::ReadOnly).await;
        looker.post("/channels/honten/act", &[("do", "pause")]).await.expect(403);
        staff.get("/channels/nowhere").await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn a_stopped_push_goes_only_as_it_was_looked_at() {
    each_store(async |fresh: &Fresh| {
        let shop = Shop::open(fresh).await;
        let staff = shop.browser(Role::Staff).await;
        fresh.run(&format!("UPDATE channel SET stopped = '10 {NASTY}' WHERE name = 'honten'")).await;
        let page = whole(&staff, "/channels/honten/diff").await;
        assert!(!page.contains(NASTY), "{page}");
        let seen = format!("10 {NASTY}");
        fresh.run("UPDATE channel SET stopped = '11 of 20' WHERE name = 'honten'").await;
        staff.post("/channels/honten/act", &[("do", "approve"), ("seen", &seen)]).await.expect(409);
        let seen = field(&whole(&staff, "/channels/honten/diff").await, "seen");
        assert_eq!(seen, "11 of 20");
        staff.post("/channels/honten/act", &[("do", "approve"), ("seen", &seen)]).await.expect(303);
        assert!(shop.trading.store.channel("honten").await.unwrap().approved);
        staff.post("/channels/honten/act", &[("do", "approve"), ("seen", &seen)]).await.expect(409);
    })
    .await;
}

#[tokio::test]
async fn the_mode_is_the_owners_and_changes_one_line() {
    let fresh = Fresh::sqlite().await;
    let shop = Shop::open(&fresh).await;
    let file = shop.site.app.config.dir.join("channels/honten.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let observe = [("mode", "observe")];
    shop.browser(Role::Staff).await.post("/channels/honten/mode", &observe).await.expect(403);
    let owner = shop.browser(Role::Owner).await;
    let page = owner.page("/channels/honten/mode").await;
    assert!(page.contains("systemctl reload banto") && page.contains("honten.toml"), "{page}");
    owner.post("/channels/honten/mode", &[("mode", "live")]).await.expect(409);
    owner.post("/channels/honten/mode", &observe).await.expect(303);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text.replace("\"live\"", "\"observe\""));
    assert_eq!(std::fs::read_to_string(file.with_extension("toml.before")).unwrap(), text);
    let noted = "SELECT COUNT(*) FROM audit WHERE action = 'channel_mode' AND before_state LIKE '%live%' \
        AND after_state LIKE '%observe%'";
    assert_eq!(fresh.number(noted).await, 1);
}

#[tokio::test]
async fn secrets_go_into_their_files_and_nowhere_else() {
    let fresh = Fresh::sqlite().await;
    let shop = Shop::open(&fresh).await;
    let (owner, staff) = (shop.browser(Role::Owner).await, shop.browser(Role::Staff).await);
    let path = "/channels/off/credentials";
    let form = [("secrets/off-key", "ck_hush-hush"), ("secrets/off-secret", "cs_hush-hush")];
    staff.post(path, &form).await.expect(403);
    assert!(owner.page(path).await.contains("is missing"));
    owner.post(path, &[("secrets/other", "x")]).await.expect(404);
    owner.post(path, &[("secrets/off-key", " ")]).await.expect(422);
    let answer = owner.post(path, &form).await.expect(200).body;
    let file = shop.site.app.config.dir.join("secrets/off-key");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "ck_hush-hush\n");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    for page in
        [answer, owner.page(path).await, owner.page("/channels/off").await, owner.page("/audit").await]
    {
        assert!(!page.contains("hush-hush"), "{page}");
    }
    let leaked = "SELECT COUNT(*) FROM audit WHERE detail LIKE '%hush%' OR before_state LIKE '%hush%' OR after_state LIKE '%hush%'";
    assert_eq!(fresh.number(leaked).await, 0);
    assert_eq!(fresh.number("SELECT COUNT(*) FROM audit WHERE action = 'credentials_write'").await, 2);
}

#[tokio::test]
async fn a_job_that_was_given_up_is_tried_again_or_dropped() {
    each_store(async |fresh: &Fresh| {
        let shop = Shop::open(fresh).await;
        let trading = &shop.trading;
        for id in ["1", "2"] {
            trading.order(trading.remote(id, &[("CUP", 1)])).await;
        }
        fresh.run(&format!("UPDATE job SET state = 'dead', last_error = '{NASTY}'")).await;
        let jobs: Vec<String> = trading.jobs().await.iter().map(|job| job.id.to_string()).collect();
        let staff = shop.browser(Role::Staff).await;
        let page = staff.page("/queue?tab=dead").await;
        assert!(page.contains(&format!("value=\"{}\"", jobs[0])) && !page.contains(NASTY), "{page}");
        let order = trading.jobs().await.iter().find_map(|job| job.order()).unwrap();
        let number = trading.store.order_view(order).await.unwrap().order.number;
        let named = format!("<a href=\"/orders/{order}\">honten/{number}</a>");
        assert!(page.contains(&named) && !page.contains(&format!(">#{order}<")), "{named} {page}");
        assert!(!staff.page("/queue").await.contains("name=\"job\""), "nothing waits");
        let act = async |what: &str, job: &str| {
            staff.post("/queue/act", &[("do", what), ("job", job), ("tab", "dead")]).await.status
        };
        assert_eq!(act("retry", &jobs[0]).await, 303);
        let page = staff.page("/queue?lane=mail").await;
        assert!(page.contains(&format!("value=\"{}\"", jobs[0])), "{page}");
        let dead = i64::try_from(jobs.len()).unwrap() - 1;
        assert_eq!(trading.store.desk_jobs().await.unwrap(), (1, dead));
        let mut lanes: Vec<String> = trading.jobs().await.into_iter().map(|job| job.lane).collect();
        lanes.sort();
        lanes.dedup();
        assert_eq!(trading.store.desk_lanes().await.unwrap(), lanes);
        for lane in &lanes {
            let waits =
                if trading.jobs().await.iter().any(|j| j.lane == *lane && j.state != "dead") { 1 } else { 0 };
            assert_eq!(trading.store.jobs_in_lane(lane, 10).await.unwrap(), waits, "{lane}");
            let page = trading.store.jobs_waiting_after(lane, 0, 10).await.unwrap();
            assert_eq!(page.len(), usize::try_from(waits).unwrap(), "{lane}");
        }
        assert_eq!(act("drop", &jobs[1]).await, 303);
        assert_eq!(act("drop", &jobs[1]).await, 404);
        assert_eq!(staff.post("/queue/act", &[("do", "drop")]).await.status, 422);
    })
    .await;
}
