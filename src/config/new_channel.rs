//! The file of a new channel: the usual one, with its comments, and what the connector of its kind needs.

use banto_channel::Bilingual;

/// What every channel file has, with its comments; the part of the kind comes from its connector.
const USUAL: &str = include_str!("../../config/channels/woocommerce.toml");

/// A key of the connector's table that a person has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The key.
    pub key: String,
    /// The sample's comment on it, a line each; its Japanese stands in lines that begin with `# ja: `.
    pub help: Bilingual,
    /// The sample's value, as TOML.
    pub sample: String,
}

impl Question {
    /// Whether the key names the file of a secret; the secret itself stands in no config.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.key.ends_with("_file")
    }

    /// What somebody typed, as TOML; `None` where it is no value of this key.
    #[must_use]
    pub fn literal(&self, typed: &str) -> Option<String> {
        let typed = typed.trim();
        if self.sample.starts_with('"') {
            return Some(toml::Value::from(typed).to_string()).filter(|_| !typed.contains(char::is_control));
        }
        let table: toml::Table = format!("value = {typed}").parse().ok()?;
        (table.len() == 1 && !typed.contains('\n')).then(|| typed.to_owned())
    }

    /// The sample's value as somebody would type it.
    #[must_use]
    pub fn example(&self) -> String {
        let table: Option<toml::Table> = format!("value = {}", self.sample).parse().ok();
        let text = table.and_then(|table| table.get("value")?.as_str().map(str::to_owned));
        text.unwrap_or_else(|| self.sample.clone())
    }
}

/// Whether a channel may be called so.
#[must_use]
pub fn is_channel_name(text: &str) -> bool {
    super::check::is_name(text)
}

/// The usual channel file with the `[connector]` table of a kind, whose connector's sample this is. It is not switched on
/// yet, and in mode `observe`.
#[must_use]
pub fn channel_file(kind: &str, sample: &str, name: &str) -> String {
    let (head, rest) = USUAL.split_once("# What the connector itself needs").unwrap_or((USUAL, ""));
    let (_, tail) = rest.split_once("\n[orders]").unwrap_or(("", ""));
    let head =
        head.split_once("\nkind = ").map_or(head, |(_, after)| after.split_once('\n').map_or("", |(_, h)| h));
    let folder = kind.replace('_', "-");
    let sample: String = sample.lines().map(|line| own_secret(line, name) + "\n").collect();
    // Tables of the connector's own are part of [connector].
    let sample = sample
        .lines()
        .map(|line| match (line.strip_prefix("[["), line.strip_prefix('['), line.strip_prefix("# [")) {
            (Some(rest), ..) => format!("[[connector.{rest}\n"),
            (_, Some(rest), _) => format!("[connector.{rest}\n"),
            (.., Some(rest)) if !rest.contains('"') => format!("# [connector.{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect::<String>();
    format!(
        "# {name}: a channel of the kind {kind}. connectors/{folder}/README.md tells how to get its credentials and lists every key.\n\
         # A line that begins with \"#\" and a key shows that key with an example or its default.\n\n\
         kind = \"{kind}\"\n{head}\n[connector]\n{sample}\n[orders]{tail}"
    )
}

/// The line with the secret's file named after the channel, so that two channels of one kind do not share one.
fn own_secret(line: &str, name: &str) -> String {
    let bare = line.trim_start_matches("# ");
    match bare.split_once(" = \"") {
        Some((key, _))
            if key.ends_with("_file") && key.chars().all(|c| c.is_ascii_lowercase() || c == '_') =>
        {
            let mark = if bare.len() < line.len() { "# " } else { "" };
            format!("{mark}{key} = \"{}\"", secret_path(name, key))
        }
        _ => line.to_owned(),
    }
}

/// Where a new channel keeps the secret of a key, from the config folder.
#[must_use]
pub fn secret_path(name: &str, key: &str) -> String {
    let what = key.trim_end_matches("_file").replace('_', "-");
    format!("secrets/{name}-{what}")
}

/// What a person has to know: the keys that are set in a connector's sample, with the comments above them.
#[must_use]
pub fn questions(sample: &str) -> Vec<Question> {
    let (mut found, mut help) = (Vec::new(), Bilingual::default());
    for line in sample.lines().take_while(|line| !line.starts_with('[')) {
        if let Some(comment) = line.strip_prefix('#').map(str::trim) {
            let (side, words) = match comment.strip_prefix("ja: ") {
                Some(words) => (&mut help.ja, words),
                None => (&mut help.en, comment),
            };
            side.push_str(words);
            side.push('\n');
        } else if let Some((key, value)) = line.split_once(" = ") {
            // Two keys under one comment are asked with the same help.
            found.push(Question { key: key.to_owned(), help: help.clone(), sample: value.to_owned() });
        } else {
            help = Bilingual::default();
        }
    }
    found
}

/// A channel's file with another value (TOML) for a key of the connector's table.
#[must_use]
pub fn with_value(text: &str, key: &str, value: &str) -> String {
    let start = format!("{key} = ");
    let (mut inside, mut done) = (false, false);
    let line = |line: &str| {
        inside |= line == "[connector]";
        if done || !inside || !line.starts_with(&start) {
            return format!("{line}\n");
        }
        done = true;
        format!("{start}{value}\n")
    };
    text.lines().map(line).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]
mod tests {
    use super::*;
    use crate::channels::registry::KINDS;
    use crate::config::{Config, Mode, Surroundings};

    fn file(kind: &str, name: &str) -> String {
        let kind = KINDS.iter().find(|one| one.name == kind).unwrap();
        channel_file(kind.name, kind.sample, name)
    }

    #[test]
    fn every_kinds_file_is_a_channel_that_is_not_enabled_yet() {
        for kind in KINDS {
            let text = file(kind.name, "second");
            let directory = tempfile::tempdir().unwrap();
            let house = "[shop]\nname = \"x\"\n";
            let config =
                Config::from_texts(directory.path(), &Surroundings::default(), house, &[("second", &text)])
                    .unwrap_or_else(|errors| panic!("{}: {errors:?}\n{text}", kind.name));
            let channel = config.channel("second").unwrap();
            assert_eq!((channel.kind.as_str(), channel.enabled), (kind.name, false), "{text}");
            assert_eq!(channel.mode, Mode::Observe, "{text}");
            let secret = |_: &str| Ok(banto_channel::Secret::new("0123456789abcdef0123456789abcdef"));
            let built = crate::channels::registry::build(kind.name, &channel.connector, &secret);
            if let Err(error) = built {
                // A sample may name what only the merchant has: a key that must be well-formed, a folder.
                assert_eq!(error.kind, banto_channel::ErrorKind::Config, "{}: {error}", kind.name);
            }
        }
    }

    #[test]
    fn secrets_of_two_channels_of_a_kind_have_files_of_their_own() {
        let text = file("rakuten", "second");
        assert!(text.contains("license_key_file = \"secrets/second-license-key\""), "{text}");
        assert!(!text.contains("\"rakuten-license-key\""), "{text}");
    }

    #[test]
    fn what_is_asked_comes_with_the_samples_own_words() {
        let asked = questions(
            "# The store.\n# ja: 店舗\nshop = \"a\"\n\n# A key.\n# See there.\nkey_file = \"k\"\n# x = 1\n",
        );
        let told = |q: &Question| (q.key.clone(), q.help.en.clone(), q.help.ja.clone(), q.is_secret());
        let plain =
            |key: &str, en: &str, ja: &str, secret| (key.to_owned(), en.to_owned(), ja.to_owned(), secret);
        assert_eq!(
            asked.iter().map(told).collect::<Vec<_>>(),
            [
                plain("shop", "The store.\n", "店舗\n", false),
                plain("key_file", "A key.\nSee there.\n", "", true)
            ]
        );
        let text = "shop = 1\n[connector]\nshop = \"a\"\n";
        assert_eq!(with_value(text, "shop", "\"b\""), "shop = 1\n[connector]\nshop = \"b\"\n");
    }

    #[test]
    fn every_key_that_is_asked_for_has_help_in_both_languages() {
        for kind in KINDS {
            for question in questions(kind.sample) {
                let Bilingual { en, ja } = &question.help;
                let name = format!("{}: {}", kind.name, question.key);
                assert!(!en.is_empty() && banto_channel::has_japanese(ja), "{name}: {en:?} {ja:?}");
                assert!(!en.contains("ja:"), "{name}: {en}");
            }
        }
    }

    #[test]
    fn what_is_typed_becomes_one_value_and_nothing_beside_it() {
        let question = |sample: &str| Question { sample: sample.into(), ..questions("k = 1\n").remove(0) };
        let text = question("\"https://shop.example\"");
        assert_eq!(text.example(), "https://shop.example");
        let table: toml::Table = format!("k = {}", text.literal(" a\"b ").unwrap()).parse().unwrap();
        assert_eq!(table["k"].as_str(), Some("a\"b"));
        assert_eq!(text.literal("a\nenabled = true"), None);
        let number = question("7");
        assert_eq!((number.literal("12"), number.literal("x")), (Some("12".to_owned()), None));
        assert_eq!(number.literal("1\nenabled = true"), None);
    }
}
