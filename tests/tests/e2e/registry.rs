//! Plugins from OCI registries: a real registry, and one that lies. Rule: what is installed has the digest that names it;
//! what is refused leaves no file and says in one sentence why.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use minisign::KeyPair;
use modehost_task::IoTask;
use modehost_tests::server::free_port;
use modehost_tests::{Device, Server, Settings, guest, http, skip, wait};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const TITLE: &str = "org.opencontainers.image.title";

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A layer as tools that push files describe it.
fn layer(kind: &str, title: &str, bytes: &[u8]) -> Value {
    let digest = format!("sha256:{}", sha256(bytes));
    json!({ "mediaType": kind, "digest": digest, "size": bytes.len(), "annotations": { TITLE: title } })
}

fn manifest(layers: &[Value]) -> String {
    let empty = "application/vnd.oci.empty.v1+json";
    json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": "application/vnd.wasm.config.v0+json",
        "config": { "mediaType": empty, "digest": format!("sha256:{}", sha256(b"{}")), "size": 2 },
        "layers": layers,
    })
    .to_string()
}

/// `docker-registry` of Debian, with its files in a directory of the test.
struct Registry {
    child: Child,
    address: SocketAddr,
    _directory: tempfile::TempDir,
    authorization: Option<&'static str>,
}

impl Registry {
    /// `None` if it is not installed. With a login it takes `me` with the password `hush`.
    async fn start(with_login: bool) -> Option<Self> {
        let directory = tempfile::tempdir().expect("a directory");
        let port = free_port();
        let root = directory.path().display();
        let mut config = format!(
            "version: 0.1\nlog: {{ level: error }}\nstorage: {{ filesystem: {{ rootdirectory: \"{root}/files\" }} }}\n\
             http: {{ addr: \"127.0.0.1:{port}\" }}\n"
        );
        if with_login {
            // bcrypt of `hush`.
            let line = "me:$2b$05$abcdefghijklmnopqrstuulzd.YqjLDl8lvpSmVj3De/fioSBHnUa\n";
            std::fs::write(directory.path().join("logins"), line).expect("written");
            config += &format!("auth: {{ htpasswd: {{ realm: test, path: \"{root}/logins\" }} }}\n");
        }
        let path = directory.path().join("config.yml");
        std::fs::write(&path, config).expect("written");
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(child) = command.spawn() else {
            skip::not_installed("docker-registry");
            return None;
        };
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let listens = async || tokio::net::TcpStream::connect(address).await.is_ok();
        wait::until("the registry listens", wait::TIMEOUT, listens, |listens| *listens).await;
        let authorization = with_login.then_some("Basic bWU6aHVzaA==");
        Some(Self { child, address, _directory: directory, authorization })
    }

    async fn call(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> http::Response {
        let mut headers = vec![("Content-Type", kind)];
        headers.extend(self.authorization.map(|value| ("Authorization", value)));
        http::request(self.address, method, path, &headers, body).await.expect("an answer")
    }

    /// Pushes files as one image, as `oras push` does; returns the digest of its manifest.
    async fn push(&self, name: &str, tag: &str, files: &[(&str, &str, &[u8])]) -> String {
        let empty: (&str, &str, &[u8]) = ("", "", b"{}");
        for (_, _, bytes) in files.iter().chain([&empty]) {
            let begun = self.call("POST", &format!("/v2/{name}/blobs/uploads/"), "", b"").await;
            assert_eq!(begun.status, 202, "{begun:?}");
            let location = begun.header("location").expect("a location").to_owned();
            let path = location.split_once("/v2/").expect("a path").1;
            let path = format!("/v2/{path}&digest=sha256:{}", sha256(bytes));
            let stored = self.call("PUT", &path, "application/octet-stream", bytes).await;
            assert_eq!(stored.status, 201, "{stored:?}");
        }
        let layers: Vec<_> = files.iter().map(|(kind, title, bytes)| layer(kind, title, bytes)).collect();
        let text = manifest(&layers);
        let stored = self.call("PUT", &format!("/v2/{name}/manifests/{tag}"), MANIFEST, text.as_bytes()).await;
        assert_eq!(stored.status, 201, "{stored:?}");
        sha256(text.as_bytes())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lock(server: &Server) -> String {
    std::fs::read_to_string(server.plugins_dir().join("plugins.lock")).unwrap_or_default()
}

async fn refused(server: &Server, arguments: &[&str]) -> String {
    let (code, _, stderr) = server.run(&[&["plugin", "install"], arguments].concat()).await;
    assert_eq!(code, 1, "{arguments:?}: {stderr}");
    assert!(!server.plugins_dir().join("fixture.wasm").exists() && lock(server).is_empty(), "{arguments:?}");
    stderr.trim().trim_start_matches("modehost: ").to_owned()
}

#[tokio::test]
async fn a_plugin_is_installed_from_a_registry_by_tag_and_by_digest() {
    let Some(registry) = Registry::start(false).await else { return };
    let (one, two) = (guest::fixture(&[]), guest::fixture_version("2.0.0"));
    let digest = registry.push("team/fixture", "1.0", &[("application/wasm", "fixture.wasm", &one)]).await;
    let base = format!("oci://{}/team/fixture", registry.address);
    let server = Server::start(Settings::new()).await;
    let (code, out, err) = server.run(&["plugin", "install", &format!("{base}:1.0")]).await;
    assert!(
        code == 0 && out.contains(&format!("fetching {base}:1.0")) && out.contains("is installed as"),
        "{out}{err}"
    );
    assert!(lock(&server).contains(&format!("source = \"{base}:1.0\"")), "{}", lock(&server));
    assert!(lock(&server).contains(&format!("sha256 = \"{}\"", sha256(&one))), "{}", lock(&server));
    server.wait_output("in force plugin=fixture").await;
    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(device.count().await.0, 1);

    // A tag that was moved does not bring another content into a restored directory; a digest still leads to the first.
    registry.push("team/fixture", "1.0", &[("application/wasm", "fixture.wasm", &two)]).await;
    let file = server.plugins_dir().join("fixture.wasm");
    std::fs::remove_file(&file).expect("removed");
    let (code, _, err) = server.run(&["plugin", "install"]).await;
    assert!(code == 1 && err.contains(&format!("has the SHA-256 {}", sha256(&two))) && !file.exists(), "{err}");
    let (code, out, err) = server.run(&["plugin", "install", &format!("{base}@sha256:{digest}")]).await;
    assert!(code == 0, "{out}{err}");
    assert_eq!(std::fs::read(&file).expect("a file"), one);
    // What the registry has not.
    for name in [format!("{base}:3"), format!("oci://{}/team/other", registry.address)] {
        let (code, _, err) = server.run(&["plugin", "install", &name]).await;
        assert!(code == 1 && err.contains("is not in the registry, or not for everybody"), "{name}: {err}");
    }
}

#[tokio::test]
async fn a_private_registry_takes_the_login_of_docker_and_signatures_travel_with_the_image() {
    let Some(registry) = Registry::start(true).await else { return };
    let keys = KeyPair::generate_unencrypted_keypair().expect("keys");
    let bytes = guest::fixture(&[]);
    let signature = minisign::sign(Some(&keys.pk), &keys.sk, bytes.as_slice(), None, None).expect("signed");
    let signature = signature.to_string();
    let component: (&str, &str, &[u8]) = ("application/wasm", "fixture.wasm", &bytes);
    let signed: (&str, &str, &[u8]) = ("text/plain", "fixture.wasm.minisig", signature.as_bytes());
    registry.push("team/fixture", "1.0", &[component]).await;
    registry.push("team/fixture", "1.1", &[component, signed]).await;
    let base = format!("oci://{}/team/fixture", registry.address);
    let mut server = Server::prepare(&Settings::new().set("plugins.signing_keys", json!([keys.pk.to_base64()])));
    let logins = server.data_dir().with_file_name("config.json");
    let login = |auth: &str| {
        let text = json!({ "auths": { registry.address.to_string(): { "auth": auth } } }).to_string();
        std::fs::write(&logins, text).expect("written");
    };
    server.set_variable("REGISTRY_AUTH_FILE", logins.to_str().expect("a path"));
    let found = refused(&server, &[&format!("{base}:1.1")]).await;
    let sentence = "is not for everybody: the registry wants a login (docker's config.json has none for it)";
    assert!(found.contains(sentence), "{found}");
    login("bWU6d3Jvbmc=");
    let found = refused(&server, &[&format!("{base}:1.1")]).await;
    assert!(found.contains("is not in the registry, or not for everybody") && !found.contains("d3Jvbmc"), "{found}");
    login("bWU6aHVzaA==");
    let found = refused(&server, &[&format!("{base}:1.0")]).await;
    assert!(
        found.contains("is not signed, which plugins.signing_keys asks for: ") && found.contains(".minisig"),
        "{found}"
    );
    let (code, out, err) = server.run(&["plugin", "install", &format!("{base}:1.1")]).await;
    assert!(code == 0 && out.contains("is installed as"), "{out}{err}");
    assert!(Path::new(&server.plugins_dir().join("fixture.wasm")).exists());
}

/// A registry that answers as it is told, and remembers who was let in.
#[derive(Clone, Default)]
struct Liar(Arc<Mutex<Lies>>);

#[derive(Default)]
struct Lies {
    manifest: Vec<u8>,
    blob: Vec<u8>,
    /// Of the challenge that everybody gets who comes without a token.
    challenge: Option<String>,
    /// Paths and the authorization that came with them.
    seen: Vec<(String, String)>,
}

impl Liar {
    /// Serves until the task is dropped.
    async fn start(&self) -> (SocketAddr, IoTask<std::io::Result<()>>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let app = Router::new().fallback(answer).with_state(self.clone());
        (address, modehost_task::spawn_io(async move { axum::serve(listener, app).await }))
    }

    fn serves(&self, manifest: impl Into<Vec<u8>>, blob: &[u8]) {
        let mut lies = self.0.lock().expect("not poisoned");
        (lies.manifest, lies.blob) = (manifest.into(), blob.to_vec());
    }
}

async fn answer(State(liar): State<Liar>, headers: HeaderMap, request: Request) -> Response {
    let path = request.uri().to_string();
    let authorization =
        headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let mut lies = liar.0.lock().expect("not poisoned");
    lies.seen.push((path.clone(), authorization.clone()));
    if path.starts_with("/token") {
        return json!({ "access_token": "t-1" }).to_string().into_response();
    }
    if let Some(challenge) = lies.challenge.as_ref().filter(|_| authorization != "Bearer t-1") {
        return (StatusCode::UNAUTHORIZED, [("www-authenticate", challenge.clone())]).into_response();
    }
    if path.contains("/manifests/") { lies.manifest.clone() } else { lies.blob.clone() }.into_response()
}

#[tokio::test]
async fn a_token_is_fetched_from_the_realm_that_the_registry_names() {
    let liar = Liar::default();
    let (address, _task) = liar.start().await;
    let bytes = guest::fixture(&[]);
    liar.serves(manifest(&[layer("application/wasm", "", &bytes)]), &bytes);
    let challenge = format!(r#"Bearer realm="http://{address}/token",service="r.example",scope="*""#);
    liar.0.lock().expect("not poisoned").challenge = Some(challenge);
    let server = Server::prepare(&Settings::new());
    let (code, out, err) = server.run(&["plugin", "install", &format!("oci://{address}/team/fixture:1")]).await;
    assert!(code == 0 && out.contains("is installed as"), "{out}{err}");
    let seen = liar.0.lock().expect("not poisoned").seen.clone();
    let blob = format!("/v2/team/fixture/blobs/sha256:{}", sha256(&bytes));
    let expected = [
        ("/v2/team/fixture/manifests/1", ""),
        ("/token?scope=repository%3Ateam%2Ffixture%3Apull&service=r.example", ""),
        ("/v2/team/fixture/manifests/1", "Bearer t-1"),
        (&blob, "Bearer t-1"),
    ];
    assert_eq!(seen, expected.map(|(path, authorization)| (path.to_owned(), authorization.to_owned())));
}

#[tokio::test]
async fn what_a_registry_gives_is_not_believed() {
    let liar = Liar::default();
    let (address, _task) = liar.start().await;
    let server = Server::prepare(&Settings::new());
    let name = format!("oci://{address}/team/fixture");
    let bytes = guest::fixture(&[]);
    let good = layer("application/wasm", "fixture.wasm", &bytes);
    let with = |key: &str, value: Value| {
        let mut layer = good.clone();
        layer[key] = value;
        manifest(&[layer])
    };
    let index = json!({ "schemaVersion": 2, "manifests": [{ "digest": "sha256:00", "size": 1 }] }).to_string();
    for (text, blob, sentence) in [
        (
            manifest(std::slice::from_ref(&good)),
            b"other".as_slice(),
            "was changed on its way: the file does not have its digest",
        ),
        (with("size", json!(1_u64 << 40)), &bytes, "bytes, which is the most that is taken"),
        (with("digest", json!("sha256:../../etc/passwd")), &bytes, "the registry gave no valid digest"),
        (with("digest", json!("md5:00")), &bytes, "the registry gave no valid digest"),
        ("noise".to_owned(), &bytes, "the registry gave no valid manifest"),
        (" ".repeat(5 << 20), &bytes, "has more than 4194304 bytes, which is the most that is taken"),
        (index, &bytes, "is an index of several images; name one of them by its digest"),
        (
            manifest(&[layer("application/vnd.oci.image.layer.v1.tar+gzip", "", b"x")]),
            &bytes,
            "holds no component (a layer of type application/wasm); pushed as a file of its own, with its name",
        ),
        (
            manifest(&[good.clone(), layer("application/wasm", "b.wasm", b"b")]),
            &bytes,
            "holds 2 components; push one image for each plugin",
        ),
        (manifest(&[layer("application/wasm", "", b"noise")]), b"noise", "is not WebAssembly; a plugin is a component"),
    ] {
        liar.serves(text, blob);
        let found = refused(&server, &[&format!("{name}:1")]).await;
        assert!(found.contains(sentence), "{sentence}: {found}");
    }
    // Another manifest than the one that was asked for.
    liar.serves(manifest(&[good]), &bytes);
    let found = refused(&server, &[&format!("{name}@sha256:{}", "0".repeat(64))]).await;
    assert!(found.contains("was changed on its way: the manifest does not have its digest"), "{found}");
    // Challenges that lead nowhere, or to where a login could be read.
    for (challenge, sentence) in [
        ("Negotiate", "the registry gave no valid challenge for a login"),
        ("Bearer service=\"x\"", "the registry gave no valid challenge for a login"),
        ("Bearer realm=\"http://r.example/token\"", "is not encrypted"),
        ("\u{7f}", "the registry gave no valid challenge for a login"),
    ] {
        liar.0.lock().expect("not poisoned").challenge = Some(challenge.to_owned());
        let found = refused(&server, &[&format!("{name}:1")]).await;
        assert!(found.contains(sentence), "{challenge}: {found}");
    }
    for (bad, sentence) in [
        ("oci://fixture:1", "names no image of a registry: it has no name behind the registry"),
        ("oci://127.0.0.1/team/Fixture", "names no image of a registry: its name has small letters"),
        ("oci://me:hush@127.0.0.1/fixture", "contains a password, which the lock file would keep"),
        ("oci://127.0.0.1:1/fixture", "cannot be fetched: cannot connect; nothing was installed"),
    ] {
        let found = refused(&server, &[bad]).await;
        assert!(found.contains(sentence), "{bad}: {found}");
    }
}
