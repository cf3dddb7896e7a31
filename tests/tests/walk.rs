//! The example client through the walk that the README shows. Rule: the scripts are the files that
//! a newcomer runs.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use modehost_tests::server::workspace_root;
use modehost_tests::{Server, Settings, wait};

fn run(server: &Server, device: &str) -> Child {
    let script = workspace_root().join(format!("examples/walk/{device}.txt"));
    let url = format!("ws://{}/supie/v1/", server.ws());
    let mut command = Command::new(env!("CARGO_BIN_EXE_client"));
    command.args(["--device", device, "--url", &url, "--patience", "20", "--script"]).arg(script);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the client")
}

fn outcome(mut child: Child) -> (bool, String) {
    let mut text = String::new();
    for pipe in [
        child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read>),
        child.stderr.take().map(|pipe| Box::new(pipe) as _),
    ] {
        pipe.expect("piped").read_to_string(&mut text).expect("text");
    }
    (child.wait().expect("wait").success(), text)
}

#[tokio::test]
async fn two_clients_share_a_board_as_the_readme_says() {
    let server = Server::start(Settings::new().bundled()).await;
    let mut watcher = run(&server, "dev-2");
    let connected = async || server.admin("GET", "/api/v1/sessions", "").await.body.contains("dev-2");
    wait::until("dev-2 is connected", wait::SOON, connected, |connected| *connected).await;
    let (worked, said) = outcome(run(&server, "dev-1"));
    assert!(worked, "dev-1 did not get through:\n{said}");
    assert!(said.contains("mode working has begun") && said.contains("[done] 写周报"), "{said}");
    let first = BufReader::new(watcher.stdout.as_mut().expect("piped")).lines().next();
    assert!(first.is_some());
    let (worked, said) = outcome(watcher);
    assert!(worked, "dev-2 did not get through:\n{said}");
}
