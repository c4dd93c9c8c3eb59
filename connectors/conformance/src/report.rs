//! What the suite found.

use std::fmt;

/// A check that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The check.
    pub name: &'static str,
    /// What was wrong.
    pub why: String,
}

/// A check that was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    /// The check.
    pub name: &'static str,
    /// Why not: the fixture's words, or the capability that is not claimed.
    pub reason: String,
}

/// The outcome of every check, in the order of the suite.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Checks that held.
    pub passed: Vec<&'static str>,
    /// Checks that were not made.
    pub skipped: Vec<Skip>,
    /// Checks that did not hold.
    pub failed: Vec<Failure>,
}

impl Report {
    /// Whether this check did not hold.
    #[must_use]
    pub fn has_failed(&self, name: &str) -> bool {
        self.failed.iter().any(|f| f.name == name)
    }

    /// Prints the report and ends the test if a check did not hold.
    ///
    /// # Panics
    ///
    /// When [`Report::failed`] is not empty: this is an assertion.
    pub fn assert_ok(&self) {
        println!("{self}");
        let failures: String = self.failed.iter().map(|f| format!("\n  {}: {}", f.name, f.why)).collect();
        assert!(failures.is_empty(), "the connector does not conform:{failures}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in &self.passed {
            writeln!(f, "  ok    {name}")?;
        }
        for Skip { name, reason } in &self.skipped {
            writeln!(f, "  skip  {name}: {reason}")?;
        }
        for Failure { name, why } in &self.failed {
            writeln!(f, "  FAIL  {name}: {why}")?;
        }
        let (passed, skipped, failed) = (self.passed.len(), self.skipped.len(), self.failed.len());
        write!(f, "{passed} passed, {skipped} skipped, {failed} failed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report {
            passed: vec!["a"],
            skipped: vec![Skip { name: "b", reason: "no webhooks there".to_owned() }],
            failed: Vec::new(),
        }
    }

    #[test]
    fn it_reads_line_by_line() {
        let text = report().to_string();
        assert_eq!(text, "  ok    a\n  skip  b: no webhooks there\n1 passed, 1 skipped, 0 failed");
        report().assert_ok();
    }

    #[test]
    #[should_panic(expected = "does not conform:\n  c: lost an order")]
    fn a_failure_ends_the_test_and_names_the_check() {
        let mut report = report();
        report.failed.push(Failure { name: "c", why: "lost an order".to_owned() });
        assert!(report.has_failed("c") && !report.has_failed("a"));
        report.assert_ok();
    }
}
