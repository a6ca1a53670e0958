//! What no handler answers is told in the words of the surface that it was meant for.

use http::Method;

use super::hub;

#[tokio::test]
async fn what_no_handler_answers_has_the_envelope_of_its_surface() {
    let hub = hub().await;
    let client = hub.anonymous();
    let problem = "application/problem+json";
    for (method, path, status, kind, code) in [
        (Method::DELETE, "/v2/rpc/executor.getPackage", 405, "application/json", "method_not_allowed"),
        (Method::PATCH, "/v2/executor/push", 405, "application/json", "method_not_allowed"),
        (Method::GET, "/v2/rpc/executor.nothing", 404, "application/json", "method_not_found"),
        (Method::POST, "/v2/executor/nothing", 404, "application/json", "route_not_found"),
        (Method::DELETE, "/v1/executors", 405, "text/plain; charset=utf-8", "does not answer to that method"),
        (Method::GET, "/v1/nothing", 404, "text/plain; charset=utf-8", "nothing at this address"),
        (Method::GET, "/v1/executors/%FF", 404, "text/plain; charset=utf-8", "nothing at this address"),
        (Method::GET, "/v1/executors/x?tag=%FF", 404, "text/plain; charset=utf-8", "No such executor"),
        (Method::PUT, "/api/v1/executors", 405, problem, "method_not_allowed"),
        (Method::GET, "/api/v1/nothing", 404, problem, "route_not_found"),
        (Method::GET, "/api/v1/executors?limit=x", 400, problem, "query"),
        (Method::GET, "/packages/%FF", 404, problem, "route_not_found"),
        (Method::GET, "/artifacts/%FF", 404, problem, "route_not_found"),
        (Method::POST, "/packages/x", 405, problem, "method_not_allowed"),
        (Method::DELETE, "/livez", 405, problem, "method_not_allowed"),
        (Method::GET, "/nothing", 404, problem, "route_not_found"),
        (Method::DELETE, "/sign-in", 405, "text/html; charset=utf-8", "does not answer to that method"),
        (Method::GET, "/invitations/%FF", 404, "text/html; charset=utf-8", "nothing at this address"),
        (Method::GET, "/assets/%FF", 404, problem, "route_not_found"),
    ] {
        let answer = client.send(method.clone(), path, &[], Vec::new()).await;
        let body = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, status, "{method} {path}: {body}");
        assert_eq!(answer.headers["content-type"], kind, "{method} {path}: {body}");
        assert!(body.contains(code), "{method} {path}: {body}");
        if status == 405 {
            assert!(answer.headers.contains_key("allow"), "{method} {path}");
        }
        if kind.contains("json") {
            let id = answer.headers["x-request-id"].to_str().unwrap();
            assert!(body.contains(id), "{method} {path}: {body}");
        }
    }
}
