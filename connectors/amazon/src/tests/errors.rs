//! What Amazon's refusals mean, and what the merchant reads of them.

use banto_channel::{Error, ErrorKind, Response};

use crate::calls::refusal;

fn told(status: u16, body: &str) -> Error {
    let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
    refusal(&Response { status, headers, body: body.as_bytes().to_vec() }, "reading orders")
}

#[test]
fn each_refusal_says_what_to_do() {
    let error = |code: &str, message: &str, details: &str| {
        format!(r#"{{"errors":[{{"code":"{code}","message":"{message}","details":"{details}"}}]}}"#)
    };
    let denied = "Access to requested resource is denied.";
    let no_data = "Application does not have access to one or more requested data elements: [buyerInfo]";
    let mut all = Vec::new();
    for (kind, error) in [
        (ErrorKind::Auth, told(403, &error("Unauthorized", denied, ""))),
        (
            ErrorKind::Auth,
            told(403, &error("Unauthorized", denied, "The access token you provided has expired.")),
        ),
        (ErrorKind::Auth, told(400, &error("InvalidInput", no_data, ""))),
        (ErrorKind::Refused, told(400, &error("InvalidInput", "Invalid Input", "Invalid Input"))),
        (ErrorKind::NotFound, told(404, &error("NOT_FOUND", "SKU 'A' not found.", ""))),
        (ErrorKind::RateLimited, told(429, &error("QuotaExceeded", "You exceeded your quota.", ""))),
        (ErrorKind::Unreachable, told(503, "<html>Service Unavailable</html>")),
        (ErrorKind::Auth, told(403, "<html>Forbidden</html>")),
    ] {
        assert_eq!(error.kind, kind, "{error}");
        assert_eq!(error.retry_after.is_some(), kind == ErrorKind::RateLimited);
        all.push(error.message);
    }
    insta::assert_snapshot!(all.join("\n"));
}
