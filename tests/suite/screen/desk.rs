//! The first page, the mails, the channels and the live updates, over HTTP.

mod added;
mod audit;
mod channels;
mod diff;
mod live;
mod mails;
mod quarantine;
mod today;

use std::time::Duration;

use banto::domain::people::Role;
use banto_sim::SimClock;
use tempfile::TempDir;

use super::site::{Browser, Plan, Site};
use crate::stores::Fresh;
use crate::trading::Trading;

/// What must stay text wherever it is shown.
const NASTY: &str = "<script>alert(1)</script>";

/// A house with one live channel, which nothing drives but the test.
struct Shop {
    site: Site,
    trading: Trading,
    _secrets: TempDir,
}

impl Shop {
    async fn open(fresh: &Fresh) -> Self {
        Self::in_mode(fresh, "live").await
    }

    async fn in_mode(fresh: &Fresh, mode: &str) -> Self {
        let secrets = tempfile::tempdir().unwrap();
        let (key, secret) = (secrets.path().join("key"), secrets.path().join("secret"));
        std::fs::write(&key, "ck_0123456789").unwrap();
        std::fs::write(&secret, "cs_0123456789").unwrap();
        let (key, secret) = (key.display(), secret.display());
        let honten = format!(
            "kind = \"woocommerce\"\nmode = \"{mode}\"\n\n[connector]\nurl = \"https://shop.example\"\n\
             consumer_key_file = \"{key}\"\nconsumer_secret_file = \"{secret}\"\n\n[orders.unpaid.bacs]\ncancel_days = 7\n"
        );
        let off = "kind = \"woocommerce\"\nenabled = false\n\n[connector]\nurl = \"https://127.0.0.1:1\"\n\
            consumer_key_file = \"secrets/off-key\"\nconsumer_secret_file = \"secrets/off-secret\"\n";
        let house = "[shop]\nname = \"茶屋 <本店>\"\n\n[mail]\nfrom = \"shop@example.jp\"\nhost = \"127.0.0.1\"\nport = 1\n\
            tls = \"none\"\n";
        let plan = Plan { house, channels: &[("honten", &honten), ("off", off)] };
        let trading = Trading::open(fresh, "honten", mode == "live").await;
        let site = Site::planned(fresh, plan, SimClock::usual()).await;
        // What the screen edits stands in files.
        let dir = &site.app.config.dir;
        std::fs::create_dir_all(dir.join("channels")).unwrap();
        std::fs::write(dir.join("banto.toml"), house).unwrap();
        std::fs::write(dir.join("channels/honten.toml"), &honten).unwrap();
        Self { site, trading, _secrets: secrets }
    }

    async fn browser(&self, role: Role) -> Browser {
        self.site.log_in(role).await
    }
}

/// A page, once all that it counts has been counted; a browser's script asks for it as often.
async fn whole(browser: &Browser, path: &str) -> String {
    for _ in 0..400 {
        let page = browser.page(path).await;
        if !page.contains("data-again") {
            return page;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{path} is still being counted");
}

/// The value of a hidden field of a page.
fn field(html: &str, name: &str) -> String {
    let at = html.find(&format!("name=\"{name}\" value=\"")).unwrap() + name.len() + 15;
    html[at..].split('"').next().unwrap().to_owned()
}
