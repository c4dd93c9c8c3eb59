//! Every GraphQL document that is sent, each a constant, so that a test can hold all of them to the schema.
//!
//! Sorting knows one field at a time: Vendure puts the fields of `sort` into the order of its schema, where `id` stands
//! before `orderPlacedAt`, whatever the document says.

/// Stands in the fragment of an order where a field of the shop's own may be asked for.
pub(crate) const NOTE_MARK: &str = "# the buyer's note";

macro_rules! order_parts {
    () => {
        "
fragment OrderParts on Order {
  id code type state orderPlacedAt updatedAt currencyCode
  totalWithTax shippingWithTax
  # the buyer's note
  customer { firstName lastName emailAddress phoneNumber }
  shippingAddress { ...AddressParts }
  billingAddress { ...AddressParts }
  lines {
    id updatedAt quantity orderPlacedQuantity taxRate
    discountedUnitPriceWithTax discountedLinePriceWithTax proratedLinePriceWithTax
    productVariant { id sku name }
  }
  surcharges { priceWithTax }
  discounts { adjustmentSource amountWithTax }
  taxSummary { taxTotal }
  payments {
    id updatedAt state amount method
    refunds { id createdAt updatedAt state total reason lines { orderLineId quantity } }
  }
  fulfillments { id updatedAt state method trackingCode lines { orderLineId quantity } }
}
fragment AddressParts on OrderAddress {
  fullName company streetLine1 streetLine2 city province postalCode countryCode phoneNumber
}"
    };
}

/// Placed orders, oldest first. `$seen` leaves out those of the first millisecond that were read before.
pub(crate) const ORDERS: &str = concat!(
    "query Orders($after: DateTime!, $seen: [String!]!, $take: Int!) {
  globalSettings { serverConfig { moneyStrategyPrecision } }
  orders(options: {
    take: $take, sort: { orderPlacedAt: ASC },
    filter: { orderPlacedAt: { after: $after }, id: { notIn: $seen } }
  }) { totalItems items { ...OrderParts } }
}",
    order_parts!()
);

/// Where the orders of [`ORDERS`] stand, without anything that could fail.
pub(crate) const ORDER_HEADS: &str = "query OrderHeads($after: DateTime!, $seen: [String!]!, $take: Int!) {
  orders(options: {
    take: $take, sort: { orderPlacedAt: ASC },
    filter: { orderPlacedAt: { after: $after }, id: { notIn: $seen } }
  }) { totalItems items { id orderPlacedAt } }
}";

/// Orders by their ids.
pub(crate) const ORDERS_BY_ID: &str = concat!(
    "query OrdersById($ids: [String!]!, $take: Int!) {
  globalSettings { serverConfig { moneyStrategyPrecision } }
  orders(options: { take: $take, filter: { id: { in: $ids } } }) { totalItems items { ...OrderParts } }
}",
    order_parts!()
);

/// What must be known of an order before it is told anything.
pub(crate) const STAND: &str = "query Stand($id: ID!) {
  order(id: $id) {
    state nextStates totalWithTax
    lines { id quantity productVariant { id } }
    payments { id state amount transactionId }
    fulfillments { id state method trackingCode lines { orderLineId quantity } }
  }
}";

/// The newest notes of an order.
pub(crate) const NOTES: &str = "query Notes($id: ID!) {
  order(id: $id) {
    history(options: { take: 100, sort: { createdAt: DESC }, filter: { type: { eq: \"ORDER_NOTE\" } } }) {
      items { data }
    }
  }
}";

/// Writes a note.
pub(crate) const ADD_NOTE: &str = "mutation AddNote($input: AddNoteToOrderInput!) {
  addNoteToOrder(input: $input) { id }
}";

/// Makes a parcel. It is `Pending` then, and takes its goods off the shelf.
pub(crate) const FULFIL: &str = "mutation Fulfil($input: FulfillOrderInput!) {
  addFulfillmentToOrder(input: $input) {
    __typename
    ... on Fulfillment { id state }
    ... on InsufficientStockOnHandError { productVariantId stockOnHand }
    ... on CreateFulfillmentError { fulfillmentHandlerError }
    ... on FulfillmentStateTransitionError { transitionError }
    ... on ErrorResult { errorCode message }
  }
}";

/// Moves a parcel on; the order follows by itself.
pub(crate) const MOVE_FULFILMENT: &str = "mutation MoveFulfilment($id: ID!, $state: String!) {
  transitionFulfillmentToState(id: $id, state: $state) {
    __typename
    ... on Fulfillment { id state }
    ... on FulfillmentStateTransitionError { transitionError }
    ... on ErrorResult { errorCode message }
  }
}";

/// Cancels what is left of an order.
pub(crate) const CANCEL: &str = "mutation Cancel($input: CancelOrderInput!) {
  cancelOrder(input: $input) {
    __typename
    ... on Order { id state }
    ... on OrderStateTransitionError { transitionError }
    ... on ErrorResult { errorCode message }
  }
}";

/// Says that an authorized payment arrived.
pub(crate) const SETTLE: &str = "mutation Settle($id: ID!) {
  settlePayment(id: $id) {
    __typename
    ... on Payment { id state }
    ... on SettlePaymentError { paymentErrorMessage }
    ... on PaymentStateTransitionError { transitionError }
    ... on OrderStateTransitionError { transitionError }
    ... on ErrorResult { errorCode message }
  }
}";

/// Adds a payment over all that is still owed.
pub(crate) const PAY: &str = "mutation Pay($input: ManualPaymentInput!) {
  addManualPaymentToOrder(input: $input) {
    __typename
    ... on Order { id state }
    ... on ErrorResult { errorCode message }
  }
}";

/// Moves an order on.
pub(crate) const MOVE_ORDER: &str = "mutation MoveOrder($id: ID!, $state: String!) {
  transitionOrderToState(id: $id, state: $state) {
    __typename
    ... on Order { id state }
    ... on OrderStateTransitionError { transitionError }
    ... on ErrorResult { errorCode message }
  }
}";

/// The places where stock lies.
pub(crate) const LOCATIONS: &str = "query Locations {
  stockLocations(options: { take: 100 }) { items { id name } }
}";

/// Sets numbers. One bad item fails all.
pub(crate) const PUSH_STOCK: &str = "mutation PushStock($input: [UpdateProductVariantInput!]!) {
  updateProductVariants(input: $input) { id }
}";

/// Numbers by id.
pub(crate) const STOCK: &str = "query Stock($ids: [String!]!, $take: Int!) {
  globalSettings { trackInventory }
  productVariants(options: { take: $take, filter: { id: { in: $ids } } }) {
    items { id trackInventory stockLevels { stockLocationId stockOnHand } }
  }
}";

/// Everything on offer.
pub(crate) const OFFERS: &str = "query Offers($skip: Int!, $take: Int!) {
  globalSettings { trackInventory serverConfig { moneyStrategyPrecision } }
  productVariants(options: { skip: $skip, take: $take, sort: { id: ASC } }) {
    totalItems
    items {
      id sku name enabled trackInventory priceWithTax currencyCode
      product { enabled }
      stockLevels { stockLocationId stockOnHand }
    }
  }
}";

/// Opens a session.
pub(crate) const LOGIN: &str = "mutation Login($username: String!, $password: String!) {
  login(username: $username, password: $password) {
    __typename
    ... on CurrentUser { id }
    ... on InvalidCredentialsError { authenticationError }
    ... on ErrorResult { errorCode message }
  }
}";

/// Who we are and what we may. An API key is nobody: it is refused this.
pub(crate) const ME: &str = "query Me {
  me { identifier channels { code permissions } }
  activeChannel { code }
}";

/// How the shop is set up, and the cheapest question for each right that reading needs.
pub(crate) const LOOK: &str = "query Look {
  activeChannel { code defaultCurrencyCode }
  globalSettings { trackInventory outOfStockThreshold serverConfig { moneyStrategyPrecision } }
  orders(options: { take: 1 }) { totalItems }
  productVariants(options: { take: 1 }) { totalItems }
  stockLocations(options: { take: 100 }) { items { id name } }
  fulfillmentHandlers { code }
}";

/// All of them, by name.
#[cfg(test)]
pub(crate) const ALL: [(&str, &str); 19] = [
    ("ORDERS", ORDERS),
    ("ORDER_HEADS", ORDER_HEADS),
    ("ORDERS_BY_ID", ORDERS_BY_ID),
    ("STAND", STAND),
    ("NOTES", NOTES),
    ("ADD_NOTE", ADD_NOTE),
    ("FULFIL", FULFIL),
    ("MOVE_FULFILMENT", MOVE_FULFILMENT),
    ("CANCEL", CANCEL),
    ("SETTLE", SETTLE),
    ("PAY", PAY),
    ("MOVE_ORDER", MOVE_ORDER),
    ("LOCATIONS", LOCATIONS),
    ("PUSH_STOCK", PUSH_STOCK),
    ("STOCK", STOCK),
    ("OFFERS", OFFERS),
    ("LOGIN", LOGIN),
    ("ME", ME),
    ("LOOK", LOOK),
];
