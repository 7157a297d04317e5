//! Tests of the command line: every option has a variable, a help text and a row in its reference, and invalid input
//! is refused.

mod reference;

use std::time::Duration;

use tidegate_control_plane::Limit;

use super::*;

fn parse(arguments: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("tidegate").chain(arguments.split_whitespace()))
}

#[test]
fn the_definition_is_sound_and_every_option_has_a_variable_and_a_help_text() {
    fn check(command: &clap::Command) {
        let is_own =
            |a: &&clap::Arg| !["help", "version"].contains(&a.get_id().as_str()) && !a.is_positional();
        for argument in command.get_arguments().filter(is_own) {
            let long = argument.get_long().unwrap();
            let variable = format!("TIDEGATE_{}", long.replace('-', "_").to_uppercase());
            assert_eq!(argument.get_env().unwrap(), variable.as_str());
            assert!(argument.get_help().is_some(), "--{long} has no help");
        }
        command.get_subcommands().for_each(check);
    }
    Cli::command().debug_assert();
    check(&Cli::command());
}

#[test]
fn the_help_of_every_command_has_examples() {
    for command in Cli::command().get_subcommands() {
        let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let name = format!("  tidegate {}", command.get_name());
        let is_one = |line: &str| line.starts_with(&name) || line.contains(&name[2..]);
        assert!(examples.starts_with("Examples:\n"), "{name} has no examples");
        assert!(examples.lines().skip(1).any(is_one), "{name}: {examples}");
    }
}

#[test]
fn no_subcommand_means_up() {
    let cli = parse("--workers 3 --port-offset 8000 --log debug").unwrap();
    assert!(cli.command.is_none());
    assert_eq!((cli.up.workers, cli.up.worker.port_offset, cli.log.as_str()), (3, 8000, "debug"));
    let Some(Command::Up(up)) = parse("up --workers 3").unwrap().command else { panic!("not up") };
    assert_eq!(up.workers, 3);
    assert_eq!(up.control_plane.management.to_string(), "127.0.0.1:9080");
    assert_eq!(up.control_plane.management_tls.to_string(), "127.0.0.1:9443");
    assert_eq!(up.control_plane.channel.to_string(), "127.0.0.1:9444");
    assert_eq!(up.worker.drain_timeout, Duration::from_secs(30));
}

#[test]
fn what_makes_no_sense_is_refused() {
    for bad in [
        "--management localhost",
        "--management-cert chain.pem",
        "--workers 3 demo",
        "--workers 0",
        "--workers 257",
        "--threads 0",
        "--dns-server 127.0.0.1",
        "--trusted-proxies localhost",
        "--limit listeners",
        "--limit httpListener=5",
        "--drain-timeout soon",
        "--access-log=",
        "--access-log-max-size 0",
        "--metrics localhost",
        "--otlp-endpoint collector:4318",
        "--otlp-endpoint https://collector",
        "data-plane",
        "data-plane --control-plane nowhere",
        "worker",
        "client",
        "client create ci",
        "client create ci --role owner",
        "client create admin --role reader",
        "client create ci --role reader --scope subscriptions/s",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn limits_are_one_list() {
    let cli = parse("--limit httpListeners=500 --limit probes=3,hostNames=20").unwrap();
    let expected: Vec<Limit> =
        ["httpListeners=500", "probes=3", "hostNames=20"].iter().map(|text| text.parse().unwrap()).collect();
    assert_eq!(cli.up.control_plane.limit, expected);
    let message = parse("--limit httpListener=5").unwrap_err().to_string();
    assert!(message.contains("requestRoutingRules"), "{message}");
}

#[test]
fn a_token_never_shows() {
    let cli = parse("data-plane --control-plane a:1 --token hunter2").unwrap();
    assert!(!format!("{cli:?}").contains("hunter2"));
}
