//! The life of an API client, from its creation to its revocation.

use tidegate_harness::{files_below, run};

use super::{all_gateways, command, create, group};
use crate::{BINARY, tidegate};

#[tokio::test]
async fn a_client_comes_and_goes_while_the_control_plane_runs() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management_tls();
    let credentials = create(&tidegate, &["ci", "--role", "contributor"]).await;
    let client = credentials.login(&management).await;
    client.get(&all_gateways()).await.expect(200);

    let (listed, list) = command(&tidegate, &["list"]).await;
    assert!(listed);
    assert_eq!(list[0]["appId"], credentials.id.as_str());
    assert_eq!((&list[0]["displayName"], &list[0]["role"]), (&"ci".into(), &"contributor".into()));
    assert_eq!(list[0]["scopes"][0], "/");
    assert!(!list.to_string().contains(&credentials.secret));
    assert!(!command(&tidegate, &["create", "CI", "--role", "reader"]).await.0, "the name is taken");

    let (_, printed) = command(&tidegate, &["reset", "ci"]).await;
    let renewed = super::Credentials::read(&printed);
    assert_eq!(renewed.id, credentials.id);
    assert_ne!(renewed.secret, credentials.secret);
    credentials.ask(&management, None).await.expect(401);
    let refused = client.get(&all_gateways()).await.expect(401);
    assert_eq!(refused.error_code(), "InvalidAuthenticationToken");
    assert!(refused.header("www-authenticate").unwrap().contains("error=\"invalid_token\""));
    let client = renewed.login(&management).await;
    client.get(&all_gateways()).await.expect(200);

    assert!(command(&tidegate, &["revoke", "Ci"]).await.0);
    client.get(&all_gateways()).await.expect(401);
    renewed.ask(&management, None).await.expect(401);
    assert_eq!(command(&tidegate, &["list"]).await.1.as_array().map(Vec::len), Some(0));
    for gone in [["revoke", "ci"], ["reset", "ci"]] {
        assert!(!command(&tidegate, &gone).await.0, "{gone:?}");
    }
    let again = create(&tidegate, &["ci", "--role", "reader"]).await;
    assert_ne!(again.id, credentials.id, "a name can be given again, an ID never");
}

#[tokio::test]
async fn clients_and_their_tokens_outlive_a_restart() {
    let mut tidegate = tidegate().start().await;
    let credentials = create(&tidegate, &["ci", "--role", "reader"]).await;
    let client = credentials.login(&tidegate.management()).await;
    tidegate.kill();
    let late = create(&tidegate, &["late", "--role", "reader"]).await;
    assert_eq!(late.tenant, credentials.tenant);
    tidegate.start_again().await;
    client.get(&all_gateways()).await.expect(200);
    late.login(&tidegate.management()).await.get(&all_gateways()).await.expect(200);
}

#[tokio::test]
async fn a_secret_is_nowhere_but_in_what_was_printed() {
    let tidegate = tidegate().start().await;
    let credentials = create(&tidegate, &["ci", "--role", "reader", "--scope", &group("g")]).await;
    let management = tidegate.management();
    let answer = credentials.ask(&management, None).await.expect(200);
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    management.with_token(Some(&token)).get(&all_gateways()).await.expect(200);
    credentials.ask(&management, Some("wrong-secret-in-a-form")).await.expect(401);
    for file in files_below(tidegate.directory()) {
        let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap_or_default()).into_owned();
        for hidden in [credentials.secret.as_str(), &token, "wrong-secret-in-a-form"] {
            assert!(!text.contains(hidden), "{} gives it away", file.display());
        }
    }
}

#[tokio::test]
async fn a_mistyped_directory_or_scope_makes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mistyped = dir.path().join("mistyped").display().to_string();
    for arguments in [&["list"][..], &["create", "ci", "--role", "reader"], &["revoke", "ci"]] {
        let output = run(BINARY, &[&["client"], arguments, &["--data-dir", &mistyped]].concat(), &[]).await;
        assert!(!output.status.success(), "{arguments:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("no control plane has been started in"), "{said}");
    }
    assert!(!std::path::Path::new(&mistyped).exists());
}
