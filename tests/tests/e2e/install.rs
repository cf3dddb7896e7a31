//! Plugins from elsewhere into the directory of a server. Rule: what is refused leaves no file and no line in the lock
//! file, and says in one sentence why.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use minisign::KeyPair;
use modehost_tests::{Device, Server, Settings, guest};
use serde_json::json;
use sha2::{Digest, Sha256};

/// Files by path, served over HTTP on this machine.
#[derive(Clone, Default)]
struct Store(Arc<Mutex<HashMap<String, Vec<u8>>>>);

impl Store {
    /// Serves until the test ends; returns the address before the paths.
    fn serve(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let files = self.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut first = String::new();
                let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
                reader.read_line(&mut first).expect("a request");
                for line in reader.lines().map_while(Result::ok) {
                    if line.is_empty() {
                        break;
                    }
                }
                let path = first.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default().to_owned();
                let file = files.0.lock().expect("not poisoned").get(&path).cloned();
                let (status, body) = match &file {
                    Some(target) if target.starts_with(b"to ") => {
                        let target = String::from_utf8_lossy(&target[3..]).into_owned();
                        let _ = write!(
                            stream,
                            "HTTP/1.1 302 Found\r\nlocation: {target}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                        );
                        continue;
                    }
                    Some(bytes) => ("200 OK", bytes.as_slice()),
                    None => ("404 Not Found", b"".as_slice()),
                };
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
            }
        });
        address
    }

    fn put(&self, path: &str, bytes: &[u8]) {
        self.0.lock().expect("not poisoned").insert(path.to_owned(), bytes.to_vec());
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn lock(server: &Server) -> String {
    std::fs::read_to_string(server.plugins_dir().join("plugins.lock")).unwrap_or_default()
}

async fn refused(server: &Server, arguments: &[&str]) -> String {
    let (code, _, stderr) = server.run(&[&["plugin", "install"], arguments].concat()).await;
    assert_eq!(code, 1, "{arguments:?}: {stderr}");
    stderr.trim().trim_start_matches("modehost: ").to_owned()
}

#[tokio::test]
async fn a_plugin_is_installed_from_an_address_and_served_at_once() {
    let store = Store::default();
    let address = store.serve();
    let bytes = guest::fixture(&[]);
    store.put("/fixture.wasm", &bytes);
    store.put("/latest.wasm", b"to /fixture.wasm");
    let server = Server::start(Settings::new()).await;
    let url = format!("{address}/latest.wasm?key=hush");
    let (code, out, err) = server.run(&["plugin", "install", &url, "--sha256", &sha256(&bytes)]).await;
    assert!(code == 0 && out.contains("fixture 1.0.0 is installed as"), "{code}: {out}{err}");
    assert!(!out.contains("hush"), "the query may be a secret: {out}");
    assert!(lock(&server).contains(&format!("sha256 = \"{}\"", sha256(&bytes))), "{}", lock(&server));
    server.wait_output("in force plugin=fixture").await;
    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(device.count().await.0, 1);

    // A file that is lost comes back as it was, and with another content it does not.
    std::fs::remove_file(server.plugins_dir().join("fixture.wasm")).expect("removed");
    let (code, out, err) = server.run(&["plugin", "install"]).await;
    assert!(code == 0 && out.contains("is installed as"), "{out}{err}");
    assert_eq!(std::fs::read(server.plugins_dir().join("fixture.wasm")).expect("a file"), bytes);
    let (code, out, _) = server.run(&["plugin", "install"]).await;
    assert!(code == 0 && out.contains("fixture 1.0.0 is there already"), "{out}");
    std::fs::remove_file(server.plugins_dir().join("fixture.wasm")).expect("removed");
    let other = guest::fixture_version("2.0.0");
    store.put("/fixture.wasm", &other);
    let sentence = refused(&server, &[]).await;
    let expected = format!(
        "{address}/latest.wasm has the SHA-256 {}, but {} is asked for; nothing was installed",
        sha256(&other),
        sha256(&bytes)
    );
    assert_eq!(sentence, expected);
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_and_says_why() {
    let store = Store::default();
    let address = store.serve();
    let server = Server::prepare(&Settings::new());
    let directory = tempfile::tempdir().expect("a directory");
    let file = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        path.display().to_string()
    };
    let nothing = |what: &str| {
        let files = std::fs::read_dir(server.plugins_dir()).into_iter().flatten().count();
        assert!(files == 0 && lock(&server).is_empty(), "{what} left a file");
    };
    store.put("/evil.wasm", b"to http://example.org/evil.wasm");
    for (source, sentence) in [
        (
            "http://example.org/a.wasm".to_owned(),
            "is not encrypted; write https://, since whoever is on the way could put another plugin there",
        ),
        ("https://me:hush@example.org/a.wasm".to_owned(), "contains a password, which the lock file would keep"),
        ("ftp://example.org/a.wasm".to_owned(), "is no address; write https://…, oci://… or the path of a file"),
        (format!("{address}/nothing.wasm"), "cannot be fetched: it answered 404; nothing was installed"),
        (format!("{address}/evil.wasm"), "is not encrypted; write https://"),
        ("http://127.0.0.1:1/a.wasm".to_owned(), "cannot be fetched: cannot connect; nothing was installed"),
        (directory.path().join("none.wasm").display().to_string(), "cannot be read: No such file or directory"),
        (
            file("noise.wasm", b"noise"),
            "noise.wasm is not WebAssembly; a plugin is a component, as `modehost plugin build` makes them; nothing was installed",
        ),
    ] {
        let found = refused(&server, &[&source]).await;
        assert!(found.contains(sentence), "{source}: {found}");
        nothing(&source);
    }
    // More than a plugin may have; the file is sparse, and only its length is looked at.
    let large = directory.path().join("large.wasm");
    std::fs::File::create(&large).and_then(|file| file.set_len(1 << 30)).expect("a sparse file");
    let found = refused(&server, &[&large.display().to_string()]).await;
    assert!(
        found.contains("large.wasm has more than ") && found.contains("which is the most that is taken"),
        "{found}"
    );
    nothing("large");
    let (code, _, err) = server.run(&["plugin", "install", "x.wasm", "--sha256", "3f0a"]).await;
    assert!(code != 0 && err.contains("a SHA-256 has 64 hexadecimal digits, as `sha256sum FILE` prints it"), "{err}");
    let found = refused(&server, &[]).await;
    assert!(found.contains("plugins.lock names no plugin; give a file or an address"), "{found}");
    // Grants that the configuration does not give, all at once.
    let ungranted = Server::prepare(&Settings::new().set("plugins.grants.working", json!([])));
    let found = refused(&ungranted, &[&file("working.wasm", &guest::bundled("working"))]).await;
    let sentence = "asks for the grants `dispatch:workflow`, `documents:workflow/`, which are not configured; add \
                    \"dispatch:workflow\", \"documents:workflow/\" to the list plugins.grants.working; nothing was installed";
    assert!(found.contains(sentence), "{found}");
}

#[tokio::test]
async fn where_keys_are_configured_only_signed_files_are_installed() {
    let (mine, other) = (
        KeyPair::generate_unencrypted_keypair().expect("keys"),
        KeyPair::generate_unencrypted_keypair().expect("keys"),
    );
    let server = Server::prepare(&Settings::new().set("plugins.signing_keys", json!([mine.pk.to_base64()])));
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("fixture.wasm");
    let bytes = guest::fixture(&[]);
    std::fs::write(&path, &bytes).expect("written");
    let shown = path.display().to_string();
    let sign = |keys: &KeyPair, bytes: &[u8]| {
        let signature = minisign::sign(Some(&keys.pk), &keys.sk, bytes, None, None).expect("signed");
        std::fs::write(directory.path().join("fixture.wasm.minisig"), signature.to_string()).expect("written");
    };
    let found = refused(&server, &[&shown]).await;
    assert!(found.contains("fixture.wasm is not signed, which plugins.signing_keys asks for: "), "{found}");
    std::fs::write(directory.path().join("fixture.wasm.minisig"), "noise").expect("written");
    let found = refused(&server, &[&shown]).await;
    assert!(
        found.contains("fixture.wasm.minisig is no minisign signature; `minisign -S -m FILE` makes one"),
        "{found}"
    );
    for (keys, signed) in [(&other, bytes.as_slice()), (&mine, b"other bytes".as_slice())] {
        sign(keys, signed);
        let found = refused(&server, &[&shown]).await;
        let sentence = "is no signature of this file by a key of plugins.signing_keys; nothing was installed";
        assert!(found.contains(sentence), "{found}");
    }
    assert!(!server.plugins_dir().join("fixture.wasm").exists());
    sign(&mine, &bytes);
    let (code, out, err) = server.run(&["plugin", "install", &shown]).await;
    assert!(code == 0 && out.contains("is installed as"), "{out}{err}");
    // A key that is none is found by the settings.
    let bad = Server::prepare(&Settings::new().set("plugins.signing_keys", json!(["RWnone"])));
    let (code, _, err) = bad.run(&["plugin", "install", &shown]).await;
    assert!(
        code == 64 && err.contains("number 1 is no minisign public key: 56 characters that begin with RW"),
        "{err}"
    );
    assert!(Path::new(&shown).exists());
}
