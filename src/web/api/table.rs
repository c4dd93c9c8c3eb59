//! The table of the routes: each with its method, path and scope, and the words and types that document it.

use std::borrow::Cow;
use std::fmt;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware;
use axum::routing::{MethodFilter, on};
use banto_channel::{Bilingual, both};
use utoipa::openapi::path::Parameter;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{RefOr, path::ParameterIn};
use utoipa::{IntoParams, ToSchema};

use super::{Api, caller, once};

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// See orders, with what buyers said of themselves.
    OrdersRead,
    /// Hold, confirm, ship and cancel orders.
    OrdersWrite,
    /// See items, stock and why it is what it is.
    StockRead,
    /// Receive, set and write off stock.
    StockWrite,
    /// See offers.
    ListingsRead,
    /// See how channels do.
    ChannelsRead,
    /// Register where to be told what happened.
    Webhooks,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::OrdersRead,
        Self::OrdersWrite,
        Self::StockRead,
        Self::StockWrite,
        Self::ListingsRead,
        Self::ChannelsRead,
        Self::Webhooks,
    ];

    /// Its word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OrdersRead => "orders:read",
            Self::OrdersWrite => "orders:write",
            Self::StockRead => "stock:read",
            Self::StockWrite => "stock:write",
            Self::ListingsRead => "listings:read",
            Self::ChannelsRead => "channels:read",
            Self::Webhooks => "webhooks",
        }
    }

    /// What it allows, for people.
    #[must_use]
    pub fn title(self) -> Bilingual {
        match self {
            Self::OrdersRead => both!("see orders and their buyers", "受注と購入者の閲覧"),
            Self::OrdersWrite => {
                both!("hold, confirm, ship, cancel orders", "受注の保留・確認・出荷・キャンセル")
            }
            Self::StockRead => both!("see items and stock", "商品と在庫の閲覧"),
            Self::StockWrite => both!("receive, set, write off stock", "在庫の入荷・設定・廃棄"),
            Self::ListingsRead => both!("see listings", "出品の閲覧"),
            Self::ChannelsRead => both!("see how channels do", "チャネルの状態の閲覧"),
            Self::Webhooks => both!("register webhooks", "Webhook（通知先）の登録"),
        }
    }

    /// The scope of that word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == word)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One route, for those who enumerate them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path below [`super::BASE`], with `{names}`.
    pub path: &'static str,
    /// What a token must have.
    pub scope: Scope,
}

impl Route {
    /// Whether it changes something.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.method != Method::GET
    }
}

/// A named type of the document.
pub(super) type Named = (String, RefOr<Schema>);

/// A type of the document before anybody asks for it: a daemon starts without the whole document in its memory.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    name: fn() -> Cow<'static, str>,
    schema: fn() -> RefOr<Schema>,
    within: fn(&mut Vec<Named>),
}

impl Shape {
    fn of<T: ToSchema>() -> Self {
        Self { name: T::name, schema: T::schema, within: T::schemas }
    }

    /// The type itself.
    pub(super) fn schema(self) -> RefOr<Schema> {
        (self.schema)()
    }

    /// Where the document has it.
    pub(super) fn reference(self) -> RefOr<Schema> {
        utoipa::openapi::Ref::from_schema_name((self.name)()).into()
    }

    /// It and the types within it.
    fn all(self) -> Vec<Named> {
        let mut all = vec![((self.name)().into_owned(), self.schema())];
        (self.within)(&mut all);
        all
    }
}

fn in_query<T: IntoParams>() -> Vec<Parameter> {
    T::into_params(|| Some(ParameterIn::Query))
}

/// How a route is documented.
pub(super) struct Documented {
    pub(super) route: Route,
    pub(super) words: Words,
}

/// What is said of a route.
#[derive(Default)]
pub(super) struct Words {
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) description: &'static str,
    pub(super) query: Option<fn() -> Vec<Parameter>>,
    pub(super) body: Option<Shape>,
    pub(super) answer: Option<Shape>,
    /// Whether it takes `If-Match`.
    pub(super) versioned: bool,
    pub(super) created: bool,
}

/// Begins what is said of a route: its name in programs, and what it does.
pub(super) fn words(id: &'static str, summary: &'static str) -> Words {
    Words { id, summary, ..Words::default() }
}

impl Words {
    pub(super) fn more(self, description: &'static str) -> Self {
        Self { description, ..self }
    }

    pub(super) fn query<T: IntoParams>(self) -> Self {
        Self { query: Some(in_query::<T>), ..self }
    }

    pub(super) fn takes<T: ToSchema>(self) -> Self {
        Self { body: Some(Shape::of::<T>()), ..self }
    }

    pub(super) fn answers<T: ToSchema>(self) -> Self {
        Self { answer: Some(Shape::of::<T>()), ..self }
    }

    pub(super) fn creates<T: ToSchema>(self) -> Self {
        Self { created: true, ..self.answers::<T>() }
    }

    pub(super) fn versioned(self) -> Self {
        Self { versioned: true, ..self }
    }

    /// The types of what goes in and out.
    pub(super) fn types(&self) -> Vec<Named> {
        self.body.into_iter().chain(self.answer).flat_map(Shape::all).collect()
    }

    /// The parameters of the query.
    pub(super) fn parameters(&self) -> Vec<Parameter> {
        self.query.map_or_else(Vec::new, |query| query())
    }
}

type Join = Box<dyn FnOnce(Router<Api>, &Api) -> Router<Api>>;

/// The table while it is put together.
#[derive(Default)]
pub(super) struct Table {
    documented: Vec<Documented>,
    joins: Vec<Join>,
}

impl Table {
    /// Something to look at.
    pub(super) fn get<H, T>(self, path: &'static str, scope: Scope, handler: H, words: Words) -> Self
    where
        H: Handler<T, Api>,
        T: 'static,
    {
        self.route((Method::GET, MethodFilter::GET), (path, scope), handler, words)
    }

    /// Something to do.
    pub(super) fn post<H, T>(self, path: &'static str, scope: Scope, handler: H, words: Words) -> Self
    where
        H: Handler<T, Api>,
        T: 'static,
    {
        self.route((Method::POST, MethodFilter::POST), (path, scope), handler, words)
    }

    /// Something to take away.
    pub(super) fn delete<H, T>(self, path: &'static str, scope: Scope, handler: H, words: Words) -> Self
    where
        H: Handler<T, Api>,
        T: 'static,
    {
        self.route((Method::DELETE, MethodFilter::DELETE), (path, scope), handler, words)
    }

    fn route<H, T>(
        mut self,
        (method, filter): (Method, MethodFilter),
        (path, scope): (&'static str, Scope),
        handler: H,
        words: Words,
    ) -> Self
    where
        H: Handler<T, Api>,
        T: 'static,
    {
        let route = Route { method, path, scope };
        let writes = route.writes();
        self.documented.push(Documented { route, words });
        self.joins.push(Box::new(move |router, api| {
            let mut route = on(filter, handler);
            if writes {
                route = route.layer(middleware::from_fn_with_state(api.clone(), once::guard));
            }
            // The layer that is added last is asked first.
            let route = route.layer(middleware::from_fn_with_state((api.clone(), scope), caller::guard));
            router.route(path, route)
        }));
        self
    }

    /// The router, if there is a house, and what is said of it.
    pub(super) fn finish(self, api: Option<&Api>) -> (Router<Api>, Vec<Documented>) {
        let router = match api {
            Some(api) => self.joins.into_iter().fold(Router::new(), |router, join| join(router, api)),
            None => Router::new(),
        };
        (router, self.documented)
    }
}
