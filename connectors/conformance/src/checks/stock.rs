//! Quantities.

use banto_channel::{ErrorKind, ListingId, Outcome, Receipt, StockBasis};
use banto_sim::{BasketLine, Fault, Purchase};

use crate::push::items;
use crate::{Finding, Fixture, ensure};

pub(crate) async fn an_absolute_quantity_is_shown(fx: Fixture) -> Finding {
    let listing = fx.stocked()?.remove(0);
    for (version, quantity) in (1..).zip([7, 0, 1, 9999, 3]) {
        let wanted = [(listing.clone(), quantity)];
        fx.set(&wanted, version).await?;
        fx.ensure_told(&wanted, "after a push")?;
    }
    Ok(())
}

pub(crate) async fn the_basis_is_the_claimed_one(fx: Fixture) -> Finding {
    let listing = fx.stocked()?.remove(0);
    fx.set(&[(listing.clone(), 10)], 1).await?;
    let purchase = Purchase {
        lines: vec![BasketLine { listing: listing.clone(), quantity: 3 }],
        paid: true,
        ..Purchase::default()
    };
    fx.market.buy(&purchase).map_err(|e| format!("10 are shown and 3 cannot be bought: {e:?}"))?;
    fx.settle();
    fx.ensure_shown(&listing, 7, "after 3 of 10 were sold")?;
    // The house has 10 on the shelf, of which 7 may be sold.
    let basis = fx.can().stock_basis;
    let pushed = match basis {
        StockBasis::Sellable => 7,
        StockBasis::Physical => 10,
    };
    fx.set(&[(listing.clone(), pushed)], 2).await?;
    fx.ensure_shown(
        &listing,
        7,
        &format!("the channel claims to be {basis:?}, and after it was told {pushed}"),
    )
}

pub(crate) async fn the_same_push_again_is_harmless(fx: Fixture) -> Finding {
    let wanted: Vec<_> = fx.stocked()?.into_iter().take(2).zip([11, 12]).collect();
    for _ in 0..3 {
        fx.set(&wanted, 1).await?;
        fx.ensure_told(&wanted, "after the same push again")?;
    }
    Ok(())
}

/// Both pushes are sent before either is asked after.
pub(crate) async fn a_newer_number_wins(fx: Fixture) -> Finding {
    let listing = fx.stocked()?.remove(0);
    let (old, new) = (items(&[(listing.clone(), 5)], 1), items(&[(listing.clone(), 9)], 2));
    let push = async |items| {
        fx.connector.push_stock(&fx.cx, items).await.map_err(|e| format!("push_stock failed: {e}"))
    };
    let (first, second) = (push(&old[..]).await?, push(&new[..]).await?);
    fx.follow(&new, second).await?;
    fx.follow(&old, first).await?;
    fx.ensure_told(&[(listing, 9)], "after 5 and then 9 were pushed")
}

pub(crate) async fn a_bad_item_is_refused_alone(fx: Fixture) -> Finding {
    let listings: Vec<ListingId> = fx.stocked()?.into_iter().take(3).collect();
    let bad = listings[1].clone();
    fx.market.faults().play(Fault::RefuseItem(bad.clone()));
    let wanted: Vec<_> = listings.into_iter().zip([21, 22, 23]).collect();
    let outcomes = fx.push(&items(&wanted, 1)).await?;
    ensure!(
        matches!(&outcomes[..], [Outcome::Applied, Outcome::Refused { reason }, Outcome::Applied] if !reason.en.is_empty() && !reason.ja.is_empty()),
        "of three items the second was refused; the outcomes are {outcomes:?}"
    );
    let shown: Vec<_> = wanted.iter().map(|(listing, _)| fx.market.shown(listing)).collect();
    ensure!(
        shown == [Some(21), Some(500), Some(23)],
        "told 21, 22 (refused), 23, the market shows {shown:?}"
    );
    Ok(())
}

pub(crate) async fn an_unknown_listing_is_refused(fx: Fixture) -> Finding {
    let mut listings = fx.stocked()?;
    let good = listings.remove(0);
    for unknown in [fx.unknown_listing.clone(), ListingId::from("髙／no such offer")] {
        let wanted = [(unknown.clone(), 5), (good.clone(), 31)];
        let outcomes = fx.push(&items(&wanted, 1)).await?;
        ensure!(
            matches!(&outcomes[..], [Outcome::Refused { reason }, Outcome::Applied] if !reason.en.is_empty() && !reason.ja.is_empty()),
            "offer {unknown} is not there; pushed before a good one the outcomes are {outcomes:?}"
        );
        fx.ensure_told(&[(good.clone(), 31)], "pushed together with an unknown offer")?;
    }
    Ok(())
}

pub(crate) async fn a_lost_answer_and_a_second_push_leave_the_right_number(fx: Fixture) -> Finding {
    let wanted: Vec<_> = fx.stocked()?.into_iter().take(2).zip([41, 42]).collect();
    fx.market.faults().play(Fault::LostAnswer);
    fx.set(&wanted, 1).await?;
    fx.ensure_told(&wanted, "after a lost answer and a second push")?;
    let newer: Vec<_> = wanted.into_iter().map(|(listing, n)| (listing, n - 40)).collect();
    fx.set(&newer, 2).await?;
    fx.ensure_told(&newer, "after the next push")
}

pub(crate) async fn more_than_one_batch_is_applied(fx: Fixture) -> Finding {
    let listings = fx.stocked()?;
    let batch = usize::from(fx.can().stock_batch_max.get());
    let rounds = i64::try_from(batch / listings.len() + 2).unwrap_or(2);
    for round in 1..=rounds {
        let wanted: Vec<_> = (50..).zip(&listings).map(|(n, l)| (l.clone(), n + round)).collect();
        fx.set(&wanted, round).await?;
        fx.ensure_told(&wanted, &format!("in round {round} of {} offers", listings.len()))?;
    }
    Ok(())
}

pub(crate) async fn receipts_are_decided(fx: Fixture) -> Finding {
    let wanted: Vec<_> = fx.stocked()?.into_iter().take(2).zip([61, 62]).collect();
    let items = items(&wanted, 1);
    let batch = &items[..usize::from(fx.can().stock_batch_max.get()).min(2)];
    let sent = fx.connector.push_stock(&fx.cx, batch).await.map_err(|e| format!("push_stock failed: {e}"))?;
    ensure!(
        sent.iter().any(|o| matches!(o, Outcome::Pending(_))),
        "the channel claims to answer later and says {sent:?} at once"
    );
    let decided = fx.follow(batch, sent).await?;
    ensure!(decided.iter().all(|o| *o == Outcome::Applied), "the receipts were decided as {decided:?}");
    fx.ensure_told(&wanted[..batch.len()], "after the receipts were decided")?;
    let unknown = fx.connector.poll_receipt(&fx.cx, &Receipt::from("999999999")).await;
    ensure!(
        unknown.as_ref().is_err_and(|e| e.kind == ErrorKind::NotFound),
        "a receipt that was never given should be NotFound: {unknown:?}"
    );
    Ok(())
}
