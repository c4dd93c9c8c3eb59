use super::*;

fn draft(line: u64, code: &str) -> Draft {
    Draft { line, code: code.into(), name: Some(format!("name of {code}")), ..Draft::default() }
}

fn set(line: u64, code: &str, parts: &[(&str, i64)]) -> Draft {
    Draft { parts: Some(parts.iter().map(|(c, n)| ((*c).to_owned(), *n)).collect()), ..draft(line, code) }
}

fn item(id: ItemId, code: &str) -> (String, KnownItem) {
    (code.to_owned(), KnownItem { id, name: format!("name of {code}"), ..KnownItem::default() })
}

fn known(items: impl IntoIterator<Item = (String, KnownItem)>) -> Known {
    Known {
        items: items.into_iter().collect(),
        locations: BTreeMap::from([("main".to_owned(), 1), ("store2".to_owned(), 2)]),
        default_location: 1,
    }
}

fn faults(drafts: &[Draft], known: &Known) -> Vec<String> {
    plan_import(drafts, known).faults.iter().map(ToString::to_string).collect()
}

#[test]
fn new_changed_and_unchanged_items_are_told_apart() {
    let known = known([item(1, "TEA-01"), item(2, "TEA-02")]);
    let dearer = Draft { price: Some(1300), ..draft(3, "TEA-02") };
    let plan = plan_import(&[draft(2, "TEA-01"), dearer.clone(), draft(4, "CUP-03")], &known);
    assert_eq!((plan.unchanged, &plan.create[..]), (1, &[draft(4, "CUP-03")][..]));
    let change = FieldChange { field: "price", from: String::new(), to: "1300".into() };
    assert_eq!(plan.update, [(2, dearer, vec![change])]);
    assert!(plan.faults.is_empty() && plan.warnings.is_empty());
}

#[test]
fn a_set_needs_parts_that_are_no_sets() {
    let whole = [draft(2, "TEA"), draft(3, "CUP"), set(4, "GIFT", &[("TEA", 2), ("CUP", 1)])];
    let plan = plan_import(&whole, &known([]));
    assert_eq!((plan.create.len(), plan.faults), (3, vec![]));
    let bad = [set(2, "GIFT", &[("TEA", 1)]), set(3, "BIG", &[("GIFT", 1)]), set(4, "RING", &[("RING", 1)])];
    assert_eq!(
        faults(&bad, &known([item(1, "TEA")])),
        [
            "line 3: GIFT is a set itself; name what it is made of instead",
            "line 4: RING cannot be a part of itself",
        ]
    );
    assert_eq!(
        faults(&[set(2, "GIFT", &[("NONE", 1)])], &known([])),
        ["line 2: its part NONE is neither an item nor a good line of this file"]
    );
}

#[test]
fn a_fault_takes_the_sets_along_that_need_the_line() {
    let nameless = Draft { name: None, ..draft(2, "TEA") };
    let drafts = [nameless, set(3, "GIFT", &[("TEA", 1)]), draft(4, "CUP")];
    let plan = plan_import(&drafts, &known([]));
    let faults: Vec<String> = plan.faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "line 2: TEA is new and needs a name",
            "line 3: its part TEA is neither an item nor a good line of this file"
        ]
    );
    assert_eq!(plan.create, [draft(4, "CUP")]);
}

#[test]
fn what_orders_and_shelves_hold_does_not_change_under_them() {
    let mut gift = item(9, "GIFT");
    gift.1.parts = BTreeMap::from([("TEA".to_owned(), 1)]);
    gift.1.ordered = vec!["honten/1001".into()];
    let mut cup = item(2, "CUP");
    cup.1.moved = true;
    let known = known([item(1, "TEA"), cup, gift]);
    assert_eq!(
        faults(&[set(2, "GIFT", &[("TEA", 2)]), set(3, "CUP", &[("TEA", 1)])], &known),
        [
            "line 2: what GIFT is made of cannot change while orders hold it: honten/1001",
            "line 3: CUP has goods or orders of its own and cannot become a set; write its goods off first",
        ]
    );
    assert_eq!(
        faults(&[set(2, "TEA", &[("CUP", 1)])], &known),
        ["line 2: TEA is a part of GIFT and cannot be a set itself"]
    );
    assert_eq!(faults(&[set(2, "GIFT", &[("TEA", 1)])], &known), [""; 0], "the same parts are no change");
    let stocked = Draft { stock: Some(3), ..set(2, "NEW", &[("TEA", 1)]) };
    assert_eq!(faults(&[stocked], &known), ["line 2: NEW is a set; its stock is that of its parts"]);
}

#[test]
fn what_is_odd_but_possible_is_a_warning() {
    let mut tea = item(1, "TEA-01");
    tea.1.gtin = Some("4901234567894".into());
    let twin = Draft { gtin: Some("4901234567894".into()), ..draft(2, "CUP-03") };
    let again = Draft { stock: Some(5), ..draft(3, "TEA-01") };
    let plan = plan_import(&[twin, again, draft(4, "tea01")], &known([tea]));
    let warnings: Vec<String> = plan.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "line 2: 4901234567894 is the JAN/GTIN of TEA-01, too; listings are not proposed by it then",
            "line 4: tea01 differs from TEA-01 only in how it is written, and becomes another item",
            "line 3: stock is taken for new items only, not on 1 of these lines; `banto stock count` changes it",
        ]
    );
    assert!(plan.faults.is_empty());
}

#[test]
fn a_location_must_be_there() {
    let nowhere = Draft { location: Some("attic".into()), ..draft(2, "TEA") };
    assert_eq!(
        faults(&[nowhere], &known([])),
        [r#"line 2: there is no location "attic", only main, store2"#]
    );
}
