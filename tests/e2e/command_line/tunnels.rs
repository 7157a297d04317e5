//! Tunnels on the command line and in the terminal.

use serde_json::Value;
use tidegate_harness::{Backend, CommandLine, Gateway, wait_for};

use crate::tidegate;

#[tokio::test]
async fn tunnels_are_listed_shown_and_closed() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let cli = CommandLine::of(&gateway.tidegate);
    let (mut one, mut two) = (gateway.websocket("/one").await, gateway.websocket("/two").await);
    one.echo("hello").await;
    two.echo("hello").await;

    let list = cli.run(&["tunnel", "list"]).await;
    let lines: Vec<&str> = list.expect(0).lines().collect();
    assert!(lines.len() == 3 && lines[0].starts_with("TUNNEL"), "{lines:?}");
    let chosen = cli.run(&["tunnel", "list", "--filter", "path eq '/one'", "-o", "json"]).await.json();
    let [tunnel] = chosen.as_array().unwrap().as_slice() else { panic!("{chosen}") };
    let name = tunnel["name"].as_str().unwrap();
    let shown = cli.run(&["tunnel", "show", name, "-o", "json"]).await.json();
    assert_eq!((&shown["id"], &shown["properties"]["path"]), (&tunnel["id"], &Value::from("/one")));
    let misspelt = cli.run(&["tunnel", "list", "--filter", "pth eq '/one'"]).await;
    misspelt.expect(1);
    assert!(misspelt.stderr.contains("'path'"), "{}", misspelt.stderr);

    cli.run(&["tunnel", "close", name]).await.expect(2);
    let closed = cli.run(&["tunnel", "close", name, "--yes"]).await;
    closed.expect(0);
    assert!(closed.stderr.contains("1 closed"), "{}", closed.stderr);
    one.end().await;
    two.echo("still open").await;
    cli.run(&["tunnel", "close", "--filter", "path eq '/two'", "--yes"]).await.expect(0);
    two.end().await;
    cli.run(&["tunnel", "show", "00000000-0-0-0"]).await.expect(3);
    assert!(cli.run(&["status"]).await.expect(0).contains("TUNNELS"));
}

#[tokio::test]
async fn top_watches_the_tunnels_and_closes_one() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let cli = CommandLine::of(&gateway.tidegate);
    let mut socket = gateway.websocket("/chat").await;
    cli.run(&["tunnel", "top"]).await.expect(2);

    let mut terminal = cli.terminal(&["tunnel", "top", "--interval", "100ms"], (24, 120));
    terminal.shows(&["1 tunnels", "GATEWAY", "LISTENER", "pool", "q quit"]).await;
    assert!(terminal.is_full_screen());
    wait_for("a rate of messages", async || {
        socket.echo("hello").await;
        (!terminal.screen().contains(" 0.0 messages/s")).then_some(())
    })
    .await;

    terminal.type_keys("g");
    terminal.shows(&["CLIENT", "/chat"]).await;
    terminal.resize((12, 70));
    terminal.shows(&["CLIENT", "q quit"]).await;
    assert!(terminal.screen().lines().count() <= 12);
    terminal.resize((24, 120));
    terminal.shows(&["MEMBER", "/chat"]).await;
    terminal.type_keys("/nothing\r");
    terminal.hides("/chat").await;
    terminal.type_keys("/");
    terminal.shows(&["/nothing▏"]).await;
    terminal.type_keys("\x1b");
    terminal.shows(&["/chat", "q quit"]).await;
    terminal.type_keys("c");
    terminal.shows(&["Close the tunnel", "y/n"]).await;
    terminal.type_keys("y");
    socket.end().await;
    terminal.shows(&["0 tunnels"]).await;

    terminal.type_keys("q");
    assert_eq!(terminal.exit().await.code(), Some(0));
    wait_for("the screen from before", async || (!terminal.is_full_screen()).then_some(())).await;
}
