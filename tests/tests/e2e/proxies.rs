//! The server behind nginx and Caddy, set up as in `examples/operation`. Rule: only names, ports and certificates of
//! the example files are replaced, so that the shipped files are what is tested.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use modehost_tests::server::{free_port, workspace_root};
use modehost_tests::{Server, Settings, http, skip, wait};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// Longer than nginx's default timeout of a silent upgraded connection.
const SILENCE: Duration = Duration::from_secs(63);

/// A proxy in front of a server; killed on drop.
struct Proxy {
    child: Child,
    address: SocketAddr,
    trusted: CertificateDer<'static>,
    directory: tempfile::TempDir,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.directory.path().join("output")).unwrap_or_default();
            eprintln!("--- the proxy wrote:\n{log}--- end");
        }
    }
}

/// How a proxy is configured and started.
struct ProxySpec {
    program: &'static str,
    arguments: fn(&Path) -> Vec<String>,
    config: fn(&Path, u16, &Server) -> String,
}

fn example(name: &str) -> String {
    std::fs::read_to_string(workspace_root().join("examples/operation").join(name)).expect("the example")
}

/// Replaces text that must occur in the example.
fn replace(text: String, old: &str, new: &str) -> String {
    assert!(text.contains(old), "no {old:?} in the example");
    text.replace(old, new)
}

/// A configuration for nginx as one process, with this site in its `http` block.
fn nginx(directory: &Path, site: &str) -> String {
    let directory = directory.display();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary = temporary.map(|kind| format!("{kind}_temp_path {directory}/{kind};")).join(" ");
    format!(
        "daemon off; master_process off; pid {directory}/pid; error_log stderr;\nevents {{ worker_connections 256; }}\n\
         http {{ {temporary}\n{site}\n}}\n"
    )
}

const NGINX: ProxySpec = ProxySpec {
    program: "nginx",
    arguments: |directory| {
        vec!["-p".to_owned(), path_text(directory), "-c".to_owned(), path_text(&directory.join("config"))]
    },
    config: |directory, port, server| {
        let mut site = example("nginx.conf");
        let certificates = "/etc/letsencrypt/live/voice.example.org";
        for (old, new) in [
            ("    listen 80;\n    listen [::]:80;\n", format!("    listen 127.0.0.1:{};\n", free_port())),
            ("    listen 443 ssl;\n    listen [::]:443 ssl;\n", format!("    listen 127.0.0.1:{port} ssl;\n")),
            ("voice.example.org;", "localhost;".to_owned()),
            (certificates, path_text(directory)),
            ("/var/log/nginx", path_text(directory)),
            ("127.0.0.1:8004", server.ws().to_string()),
            ("127.0.0.1:8003", server.http().to_string()),
        ] {
            site = replace(site, old, &new);
        }
        nginx(directory, &site)
    },
};

const CADDY: ProxySpec = ProxySpec {
    program: "caddy",
    arguments: |directory| {
        let config = path_text(&directory.join("config"));
        ["run", "--adapter", "caddyfile", "--config", &config].map(str::to_owned).to_vec()
    },
    config: |directory, port, server| {
        let chain = path_text(&directory.join("fullchain.pem"));
        let site =
            format!("https://localhost:{port} {{\n\ttls {chain} {}\n", path_text(&directory.join("privkey.pem")));
        let mut text = example("Caddyfile");
        for (old, new) in [
            ("voice.example.org {\n", site),
            ("127.0.0.1:8004", server.ws().to_string()),
            ("127.0.0.1:8003", server.http().to_string()),
        ] {
            text = replace(text, old, &new);
        }
        format!("{{\n\tadmin off\n\tauto_https disable_redirects\n\tdefault_bind 127.0.0.1\n}}\n{text}")
    },
};

fn path_text(path: &Path) -> String {
    path.display().to_string()
}

/// Starts the proxy; `None` if it is not installed.
async fn start_proxy(server: &Server, spec: &ProxySpec) -> Option<Proxy> {
    let directory = tempfile::tempdir().expect("a directory");
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    std::fs::write(directory.path().join("fullchain.pem"), certified.cert.pem()).expect("written");
    std::fs::write(directory.path().join("privkey.pem"), certified.signing_key.serialize_pem()).expect("written");
    let port = free_port();
    std::fs::write(directory.path().join("config"), (spec.config)(directory.path(), port, server)).expect("written");
    let output = std::fs::File::create(directory.path().join("output")).expect("a file");
    let mut command = Command::new(spec.program);
    command.args((spec.arguments)(directory.path())).stdin(Stdio::null());
    command.stdout(output.try_clone().expect("a file")).stderr(output);
    // Directories for Caddy's state.
    command
        .env("HOME", directory.path())
        .env("XDG_DATA_HOME", directory.path())
        .env("XDG_CONFIG_HOME", directory.path());
    let Ok(child) = command.spawn() else {
        skip::not_installed(spec.program);
        return None;
    };
    let address = (Ipv4Addr::LOCALHOST, port).into();
    let proxy = Proxy { child, address, trusted: certified.cert.der().clone(), directory };
    let listens = async || tokio::net::TcpStream::connect(address).await.is_ok();
    wait::until("the proxy listens", wait::TIMEOUT, listens, |listens| *listens).await;
    Some(proxy)
}

impl Proxy {
    /// Connects with TLS, from an address that is not the proxy's own.
    async fn connect(&self) -> TlsStream<tokio::net::TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.trusted.clone()).expect("a root");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = builder.expect("versions").with_root_certificates(roots).with_no_client_auth();
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.2:0".parse().expect("an address")).expect("an address of this machine");
        let stream = socket.connect(self.address).await.expect("connected");
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("TLS")
    }

    async fn request(&self, method: &str, path: &str, headers: &str) -> http::Response {
        let mut stream = self.connect().await;
        let port = self.address.port();
        let head = format!("Host: localhost:{port}\r\nConnection: close\r\nContent-Length: 2\r\n{headers}");
        let request = format!("{method} {path} HTTP/1.1\r\n{head}\r\n{{}}");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(wait::TIMEOUT, stream.read_to_end(&mut answer)).await.expect("in time");
        http::parse(&String::from_utf8_lossy(&answer)).unwrap_or_else(|| panic!("{path}: no answer"))
    }
}

/// A server that trusts the proxy and has its admin API elsewhere, as modehost.yaml beside the examples does.
async fn server() -> Server {
    let settings = Settings::new().bundled().set("server.trusted_proxies", json!(["127.0.0.1"]));
    Server::start(settings).await
}

/// Does everything that devices do through a proxy, and asserts that the rest is not reachable.
async fn assert_serves_devices_only(spec: &ProxySpec) {
    let server = server().await;
    let Some(proxy) = start_proxy(&server, spec).await else { return };
    let port = proxy.address.port();

    // Forged forwarding headers have no effect.
    let claims =
        "X-Forwarded-For: 9.9.9.9\r\nForwarded: for=8.8.8.8;proto=http;host=evil.example\r\nDevice-Id: dev-1\r\n";
    for path in ["/xiaozhi/ota/", "/xiaozhi/ota"] {
        let ota = proxy.request("POST", path, claims).await.json();
        assert_eq!(ota["websocket"]["url"], format!("wss://localhost:{port}/supie/v1/"), "{ota}");
    }
    server.wait_output(r#"device="dev-1" address=127.0.0.2"#).await;

    for path in ["/supie/v1/", "/xiaozhi/v1/"] {
        let mut request = format!("wss://localhost:{port}{path}").into_client_request().expect("an address");
        for (name, value) in
            [("device-id", "dev-2"), ("x-forwarded-for", "9.9.9.9"), ("forwarded", "for=8.8.8.8;host=evil.example")]
        {
            request.headers_mut().insert(name, value.parse().expect("a value"));
        }
        let stream = proxy.connect().await;
        let (mut device, _) = tokio_tungstenite::client_async(request, stream).await.expect("a device");
        let mut exchange = async |message: Value, wanted: &str| {
            device.send(Message::text(message.to_string())).await.expect("sent");
            loop {
                let next = tokio::time::timeout(wait::TIMEOUT, device.next()).await.expect("in time");
                let Message::Text(text) = next.expect("open").expect("a message") else { continue };
                let message: Value = serde_json::from_str(&text).expect("JSON");
                if message["type"] == wanted && message["state"] != "start" {
                    return message;
                }
            }
        };
        let audio = json!({ "format": "opus", "sample_rate": 16000, "channels": 1, "frame_duration": 60 });
        let hello = json!({ "type": "hello", "version": 1, "transport": "websocket", "audio_params": audio });
        exchange(hello, "hello").await;
        let turn = exchange(json!({ "type": "listen", "state": "detect", "text": "你会做什么" }), "tts").await;
        assert!(turn["text"].as_str().is_some_and(|text| !text.is_empty()), "{turn}");
        if path == "/supie/v1/" {
            // Silence on both sides: the proxy must not be the one that times out.
            tokio::time::sleep(SILENCE).await;
        }
        exchange(json!({ "type": "ping" }), "pong").await;
        let _ = device.close(None).await;
    }
    let output = server.output();
    let connected: Vec<_> = output.lines().filter(|line| line.contains("a device has connected")).collect();
    assert!(connected.len() == 2 && connected.iter().all(|line| line.contains("address=127.0.0.2")), "{connected:#?}");

    for path in
        ["/", "/api/v1/status", "/api/v1/sessions", "/metrics", "/healthz", "/readyz", "/xiaozhi/otax", "/supie/v10/"]
    {
        assert_eq!(proxy.request("GET", path, "").await.status, 404, "{path}");
    }
    // Path traversal.
    for path in [
        "/xiaozhi/ota/../../api/v1/status",
        "/xiaozhi/ota/%2e%2e/%2e%2e/metrics",
        "//metrics",
        "/xiaozhi/ota//../../metrics",
    ] {
        let answer = proxy.request("GET", path, "").await;
        assert!(answer.status >= 400 || !answer.body.contains("modehost_"), "{path}: {answer:?}");
        assert!(!answer.body.contains("sessions"), "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn behind_nginx_devices_are_served_and_nothing_else() {
    assert_serves_devices_only(&NGINX).await;
}

#[tokio::test]
async fn behind_caddy_devices_are_served_and_nothing_else() {
    assert_serves_devices_only(&CADDY).await;
}

#[tokio::test]
async fn a_proxy_that_passes_everything_on_does_not_make_its_callers_operators() {
    let server = server().await;
    let bare = |directory: &Path, port: u16, server: &Server| {
        let chain = path_text(&directory.join("fullchain.pem"));
        let key = path_text(&directory.join("privkey.pem"));
        let tls = format!("listen 127.0.0.1:{port} ssl; ssl_certificate {chain}; ssl_certificate_key {key};");
        nginx(
            directory,
            &format!("access_log off; server {{ {tls} location / {{ proxy_pass http://{}; }} }}", server.http()),
        )
    };
    let Some(proxy) = start_proxy(&server, &ProxySpec { config: bare, ..NGINX }).await else { return };
    // The proxy forwards everything, so the rejections are the server's own.
    assert_eq!(proxy.request("GET", "/healthz", "").await.status, 200);
    for (method, path) in [("GET", "/api/v1/status"), ("POST", "/api/v1/restart"), ("POST", "/api/v1/config/reload")] {
        let answer = proxy.request(method, path, "").await;
        assert_eq!(answer.status, 403, "{answer:?}");
        assert!(answer.body.contains("come through a proxy"), "{answer:?}");
    }
    assert_eq!(server.admin("GET", "/api/v1/status", "").await.status, 200, "local clients may");
}
