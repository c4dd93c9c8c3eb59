//! When a channel moved its own numbers by something else than the ledger did, so that nobody knows what it shows.

use banto_channel::{Fulfilment, RemoteLine, RemoteOrder};

use crate::domain::order::{Line, Order};

const fn stays(line: &Line) -> i64 {
    line.quantity - line.cancelled
}

/// Whether units were put back that came and went between two looks, or that have left the house meanwhile. `wanted`
/// begins with the channel's lines, in its order; of each it holds the line as it was and as it is.
pub(super) fn came_and_went(remote: &RemoteOrder, wanted: &[(usize, Line, Line)]) -> bool {
    let unseen =
        wanted.iter().any(|(_, old, new)| old.cancelled != new.cancelled && stays(old) == stays(new));
    let ended = remote.fulfilment == Fulfilment::Cancelled;
    let taken_back = |line: &RemoteLine| if ended { line.quantity } else { line.cancelled };
    unseen || remote.lines.iter().zip(wanted).any(|(line, (_, _, new))| taken_back(line) > new.cancelled)
}

/// Whether the channel's count of what it has taken moved otherwise than the order's goods: they were set aside when the
/// order came in and are taken there only now that it is paid, or came back there and lie with us for a person to look at.
pub(super) fn took_by_itself(before: &Order, now: &Order) -> bool {
    let taken = before.details.stock_taken.zip(now.details.stock_taken);
    let goods = |order: &Order| order.lines.iter().map(stays).sum::<i64>();
    taken.is_some_and(|(was, is)| was != is && is.saturating_sub(was) != goods(now) - goods(before))
}
