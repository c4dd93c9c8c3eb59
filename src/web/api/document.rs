//! The OpenAPI document: made from the table of the routes and the types of their bodies and answers.

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem, PathsBuilder,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{KnownFormat, Object, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, HeaderBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, Required,
    Response, ResponseBuilder, Server, Tag,
};
use utoipa::{PartialSchema, ToSchema};

use super::table::{Documented, Scope};
use super::{BASE, Problem, once};

const ABOUT: &str = "What banto does, for the merchant's own programs. \
Send a token of the house as `Authorization: Bearer banto_…`; the owner makes it under Tokens, or with \
`banto tokens add`.\n\n\
**Changes are done once.** Every request that changes something carries an `Idempotency-Key` of its own. The same \
request under the same key gets the first answer again, with `Idempotent-Replayed: true`, for three days; another one \
is refused (422), one that overlaps with it too (409). After a crash a request that was not done is done, and one that \
was done is not repeated: it is answered with how things stand then. A request that was refused leaves its key free.\n\n\
**Two do not undo each other.** An order has a version, which is its `ETag`; sent back as `If-Match`, a change is \
refused (412) when the order has changed since.\n\n\
**Limits.** 50 requests a second and token, 200 at once; beyond that 429 with `Retry-After`. An address that keeps \
showing tokens that are not valid gets 429 as well, with longer and longer waits; a valid one is not held up by it. \
Bodies up to 256 KB.";

/// The document.
#[must_use]
pub fn document() -> OpenApi {
    let (_, documented) = super::table().finish(None);
    let mut components = ComponentsBuilder::new()
        .schema(Problem::name(), Problem::schema())
        .security_scheme("token", SecurityScheme::Http(bearer()));
    let mut paths = PathsBuilder::new();
    for one in documented {
        let (method, path) = (verb(&one), format!("{BASE}{}", one.route.path));
        let operation = operation(&one);
        components = components.schemas_from_iter(one.words.types());
        paths = paths.path(path, PathItem::new(method, operation));
    }
    let tags = Scope::ALL.map(|scope| Tag::new(scope.name()));
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("banto")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(ABOUT))
                .build(),
        )
        .servers(Some([Server::new("/")]))
        .paths(paths.build())
        .components(Some(components.build()))
        .tags(Some(tags))
        .build()
}

fn bearer() -> utoipa::openapi::security::Http {
    HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A token of the house: `banto_…`"))
        .build()
}

fn verb(one: &Documented) -> HttpMethod {
    match one.route.method.as_str() {
        "POST" => HttpMethod::Post,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

fn operation(one: &Documented) -> Operation {
    let words = &one.words;
    let mut operation = OperationBuilder::new()
        .operation_id(Some(words.id))
        .summary(Some(words.summary))
        .tag(one.route.scope.name())
        .security(SecurityRequirement::new("token", [one.route.scope.name()]));
    if !words.description.is_empty() {
        operation = operation.description(Some(words.description));
    }
    let parameters = in_path(one.route.path).chain(words.parameters()).chain(in_headers(one));
    operation = operation.parameters(Some(parameters));
    if let Some(body) = &words.body {
        let content = ContentBuilder::new().schema(Some(body.reference())).build();
        let body =
            RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True));
        operation = operation.request_body(Some(body.build()));
    }
    let (status, answer) = success(one);
    operation = operation.response(status.to_string(), answer);
    for (status, why) in refusals(one) {
        operation = operation.response(status.to_string(), problem(status, why));
    }
    operation.build()
}

fn in_path(path: &'static str) -> impl Iterator<Item = Parameter> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    names.map(|name| {
        let schema = match name {
            "id" => whole_number(),
            _ => ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)),
        };
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(schema.build()))
            .build()
    })
}

fn whole_number() -> ObjectBuilder {
    let format = SchemaFormat::KnownFormat(KnownFormat::Int64);
    ObjectBuilder::new().schema_type(Type::Integer).format(Some(format)).minimum(Some(1))
}

fn in_headers(one: &Documented) -> impl Iterator<Item = Parameter> {
    let header = |name: &str, required, about: &str, schema: Object| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(required)
            .description(Some(about))
            .schema(Some(schema))
            .build()
    };
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let key = text().min_length(Some(1)).max_length(Some(once::KEY_MAX)).pattern(Some("^[!-~]+$"));
    let key = key.examples([json!("5b8c2e0a-3f7e-4a6e-9f43-0c6f2d9a1b11")]);
    let about = "A text of this request's own, by which a repetition is recognised";
    let key = one.route.writes().then(|| header("Idempotency-Key", Required::True, about, key.build()));
    let version = text().pattern(Some("^([*]|\"[0-9]{1,18}\")$")).examples([json!("\"3\"")]);
    let about = "The version that was looked at; without it, whatever there is is changed";
    let version = one.words.versioned.then(|| header("If-Match", Required::False, about, version.build()));
    key.into_iter().chain(version)
}

fn success(one: &Documented) -> (u16, Response) {
    let Some(answer) = one.words.answer else {
        return (204, ResponseBuilder::new().description("Done").build());
    };
    let content = ContentBuilder::new().schema(Some(answer.reference())).build();
    let mut answer = ResponseBuilder::new().description("As asked").content("application/json", content);
    let text = || ObjectBuilder::new().schema_type(Type::String).build();
    if one.words.versioned || one.words.id == "getOrder" {
        let header = HeaderBuilder::new().schema(Some(text())).description(Some("The order's version"));
        answer = answer.header("ETag", header.build());
    }
    if one.route.writes() {
        let about = "`true` when this is the answer of an earlier request";
        let header = HeaderBuilder::new().schema(Some(text())).description(Some(about));
        answer = answer.header("Idempotent-Replayed", header.build());
    }
    (if one.words.created { 201 } else { 200 }, answer.build())
}

/// Every answer of a route that is no success.
fn refusals(one: &Documented) -> BTreeMap<u16, &'static str> {
    let (route, words) = (&one.route, &one.words);
    let mut all = BTreeMap::from([
        (401, "No token, or one that is not valid"),
        (403, "The token does not have the scope"),
        (408, "It took longer than 10 seconds; ask again under the same key"),
        (429, "The token asks too often, or too many invalid ones came from this address; see Retry-After"),
        (503, "The store does not answer; see Retry-After"),
    ]);
    if route.path.contains('{') {
        all.insert(404, "There is no such thing");
    }
    if route.path.contains('{') || words.query.is_some() || route.writes() {
        all.insert(422, "What was sent does not fit, or its Idempotency-Key belongs to another request");
    }
    if route.writes() {
        all.insert(400, "No Idempotency-Key, or the body is not JSON");
        all.insert(409, "It cannot be done as things stand, or the same request is being worked on");
        all.insert(413, "The body is too large");
    }
    if words.body.is_some() {
        all.insert(415, "The body is not application/json");
    }
    if words.versioned {
        all.insert(412, "The order has changed since it was looked at");
    }
    all
}

fn problem(status: u16, why: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
    let mut answer = ResponseBuilder::new().description(why).content("application/problem+json", content);
    if matches!(status, 429 | 503) {
        let schema = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).build();
        let about = "Seconds after which to ask again";
        let header = HeaderBuilder::new().schema(Some(schema)).description(Some(about));
        answer = answer.header("Retry-After", header.build());
    }
    answer.build()
}

/// A route as a page for people lists it.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its method.
    pub method: String,
    /// Its path.
    pub path: String,
    /// What a token must have.
    pub scope: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// More of that.
    pub description: &'static str,
    /// Name, place, and what it is.
    pub parameters: Vec<(String, &'static str, String)>,
    /// A body, as an example.
    pub body: Option<String>,
    /// Status and when.
    pub answers: Vec<(u16, &'static str)>,
}

/// All routes, for a page.
#[must_use]
pub fn listed() -> Vec<Listed> {
    let (_, documented) = super::table().finish(None);
    documented.iter().map(listed_one).collect()
}

fn listed_one(one: &Documented) -> Listed {
    let words = &one.words;
    let parameters = in_path(one.route.path).chain(words.parameters()).chain(in_headers(one));
    let place = |p: &Parameter| match p.parameter_in {
        ParameterIn::Path => "path",
        ParameterIn::Header => "header",
        _ => "query",
    };
    let mut answers = vec![(success(one).0, "As asked")];
    answers.extend(refusals(one));
    Listed {
        method: one.route.method.to_string(),
        path: format!("{BASE}{}", one.route.path),
        scope: one.route.scope.name(),
        summary: words.summary,
        description: words.description,
        parameters: parameters
            .map(|p| {
                let at = place(&p);
                (p.name, at, p.description.unwrap_or_default())
            })
            .collect(),
        body: words.body.as_ref().and_then(|_| example(one)),
        answers,
    }
}

/// An example of the body, from the examples of its fields.
fn example(one: &Documented) -> Option<String> {
    let schema = serde_json::to_value(one.words.body?.schema()).ok()?;
    let fields = schema.get("properties")?.as_object()?;
    let with: serde_json::Map<String, serde_json::Value> =
        fields.iter().filter_map(|(name, f)| Some((name.clone(), f.get("example")?.clone()))).collect();
    serde_json::to_string_pretty(&with).ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_document_has_every_route_of_the_table_and_no_other() {
        let document = serde_json::to_value(document()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let mut written = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                written.insert((method.to_uppercase(), path.clone()));
                let answers = operation["responses"].as_object().unwrap();
                let missing: Vec<_> =
                    ["401", "403", "429"].into_iter().filter(|s| !answers.contains_key(*s)).collect();
                assert!(missing.is_empty(), "{method} {path}: {missing:?}");
                assert!(answers["429"]["headers"]["Retry-After"].is_object(), "{method} {path}");
                assert!(operation["security"][0]["token"][0].is_string(), "{method} {path}");
            }
        }
        let table: BTreeSet<_> = super::super::routes()
            .into_iter()
            .map(|route| (route.method.to_string(), format!("{BASE}{}", route.path)))
            .collect();
        assert_eq!(written, table);
        assert!(table.len() >= 25, "{}", table.len());
    }

    #[test]
    fn names_are_unique_and_what_is_referred_to_is_there() {
        let text = document().to_json().unwrap();
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let there = document["components"]["schemas"].as_object().unwrap();
        for (at, _) in text.match_indices("#/components/schemas/") {
            let name: String = text[at + 21..].chars().take_while(|c| *c != '"').collect();
            assert!(there.contains_key(&name), "{name}");
        }
        let ids: Vec<_> = super::super::table().finish(None).1.iter().map(|d| d.words.id).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    }

    #[test]
    fn bodies_know_no_other_fields() {
        for one in super::super::table().finish(None).1.iter().filter(|d| d.words.body.is_some()) {
            let schema = serde_json::to_value(one.words.body.unwrap().schema()).unwrap();
            assert_eq!(schema["additionalProperties"], false, "{}", one.words.id);
            assert!(example(one).is_some(), "{}", one.words.id);
        }
    }
}
