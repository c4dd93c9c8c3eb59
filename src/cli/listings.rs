//! `banto listings`: which item each offer of each channel is.

mod pull;

use banto_channel::Bilingual;
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::{Exit, Failure, Globals, House, Outcome, counted, left, right};
use crate::domain::mapping::Rule;
use crate::store::{self, ListingView, Mapped, Waiting};

pub(super) use pull::read;

/// Read, list and map the offers of channels
#[derive(Args, Debug)]
pub struct Listings {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Read a channel's offers now, and show what is new and what has no item
    Pull {
        /// The channel
        channel: String,
    },
    /// List offers with their item
    List {
        /// Only this channel
        #[arg(long, value_name = "NAME")]
        channel: Option<String>,
        /// Only those whose last push failed
        #[arg(long)]
        failed: bool,
    },
    /// Show offers without an item, what each could be, and the order lines that wait
    Unmatched,
    /// Say which item an offer is; order lines that waited for it get it at once
    Map {
        /// The channel
        #[arg(required_unless_present = "accept_proposals")]
        channel: Option<String>,
        /// The channel's key of the offer
        #[arg(required_unless_present = "accept_proposals")]
        listing: Option<String>,
        /// Code of the item
        #[arg(required_unless_present = "accept_proposals")]
        code: Option<String>,
        /// Units of the item in one unit of the offer
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
        units: i64,
        /// Map every offer to what is proposed for it
        #[arg(long, conflicts_with_all = ["listing", "code", "units"])]
        accept_proposals: bool,
        /// Only proposals found by this rule; may be given more than once
        #[arg(long, value_enum, requires = "accept_proposals")]
        rule: Vec<ByRule>,
    },
    /// Say that no stock stands behind an offer (a service, a gift wrap)
    Ignore {
        /// The channel
        channel: String,
        /// The channel's key of the offer
        listing: String,
    },
    /// Take an offer's item, or its being ignored, away
    Unmap {
        /// The channel
        channel: String,
        /// The channel's key of the offer
        listing: String,
    },
}

/// How a proposal was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ByRule {
    /// The codes are equal, or differ in case, width, spaces and hyphens only
    Code,
    /// JAN/GTIN are equal
    Gtin,
    /// Titles are equal but for case, width and punctuation
    Title,
}

impl ByRule {
    fn rules(chosen: &[Self]) -> Vec<Rule> {
        let chosen = if chosen.is_empty() { &[Self::Code, Self::Gtin, Self::Title] } else { chosen };
        let rules = chosen.iter().flat_map(|rule| match rule {
            Self::Code => vec![Rule::Code, Rule::SimilarCode],
            Self::Gtin => vec![Rule::Gtin],
            Self::Title => vec![Rule::Title],
        });
        rules.collect()
    }
}

impl Listings {
    pub(super) async fn run(self, globals: &Globals) -> Outcome {
        let house = &globals.house().await?;
        match self.what {
            What::Pull { channel } => pull::pull(house, &channel).await,
            What::List { channel, failed } => list(house, channel.as_deref(), failed).await,
            What::Unmatched => unmatched(house).await,
            What::Map { channel, accept_proposals: true, rule, .. } => {
                accept(house, channel.as_deref(), &rule).await
            }
            What::Map { channel: Some(channel), listing: Some(listing), code: Some(code), units, .. } => {
                let offer = (channel.as_str(), listing.as_str());
                let mapped =
                    house.store.map_listing(offer, (&code, units), &house.actor, house.now()).await?;
                tell_mapped(house, &mapped)
            }
            What::Map { .. } => Err(Failure::usage("name CHANNEL, LISTING and CODE, or --accept-proposals")),
            What::Ignore { channel, listing } => {
                house.store.ignore_listing(&channel, &listing, &house.actor, house.now()).await?;
                done(house, &channel, &listing, "ignored")
            }
            What::Unmap { channel, listing } => {
                house.store.unmap_listing(&channel, &listing, &house.actor, house.now()).await?;
                done(house, &channel, &listing, "unmapped")
            }
        }
    }
}

#[derive(Debug, Serialize)]
struct Listed {
    channel: String,
    listing: String,
    code: Option<String>,
    gtin: Option<String>,
    title: String,
    active: bool,
    item: Option<String>,
    units: i64,
    ignored: bool,
    shown: Option<i64>,
    error: Option<String>,
    proposal: Option<Proposed>,
}

#[derive(Debug, Serialize)]
struct Proposed {
    item: String,
    rule: Rule,
}

impl From<ListingView> for Listed {
    fn from(view: ListingView) -> Self {
        let row = view.row;
        Self {
            shown: store::shown(&row),
            channel: view.channel,
            listing: row.remote_id,
            code: row.code,
            gtin: row.gtin,
            title: row.title,
            active: row.active,
            item: view.code,
            units: row.per,
            ignored: row.ignored,
            error: row.error.map(|why| Bilingual::unpacked(&why).en),
            proposal: view.proposal.map(|p| Proposed { item: p.code, rule: p.rule }),
        }
    }
}

impl Listed {
    fn item_text(&self) -> String {
        match (&self.item, self.ignored) {
            (Some(code), _) if self.units == 1 => code.clone(),
            (Some(code), _) => format!("{} × {code}", self.units),
            (None, true) => "ignored".to_owned(),
            (None, false) => "none".to_owned(),
        }
    }

    fn proposal_text(&self) -> String {
        let rule = |rule: Rule| match rule {
            Rule::Code => "same code",
            Rule::SimilarCode => "similar code",
            Rule::Gtin => "same JAN/GTIN",
            Rule::Title => "same title",
        };
        self.proposal.as_ref().map_or_else(String::new, |p| format!("{} ({})", p.item, rule(p.rule)))
    }
}

async fn list(house: &House, channel: Option<&str>, failed: bool) -> Outcome {
    let channel = match channel {
        Some(name) => Some(house.store.channel(name).await?.id),
        None => None,
    };
    let views = house.store.listings(channel).await?;
    let listed: Vec<Listed> =
        views.into_iter().map(Listed::from).filter(|l| !failed || l.error.is_some()).collect();
    house.out.answer(&listed, |text| {
        let row = |l: &Listed| {
            let shown = l.shown.map_or_else(|| "?".to_owned(), |n| n.to_string());
            let (code, error) = (l.code.clone().unwrap_or_default(), l.error.clone().unwrap_or_default());
            [l.channel.clone(), l.listing.clone(), code, l.item_text(), shown, error, l.title.clone()]
        };
        let heads = [
            left("CHANNEL"),
            left("LISTING"),
            left("CODE"),
            left("ITEM"),
            right("SHOWS"),
            left("ERROR"),
            left("TITLE"),
        ];
        text.table(heads, &listed.iter().map(row).collect::<Vec<_>>());
    })?;
    Ok(Exit::Ok)
}

async fn unmatched(house: &House) -> Outcome {
    let listings: Vec<Listed> =
        house.store.listings_unmapped().await?.into_iter().map(Listed::from).collect();
    let waiting = house.store.lines_waiting().await?;
    let line = |w: &Waiting| {
        serde_json::json!({
            "channel": w.channel, "listing": w.listing, "code": w.code, "title": w.title, "units": w.units,
            "orders": w.orders,
        })
    };
    let json = serde_json::json!({
        "listings": listings, "order_lines": waiting.iter().map(line).collect::<Vec<_>>(),
    });
    house.out.answer(&json, |text| {
        let row = |l: &Listed| {
            let (code, gtin) = (l.code.clone().unwrap_or_default(), l.gtin.clone().unwrap_or_default());
            [l.channel.clone(), l.listing.clone(), code, gtin, l.proposal_text(), l.title.clone()]
        };
        let heads = ["CHANNEL", "LISTING", "CODE", "JAN", "PROPOSAL", "TITLE"].map(left);
        if !listings.is_empty() {
            text.table(heads, &listings.iter().map(row).collect::<Vec<_>>());
            text.line(format!(
                "{} without an item; see `banto listings map`",
                counted(listings.len(), "offer", "offers")
            ));
        }
        if !waiting.is_empty() {
            let row = |w: &Waiting| {
                let orders = match w.orders.as_slice() {
                    [first, _, ..] => format!("{first} and {} more", w.orders.len() - 1),
                    one => one.concat(),
                };
                let listing = w.listing.clone().unwrap_or_default();
                let code = w.code.clone().unwrap_or_default();
                [w.channel.clone(), listing, code, w.units.to_string(), orders, w.title.clone()]
            };
            let heads = [
                left("CHANNEL"),
                left("LISTING"),
                left("CODE"),
                right("UNITS"),
                left("ORDERS"),
                left("TITLE"),
            ];
            text.line("");
            text.line("order lines that wait for an item:");
            text.table(heads, &waiting.iter().map(row).collect::<Vec<_>>());
        }
        if listings.is_empty() && waiting.is_empty() {
            text.line("every offer and every order line has its item");
        }
    })?;
    Ok(Exit::Ok)
}

async fn accept(house: &House, channel: Option<&str>, rules: &[ByRule]) -> Outcome {
    let channel = match channel {
        Some(name) => Some(house.store.channel(name).await?.id),
        None => None,
    };
    let rules = ByRule::rules(rules);
    let mapped = house.store.accept_proposals(&rules, channel, &house.actor, house.now()).await?;
    tell_mapped(house, &mapped)
}

fn tell_mapped(house: &House, mapped: &Mapped) -> Outcome {
    let one = |(channel, listing, code): &(String, String, String)| serde_json::json!({ "channel": channel, "listing": listing, "item": code });
    let json = serde_json::json!({
        "mapped": mapped.listings.iter().map(one).collect::<Vec<_>>(), "order_lines_matched": mapped.matched,
    });
    house.out.answer(&json, |text| {
        let rows: Vec<_> = mapped.listings.iter().cloned().map(<[String; 3]>::from).collect();
        if !rows.is_empty() {
            text.table(["CHANNEL", "LISTING", "ITEM"].map(left), &rows);
        }
        let offers = counted(rows.len(), "offer", "offers");
        let lines = counted(mapped.matched, "waiting order line", "waiting order lines");
        text.line(format!("{offers} mapped, {lines} served"));
    })?;
    Ok(Exit::Ok)
}

fn done(house: &House, channel: &str, listing: &str, what: &str) -> Outcome {
    let json = serde_json::json!({ "channel": channel, "listing": listing, "done": what });
    house.out.answer(&json, |text| text.line(format!("{channel}/{listing}: {what}")))?;
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_rule_every_proposal_is_taken() {
        assert_eq!(ByRule::rules(&[]), [Rule::Code, Rule::SimilarCode, Rule::Gtin, Rule::Title]);
        assert_eq!(ByRule::rules(&[ByRule::Gtin]), [Rule::Gtin]);
    }
}
