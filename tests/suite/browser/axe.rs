//! axe-core's rules of accessibility, on the page that is open.

use std::env;
use std::fmt;
use std::fs;

use serde::Deserialize;
use serde_json::{Value, json};

use super::driver::Browser;

/// Rules of WCAG 2.2, levels A and AA, and what axe itself thinks good practice.
const TAGS: [&str; 6] = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/// What a page is examined for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// Everything.
    All,
    /// Whether what it says can be told from its ground: all that depends on the colours, and the slowest of the rules.
    Contrast,
}

impl Rules {
    /// As axe is told.
    fn run_only(self) -> Value {
        match self {
            Self::All => json!({"type": "tag", "values": TAGS}),
            Self::Contrast => json!({"type": "rule", "values": ["color-contrast"]}),
        }
    }
}

/// axe-core itself.
pub struct Axe(String);

/// A rule that a page breaks.
#[derive(Debug, Deserialize)]
pub struct Violation {
    rule: String,
    impact: String,
    /// Selectors of the elements that break it, with what is wrong.
    targets: Vec<(String, String)>,
}

impl Axe {
    /// Reads it from where `BANTO_TEST_AXE` says it is.
    pub fn read() -> Self {
        let Some(path) = env::var_os("BANTO_TEST_AXE") else {
            panic!("BANTO_TEST_AXE does not name axe.min.js: run this through tests/axe/run");
        };
        Self(fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
    }

    /// Those of the rules that the open page breaks, worst first.
    pub async fn violations(&self, browser: &Browser, rules: Rules) -> Vec<Violation> {
        if !browser.is("window.axe").await {
            browser.js(&self.0, Vec::new()).await;
        }
        let run = "const [runOnly, done] = arguments;
            const told = n => [n.target.join(' '), n.failureSummary.split('\\n').slice(1).join(';').trim()];
            const worst = ['critical', 'serious', 'moderate', 'minor'];
            axe.run(document, {runOnly, resultTypes: ['violations'], iframes: false})
                .then(found => done(found.violations.map(v => ({rule: v.id, impact: v.impact,
                    targets: v.nodes.slice(0, 5).map(told)})).sort((a, b) =>
                    worst.indexOf(a.impact) - worst.indexOf(b.impact))))
                .catch(error => done(String(error)))";
        let found = match browser.client.execute_async(run, vec![rules.run_only()]).await {
            Ok(found) => found,
            Err(error) => browser.fail(&format!("axe: {error}")).await,
        };
        serde_json::from_value(found.clone()).unwrap_or_else(|e| panic!("axe: {e}: {found}"))
    }
}

impl Violation {
    /// Whether it keeps somebody from using the page.
    pub fn is_serious(&self) -> bool {
        matches!(self.impact.as_str(), "critical" | "serious")
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.rule, self.impact)?;
        self.targets.iter().try_for_each(|(target, why)| write!(f, "\n        {target}: {why}"))
    }
}
