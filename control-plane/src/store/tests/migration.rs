//! Databases of earlier versions: their rows are kept, and are found in any spelling.

use std::collections::BTreeMap;

use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;

use super::*;
use crate::arm::deployment::DeploymentPath;
use crate::arm::network::{NetworkKind, NetworkPath};
use crate::arm::resource_id::GatewayPath;
use crate::audit::Filter;
use crate::identity::role::Role;
use crate::identity::scope::Scope;

/// Creates the database in a data directory, with the migrations before this version, and its key.
pub(super) async fn database_before(dir: &TempDir, version: i64) -> SqlitePool {
    SealKey::load_or_create(&dir.path().join("store.key")).unwrap();
    let file = dir.path().join("tidegate.db");
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let database = SqlitePool::connect_with(options).await.unwrap();
    let mut migrations = sqlx::migrate!("../migrations");
    migrations.migrations = migrations.iter().filter(|m| m.version < version).cloned().collect();
    migrations.run(&database).await.unwrap();
    database
}

/// The tables that version 14 builds anew, and those that refer to them.
const TABLES: [&str; 16] = [
    "audit",
    "children",
    "clients",
    "deployment_steps",
    "deployments",
    "error_pages",
    "frontend_claims",
    "gateways",
    "identity",
    "join_tokens",
    "network_references",
    "network_resources",
    "operations",
    "resource_groups",
    "worker_certificates",
    "workers",
];

const GATEWAY: Uuid = Uuid::from_u128(1);
const OPERATION: Uuid = Uuid::from_u128(2);
const DEPLOYMENT: Uuid = Uuid::from_u128(3);
const CLIENT: Uuid = Uuid::from_u128(4);
const WORKER: Uuid = Uuid::from_u128(5);
const TENANT: Uuid = Uuid::from_u128(6);
const OTHER: Uuid = Uuid::from_u128(7);

/// Rows of version 13 in all tables, in mixed case.
fn rows_of_version_13() -> String {
    let (gateway, address) = (path("Gw"), ip("Sub", "Group", "Ip"));
    let deployment = deployment("Sub", "Group", "Deploy");
    format!(
        r#"
        INSERT INTO gateways (id, resource_id, subscription, resource_group, name, body, etag, generation,
            config_digest, provisioning_state, state_reason, operational_state, created_at, changed_at)
        VALUES ('{GATEWAY}', '{gateway}', 'Sub', 'Group', 'Gw', '{{"location":"West"}}', 'e', 7, 'digest', 'Failed',
            'a reason', 'Running', 1, 2);
        INSERT INTO children VALUES
            ('{gateway}/sslCertificates/Cert', '{GATEWAY}', 'sslCertificates', 0, 'Cert', '{{}}', NULL, 'c'),
            ('{gateway}/frontendIPConfigurations/Front', '{GATEWAY}', 'frontendIPConfigurations', 0, 'Front',
                '{{"publicIPAddress":{{"id":"{address}"}}}}', NULL, 'f');
        INSERT INTO frontend_claims VALUES ('public', 443, '{GATEWAY}');
        INSERT INTO network_references VALUES
            ('{address}', '{gateway}/frontendIPConfigurations/Front', '{GATEWAY}');
        INSERT INTO error_pages VALUES ('{GATEWAY}', 'https://Pages/404', 'text/html', x'2e');
        INSERT INTO operations (rowid, id, gateway, resource_id, target, subscription, kind, generation, state,
            started_at) VALUES
            (8, '{OPERATION}', '{GATEWAY}', '{gateway}', '{gateway}', 'Sub', 'Write', 7, 'InProgress', 3),
            (5, '{OTHER}', '{GATEWAY}', '{gateway}', '{gateway}', 'Sub', 'Write', 6, 'InProgress', 2);
        INSERT INTO resource_groups VALUES ('{GATEWAY}', 'Sub', 'Group', '{{"location":"West"}}', 0, 1, 1);
        INSERT INTO network_resources VALUES ('{address}', '{OTHER}', 'Sub', 'Group', 'publicIPAddresses', 'Ip',
            '{{"location":"West"}}', 'n', 1, 1);
        INSERT INTO deployments (resource_id, id, subscription, resource_group, name, body, state, correlation_id,
            author, client, started_at)
        VALUES ('{deployment}', '{DEPLOYMENT}', 'Sub', 'Group', 'Deploy', '{{"mode":"Incremental"}}', 'Running',
            'correlation', 'Robot', '{CLIENT}', 4);
        INSERT INTO deployment_steps (deployment, position, id, resource_id, resource_type, state, started_at)
        VALUES ('{DEPLOYMENT}', 0, '{OTHER}', '{gateway}', 'type', 'Running', 5);
        INSERT INTO clients VALUES
            ('{CLIENT}', 'Robot', 'reader', '["/"]', 'hash', 3, 1, NULL),
            ('{OTHER}', 'ROBOT', 'reader', '["/"]', 'hash', 1, 1, 2);
        INSERT INTO workers VALUES ('{WORKER}', 6);
        INSERT INTO worker_certificates VALUES ('print', '{WORKER}', 'issuer', 6, 7);
        INSERT INTO join_tokens VALUES
            ('used', 9000000000000, '{WORKER}', 'key'), ('unused', 9000000000000, NULL, NULL);
        INSERT INTO audit VALUES (41, 8, 'Robot', '::1', '{OTHER}', 'write', '{gateway}', 6, 7);
        INSERT INTO identity VALUES (1, '{TENANT}', x'00');
        "#
    )
}

/// Stores secrets as version 13 sealed them.
async fn add_secrets(dir: &TempDir, database: &SqlitePool) {
    let key = SealKey::load(&dir.path().join("store.key")).unwrap();
    let certificate = format!("{}/sslCertificates/Cert", path("Gw")).to_ascii_lowercase();
    for (statement, purpose, secret) in [
        ("UPDATE children SET secret = ? WHERE name = 'Cert'", certificate, "private key"),
        ("UPDATE deployments SET request = ?", format!("deployment {DEPLOYMENT}"), "request"),
        ("UPDATE identity SET signing_key = ?", "identity/signing_key".to_owned(), "signing key"),
    ] {
        let sealed = key.seal(purpose.as_bytes(), secret.as_bytes());
        sqlx::query(statement).bind(sealed).execute(database).await.unwrap();
    }
}

/// Returns a store that was opened on a database of version 13, and the number of rows in each of its tables.
async fn migrated() -> (TempDir, Store, BTreeMap<&'static str, i64>) {
    let dir = tempfile::tempdir().unwrap();
    let database = database_before(&dir, 14).await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(rows_of_version_13())).execute(&database).await.unwrap();
    add_secrets(&dir, &database).await;
    let before = counts(&database).await;
    database.close().await;
    let store = Store::open(dir.path(), Schema::Migrate).await.unwrap();
    (dir, store, before)
}

async fn counts(database: &SqlitePool) -> BTreeMap<&'static str, i64> {
    let mut counts = BTreeMap::new();
    for table in TABLES {
        let count = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        counts.insert(table, sqlx::query_scalar(count).fetch_one(database).await.unwrap());
    }
    counts
}

fn ip(subscription: &str, group: &str, name: &str) -> NetworkPath {
    let kind = NetworkKind::PublicAddress;
    NetworkPath { subscription: subscription.into(), group: group.into(), kind, name: name.into() }
}

fn deployment(subscription: &str, group: &str, name: &str) -> DeploymentPath {
    DeploymentPath { subscription: subscription.into(), group: Some(group.into()), name: name.into() }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

#[tokio::test]
async fn no_row_is_lost_and_dependent_rows_still_go_with_theirs() {
    let (_dir, store, before) = migrated().await;
    let database = store.database.writer().pool();
    assert_eq!(counts(database).await, before);
    assert!(before.values().all(|count| *count > 0), "{before:?}");
    let orphans = sqlx::query("PRAGMA foreign_key_check").fetch_all(database).await.unwrap();
    assert!(orphans.is_empty());

    for table in ["gateways", "deployments", "workers"] {
        let delete = sqlx::AssertSqlSafe(format!("DELETE FROM {table}"));
        sqlx::query(delete).execute(database).await.unwrap();
    }
    let left = counts(database).await;
    for dependent in [
        "children",
        "frontend_claims",
        "network_references",
        "error_pages",
        "deployment_steps",
        "worker_certificates",
    ] {
        assert_eq!(left[dependent], 0, "{dependent}");
    }
    assert_eq!(left["join_tokens"], 1, "the unused one");
    assert_eq!((left["operations"], left["audit"]), (2, 1));
}

#[tokio::test]
async fn a_gateway_of_version_13_is_found_with_everything_that_belongs_to_it() {
    let (_dir, store, _) = migrated().await;
    let spelled = GatewayPath { subscription: "sUB".into(), group: "gROUP".into(), name: "gW".into() };
    let gateway = store.gateway(&spelled).await.unwrap().unwrap();
    assert_eq!(gateway.id, GatewayId(GATEWAY));
    assert_eq!(gateway.document.path, path("Gw"), "the spelling of its creator");
    assert_eq!((gateway.generation, gateway.config_digest), (Generation(7), Digest("digest".into())));
    assert_eq!((gateway.state, gateway.operational), (ProvisioningState::Failed, OperationalState::Running));
    let child = |name| gateway.document.children.iter().find(|child| child.name == name).unwrap();
    assert_eq!(child("Cert").secret, Some(secret("private key")));
    assert!(child("Front").properties.contains_key("publicIPAddress"));
    let (_, refs) = store.gateway_by_id(gateway.id).await.unwrap().unwrap();
    assert!(refs.resources.iter().any(|resource| resource.path.kind == NetworkKind::PublicAddress));
    assert_eq!(refs.pages.found().map(|(url, _)| url).collect::<Vec<_>>(), ["https://Pages/404"]);

    let refused = write(&store, document("other", vec![]), &[claim("public", 443)]).await.unwrap_err();
    assert!(matches!(&refused, StoreError::PortClaimed { holder, .. } if *holder == path("Gw").to_string()));
    let (address, users) = store.network_resource(&ip("SUB", "GROUP", "IP")).await.unwrap().unwrap();
    assert_eq!((address.path.to_string(), users.len()), (ip("Sub", "Group", "Ip").to_string(), 1));
    assert_eq!(store.group("SUB", "GROUP").await.unwrap().unwrap().name, "Group");
    assert_eq!(listed(&store, "SUB", Some("GROUP")).await.len(), 1);
    assert_eq!(store.operation("SUB", OPERATION).await.unwrap().unwrap().state, OperationState::InProgress);
    let wanted = store.desired_states().await.unwrap();
    assert_eq!(wanted[0].newest_operation, Some(OperationNumber(8)), "the order of creation is kept");
}

#[tokio::test]
async fn deployments_clients_workers_and_audit_entries_of_version_13_are_found() {
    let (_dir, store, _) = migrated().await;
    let found = store.deployment(&deployment("SUB", "GROUP", "DEPLOY")).await.unwrap().unwrap();
    assert_eq!((found.id, found.path), (DEPLOYMENT, deployment("Sub", "Group", "Deploy")));
    assert_eq!(store.deployments("SUB", Some("GROUP")).await.unwrap().len(), 1);
    assert_eq!(store.deployment_steps(DEPLOYMENT).await.unwrap().len(), 1);
    let task = store.take_up_deployment(DEPLOYMENT, true, 3).await.unwrap().unwrap();
    assert_eq!((task.request, task.client), (secret("request"), Some(CLIENT)));

    assert_eq!(store.clients().await.unwrap().len(), 1);
    let client = store.reset_client(Author::itself(), "rOBOT", "new").await.unwrap().unwrap();
    assert_eq!((client.app_id, client.secret_number), (CLIENT, 3));
    let (name, role) = ("robot".parse().unwrap(), Role::Reader);
    let scopes = vec![Scope::everything()];
    let again = NewClient { app_id: Uuid::new_v4(), name, role, scopes, secret_hash: String::new() };
    store.add_client(Author::itself(), &again).await.unwrap().unwrap_err();

    let joined = store.join(Author::itself(), "used", "key").await.unwrap().unwrap();
    assert_eq!(joined.0, WORKER);
    assert!(store.is_join_token("unused").await.unwrap());
    assert_eq!(store.workers().await.unwrap()[0].certificate.as_ref().unwrap().fingerprint, "print");

    let about = |resource: &str, author: &str| Filter {
        resource: Some(resource.to_owned()),
        author: Some(author.to_owned()),
        ..Filter::default()
    };
    for resource in [path("GW").to_string(), "/SUBSCRIPTIONS/SUB/resourceGroups/GROUP/".to_owned()] {
        let entries = store.audit(&about(&resource, "rOBOT"), 10).await.unwrap();
        let [entry] = &entries[..] else { panic!("{resource}: {entries:?}") };
        assert_eq!((entry.id, entry.activity.author.name.as_str()), (41, "Robot"));
        assert_eq!(
            (entry.activity.resource.clone(), entry.after),
            (path("Gw").to_string(), Some(Generation(7)))
        );
    }
    assert!(store.audit(&about("/subscriptions/Su", "Robot"), 10).await.unwrap().is_empty());

    let identity = store.identity(|| unreachable!("there is one")).await.unwrap();
    assert_eq!((identity.tenant, identity.signing_key), (TENANT, secret("signing key")));
}
