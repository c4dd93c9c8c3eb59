//! Mails a second to one server: banto's transport against nodemailer's pooled one, in turns, with the same text.
//!
//! `cargo bench --bench mail`. The server is banto's own sink, because it is fast enough not to be what is
//! measured. Both sides put each mail together and hand it over on kept connections; the goal is 5 × nodemailer.
#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use banto::mail::{
    Envelope, MailKind, Mailbox, Outgoing, Rendered, SinkRates, Smtp, SmtpConfig, SmtpSink, Templates,
    TlsMode, Verdict, message, message_id, sample,
};
use banto_channel::Timestamp;
use tokio::runtime::{Builder, Runtime};

const ROUNDS: usize = 5;
const OUR_MAILS: usize = 4_000;
const THEIR_MAILS: usize = 600;
const GOAL: f64 = 5.0;
const NODEMAILER: &str = "nodemailer@10";

fn main() {
    let server = runtime();
    let sink = server.block_on(SmtpSink::start(1, SinkRates::default())).unwrap();
    let templates = Templates::load(None).unwrap();
    let order = sample::full(MailKind::Received, "ja");
    let rendered = templates.render(None, "ja", MailKind::Received, &order).unwrap();
    let baseline = install_nodemailer(&rendered);
    println!("mails/s to the same server, median of {ROUNDS} rounds in turns");
    println!("connections   banto   nodemailer   ratio");
    let usual = config(&sink).connections;
    for connections in [1, usual, 8] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(OUR_MAILS as f64 / banto(&sink, &rendered, connections));
            if let Some(folder) = &baseline {
                theirs.push(THEIR_MAILS as f64 / nodemailer(&sink, folder, connections));
            }
        }
        let (ours, theirs) = (median(ours), median(theirs));
        match theirs {
            Some(theirs) => {
                let ratio = ours.unwrap() / theirs;
                let mark = if ratio >= GOAL { "" } else { "   below the goal of 5" };
                let note = if connections == usual {
                    "   what a config without `mail.connections` opens"
                } else {
                    ""
                };
                println!("{connections:>11} {:>7.0} {theirs:>12.0} {ratio:>7.1}{mark}{note}", ours.unwrap());
            }
            None => println!("{connections:>11} {:>7.0}    (missing)       -", ours.unwrap()),
        }
    }
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn config(sink: &SmtpSink) -> SmtpConfig {
    SmtpConfig::new("127.0.0.1", sink.addr.port(), TlsMode::None)
}

/// Seconds for putting together and handing over all mails.
fn banto(sink: &SmtpSink, rendered: &Rendered, connections: usize) -> f64 {
    let config = SmtpConfig { connections, ..config(sink) };
    let smtp = Arc::new(Smtp::new(&config).unwrap());
    let runtime = runtime();
    let make = |n: usize| message(rendered, &envelope(n)).unwrap();
    let warm_up: Vec<Outgoing> = (0..4 * connections).map(make).collect();
    hand_over(&runtime, &smtp, warm_up);
    drop(sink.take());
    let began = Instant::now();
    let mails: Vec<Outgoing> = (0..OUR_MAILS).map(make).collect();
    let verdicts = hand_over(&runtime, &smtp, mails);
    let seconds = began.elapsed().as_secs_f64();
    assert!(verdicts.iter().all(|v| matches!(v, Verdict::Accepted { .. })));
    assert_eq!((sink.duplicates(), sink.take().len()), (0, OUR_MAILS));
    seconds
}

/// In a task, as the queue does it: what `block_on` waits for itself is woken by another thread for each answer.
fn hand_over(runtime: &Runtime, smtp: &Arc<Smtp>, mails: Vec<Outgoing>) -> Vec<Verdict> {
    let smtp = Arc::clone(smtp);
    runtime.block_on(runtime.spawn(async move { smtp.send_all(&mails).await })).unwrap()
}

fn envelope(n: usize) -> Envelope {
    let mailbox = |name: &str, address: String| Mailbox { name: name.to_owned(), address };
    Envelope {
        from: mailbox("番頭商店", "shop@shop.example".to_owned()),
        reply_to: None,
        to: mailbox("髙﨑 久美子", format!("buyer{n}@example.com")),
        message_id: message_id(MailKind::Received, &n.to_string(), 1, "shop.example"),
        date: Timestamp::from_secs(1_795_299_000),
        language: "ja".to_owned(),
        extra: Vec::new(),
    }
}

/// Installs the baseline outside the tree; none (and a line that says so) where npm or the network is missing.
fn install_nodemailer(rendered: &Rendered) -> Option<PathBuf> {
    let folder = std::env::temp_dir().join("banto-bench-nodemailer");
    std::fs::create_dir_all(&folder).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/nodemailer.mjs");
    std::fs::copy(script, folder.join("nodemailer.mjs")).unwrap();
    let mail = serde_json::json!({
        "from_name": "番頭商店", "to_name": "髙﨑 久美子",
        "subject": rendered.subject, "text": rendered.text, "html": rendered.html,
    });
    std::fs::write(folder.join("mail.json"), mail.to_string()).unwrap();
    if !folder.join("node_modules/nodemailer/package.json").exists() {
        let npm = Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
            .arg(&folder)
            .arg(NODEMAILER)
            .output();
        if !npm.as_ref().is_ok_and(|npm| npm.status.success()) {
            println!("the baseline is missing: `npm install {NODEMAILER}` did not work: {npm:?}");
            return None;
        }
    }
    Some(folder)
}

/// Seconds that nodemailer needs for its mails.
fn nodemailer(sink: &SmtpSink, folder: &Path, connections: usize) -> f64 {
    drop(sink.take());
    let output = Command::new("node")
        .current_dir(folder)
        .arg("nodemailer.mjs")
        .args([sink.addr.port().to_string(), connections.to_string(), THEIR_MAILS.to_string()])
        .arg("mail.json")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(sink.take().len(), THEIR_MAILS + 4 * connections);
    let answer: serde_json::Value = serde_json::from_str(&printed).unwrap();
    answer["seconds"].as_f64().unwrap()
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
