//! `banto doctor`: asks the store whether everything that must be true is.

use std::io::IsTerminal;
use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::{Exit, Globals, Outcome, left, right};
use crate::doctor::{Finding, State, examine, house_key, worst};
use crate::keys::house::KeyFile;

/// Check that everything in the store is as it must be
#[derive(Args, Debug)]
pub struct Doctor {}

#[derive(Serialize)]
struct Answer<'a> {
    ok: bool,
    checks: &'a [Finding],
}

impl Doctor {
    /// Asks, and says where the store and its rules part.
    pub(super) async fn run(self, globals: &Globals) -> Outcome {
        let house = globals.house().await?;
        let url = house.config.store_url()?;
        let file = url.expose().strip_prefix("sqlite:").map(Path::new);
        let folder =
            file.and_then(Path::parent).map(|p| if p.as_os_str().is_empty() { Path::new(".") } else { p });
        let watched = std::io::stderr().is_terminal();
        let mut asking = |check: &str| {
            if watched {
                eprintln!("asking: {check}");
            }
        };
        let mut findings = examine(&house.store, folder, house.now(), &mut asking).await?;
        findings.push(house_key(&house.store, &KeyFile::of(&house.config)).await);
        let ok = worst(&findings) != State::Broken;
        house.out.answer(&Answer { ok, checks: &findings }, |text| {
            let row = |f: &Finding| {
                let count = if f.count > 0 { f.count.to_string() } else { String::new() };
                [f.state.word().to_owned(), count, f.check.to_owned(), format!("{} ms", f.took_ms)]
            };
            let rows: Vec<_> = findings.iter().map(row).collect();
            text.table([left("STATE"), right("COUNT"), left("CHECK"), right("TOOK")], &rows);
            for finding in findings.iter().filter(|f| f.state != State::Ok) {
                text.line("");
                text.line(format!("{}: {}", finding.state.word(), finding.check));
                for example in &finding.examples {
                    text.line(format!("  {example}"));
                }
                let more = finding.count - i64::try_from(finding.examples.len()).unwrap_or(0);
                if more > 0 {
                    text.line(format!("  and {more} more"));
                }
                text.line(format!("  -> {}", finding.remedy.unwrap_or_default()));
            }
        })?;
        house.store.close().await;
        Ok(if ok { Exit::Ok } else { Exit::Failed })
    }
}
