//! Tables in the README that are generated from code. `UPDATE=1 cargo test --test suite docs` writes them anew.

use std::fmt::Write as _;
use std::path::Path;

use banto::channels::registry::KINDS;
use banto_channel::{Capabilities, MailOwner, NoticeKind, Secret, StockBasis};

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

fn owner(owner: MailOwner) -> &'static str {
    match owner {
        MailOwner::Us => "banto",
        MailOwner::Channel => "the shop",
        MailOwner::Nobody => "nobody",
    }
}

fn row(text: &mut String, c: &Capabilities) {
    let told: Vec<&str> = [
        (NoticeKind::Confirmed, "confirmed"),
        (NoticeKind::Shipped, "shipped"),
        (NoticeKind::Cancelled, "cancelled"),
        (NoticeKind::Paid, "paid"),
        (NoticeKind::Note, "notes"),
    ]
    .into_iter()
    .filter(|(kind, _)| c.can_notify(*kind))
    .map(|(_, name)| name)
    .collect();
    let basis = match c.stock_basis {
        StockBasis::Sellable => "sellable",
        StockBasis::Physical => "on the shelf",
    };
    let m = &c.mail_policy;
    let _ = writeln!(
        text,
        "| [{}](connectors/{}/README.md) | {} s | {} a call, {basis} | {} | {} | {} | {} | {}, {}, {}, {} |",
        c.title,
        c.kind.replace('_', "-"),
        c.pull_interval_min.as_secs(),
        c.stock_batch_max,
        yes(c.reads_stock_back),
        yes(c.lists_offers),
        told.join(", "),
        yes(c.webhooks),
        owner(m.received),
        owner(m.paid),
        owner(m.shipped),
        owner(m.cancelled),
    );
}

/// Tables that a sample has commented out and that let a connector do more.
const OPTIONAL: [&str; 3] = ["# [offers.columns]", "# [shipments]", "# [cancels]"];

/// A sample with those: with them the connector has everything that it can have.
fn whole(sample: &str) -> String {
    let mut in_table = false;
    let line = |line: &str| {
        let code = line.strip_prefix("# ").filter(|code| code.starts_with('[') || code.contains(" = "));
        in_table = line.starts_with('#') && (in_table || OPTIONAL.contains(&line));
        format!("{}\n", code.filter(|_| in_table).unwrap_or(line))
    };
    sample.lines().map(line).collect()
}

fn channels() -> String {
    let mut text = String::from(
        "| shop | orders every | stock | reads stock back | lists offers | is told | webhooks | who mails unless the config says otherwise: received, paid, shipped, cancelled |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for kind in KINDS {
        let mut table: toml::Table = toml::from_str(&whole(kind.sample)).unwrap();
        // Some samples leave it out; with it the connector has everything it can have.
        if kind.sample.contains("# webhook_secret_file") {
            table.insert("webhook_secret_file".to_owned(), "webhooks".into());
        }
        let secret = |_: &str| Ok(Secret::new("0123456789abcdef0123456789abcdef"));
        let connector = (kind.build)(&table, &secret).unwrap();
        assert_eq!(connector.capabilities().kind, kind.name);
        row(&mut text, connector.capabilities());
    }
    text
}

#[test]
fn the_table_of_channels_is_what_the_connectors_claim() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let begin = readme.find("<!-- channels:").unwrap();
    let begin = begin + readme[begin..].find("-->\n").unwrap() + 4;
    let end = readme.find("<!-- /channels -->").unwrap();
    let table = channels();
    if std::env::var_os("UPDATE").is_some() {
        let new = format!("{}{table}{}", &readme[..begin], &readme[end..]);
        std::fs::write(&path, new).unwrap();
        return;
    }
    assert_eq!(&readme[begin..end], table, "run UPDATE=1 cargo test --test suite docs");
}
