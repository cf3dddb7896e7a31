//! The server behind nginx and Caddy, set up as `examples/operation` says. Rule: of the example files only names,
//! ports and certificates are replaced, so that what is handed out is what is tried.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use modehost_tests::server::{free_port, workspace_root};
use modehost_tests::{Server, Settings, http, lacking, wait};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// Longer than the time for which nginx lets an upgraded connection be silent unless it is told otherwise.
const SILENCE: Duration = Duration::from_secs(63);

/// A proxy in front of a server; ends with the test.
struct Proxy {
    child: Child,
    address: SocketAddr,
    trusted: CertificateDer<'static>,
    folder: tempfile::TempDir,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.folder.path().join("output")).unwrap_or_default();
            eprintln!("--- the proxy wrote:\n{log}--- end");
        }
    }
}

/// What a proxy is started with.
struct Plan {
    program: &'static str,
    arguments: fn(&Path) -> Vec<String>,
    config: fn(&Path, u16, &Server) -> String,
}

fn example(name: &str) -> String {
    std::fs::read_to_string(workspace_root().join("examples/operation").join(name)).expect("the example")
}

/// Replaces what must be there.
fn replace(text: String, old: &str, new: &str) -> String {
    assert!(text.contains(old), "no {old:?} in the example");
    text.replace(old, new)
}

/// nginx as one process, with this within its `http`.
fn nginx(folder: &Path, site: &str) -> String {
    let folder = folder.display();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary = temporary.map(|kind| format!("{kind}_temp_path {folder}/{kind};")).join(" ");
    format!(
        "daemon off; master_process off; pid {folder}/pid; error_log stderr;\nevents {{ worker_connections 256; }}\n\
         http {{ {temporary}\n{site}\n}}\n"
    )
}

const NGINX: Plan = Plan {
    program: "nginx",
    arguments: |folder| vec!["-p".to_owned(), shown(folder), "-c".to_owned(), shown(&folder.join("config"))],
    config: |folder, port, server| {
        let mut site = example("nginx.conf");
        let certificates = "/etc/letsencrypt/live/voice.example.org";
        for (old, new) in [
            ("    listen 80;\n    listen [::]:80;\n", format!("    listen 127.0.0.1:{};\n", free_port())),
            ("    listen 443 ssl;\n    listen [::]:443 ssl;\n", format!("    listen 127.0.0.1:{port} ssl;\n")),
            ("voice.example.org;", "localhost;".to_owned()),
            (certificates, shown(folder)),
            ("/var/log/nginx", shown(folder)),
            ("127.0.0.1:8004", server.ws().to_string()),
            ("127.0.0.1:8003", server.http().to_string()),
        ] {
            site = replace(site, old, &new);
        }
        nginx(folder, &site)
    },
};

const CADDY: Plan = Plan {
    program: "caddy",
    arguments: |folder| {
        let config = shown(&folder.join("config"));
        ["run", "--adapter", "caddyfile", "--config", &config].map(str::to_owned).to_vec()
    },
    config: |folder, port, server| {
        let chain = shown(&folder.join("fullchain.pem"));
        let site = format!("https://localhost:{port} {{\n\ttls {chain} {}\n", shown(&folder.join("privkey.pem")));
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

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Starts it; none where it is not installed.
async fn before(server: &Server, plan: &Plan) -> Option<Proxy> {
    let folder = tempfile::tempdir().expect("a folder");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    std::fs::write(folder.path().join("fullchain.pem"), made.cert.pem()).expect("written");
    std::fs::write(folder.path().join("privkey.pem"), made.signing_key.serialize_pem()).expect("written");
    let port = free_port();
    std::fs::write(folder.path().join("config"), (plan.config)(folder.path(), port, server)).expect("written");
    let output = std::fs::File::create(folder.path().join("output")).expect("a file");
    let mut command = Command::new(plan.program);
    command.args((plan.arguments)(folder.path())).stdin(Stdio::null());
    command.stdout(output.try_clone().expect("a file")).stderr(output);
    // What Caddy keeps.
    command.env("HOME", folder.path()).env("XDG_DATA_HOME", folder.path()).env("XDG_CONFIG_HOME", folder.path());
    let Ok(child) = command.spawn() else {
        lacking::installed(plan.program);
        return None;
    };
    let address = (Ipv4Addr::LOCALHOST, port).into();
    let proxy = Proxy { child, address, trusted: made.cert.der().clone(), folder };
    let listens = async || tokio::net::TcpStream::connect(address).await.is_ok();
    wait::until("the proxy listens", wait::SOON, listens, |listens| *listens).await;
    Some(proxy)
}

impl Proxy {
    /// TLS from an address that is not the proxy's own.
    async fn call(&self) -> TlsStream<tokio::net::TcpStream> {
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

    async fn ask(&self, method: &str, path: &str, headers: &str) -> http::Response {
        let mut stream = self.call().await;
        let port = self.address.port();
        let head = format!("Host: localhost:{port}\r\nConnection: close\r\nContent-Length: 2\r\n{headers}");
        let request = format!("{method} {path} HTTP/1.1\r\n{head}\r\n{{}}");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(wait::SOON, stream.read_to_end(&mut answer)).await.expect("in time");
        http::parse(&String::from_utf8_lossy(&answer)).unwrap_or_else(|| panic!("{path}: no answer"))
    }
}

/// A server that believes the proxy and has its operators elsewhere, as modehost.yaml beside the examples says.
async fn server() -> Server {
    let settings = Settings::new().bundled().set("server.trusted_proxies", json!(["127.0.0.1"]));
    Server::start(settings).await
}

/// Everything that a device does, and what nobody may, through a proxy.
async fn serves_devices_and_nothing_else(plan: &Plan) {
    let server = server().await;
    let Some(proxy) = before(&server, plan).await else { return };
    let port = proxy.address.port();

    // Whatever the device claims of its way here.
    let claims =
        "X-Forwarded-For: 9.9.9.9\r\nForwarded: for=8.8.8.8;proto=http;host=evil.example\r\nDevice-Id: dev-1\r\n";
    for path in ["/xiaozhi/ota/", "/xiaozhi/ota"] {
        let ota = proxy.ask("POST", path, claims).await.json();
        assert_eq!(ota["websocket"]["url"], format!("wss://localhost:{port}/supie/v1/"), "{ota}");
    }
    server.says(r#"device="dev-1" address=127.0.0.2"#).await;

    for path in ["/supie/v1/", "/xiaozhi/v1/"] {
        let mut request = format!("wss://localhost:{port}{path}").into_client_request().expect("an address");
        for (name, value) in
            [("device-id", "dev-2"), ("x-forwarded-for", "9.9.9.9"), ("forwarded", "for=8.8.8.8;host=evil.example")]
        {
            request.headers_mut().insert(name, value.parse().expect("a value"));
        }
        let stream = proxy.call().await;
        let (mut device, _) = tokio_tungstenite::client_async(request, stream).await.expect("a device");
        let mut exchange = async |message: Value, wanted: &str| {
            device.send(Message::text(message.to_string())).await.expect("sent");
            loop {
                let next = tokio::time::timeout(wait::SOON, device.next()).await.expect("in time");
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
            // Nobody says anything: the proxy is not the one who loses patience.
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
        assert_eq!(proxy.ask("GET", path, "").await.status, 404, "{path}");
    }
    // Ways around a path.
    for path in [
        "/xiaozhi/ota/../../api/v1/status",
        "/xiaozhi/ota/%2e%2e/%2e%2e/metrics",
        "//metrics",
        "/xiaozhi/ota//../../metrics",
    ] {
        let answer = proxy.ask("GET", path, "").await;
        assert!(answer.status >= 400 || !answer.body.contains("modehost_"), "{path}: {answer:?}");
        assert!(!answer.body.contains("sessions"), "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn behind_nginx_devices_are_served_and_nothing_else() {
    serves_devices_and_nothing_else(&NGINX).await;
}

#[tokio::test]
async fn behind_caddy_devices_are_served_and_nothing_else() {
    serves_devices_and_nothing_else(&CADDY).await;
}

#[tokio::test]
async fn a_proxy_that_passes_everything_on_does_not_make_its_callers_operators() {
    let server = server().await;
    let bare = |folder: &Path, port: u16, server: &Server| {
        let chain = shown(&folder.join("fullchain.pem"));
        let key = shown(&folder.join("privkey.pem"));
        let tls = format!("listen 127.0.0.1:{port} ssl; ssl_certificate {chain}; ssl_certificate_key {key};");
        nginx(
            folder,
            &format!("access_log off; server {{ {tls} location / {{ proxy_pass http://{}; }} }}", server.http()),
        )
    };
    let Some(proxy) = before(&server, &Plan { config: bare, ..NGINX }).await else { return };
    // It passes on, so what follows is the server's own doing.
    assert_eq!(proxy.ask("GET", "/healthz", "").await.status, 200);
    for (method, path) in [("GET", "/api/v1/status"), ("POST", "/api/v1/restart"), ("POST", "/api/v1/config/reload")] {
        let answer = proxy.ask(method, path, "").await;
        assert_eq!(answer.status, 403, "{answer:?}");
        assert!(answer.body.contains("come through a proxy"), "{answer:?}");
    }
    assert_eq!(server.admin("GET", "/api/v1/status", "").await.status, 200, "whoever is on this machine may");
}
