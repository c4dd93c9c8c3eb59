//! Every GraphQL document that is sent, each with one operation. `tests/documents.rs` holds them to Shopify's schema.
//!
//! Connections are sized so that no document is asked at more than 1,000 points, the most that one query may cost: an
//! object costs 1, a connection 2 and the so-manyfold of what its nodes cost, a mutation 10.

/// A document, and the name of its operation.
#[derive(Clone, Copy, Debug)]
pub struct Document {
    /// What goes out as `operationName`.
    pub name: &'static str,
    /// The document.
    pub text: &'static str,
    /// Whether sending it twice does no more than sending it once.
    pub idempotent: bool,
}

impl Document {
    const fn query(name: &'static str, text: &'static str) -> Self {
        Self { name, text, idempotent: true }
    }

    const fn mutation(name: &'static str, text: &'static str) -> Self {
        Self { name, text, idempotent: false }
    }
}

/// Orders read by one [`READ_ORDERS`].
pub(crate) const ORDERS_AT_ONCE: usize = 3;

/// Parcels, and refunds, that [`READ_ORDERS`] brings of each order.
pub(crate) const PARTS_AT_ONCE: usize = 3;

/// Inventory items read by one [`READ_STOCK`].
pub(crate) const STOCK_AT_ONCE: usize = 200;

macro_rules! money {
    ($field:literal) => {
        concat!($field, " { shopMoney { amount currencyCode } } ")
    };
}

macro_rules! line_fields {
    () => {
        concat!(
            "fragment LineFields on LineItem { id name sku quantity currentQuantity unfulfilledQuantity \
             variant { id inventoryItem { id } } ",
            money!("originalUnitPriceSet"),
            "discountAllocations { ",
            money!("allocatedAmountSet"),
            "} taxLines(first: 2) { ratePercentage } } "
        )
    };
}

macro_rules! parcel_fields {
    () => {
        "fragment ParcelFields on Fulfillment { id status createdAt location { id } trackingInfo(first: 2) { company number \
         url } } "
    };
}

macro_rules! refund_fields {
    () => {
        concat!("fragment RefundFields on Refund { id createdAt note ", money!("totalRefundedSet"), "} ")
    };
}

macro_rules! part_lines {
    ($connection:literal, $first:literal, $after:literal) => {
        concat!(
            $connection,
            "(first: ",
            $first,
            $after,
            ") { nodes { quantity lineItem { id } } pageInfo { hasNextPage endCursor } } "
        )
    };
}

/// Who we are: the shop, what the app may do, and which versions of the API live.
pub const WHO_AM_I: Document = Document::query(
    "WhoAmI",
    "query WhoAmI { shop { name myshopifyDomain currencyCode plan { publicDisplayName } } \
     currentAppInstallation { accessScopes { handle } } publicApiVersions { handle supported } }",
);

/// The shop's active locations.
pub const LOCATIONS: Document = Document::query(
    "Locations",
    "query Locations($after: String) { locations(first: 100, after: $after) { nodes { id name isActive \
     fulfillsOnlineOrders } pageInfo { hasNextPage endCursor } } }",
);

/// One order, to see whether buyers' data comes with it.
pub const NEWEST_ORDER: Document = Document::query(
    "NewestOrder",
    "query NewestOrder { orders(first: 1, sortKey: CREATED_AT, reverse: true) { nodes { id email shippingAddress { \
     lastName } } } }",
);

/// Which orders changed.
pub const SEARCH_ORDERS: Document = Document::query(
    "SearchOrders",
    "query SearchOrders($query: String!, $first: Int!, $after: String) { orders(first: $first, after: $after, query: \
     $query, sortKey: UPDATED_AT) { nodes { id updatedAt } pageInfo { hasNextPage endCursor } } }",
);

/// Which fulfillment orders changed; their order's own date does not always move with them.
pub const SEARCH_FULFILLMENT_ORDERS: Document = Document::query(
    "SearchFulfillmentOrders",
    "query SearchFulfillmentOrders($query: String!, $first: Int!, $after: String) { fulfillmentOrders(first: $first, \
     after: $after, query: $query, sortKey: UPDATED_AT, includeClosed: true) { nodes { id updatedAt orderId } pageInfo { \
     hasNextPage endCursor } } }",
);

/// Orders, whole unless one of their lists is longer than what is read at once.
pub const READ_ORDERS: Document = Document::query(
    "ReadOrders",
    concat!(
        "query ReadOrders($ids: [ID!]!) { nodes(ids: $ids) { ... on Order { id name createdAt processedAt updatedAt \
         cancelledAt displayFinancialStatus displayFulfillmentStatus currencyCode taxesIncluded requiresShipping test \
         customerLocale email phone note paymentGatewayNames \
         billingAddress { ...AddressFields } shippingAddress { ...AddressFields } ",
        money!("totalPriceSet"),
        money!("currentTotalPriceSet"),
        money!("totalTaxSet"),
        money!("totalShippingPriceSet"),
        money!("totalDiscountsSet"),
        money!("totalRefundedSet"),
        money!("totalTipReceivedSet"),
        money!("originalTotalDutiesSet"),
        money!("originalTotalAdditionalFeesSet"),
        "transactions(first: 5) { kind status processedAt gateway formattedGateway } \
         lineItems(first: 8) { nodes { ...LineFields } pageInfo { hasNextPage endCursor } } \
         fulfillments(first: 3) { ...ParcelFields ",
        part_lines!("fulfillmentLineItems", "8", ""),
        "} refunds(first: 3) { ...RefundFields ",
        part_lines!("refundLineItems", "8", ""),
        "} fulfillmentOrders(first: 4) { nodes { id status fulfillAt fulfillBy assignedLocation { location { id } } \
         fulfillmentHolds { displayReason } } } } } } \
         fragment AddressFields on MailingAddress { firstName lastName name company address1 address2 city province \
         provinceCode zip countryCodeV2 phone } ",
        line_fields!(),
        parcel_fields!(),
        refund_fields!()
    ),
);

/// More lines of one order.
pub const ORDER_LINES: Document = Document::query(
    "OrderLines",
    concat!(
        "query OrderLines($id: ID!, $after: String) { order(id: $id) { lineItems(first: 80, after: $after) { nodes { \
         ...LineFields } pageInfo { hasNextPage endCursor } } } } ",
        line_fields!()
    ),
);

/// All parcels and refunds of one order, without their lines.
pub const ORDER_PARTS: Document = Document::query(
    "OrderParts",
    concat!(
        "query OrderParts($id: ID!) { order(id: $id) { fulfillments(first: 100) { ...ParcelFields } refunds(first: 100) { \
         ...RefundFields } } } ",
        parcel_fields!(),
        refund_fields!()
    ),
);

/// The lines of one parcel.
pub const PARCEL_LINES: Document = Document::query(
    "ParcelLines",
    concat!(
        "query ParcelLines($id: ID!, $after: String) { node(id: $id) { ... on Fulfillment { ",
        part_lines!("fulfillmentLineItems", "250", ", after: $after"),
        "} } }"
    ),
);

/// The lines of one refund.
pub const REFUND_LINES: Document = Document::query(
    "RefundLines",
    concat!(
        "query RefundLines($id: ID!, $after: String) { node(id: $id) { ... on Refund { ",
        part_lines!("refundLineItems", "250", ", after: $after"),
        "} } }"
    ),
);

/// What decides whether an order still has to be told something.
pub const ORDER_STATE: Document = Document::query(
    "OrderState",
    "query OrderState($id: ID!) { order(id: $id) { id cancelledAt displayFinancialStatus canMarkAsPaid note } }",
);

/// What of an order is still to be shipped, from where, and whether Shopify would take it.
pub const OPEN_WORK: Document = Document::query(
    "OpenWork",
    "query OpenWork($id: ID!, $after: String) { order(id: $id) { fulfillmentOrders(first: 5, after: $after) { nodes { id \
     status supportedActions { action } assignedLocation { location { id } } fulfillmentHolds { displayReason } \
     lineItems(first: 60) { nodes { id remainingQuantity lineItem { id } } pageInfo { hasNextPage endCursor } } } \
     pageInfo { hasNextPage endCursor } } } }",
);

/// More lines of one fulfillment order.
pub const WORK_LINES: Document = Document::query(
    "WorkLines",
    "query WorkLines($id: ID!, $after: String) { fulfillmentOrder(id: $id) { lineItems(first: 250, after: $after) { nodes { \
     id remainingQuantity lineItem { id } } pageInfo { hasNextPage endCursor } } } }",
);

/// A parcel.
pub const SHIP: Document = Document::mutation(
    "Ship",
    "mutation Ship($fulfillment: FulfillmentInput!) { fulfillmentCreate(fulfillment: $fulfillment) { fulfillment { id } \
     userErrors { field message } } }",
);

/// A cancellation, which Shopify carries out in a job.
pub const CANCEL: Document = Document::mutation(
    "Cancel",
    "mutation Cancel($id: ID!, $reason: OrderCancelReason!, $refund: Boolean!, $notify: Boolean!, $note: String) { \
     orderCancel(orderId: $id, reason: $reason, restock: true, refundMethod: {originalPaymentMethodsRefund: $refund}, \
     notifyCustomer: $notify, staffNote: $note) { job { id done } orderCancelUserErrors { code field message } } }",
);

/// Money that arrived outside Shopify.
pub const MARK_PAID: Document = Document::mutation(
    "MarkPaid",
    "mutation MarkPaid($input: OrderMarkAsPaidInput!) { orderMarkAsPaid(input: $input) { order { id \
     displayFinancialStatus } userErrors { field message } } }",
);

/// The order's note, whole.
pub const SET_NOTE: Document = Document {
    name: "SetNote",
    text: "mutation SetNote($input: OrderInput!) { orderUpdate(input: $input) { order { id } userErrors { field message } } }",
    idempotent: true,
};

/// Quantities. The key makes Shopify recognise a request that comes twice.
pub const SET_STOCK: Document = Document {
    name: "SetStock",
    text: "mutation SetStock($input: InventorySetQuantitiesInput!, $key: String!) { inventorySetQuantities(input: $input) \
           @idempotent(key: $key) { inventoryAdjustmentGroup { id } userErrors { code field message } } }",
    idempotent: true,
};

/// What some inventory items show at one location.
pub const READ_STOCK: Document = Document::query(
    "ReadStock",
    "query ReadStock($ids: [ID!]!, $location: ID!) { nodes(ids: $ids) { ... on InventoryItem { id tracked \
     inventoryLevel(locationId: $location) { quantities(names: [\"available\"]) { quantity } } } } }",
);

/// What the shop sells.
pub const LIST_VARIANTS: Document = Document::query(
    "ListVariants",
    "query ListVariants($first: Int!, $after: String, $location: ID!) { shop { currencyCode } productVariants(first: \
     $first, after: $after, sortKey: ID) { nodes { id sku barcode title price product { title status } inventoryItem { id \
     tracked inventoryLevel(locationId: $location) { quantities(names: [\"available\"]) { quantity } } } } pageInfo { \
     hasNextPage endCursor } } }",
);

/// The app's webhook subscriptions.
pub const LIST_HOOKS: Document = Document::query(
    "ListHooks",
    "query ListHooks($after: String) { webhookSubscriptions(first: 100, after: $after) { nodes { id topic uri } pageInfo { \
     hasNextPage endCursor } } }",
);

/// A webhook subscription.
pub const CREATE_HOOK: Document = Document::mutation(
    "CreateHook",
    "mutation CreateHook($topic: WebhookSubscriptionTopic!, $hook: WebhookSubscriptionInput!) { \
     webhookSubscriptionCreate(topic: $topic, webhookSubscription: $hook) { webhookSubscription { id } userErrors { field \
     message } } }",
);

/// All of them.
pub const ALL: &[Document] = &[
    WHO_AM_I,
    LOCATIONS,
    NEWEST_ORDER,
    SEARCH_ORDERS,
    SEARCH_FULFILLMENT_ORDERS,
    READ_ORDERS,
    ORDER_LINES,
    ORDER_PARTS,
    PARCEL_LINES,
    REFUND_LINES,
    ORDER_STATE,
    OPEN_WORK,
    WORK_LINES,
    SHIP,
    CANCEL,
    MARK_PAID,
    SET_NOTE,
    SET_STOCK,
    READ_STOCK,
    LIST_VARIANTS,
    LIST_HOOKS,
    CREATE_HOOK,
];
