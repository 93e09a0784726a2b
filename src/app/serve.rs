//! The pages of a history live, with metrics and probes, over HTTP: nothing can be changed through it.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use data_encoding::BASE64;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::site::live_pages;
use super::{FleetError, RecordError};
use crate::clock::{Clock, Stopwatch};
use crate::history::History;
use crate::report::{Measures, exposition, families};
use crate::schedule::{Fleet, calendar_families};
use crate::secret::same;

/// Pages that are older are made anew when they are asked for.
const FRESH: Duration = Duration::from_secs(5);
/// Most connections at once; others wait.
const CONNECTIONS: usize = 64;
/// Longest time that a client takes to say what it wants.
const HEADERS: Duration = Duration::from_secs(10);
/// Longest time of a connection, whatever is done on it.
const CONNECTION: Duration = Duration::from_secs(300);
/// How often it is looked whether the server is to end.
const LOOK: Duration = Duration::from_millis(100);
/// Shortest token in bytes that is taken.
const TOKEN_BYTES: usize = 16;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// What is served.
pub struct Served {
    /// The history.
    pub history: History,
    /// Reads the fleet whose calendar is measured, if there is one: it may change while it is served.
    pub fleet: Option<Box<dyn Fn() -> Result<Fleet, FleetError> + Send + Sync>>,
    /// What has to be shown to see anything but probes.
    pub token: Option<Vec<u8>>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Hears of what could not be shown, and why.
    pub trouble: Box<dyn Fn(&str) + Send + Sync>,
}

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Others could see it.
    #[error("{0} can be reached from other machines, and there is no token")]
    Open(SocketAddr),
    /// The token could be guessed.
    #[error("the token has less than {TOKEN_BYTES} bytes")]
    Token,
    /// The system refused.
    #[error("{0} cannot be listened on: {1}")]
    Listen(SocketAddr, #[source] io::Error),
}

/// The pages as they were last made.
type Pages = Arc<BTreeMap<String, String>>;

struct Server {
    served: Served,
    made: Mutex<Option<(Stopwatch, Pages)>>,
}

/// Serves a history until `ending` says so. `ready` hears of the address.
///
/// # Errors
/// When nothing can be served there.
pub fn serve(
    served: Served,
    address: SocketAddr,
    ending: &dyn Fn() -> bool,
    ready: &dyn Fn(SocketAddr),
) -> Result<(), ServeError> {
    match &served.token {
        None if !address.ip().is_loopback() => return Err(ServeError::Open(address)),
        Some(token) if token.len() < TOKEN_BYTES => return Err(ServeError::Token),
        _ => {}
    }
    let failed = |error| ServeError::Listen(address, error);
    let server = Arc::new(Server { served, made: Mutex::new(None) });
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        ready(listener.local_addr().map_err(failed)?);
        let router = router(Arc::clone(&server));
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        while !ending() {
            let Ok(place) = timeout(LOOK, Arc::clone(&places).acquire_owned()).await else {
                continue;
            };
            let accepted = timeout(LOOK, listener.accept()).await;
            let Ok(Ok((stream, _))) = accepted else {
                // A system without free descriptors says so at once, again and again.
                if accepted.is_ok() {
                    tokio::time::sleep(LOOK).await;
                }
                continue;
            };
            let service = TowerToHyperService::new(router.clone());
            tokio::spawn(async move {
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEADERS)
                    .serve_connection(TokioIo::new(stream), service);
                let _ = timeout(CONNECTION, connection).await;
                drop(place);
            });
        }
        Ok(())
    })
}

fn router(server: Arc<Server>) -> Router {
    let guarded = Router::new()
        .route("/metrics", get(metrics))
        .fallback(get(page))
        .layer(from_fn_with_state(Arc::clone(&server), admit));
    Router::new()
        .route("/healthz", get(async || (StatusCode::OK, [(header::CONTENT_TYPE, TEXT)], "ok\n")))
        .route("/readyz", get(readiness))
        .merge(guarded)
        .layer(axum::middleware::map_response(protect))
        .with_state(server)
}

/// Lets in who shows the token, or, where there is none, who calls this machine by its own name: no page of elsewhere can
/// ask by a name that it made point here.
async fn admit(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    if let Some(token) = &server.served.token {
        if !shown(headers).is_some_and(|shown| same(&shown, token)) {
            let ask = [(header::WWW_AUTHENTICATE, "Basic realm=\"dr-drill\", charset=\"UTF-8\"")];
            let say =
                "the token of this server is wanted: as password, or as `Authorization: Bearer`\n";
            return (StatusCode::UNAUTHORIZED, ask, say).into_response();
        }
    } else if !names_this_machine(headers) {
        let say = "this server answers to localhost only\n";
        return (StatusCode::MISDIRECTED_REQUEST, say).into_response();
    }
    next.run(request).await
}

/// The token that a request shows: as bearer, or as the password of any user, which is what browsers ask for.
fn shown(headers: &HeaderMap) -> Option<Vec<u8>> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, value) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(value.trim().as_bytes().to_vec());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = BASE64.decode(value.trim().as_bytes()).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    Some(pair[colon + 1..].to_vec())
}

fn names_this_machine(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port),
        _ => (host, "0"),
    };
    port.parse::<u16>().is_ok() && ["localhost", "127.0.0.1", "[::1]"].contains(&name)
}

/// What every answer says to browsers.
async fn protect(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn page(State(server): State<Arc<Server>>, request: Request) -> Response {
    let path = match request.uri().path() {
        "/" => "index.html".to_owned(),
        path => path.trim_start_matches('/').to_owned(),
    };
    blocking(move || match server.pages() {
        Err(error) => server.unavailable(&error),
        Ok(pages) => match pages.get(&path) {
            Some(text) => ([(header::CONTENT_TYPE, HTML)], text.clone()).into_response(),
            None => (StatusCode::NOT_FOUND, "there is no such page\n").into_response(),
        },
    })
    .await
}

async fn metrics(State(server): State<Arc<Server>>) -> Response {
    blocking(move || match server.metrics() {
        Ok(text) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(error) => server.unavailable(&error),
    })
    .await
}

async fn readiness(State(server): State<Arc<Server>>) -> Response {
    blocking(move || match server.served.history.standings() {
        Ok(_) => ([(header::CONTENT_TYPE, TEXT)], "ready\n").into_response(),
        Err(error) => server.unavailable(&error.to_string()),
    })
    .await
}

/// Answers on a thread that may wait for the disk.
async fn blocking(answer: impl FnOnce() -> Response + Send + 'static) -> Response {
    let answered = tokio::task::spawn_blocking(answer).await;
    answered.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

impl Server {
    /// The pages, not older than some seconds. They are made once for all who ask meanwhile.
    fn pages(&self) -> Result<Pages, String> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, pages)) = &*made
            && since.elapsed() < FRESH
        {
            return Ok(Arc::clone(pages));
        }
        let pages = live_pages(&self.served.history, self.served.clock.now());
        let pages: Pages =
            Arc::new(pages.map_err(|error: RecordError| error.to_string())?.into_iter().collect());
        *made = Some((Stopwatch::start(), Arc::clone(&pages)));
        Ok(pages)
    }

    fn metrics(&self) -> Result<String, String> {
        let history = &self.served.history;
        let standings = history.standings().map_err(|error| error.to_string())?;
        let mut all = families(&standings.iter().map(Measures::from).collect::<Vec<_>>());
        if let Some(fleet) = &self.served.fleet {
            let fleet = fleet().map_err(|error| error.to_string())?;
            let names = fleet.drills.iter().map(|drill| (drill.name.as_str(), 1));
            let newest = history.newest_slots(names).map_err(|error| error.to_string())?;
            all.extend(calendar_families(&fleet, &newest));
        }
        Ok(exposition(&all))
    }

    /// Says that something cannot be shown. Why is for who runs the server: it may name paths.
    fn unavailable(&self, error: &str) -> Response {
        (self.served.trouble)(error);
        let say = "the history cannot be shown now: the server's own output says why\n";
        (StatusCode::SERVICE_UNAVAILABLE, [(header::CONTENT_TYPE, TEXT)], say).into_response()
    }
}
