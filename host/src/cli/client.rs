//! Asks a running server. Rule: each request is bounded in time and size, and the operators' token goes to nobody
//! but a server that holds the key of the configured certificate, where one is configured.

mod path;
mod pinned;

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::limits;
use axum::body::Bytes;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, HOST};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use modehost_config::Loaded;
use modehost_gateway::ServerConfig;
use modehost_gateway::config::OperatorSecret;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub use self::path::segment;
use super::Failure;
use crate::settings::{self, Origin, Settings};

/// Which server is asked.
#[derive(Debug, clap::Args)]
pub struct ServerArguments {
    /// Configuration file of the server [default: config/modehost.yaml if it is there, else built-in settings]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ServerArguments {
    /// The settings that the server was started with, or would be.
    pub fn load(self) -> Result<Loaded<Settings>, Failure> {
        Ok(settings::load(&Origin { file: self.config, ..Origin::default() }.source())?)
    }

    /// The server itself.
    pub fn server(self) -> Result<Server, Failure> {
        Ok(Server::of(&self.load()?.document.server))
    }
}

/// Why there is no answer.
pub enum NoAnswer {
    /// Nobody listens there.
    NoServer(SocketAddr),
    /// Somebody does and says no, or something else; a sentence.
    Refused(String),
}

impl From<NoAnswer> for Failure {
    fn from(answer: NoAnswer) -> Self {
        match answer {
            NoAnswer::Refused(sentence) => Self::Other(sentence),
            NoAnswer::NoServer(address) => Self::Other(format!(
                "no server answers at {address}; start one, or name its configuration with --config"
            )),
        }
    }
}

/// An answer as it came.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// A server that runs on this machine, or would.
pub struct Server {
    config: ServerConfig,
}

impl Server {
    /// The one that these settings start.
    pub fn of(config: &ServerConfig) -> Self {
        Self { config: config.clone() }
    }

    /// Reads something.
    pub fn get(&self, path: &str) -> Result<Value, NoAnswer> {
        self.ask("GET", path)
    }

    /// Has the server do something.
    pub fn post(&self, path: &str) -> Result<Value, NoAnswer> {
        self.ask("POST", path)
    }

    /// Has the server remove something.
    pub fn delete(&self, path: &str) -> Result<Value, NoAnswer> {
        self.ask("DELETE", path)
    }

    /// The body of an answer, which is larger than others.
    pub fn fetch(&self, path: &str, most: u64) -> Result<Vec<u8>, NoAnswer> {
        let address = operators(&self.config);
        let answer = self.exchange(address, ("GET", path), true, (limits::ADMIN_WORK, most))?;
        good(address, &answer)?;
        Ok(answer.body)
    }

    /// What is open to everybody, from the port for devices' HTTP; no token is sent.
    pub fn open(&self, path: &str) -> Result<Answer, NoAnswer> {
        let bounds = (limits::ADMIN_REPLY, limits::ADMIN_REPLY_BYTES);
        self.exchange(http(&self.config), ("GET", path), false, bounds)
    }

    fn ask(&self, method: &str, path: &str) -> Result<Value, NoAnswer> {
        let address = operators(&self.config);
        // A plugin may have to be compiled first, or a database to be worked through.
        let time = if method == "GET" { limits::ADMIN_REPLY } else { limits::ADMIN_WORK };
        let answer = self.exchange(address, (method, path), true, (time, limits::ADMIN_REPLY_BYTES))?;
        good(address, &answer)?;
        serde_json::from_slice(&answer.body)
            .map_err(|_| NoAnswer::Refused(format!("{address} answers, but not with JSON; is this a modehost server?")))
    }

    fn exchange(
        &self,
        address: SocketAddr,
        request: (&str, &str),
        as_operator: bool,
        (time, most): (Duration, u64),
    ) -> Result<Answer, NoAnswer> {
        if address.port() == 0 {
            let why = "the port of the server is 0 in these settings, so the system chose it at the start and only the \
                       server's first lines tell it; set it with MODEHOST__SERVER__HTTP_PORT";
            return Err(NoAnswer::Refused(why.to_owned()));
        }
        let token = self.config.admin_token.as_ref().filter(|_| as_operator);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| NoAnswer::Refused(format!("the system gives no timer: {error}")))?;
        runtime.block_on(async {
            let tcp = match timeout(limits::ADMIN_REPLY, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => tcp,
                Ok(Err(error)) if error.kind() != ErrorKind::ConnectionRefused => {
                    return Err(NoAnswer::Refused(format!("{address} cannot be reached: {error}")));
                }
                Ok(Err(_)) | Err(_) => return Err(NoAnswer::NoServer(address)),
            };
            let answer = async {
                match &self.config.tls {
                    None => converse(tcp, address, request, token, most).await,
                    Some(files) => {
                        converse(pinned::secure(tcp, address, files).await?, address, request, token, most).await
                    }
                }
            };
            match timeout(time, answer).await {
                Ok(answer) => {
                    answer.map_err(|error| NoAnswer::Refused(format!("{address} does not answer in order: {error}")))
                }
                Err(_) => Err(NoAnswer::Refused(format!("{address} gave no whole answer within {} s", time.as_secs()))),
            }
        })
    }
}

/// An error unless the answer is a good one: the server's own sentence says what to do.
fn good(address: SocketAddr, answer: &Answer) -> Result<(), NoAnswer> {
    if answer.status == 200 {
        return Ok(());
    }
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let status = answer.status;
    Err(NoAnswer::Refused(match (status, body["error"].as_str()) {
        (404 | 409, Some(why)) => why.to_owned(),
        (_, Some(why)) => format!("{address} answered {status}: {why}"),
        (_, None) => format!("{address} answered {status}; is this a modehost server?"),
    }))
}

/// Where operators are served.
pub fn operators(server: &ServerConfig) -> SocketAddr {
    let own: Option<SocketAddr> = server.operator_address.as_ref().and_then(|address| address.parse().ok());
    own.map_or_else(|| http(server), |own| SocketAddr::new(here(own.ip()), own.port()))
}

/// Where everybody is.
fn http(server: &ServerConfig) -> SocketAddr {
    let bare = server.http_ip.as_ref().unwrap_or(&server.ip).trim().trim_start_matches('[').trim_end_matches(']');
    let ip = bare.parse().map_or(Ipv4Addr::LOCALHOST.into(), here);
    SocketAddr::new(ip, server.http_port)
}

/// Whoever listens everywhere listens here.
fn here(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

/// One request and its whole answer. Cancelling closes the connection.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    address: SocketAddr,
    (method, path): (&str, &str),
    token: Option<&OperatorSecret>,
    most: u64,
) -> io::Result<Answer> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let mut request = Request::builder().method(method).uri(path).header(HOST, address.to_string());
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose()));
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(io::Error::other)?;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let answer = async move {
        let answer = sender.send_request(request).await.map_err(explain)?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), most).collect().await;
        let body = body.map_err(|error| io::Error::other(format!("the answer is cut off, or too large: {error}")))?;
        Ok(Answer { status, body: body.to_bytes().into() })
    };
    // The connection ends once nobody can send any more.
    let (answer, _) = tokio::join!(answer, connection);
    answer
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
        for (ip, own, asked) in [
            ("0.0.0.0", None, "127.0.0.1:8003"),
            ("localhost", None, "127.0.0.1:8003"),
            ("::", None, "[::1]:8003"),
            ("[::1]", None, "[::1]:8003"),
            ("10.0.0.5", None, "10.0.0.5:8003"),
            ("10.0.0.5", Some("0.0.0.0:8005"), "127.0.0.1:8005"),
        ] {
            assert_eq!(operators(&server(ip, own)).to_string(), asked, "{ip} {own:?}");
        }
    }

    #[test]
    fn an_answer_that_breaks_off_is_none() {
        for (sent, told) in [
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
                Err(NoAnswer::Refused(why)) => assert!(why.contains(told), "{sent:?}: {why}"),
                _ => panic!("{sent:?} is an answer"),
            }
            other.join().expect("no panic");
        }
    }
}
