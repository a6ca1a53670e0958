//! Do requests and builds reach a collector as traces, and nothing of them the log?

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::any_value::Value,
    trace::v1::Span,
};
use tokio::sync::mpsc;
use tonic::{Request, Response, Status};

use crate::support::server::Installation;

/// A collector that hands over what it is sent.
struct Collector(mpsc::UnboundedSender<Span>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for span in request
            .into_inner()
            .resource_spans
            .into_iter()
            .flat_map(|resource| resource.scope_spans)
            .flat_map(|scope| scope.spans)
        {
            let _ = self.0.send(span);
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

async fn collector() -> (String, mpsc::UnboundedReceiver<Span>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (sender, spans) = mpsc::unbounded_channel();
    let connections = tokio_stream::wrappers::TcpListenerStream::new(listener);
    let service = TraceServiceServer::new(Collector(sender));
    tokio::spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(connections));
    (address, spans)
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key == key)?;
    Some(match found.value.clone()?.value? {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        other => panic!("{other:?}"),
    })
}

#[tokio::test]
async fn a_request_goes_on_with_the_trace_of_whoever_asks() {
    let (address, mut spans) = collector().await;
    let hub = Installation::without_engine().await.with("TRACES__OTLP_ENDPOINT", &address);
    let server = hub.serve().await;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parent = format!("00-{trace}-b7ad6b7169203331-01");
    let path = "/api/v1/executors/alice%2FHidden";
    let answer = server
        .anonymous()
        .send(http::Method::GET, path, &[("traceparent", parent.as_str())], Vec::new())
        .await;
    assert_eq!(answer.status, 404);
    let looking = async {
        loop {
            let span = spans.recv().await.expect("a collector");
            if hex::encode(&span.trace_id) == trace {
                return span;
            }
        }
    };
    // They are sent every five seconds.
    let span =
        tokio::time::timeout(std::time::Duration::from_mins(1), looking).await.expect("the request's span");
    assert_eq!(span.name, "GET /api/v1/executors/{executor}");
    assert_eq!(hex::encode(&span.parent_span_id), "b7ad6b7169203331");
    assert_eq!(attribute(&span, "http.response.status_code").as_deref(), Some("404"));
    let id = answer.headers["x-request-id"].to_str().unwrap();
    assert_eq!(attribute(&span, "hub.request_id").as_deref(), Some(id));
    assert!(!format!("{span:?}").contains("Hidden"), "the path is nobody's business: {span:?}");
}
