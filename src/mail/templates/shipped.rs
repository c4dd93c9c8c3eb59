//! The templates that come with banto, so that the binary works without any file beside it.

macro_rules! shipped {
    ($($language:literal: $($file:literal)+;)+) => {
        &[$($((
            $language,
            $file,
            include_str!(concat!("../../../config/mails/", $language, "/", $file)),
        ),)+)+]
    };
}

/// Language, file name and text of each.
pub(super) const SHIPPED: &[(&str, &str, &str)] = shipped! {
    "en":
        "_addresses.html" "_addresses.txt" "_footer.txt" "_greeting.txt" "_layout.html"
        "_order.html" "_order.txt" "_payment.html" "_payment.txt"
        "cancelled.html" "cancelled.subject" "cancelled.txt"
        "paid.html" "paid.subject" "paid.txt"
        "received.html" "received.subject" "received.txt"
        "reminder.html" "reminder.subject" "reminder.txt"
        "shipped.html" "shipped.subject" "shipped.txt";
    "ja":
        "_addresses.html" "_addresses.txt" "_footer.txt" "_greeting.txt" "_layout.html"
        "_order.html" "_order.txt" "_payment.html" "_payment.txt"
        "cancelled.html" "cancelled.subject" "cancelled.txt"
        "paid.html" "paid.subject" "paid.txt"
        "received.html" "received.subject" "received.txt"
        "reminder.html" "reminder.subject" "reminder.txt"
        "shipped.html" "shipped.subject" "shipped.txt";
};

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_in_config_is_shipped() {
        let mails = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/mails");
        let names = |dir: &Path| {
            let mut names: Vec<String> = std::fs::read_dir(dir)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        for language in ["en", "ja"] {
            let listed: Vec<&str> = SHIPPED.iter().filter(|s| s.0 == language).map(|s| s.1).collect();
            assert_eq!(names(&mails.join(language)), listed, "{language}");
        }
    }
}
