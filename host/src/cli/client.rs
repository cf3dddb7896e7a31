//! HTTP client of a running server's admin API. Rule: each request is bounded in time and size, and the admin token is
//! sent only to a server that holds the key of the configured certificate, where one is configured.

mod pinned;
mod stream;

use std::borrow::Cow;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::limits;
use axum::body::Bytes;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use modehost_config::Loaded;
use modehost_gateway::ServerConfig;
use modehost_gateway::config::OperatorSecret;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Failure;
use crate::admin::nodes::gather::UNANSWERED;
pub use crate::segment::segment;
use crate::settings::{self, Origin, Settings};
use crate::terminal::print_error;

/// The argument that names the settings of a server.
#[derive(Debug, clap::Args)]
pub struct ConfigArguments {
    /// Configuration file of the server [default: config/modehost.yaml if it is there, else built-in settings]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigArguments {
    /// The settings that the server was or would be started with.
    pub fn load(self) -> Result<Loaded<Settings>, Failure> {
        Ok(settings::load(&Origin { file: self.config, ..Origin::default() }.source())?)
    }
}

/// Arguments that select who answers.
#[derive(Debug, clap::Args)]
pub struct ServerArguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// In a cluster: the node that answers, for itself alone
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
}

impl ServerArguments {
    /// A client of that server.
    pub fn server(self) -> Result<Server, Failure> {
        Ok(self.open()?.1)
    }

    /// The settings that the server was or would be started with, and a client of it.
    pub fn open(self) -> Result<(Loaded<Settings>, Server), Failure> {
        let loaded = self.config.load()?;
        let config = loaded.document.server.clone();
        Ok((loaded, Server { config, node: self.node }))
    }
}

/// Why there is no usable response.
pub enum RequestError {
    /// Nothing listens at the address.
    NoServer(SocketAddr),
    /// An unreachable host, an error status or an invalid response; one sentence.
    Failed(String),
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Failed(sentence) => Self::Other(sentence),
            RequestError::NoServer(address) => Self::Other(format!(
                "no server answers at {address}; start one, or name its configuration with --config"
            )),
        }
    }
}

/// The body of a request.
#[derive(Default)]
pub struct Body {
    /// Its content type.
    pub kind: &'static str,
    /// Empty: no body.
    pub bytes: Vec<u8>,
    /// Of a plugin: its `.minisig` file in base64.
    pub signature: Option<String>,
}

impl Body {
    fn json(value: &Value) -> Self {
        Self { kind: "application/json", bytes: value.to_string().into_bytes(), signature: None }
    }
}

/// An HTTP response.
pub struct Response {
    pub status: u16,
    /// Nodes of the cluster that have not answered.
    pub unanswered: Option<String>,
    pub body: Vec<u8>,
}

/// Client of a server that runs, or would run, on this machine.
pub struct Server {
    config: ServerConfig,
    /// The node of the cluster that answers; `None`: as the server decides.
    node: Option<String>,
}

impl Server {
    /// A client for the server that these settings start.
    pub fn of(config: &ServerConfig) -> Self {
        Self { config: config.clone(), node: None }
    }

    /// Sends GET and returns the JSON body.
    pub fn get(&self, path: &str) -> Result<Value, RequestError> {
        self.request_json("GET", path)
    }

    /// Sends POST and returns the JSON body.
    pub fn post(&self, path: &str) -> Result<Value, RequestError> {
        self.request_json("POST", path)
    }

    /// Sends POST with a JSON body and returns the JSON body.
    pub fn post_json(&self, path: &str, body: &Value) -> Result<Value, RequestError> {
        self.request_with("POST", path, Body::json(body))
    }

    /// Sends a file with POST or PUT and returns the JSON body.
    pub fn send_file(&self, method: &str, path: &str, file: Body) -> Result<Value, RequestError> {
        self.request_with(method, path, file)
    }

    /// Sends DELETE and returns the JSON body.
    pub fn delete(&self, path: &str) -> Result<Value, RequestError> {
        self.request_json("DELETE", path)
    }

    /// Sends GET and returns the raw body, of up to `max_bytes` bytes.
    pub fn get_bytes(&self, path: &str, max_bytes: u64) -> Result<Vec<u8>, RequestError> {
        let address = admin_address(&self.config);
        let response = self.send(
            address,
            ("GET", &self.of_node(path), Body::default()),
            true,
            (limits::ADMIN_WORK_TIMEOUT, max_bytes),
        )?;
        check_status(address, &response)?;
        Ok(response.body)
    }

    /// Sends GET without a token to a public path of the HTTP port.
    pub fn get_public(&self, path: &str) -> Result<Response, RequestError> {
        let bounds = (limits::ADMIN_TIMEOUT, limits::ADMIN_RESPONSE_BYTES);
        self.send(http_address(&self.config), ("GET", path, Body::default()), false, bounds)
    }

    /// The path with the node that is to answer.
    fn of_node<'a>(&self, path: &'a str) -> Cow<'a, str> {
        let Some(node) = &self.node else { return path.into() };
        let separator = if path.contains('?') { '&' } else { '?' };
        format!("{path}{separator}node={}", segment(node)).into()
    }

    fn request_json(&self, method: &str, path: &str) -> Result<Value, RequestError> {
        self.request_with(method, path, Body::default())
    }

    fn request_with(&self, method: &str, path: &str, body: Body) -> Result<Value, RequestError> {
        let address = admin_address(&self.config);
        // The server may have to compile a plugin or scan the database first.
        let time = if method == "GET" { limits::ADMIN_TIMEOUT } else { limits::ADMIN_WORK_TIMEOUT };
        let response =
            self.send(address, (method, &self.of_node(path), body), true, (time, limits::ADMIN_RESPONSE_BYTES))?;
        check_status(address, &response)?;
        if let Some(names) = &response.unanswered {
            print_error(format_args!("what node {names} has is missing: no answer"));
        }
        serde_json::from_slice(&response.body).map_err(|_| {
            RequestError::Failed(format!("{address} answers, but not with JSON; is this a modehost server?"))
        })
    }

    /// Sends GET, and hands over the lines of the response as they come, until it ends or `each` returns false.
    pub fn get_lines(&self, path: &str, each: &mut dyn FnMut(&str) -> bool) -> Result<(), RequestError> {
        let (address, path) = (admin_address(&self.config), &*self.of_node(path));
        let token = self.config.admin_token.as_ref();
        let refused = self.on_connection(address, async |tcp| match &self.config.tls {
            None => stream::lines(tcp, address, path, token, each).await,
            Some(files) => match timeout(limits::ADMIN_TIMEOUT, pinned::secure(tcp, address, files)).await {
                Ok(secured) => stream::lines(secured?, address, path, token, each).await,
                Err(_) => Err(io::Error::other("no TLS handshake in time")),
            },
        })?;
        refused.map_or(Ok(()), |response| check_status(address, &response))
    }

    fn send(
        &self,
        address: SocketAddr,
        request: (&str, &str, Body),
        as_operator: bool,
        (time, max_bytes): (Duration, u64),
    ) -> Result<Response, RequestError> {
        self.on_connection(address, async |tcp| {
            let token = self.config.admin_token.as_ref().filter(|_| as_operator);
            let response = async {
                match &self.config.tls {
                    None => round_trip(tcp, address, request, token, max_bytes).await,
                    Some(files) => {
                        round_trip(pinned::secure(tcp, address, files).await?, address, request, token, max_bytes).await
                    }
                }
            };
            match timeout(time, response).await {
                Ok(response) => response,
                Err(_) => Err(io::Error::new(
                    ErrorKind::TimedOut,
                    format!("no complete response of {address} within {} s", time.as_secs()),
                )),
            }
        })
    }

    /// Connects, and runs one exchange on a runtime of its own.
    fn on_connection<R>(
        &self,
        address: SocketAddr,
        exchange: impl AsyncFnOnce(TcpStream) -> io::Result<R>,
    ) -> Result<R, RequestError> {
        if address.port() == 0 {
            let why = "the port of the server is 0 in these settings, so the system chose it at the start and only the \
                       server's first lines tell it; set it with MODEHOST__SERVER__HTTP_PORT";
            return Err(RequestError::Failed(why.to_owned()));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| RequestError::Failed(format!("cannot create a timer: {error}")))?;
        runtime.block_on(async {
            let tcp = match timeout(limits::ADMIN_TIMEOUT, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => tcp,
                Ok(Err(error)) if error.kind() != ErrorKind::ConnectionRefused => {
                    return Err(RequestError::Failed(format!("{address} cannot be reached: {error}")));
                }
                Ok(Err(_)) | Err(_) => return Err(RequestError::NoServer(address)),
            };
            exchange(tcp).await.map_err(|error| match error.kind() {
                ErrorKind::TimedOut => RequestError::Failed(error.to_string()),
                _ => RequestError::Failed(format!("invalid response of {address}: {error}")),
            })
        })
    }
}

/// Turns every status but 200 into an error; the server's own sentence says what to do.
fn check_status(address: SocketAddr, response: &Response) -> Result<(), RequestError> {
    if response.status == 200 {
        return Ok(());
    }
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let status = response.status;
    Err(RequestError::Failed(match (status, body["error"].as_str()) {
        (400 | 404 | 409 | 422 | 429, Some(why)) => why.to_owned(),
        (_, Some(why)) => format!("{address} answered {status}: {why}"),
        (_, None) => format!("{address} answered {status}; is this a modehost server?"),
    }))
}

/// Address of the admin API.
pub fn admin_address(server: &ServerConfig) -> SocketAddr {
    let own: Option<SocketAddr> = server.operator_address.as_ref().and_then(|address| address.parse().ok());
    own.map_or_else(|| http_address(server), |own| SocketAddr::new(local_ip(own.ip()), own.port()))
}

/// Address of the public HTTP port.
fn http_address(server: &ServerConfig) -> SocketAddr {
    let bare = server.http_ip.as_ref().unwrap_or(&server.ip).trim().trim_start_matches('[').trim_end_matches(']');
    let ip = bare.parse().map_or(Ipv4Addr::LOCALHOST.into(), local_ip);
    SocketAddr::new(ip, server.http_port)
}

/// The loopback address in place of an unspecified one.
fn local_ip(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

/// One request and its whole response. Cancelling closes the connection.
async fn round_trip<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    address: SocketAddr,
    (method, path, body): (&str, &str, Body),
    token: Option<&OperatorSecret>,
    max_bytes: u64,
) -> io::Result<Response> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let mut request = Request::builder().method(method).uri(path).header(HOST, address.to_string());
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose()));
    }
    if !body.bytes.is_empty() {
        request = request.header(CONTENT_TYPE, body.kind);
    }
    if let Some(signature) = &body.signature {
        request = request.header("modehost-signature", signature);
    }
    let request = request.body(Full::<Bytes>::from(body.bytes)).map_err(io::Error::other)?;
    let max_bytes = usize::try_from(max_bytes).unwrap_or(usize::MAX);
    let response = async move {
        let response = sender.send_request(request).await.map_err(explain)?;
        let status = response.status().as_u16();
        let unanswered = response.headers().get(UNANSWERED).and_then(|names| Some(names.to_str().ok()?.to_owned()));
        let body = Limited::new(response.into_body(), max_bytes).collect().await;
        let body = body.map_err(|error| io::Error::other(format!("the answer is cut off, or too large: {error}")))?;
        Ok(Response { status, unanswered, body: body.to_bytes().into() })
    };
    // The connection task ends once the sender is dropped.
    let (response, _) = tokio::join!(response, connection);
    response
}

fn explain(error: hyper::Error) -> io::Error {
    match error.is_parse() || error.is_incomplete_message() {
        true => io::Error::other("it speaks no HTTP; see server.http_port, server.operator_address and server.tls"),
        false => io::Error::other(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(ip: &str, own: Option<&str>) -> ServerConfig {
        ServerConfig { ip: ip.to_owned(), operator_address: own.map(str::to_owned), ..ServerConfig::default() }
    }

    #[test]
    fn whoever_listens_everywhere_is_asked_here() {
        for (ip, own, expected) in [
            ("0.0.0.0", None, "127.0.0.1:8003"),
            ("localhost", None, "127.0.0.1:8003"),
            ("::", None, "[::1]:8003"),
            ("[::1]", None, "[::1]:8003"),
            ("10.0.0.5", None, "10.0.0.5:8003"),
            ("10.0.0.5", Some("0.0.0.0:8005"), "127.0.0.1:8005"),
        ] {
            assert_eq!(admin_address(&server(ip, own)).to_string(), expected, "{ip} {own:?}");
        }
    }

    #[test]
    fn an_answer_that_breaks_off_is_none() {
        for (sent, expected) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}", "cut off"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 999999999\r\n\r\n{}", "too large"),
            ("SSH-2.0-other\r\n", "speaks no HTTP"),
            ("", "speaks no HTTP"),
        ] {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
            let port = listener.local_addr().expect("an address").port();
            let other = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().expect("a caller");
                let _ = std::io::Read::read(&mut stream, &mut [0; 1024]);
                std::io::Write::write_all(&mut stream, sent.as_bytes()).expect("written");
            });
            let config = ServerConfig { http_port: port, ..server("127.0.0.1", None) };
            match Server::of(&config).get("/api/v1/sessions") {
                Err(RequestError::Failed(why)) => assert!(why.contains(expected), "{sent:?}: {why}"),
                _ => panic!("{sent:?} is an answer"),
            }
            other.join().expect("no panic");
        }
    }
}
