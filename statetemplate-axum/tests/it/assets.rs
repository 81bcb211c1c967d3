//! The client's files: under names of their content, for ever, and nothing else.

use axum::body::Body;
use http::{Request, StatusCode, header};

use crate::app::Test;

#[tokio::test]
async fn the_page_names_files_that_can_be_kept_for_ever() {
    let test = Test::new();
    let browser = test.browser();
    let html = String::from_utf8(browser.get("/").await.into_body().into()).unwrap();
    let (_, rest) = html.split_once("<script src=\"").unwrap();
    let client = rest.split_once('"').unwrap().0;
    let folder = client.strip_suffix("statetemplate.js").unwrap();
    for name in ["statetemplate.js", "extras.js", "morph.js", "dev.js"] {
        let path = &format!("{folder}{name}");
        let response = browser.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let headers = response.headers();
        assert_eq!(headers[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
        assert_eq!(
            headers[header::CACHE_CONTROL],
            "public, max-age=31536000, immutable"
        );
        assert!(!response.body().is_empty());

        let known = Request::get(path).header(header::IF_NONE_MATCH, &headers[header::ETAG]);
        let again = browser.send(known.body(Body::empty()).unwrap()).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert!(again.body().is_empty());
        assert_eq!(again.headers()[header::ETAG], headers[header::ETAG]);
    }
}

#[tokio::test]
async fn other_names_are_not_found_and_not_kept() {
    let test = Test::new();
    for path in [
        "/_statetemplate/old/other.js",
        "/_statetemplate/old/statetemplate.js",
        "/_statetemplate/old/..%2fsrc",
    ] {
        let response = test.browser().get(path).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    }
}

#[test]
fn the_files_are_those_of_the_client() {
    let dist = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../client-js/dist");
    let built = |name: &str| std::fs::read_to_string(dist.join(name)).ok();
    let pairs = [
        ("statetemplate.js", include_str!("../../assets/statetemplate.js")),
        ("extras.js", include_str!("../../assets/extras.js")),
        ("morph.js", include_str!("../../assets/morph.js")),
        ("dev.js", include_str!("../../assets/dev.js")),
    ];
    for (name, ours) in pairs {
        // A published crate stands alone, without the client's folder beside it.
        if let Some(built) = built(name) {
            assert!(
                built == ours,
                "assets/{name} is not client-js/dist/{name}: copy it over"
            );
        }
    }
}
