//! Histories that once broke a law, as they were found.

use super::house::{House, item_of, location_of};
use super::trade::Sold;
use super::{holds_are_what_orders_need, key, the_ledger_adds_up, the_oldest_is_filled_first};

/// Takes an order's newest state in, and holds the laws against what became of it.
fn tell(house: &mut House, sold: &Sold) {
    let seen = house.entries.len();
    house.now.0 += 1;
    house.take(sold.shop, sold.now());
    the_ledger_adds_up(house);
    holds_are_what_orders_need(house);
    the_oldest_is_filled_first(house, seen);
}

/// A line of which more had left than the shop then counted, and which the shop then took out.
#[test]
fn a_line_taken_out_after_more_had_left_is_not_cancelled_below_zero() {
    let mut house = House::default();
    let mut sold = Sold::place(0, 1, &[(0, 2)], false);
    tell(&mut house, &sold);
    house.ship(&key(&sold), 0, 2);
    sold.edit(|order| order.lines[0].quantity = 0);
    tell(&mut house, &sold);
    sold.edit(|order| order.lines.clear());
    tell(&mut house, &sold);
    let line = &house.orders[&key(&sold)].lines[0];
    assert_eq!((line.cancelled, line.shipped), (0, 2));
}

/// An order that gives one line up and asks for more of the same in another, while a younger one waits.
#[test]
fn what_an_order_gives_up_serves_its_own_other_line_before_a_younger_order() {
    let mut house = House::default();
    let mut older = Sold::place(0, 1, &[(2, 1), (2, 1)], false);
    let younger = Sold::place(0, 2, &[(2, 5)], false);
    house.receive(item_of("cup"), location_of(0), 2);
    tell(&mut house, &older);
    tell(&mut house, &younger);
    older.edit(|order| {
        order.lines.remove(0);
        order.lines[0].quantity = 2;
    });
    tell(&mut house, &older);
    let short = |sold: &Sold| -> i64 {
        let id = house.orders[&key(sold)].id;
        house.holds.iter().filter(|(k, _)| k.order == id).map(|(_, h)| h.short).sum()
    };
    assert_eq!((short(&older), short(&younger)), (0, 5));
}

/// An order of which one came back while it asks for one more, and a younger one waits.
#[test]
fn what_comes_back_serves_the_orders_own_new_demand_before_a_younger_order() {
    let mut house = House::default();
    let mut older = Sold::place(0, 1, &[(0, 1)], false);
    house.receive(item_of("tea"), location_of(0), 1);
    tell(&mut house, &older);
    older.edit(|order| order.lines[0].shipped = Some(1));
    tell(&mut house, &older);
    let younger = Sold::place(0, 2, &[(0, 1)], false);
    tell(&mut house, &younger);
    older.edit(|order| {
        order.lines[0].quantity = 2;
        order.lines[0].returned = 1;
    });
    tell(&mut house, &older);
    let short = |sold: &Sold| -> i64 {
        let id = house.orders[&key(sold)].id;
        house.holds.iter().filter(|(k, _)| k.order == id).map(|(_, h)| h.short).sum()
    };
    assert_eq!((short(&older), short(&younger)), (0, 1));
}
