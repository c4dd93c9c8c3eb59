//! The real server as its staff and its buyers use it, over its two APIs. The tests of the connector and of the
//! daemon share this file.

use banto_channel::{Cx, ListingId, Method, RemoteOrderId, Request};
use serde_json::{Value, json};

pub const SUPERADMIN: &str = "superadmin";

/// What PostgreSQL tells one of two transactions that wait for each other, here a payment and a change of stock. Vendure
/// passes it on and has undone the whole request (its `@Transaction()`), so it can be asked again.
const DEADLOCK: &str = "deadlock detected";
/// How often that may happen to one request in a row.
const TRIES: usize = 10;

/// One of the two APIs, with the session that it gave us.
#[derive(Clone)]
pub struct Api {
    cx: Cx,
    url: String,
    /// The token of a channel other than the default one.
    pub channel: Option<String>,
    session: Option<String>,
}

impl Api {
    fn new(cx: &Cx, server: &str, path: &str) -> Self {
        Self { cx: cx.clone(), url: format!("{server}/{path}"), channel: None, session: None }
    }

    /// Asks, and presses the button again where the shop stepped on its own toes.
    pub async fn ask(&mut self, query: &str, variables: Value) -> Value {
        for _ in 0..TRIES {
            let answer = self.ask_once(query, &variables).await;
            if answer["errors"].is_null() {
                return answer["data"].clone();
            }
            assert_eq!(answer["errors"][0]["message"], DEADLOCK, "{query}\n{answer}");
            eprintln!("the shop's own transactions were in each other's way: {query}");
        }
        panic!("{TRIES} times in a row: {DEADLOCK}: {query}");
    }

    async fn ask_once(&mut self, query: &str, variables: &Value) -> Value {
        let mut request = Request::new(Method::Post, &self.url)
            .json(&json!({"query": query, "variables": variables}))
            .unwrap();
        if let Some(token) = &self.session {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(channel) = &self.channel {
            request = request.header("vendure-token", channel);
        }
        // Node closes a connection that was idle for five seconds, perhaps just now.
        if !query.starts_with("mutation") {
            request = request.idempotent();
        }
        let response = self.cx.http.send(request).await.unwrap();
        if let Some(token) = response.header("vendure-auth-token").filter(|token| !token.is_empty()) {
            self.session = Some(token.to_owned());
        }
        response.json().unwrap()
    }

    /// A mutation with one result, which must not be an `ErrorResult`.
    pub async fn act(&mut self, query: &str, variables: Value) -> Value {
        let data = self.ask(query, variables).await;
        let result = data.as_object().unwrap().values().next().unwrap().clone();
        assert!(result["errorCode"].is_null(), "{query}\n{result}");
        result
    }
}

/// The shop, with its owner logged in.
#[derive(Clone)]
pub struct Shop {
    cx: Cx,
    pub server: String,
    pub admin: Api,
}

impl Shop {
    pub async fn open(cx: &Cx, server: &str) -> Self {
        let server = server.trim_end_matches('/').to_owned();
        let mut admin = Api::new(cx, &server, "admin-api");
        let login = "mutation ($name: String!) { login(username: $name, password: $name) {
            __typename ... on ErrorResult { errorCode message } } }";
        admin.act(login, json!({"name": SUPERADMIN})).await;
        Self { cx: cx.clone(), server, admin }
    }

    /// A product with a variant for each code and price in yen, so many units of each on the shelf.
    pub async fn product(&mut self, name: &str, variants: &[(String, i64)], stock: i64) -> Vec<ListingId> {
        let slug = format!("p-{}", self.cx.clock.now().0);
        let query = "mutation ($input: CreateProductInput!) { createProduct(input: $input) { id } }";
        let words = json!([{"languageCode": "ja", "name": name, "slug": slug, "description": ""}]);
        let product = self.admin.act(query, json!({"input": {"enabled": true, "translations": words}})).await;
        let sizes: Vec<Value> = (1..=variants.len())
            .map(|n| json!({"code": format!("{slug}-{n}"), "translations": [{"languageCode": "ja", "name": format!("{n}00g")}]}))
            .collect();
        let query = "mutation ($input: CreateProductOptionGroupInput!) {
            createProductOptionGroup(input: $input) { id options { id } } }";
        let words = json!([{"languageCode": "ja", "name": "量"}]);
        let group = json!({"input": {"code": slug, "options": sizes, "translations": words}});
        let group = self.admin.act(query, group).await;
        let query = "mutation ($p: ID!, $g: ID!) { addOptionGroupToProduct(productId: $p, optionGroupId: $g) { id } }";
        self.admin.act(query, json!({"p": product["id"], "g": group["id"]})).await;
        let taxes = self.admin.ask("{ taxCategories { items { id } } }", Value::Null).await;
        let taxes = taxes["taxCategories"]["items"].as_array().unwrap();
        let variant = |(n, (code, yen)): (usize, &(String, i64))| {
            json!({
                "productId": product["id"], "sku": code, "price": yen * 100,
                "optionIds": [group["options"][n]["id"]], "stockOnHand": stock,
                "taxCategoryId": taxes[n % taxes.len()]["id"],
                "translations": [{"languageCode": "ja", "name": format!("{name} {n}")}],
            })
        };
        let input: Vec<Value> = variants.iter().enumerate().map(variant).collect();
        let query = "mutation ($input: [CreateProductVariantInput!]!) { createProductVariants(input: $input) { id } }";
        let made = self.admin.act(query, json!({"input": input})).await;
        made.as_array().unwrap().iter().map(|v| ListingId::from(v["id"].as_str().unwrap())).collect()
    }

    /// A checkout through the Shop API, by somebody whom the shop did not know.
    pub async fn buy(&self, basket: &[(&ListingId, i64)], method: &str) -> RemoteOrderId {
        let mut shop = Api::new(&self.cx, &self.server, "shop-api");
        shop.channel.clone_from(&self.admin.channel);
        const RESULT: &str = "{ __typename ... on Order { id } ... on ErrorResult { errorCode message } }";
        for (variant, quantity) in basket {
            let query = format!(
                "mutation ($v: ID!, $n: Int!) {{ addItemToOrder(productVariantId: $v, quantity: $n) {RESULT} }}"
            );
            shop.act(&query, json!({"v": variant.as_str(), "n": quantity})).await;
        }
        let mail = format!("buyer.{}@example.test", self.cx.clock.now().0);
        let customer = json!({"i": {"firstName": "太郎", "lastName": "髙橋", "emailAddress": mail}});
        let query =
            format!("mutation ($i: CreateCustomerInput!) {{ setCustomerForOrder(input: $i) {RESULT} }}");
        shop.act(&query, customer).await;
        let address = json!({"i": {"fullName": "髙橋 太郎", "streetLine1": "神宮前1-2-3", "streetLine2": "コーポ①号室",
            "city": "渋谷区", "province": "東京都", "postalCode": "150-0001", "countryCode": "JP", "phoneNumber": "0312345678"}});
        let query =
            format!("mutation ($i: CreateAddressInput!) {{ setOrderShippingAddress(input: $i) {RESULT} }}");
        shop.act(&query, address).await;
        let note = json!({"i": {"customFields": {"customerNote": "プレゼント用です🎁"}}});
        let query =
            format!("mutation ($i: UpdateOrderInput!) {{ setOrderCustomFields(input: $i) {RESULT} }}");
        shop.act(&query, note).await;
        let methods = shop.ask("{ eligibleShippingMethods { id } }", Value::Null).await;
        let query =
            format!("mutation ($i: [ID!]!) {{ setOrderShippingMethod(shippingMethodId: $i) {RESULT} }}");
        shop.act(&query, json!({"i": [methods["eligibleShippingMethods"][0]["id"]]})).await;
        let query = format!("mutation {{ transitionOrderToState(state: \"ArrangingPayment\") {RESULT} }}");
        shop.act(&query, Value::Null).await;
        let query = format!("mutation ($i: PaymentInput!) {{ addPaymentToOrder(input: $i) {RESULT} }}");
        let order = shop.act(&query, json!({"i": {"method": method, "metadata": {}}})).await;
        RemoteOrderId::from(order["id"].as_str().unwrap())
    }
}
