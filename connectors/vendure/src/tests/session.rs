use banto_channel::ErrorKind;
use banto_sim::{Fault, Market as _};

use super::shop::{PASSWORD, stage, stage_with};

#[tokio::test]
async fn a_session_is_opened_once_and_again_when_it_ends() {
    let stage = stage().await;
    for _ in 0..3 {
        stage.connector.pull_orders(&stage.cx, None).await.unwrap();
    }
    assert_eq!(stage.tap.names(), ["Login", "Orders", "Orders", "Orders"]);
    stage.shop.end_sessions();
    stage.connector.pull_orders(&stage.cx, None).await.unwrap();
    assert_eq!(stage.tap.names(), ["Orders", "Login", "Orders"]);
    // A proxy that says it with a status.
    stage.shop.faults().play(Fault::Status { code: 401, retry_after: None });
    stage.connector.pull_orders(&stage.cx, None).await.unwrap();
    assert_eq!(stage.tap.names(), ["Orders", "Login", "Orders"]);
    assert_eq!(stage.shop.logins(), 3);
}

#[tokio::test]
async fn a_session_that_ends_before_a_mutation_costs_no_second_parcel() {
    let stage = stage().await;
    let order = stage.buy(&[2], true);
    stage.order(&order).await;
    stage.shop.end_sessions();
    stage.tell(&order, &stage.parcel("T-1", &[])).await.unwrap();
    assert_eq!(stage.shop.order(&order).unwrap().parcels.len(), 1);
}

#[tokio::test]
async fn a_changed_password_is_noticed_when_the_session_ends() {
    let stage = stage().await;
    stage.connector.probe(&stage.cx).await.unwrap();
    stage.shop.set_password("another-password");
    stage.connector.probe(&stage.cx).await.unwrap();
    stage.shop.end_sessions();
    let error = stage.connector.probe(&stage.cx).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Auth);
    insta::assert_snapshot!(error.message, @r#"logging in as "banto@shop.example": The provided credentials are invalid (INVALID_CREDENTIALS_ERROR). Check username and the file that password_file names; the administrator may have been deleted or got another password"#);
}

#[tokio::test]
async fn a_key_needs_no_session_and_is_not_tried_twice() {
    let stage = stage_with(|_| (), "api_key_file = \"key\"").await;
    stage.connector.pull_orders(&stage.cx, None).await.unwrap();
    assert_eq!(stage.tap.names(), ["Orders"]);
    stage.shop.accept_credentials(false);
    let error = stage.connector.pull_orders(&stage.cx, None).await.unwrap_err();
    assert_eq!((error.kind, stage.tap.names().len()), (ErrorKind::Auth, 1));
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let lacking = |config: &mut crate::fake::FakeConfig| {
        config.lacking = vec!["UpdateOrder".to_owned(), "UpdateCatalog".to_owned()];
    };
    let stage = stage_with(lacking, PASSWORD).await;
    let error = stage.connector.probe(&stage.cx).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Auth);
    insta::assert_snapshot!(error.message, @r#""banto@shop.example" may not do everything in the channel __default_channel__: give its role UpdateOrder (to tell shipments, cancellations and payments), UpdateCatalog (to set stock) under Settings > Roles"#);
    stage.tap.take();
    let error = stage.push(&[("1", 5)]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Auth);
    insta::assert_snapshot!(error.message, @"setting stock: You are not currently authorized to perform this action (FORBIDDEN). The role of banto's administrator or API key lacks a permission: it needs ReadOrder, UpdateOrder, ReadCatalog and UpdateCatalog in this channel");
}

#[tokio::test]
async fn a_key_is_probed_by_what_changes_nothing() {
    for lacking in [vec![], vec!["UpdateCatalog"], vec!["UpdateOrder"], vec!["ReadOrder"]] {
        let names = lacking.iter().map(|name| (*name).to_owned()).collect();
        let stage = stage_with(|config| config.lacking = names, "api_key_file = \"key\"").await;
        let probe = stage.connector.probe(&stage.cx).await;
        assert_eq!(probe.map_err(|e| e.kind).is_err(), !lacking.is_empty(), "{lacking:?}");
        assert!(stage.shop.take_seen().iter().all(|seen| seen.stock.is_empty()));
    }
}
