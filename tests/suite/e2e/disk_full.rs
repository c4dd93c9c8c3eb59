//! The disk is full: intake stands still and says so, and goes on when there is room.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use banto::mail::Received;
use tokio::process::Command;

use super::first_day::{buy, shown, shows};
use super::house::{House, Plan, eventually, settled};
use super::http;
use super::truth::{Side, disagreements};

const SOON: Duration = Duration::from_secs(30);

/// A small file system of our own; unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None`, with the reason printed, where this user may not mount anything.
    async fn mount(at: &Path) -> Option<Self> {
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"]).arg(at).output().await;
        match mount {
            Ok(done) if done.status.success() => Some(Self(at.to_owned())),
            Ok(done) => {
                eprintln!(
                    "SKIP: cannot mount a small disk: {}",
                    String::from_utf8_lossy(&done.stderr).trim()
                );
                None
            }
            Err(error) => {
                eprintln!("SKIP: cannot mount a small disk: {error}");
                None
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let done = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
        if !done.is_ok_and(|s| s.success()) {
            eprintln!("{} is still mounted", self.0.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_intake_until_there_is_room_again() {
    // What more there is stands under `[mail]`.
    let more = "alert_to = \"owner@example.test\"\n";
    let house = House::on_sqlite(Plan { seed: 11, more, ..Plan::default() }).await;
    let state = house.dir.path().join("state");
    let Some(disk) = SmallDisk::mount(&state).await else { return };
    house.stock_up().await;
    let mut daemon = house.start().await;
    let (honten, kyoto) = (house.shop("honten"), house.shop("kyoto"));
    shows(kyoto, "TEA-02", 900).await;
    fill(&state.join("ballast"));
    let mut ordered = 0;
    eventually("not ready any more", SOON, async || {
        ordered += 1;
        buy(honten, "TEA-02", 1, true);
        http::get(house.port, "/readyz").await.is_some_and(|(status, _)| status == 503)
    })
    .await;
    let (_, why) = http::get(house.port, "/readyz").await.unwrap();
    assert!(why.contains("intake") && why.contains("disk is full"), "{why}");
    eventually("the log says why", SOON, async || house.log().contains("pull failed")).await;
    assert!(daemon.lives(), "it waits for room");
    eventually("the merchant is told, past the full store", SOON, async || told(&house) == 1).await;
    // The house is looked at every 15 seconds.
    tokio::time::sleep(Duration::from_secs(17)).await;
    assert_eq!(told(&house), 1, "and not every time that somebody looks");
    for _ in 0..5 {
        ordered += 1;
        buy(honten, "TEA-02", 1, true);
    }
    fs::remove_file(state.join("ballast")).unwrap();
    shows(kyoto, "TEA-02", 900 - ordered).await;
    eventually("ready again", SOON, async || {
        http::get(house.port, "/readyz").await.is_some_and(|(status, _)| status == 200)
    })
    .await;
    let store = house.store().await;
    let sides = [Side::new("honten", honten.as_ref()), Side::new("kyoto", kyoto.as_ref())];
    settled(async || disagreements(&store, &sides).await).await;
    assert_eq!(shown(honten, "TEA-02"), 900 - ordered);
    store.close().await;
    daemon.stop().await;
    house.banto(&["doctor"]).await.ok();
    drop(house);
    drop(disk);
}

/// How often the merchant was mailed that nothing can be stored.
fn told(house: &House) -> usize {
    let received = house.sink.received();
    let of_standstill = |m: &&Received| m.message_id.starts_with("<alert.standstill.");
    let told: Vec<_> = received.iter().filter(of_standstill).collect();
    assert!(told.iter().all(|m| m.to == ["owner@example.test"]), "{told:?}");
    told.len()
}

/// Takes all the room that is left.
fn fill(path: &Path) {
    use std::io::Write as _;
    let mut file = fs::File::create(path).unwrap();
    for size in [1 << 20, 1 << 16, 1 << 12, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}
