//! Contexts: logging in with each kind of credentials, renewal of tokens, and files that others can read.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use tidegate_harness::{CommandLine, GatewayDocument, Tidegate, files_below, loopback, run};

use crate::{BINARY, tidegate};

/// Creates an API client, and returns what the command prints.
async fn client(tidegate: &Tidegate, role: &str) -> String {
    let data_dir = tidegate.data_dir().display().to_string();
    let output = run(BINARY, &["client", "create", role, "--role", role, "--data-dir", &data_dir], &[]).await;
    String::from_utf8(output.stdout).expect("the output is text")
}

#[tokio::test]
async fn a_client_logs_in_once_and_works_by_its_role() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let document = GatewayDocument::forwarding("edge", loopback(), &[]);
    tidegate.management().put(document.id(), document.body()).await.expect(201);
    let url = format!("https://{}", tidegate.management_tls_address());
    let cli = CommandLine::new(BINARY);
    let authority = tidegate.data_dir().join("ca.pem").display().to_string();
    let printed = client(&tidegate, "reader").await;
    let file = cli.file("client.json", &printed);

    let untrusted = cli.run(&["login", &url, "--client-file", &file]).await;
    untrusted.expect(5);
    assert!(untrusted.stderr.contains("is not trusted"), "{}", untrusted.stderr);
    let login = ["login", &url, "--ca-file", &authority, "--name", "reader"];
    cli.run(&[&login[..], &["--client-file", &file, "--gateway", "edge"]].concat()).await.expect(0);
    assert!(cli.run(&["listener", "list"]).await.expect(0).contains("http"));
    // The workers need the scope of everything, which this client has; writes need another role.
    cli.run(&["worker", "list"]).await.expect(0);
    let refused = cli.run(&["listener", "delete", "http", "--yes"]).await;
    refused.expect(5);
    assert!(refused.stderr.contains("AuthorizationFailed"), "{}", refused.stderr);

    // A token that is no longer valid is replaced without a word: the cache is of another control plane's time.
    let cached = files_below(&cli.home().join("XDG_CACHE_HOME"));
    let [cache] = cached.as_slice() else { panic!("{cached:?}") };
    let kept = fs::read_to_string(cache).unwrap();
    assert_eq!(fs::metadata(cache).unwrap().permissions().mode() & 0o777, 0o600);
    let damaged = kept.replacen("\"token\":\"ey", "\"token\":\"fy", 1);
    fs::write(cache, damaged.replace("\"token\":\"ZX", "\"token\":\"WX")).unwrap();
    cli.run(&["gateway", "list"]).await.expect(0);
    assert_ne!(fs::read_to_string(cache).unwrap(), kept, "no new token was kept");

    let secret = printed.split("\"password\": \"").nth(1).unwrap().split('"').next().unwrap();
    for shown in [&["context", "show", "-o", "json"][..], &["context", "list"]] {
        let shown = cli.run(shown).await;
        assert!(shown.expect(0).contains("reader") && !shown.stdout.contains(secret), "{}", shown.stdout);
    }
    let wrong = cli.file("wrong.json", &printed.replace(secret, "wrong"));
    cli.run(&[&login[..], &["--client-file", &wrong]].concat()).await.expect(5);
    cli.run(&["gateway", "list"]).await.expect(0);
}

#[tokio::test]
async fn contexts_are_chosen_and_their_file_is_private() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let url = format!("https://{}", tidegate.management_tls_address());
    let cli = CommandLine::new(BINARY);
    let directory = tidegate.data_dir();
    let [authority, token] = ["ca.pem", "admin-token"].map(|name| directory.join(name).display().to_string());
    cli.run(&["gateway", "list"]).await.expect(1);

    let login = ["login", &url, "--ca-file", &authority];
    cli.run(&[&login[..], &["--name", "one", "--token-file", &token]].concat()).await.expect(0);
    let admin = fs::read_to_string(&token).unwrap();
    let piped = [&login[..], &["--name", "two", "--token-file", "-"]].concat();
    cli.run_with(&piped, &[], &admin).await.expect(0);
    assert!(cli.run(&["context", "list"]).await.expect(0).contains("two    *"));
    cli.run(&["context", "use", "one"]).await.expect(0);
    cli.run(&["context", "set", "--resource-group", "g", "--subscription", "s"]).await.expect(0);
    let shown = cli.run(&["context", "show", "-o", "json"]).await.json();
    assert_eq!((&shown["name"], &shown["resourceGroup"]), (&"one".into(), &"g".into()));
    cli.run(&["gateway", "list", "--context", "two"]).await.expect(0);
    cli.run_with(&["gateway", "list"], &[("TIDEGATE_CONTEXT", "two")], "").await.expect(0);
    cli.run(&["context", "use", "three"]).await.expect(3);
    // The context in use does not matter where a data directory is named.
    cli.run(&["gateway", "list", "--data-dir", &directory.display().to_string()]).await.expect(0);
    cli.run(&["context", "delete", "one"]).await.expect(0);
    cli.run(&["gateway", "list", "--context", "one"]).await.expect(3);

    let file = cli.home().join("XDG_CONFIG_HOME/tidegate/contexts.json");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    let refused = cli.run(&["gateway", "list", "--context", "two"]).await;
    refused.expect(5);
    assert!(refused.stderr.contains("chmod 600"), "{}", refused.stderr);
}
