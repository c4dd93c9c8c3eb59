use banto_channel::{ErrorKind, IdempotencyKey, Notice, RemoteOrderId};
use banto_sim::{Fault, Market as _};

use super::shop::{PASSWORD, stage, stage_with};

#[tokio::test]
async fn a_wrong_channel_token_is_a_fault_of_the_config() {
    let stage = stage_with(|_| (), &format!("{PASSWORD}channel_token = \"elsewhere\"")).await;
    let error = stage.connector.probe(&stage.cx).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config);
    insta::assert_snapshot!(error.message, @r#"logging in: No Channel with the token "elsewhere" could be found (CHANNEL_NOT_FOUND). Copy channel_token again from Settings > Channels"#);
}

#[tokio::test]
async fn a_field_that_the_shop_does_not_have_is_a_fault_of_the_config() {
    let stage = stage_with(|config| config.note_field = "memo".to_owned(), PASSWORD).await;
    stage.buy(&[1], true);
    let error = stage.connector.pull_orders(&stage.cx, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config);
    insta::assert_snapshot!(error.message, @r#"reading orders: Cannot query field "customerNote" on type "". (GRAPHQL_VALIDATION_FAILED). This server's schema differs from Vendure 3's: update it, or look at note_custom_field"#);
}

#[tokio::test]
async fn a_server_of_another_kind_is_told_apart() {
    let stage = stage().await;
    stage.connector.probe(&stage.cx).await.unwrap();
    stage.shop.faults().play(Fault::Html);
    let error = stage.connector.list_offers(&stage.cx, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Malformed);
    stage.shop.faults().play(Fault::Status { code: 404, retry_after: None });
    let error = stage.connector.list_offers(&stage.cx, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn an_order_that_could_not_be_one_is_not_asked_for() {
    let stage = stage().await;
    let strange = RemoteOrderId::from("1\") { id }");
    let note = Notice::Note { text: "x".to_owned() };
    let told = stage.connector.notify_order(&stage.cx, &strange, &note, &IdempotencyKey::from("k")).await;
    assert_eq!(told.unwrap_err().kind, ErrorKind::NotFound);
    assert!(stage.connector.reread_orders(&stage.cx, &[strange]).await.unwrap().is_empty());
    assert!(stage.tap.take().is_empty());
}

#[tokio::test]
async fn a_confirmation_is_nothing_that_vendure_knows() {
    let stage = stage().await;
    let order = stage.buy(&[1], true);
    assert_eq!(stage.tell(&order, &Notice::Confirmed).await.unwrap_err().kind, ErrorKind::Unsupported);
}
