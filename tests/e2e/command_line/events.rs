//! What happens, followed in a terminal and listed afterwards.

use serde_json::json;
use tidegate_harness::{Backend, CommandLine, Gateway, wait_for};

use crate::tidegate;

#[tokio::test]
async fn events_are_followed_and_listed() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let cli = CommandLine::of(&gateway.tidegate);
    let mut terminal = cli.terminal(&["events", "-f", "-g", "gateway"], (24, 200));
    // The stream is open once an event is seen: changes are made until then.
    let mut timeout = 30;
    wait_for("an event on the screen", async || {
        timeout += 1;
        let other = gateway.document.clone().without("backendHttpSettingsCollection", "settings");
        gateway.apply(other.settings("settings", &json!({"requestTimeout": timeout}))).await;
        terminal.screen().contains("generationApplied").then_some(())
    })
    .await;
    terminal.type_keys("\x03");
    assert_eq!(terminal.exit().await.code(), Some(130));

    let listed = cli.run(&["events", "-o", "json"]).await;
    let applied = listed.expect(0).lines().filter(|line| line.contains("generationApplied")).count();
    assert!(applied >= 1 && !listed.stdout.contains("\"reset\""), "{}", listed.stdout);
    cli.run(&["events", "--tunnels", "-f"]).await.expect(2);
}
