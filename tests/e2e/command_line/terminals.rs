//! Programs in a terminal: questions, progress, tables that fit, and signals.

use tidegate_harness::{Backend, CommandLine, Gateway};

use crate::tidegate;

#[tokio::test]
async fn a_person_is_asked_and_the_answer_counts() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let cli = CommandLine::of(&gateway.tidegate);
    let delete = ["rule", "delete", "rule"];

    let mut terminal = cli.terminal(&delete, (24, 80));
    terminal.shows(&["- rule rule", "Apply this? [y/N]"]).await;
    terminal.type_keys("n\n");
    terminal.shows(&["nothing was changed"]).await;
    assert_eq!(terminal.exit().await.code(), Some(1));
    gateway.get("/").await.expect(200);

    let mut terminal = cli.terminal(&delete, (24, 80));
    terminal.shows(&["[y/N]"]).await;
    terminal.type_keys("\x03");
    assert_eq!(terminal.exit().await.code(), Some(130), "{}", terminal.screen());

    let mut terminal = cli.terminal(&delete, (24, 80));
    terminal.shows(&["[y/N]"]).await;
    terminal.type_keys("y\n");
    terminal.shows(&["gateway is applied by 1 worker"]).await;
    assert_eq!(terminal.exit().await.code(), Some(0));
    gateway.get("/").await.expect(404);
}

#[tokio::test]
async fn a_table_fits_its_terminal() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let cli = CommandLine::of(&gateway.tidegate);
    for columns in [70, 130] {
        let mut terminal = cli.terminal(&["gateway", "list"], (24, columns));
        let screen = terminal.shows(&["NAME", "gateway"]).await;
        assert_eq!(terminal.exit().await.code(), Some(0));
        let rows = screen.lines().filter(|line| !line.trim().is_empty()).count();
        assert_eq!(rows, 2, "a row of {columns} columns is wrapped:\n{screen}");
        assert_eq!(screen.contains('…'), columns == 70, "{screen}");
    }
}

#[tokio::test]
async fn only_the_gateway_that_was_shown_is_stopped() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let cli = CommandLine::of(&gateway.tidegate);
    let mut terminal = cli.terminal(&["gateway", "stop", "gateway"], (24, 80));
    terminal.shows(&["Stop gateway", "[y/N]"]).await;
    gateway.apply(gateway.document.clone().pool("other", &[])).await;
    terminal.type_keys("y\n");
    assert_eq!(terminal.exit().await.code(), Some(4), "{}", terminal.screen());
    gateway.get("/").await.expect(200);
    cli.run(&["gateway", "stop", "gateway", "--yes", "--if-match", "*"]).await.expect(0);
}
