//! Checks of the machine: open files, ports below 1024, and the addresses of a control plane that does not run.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use rustix::process::{Resource, getrlimit};

use super::finding::Findings;
use super::running::is_running;

/// The files that a worker needs beside those of its connections, and those of a tunnel.
const OWN_FILES: u64 = 500;
const FILES_PER_TUNNEL: u64 = 2;

/// The limit of open files below which it is worth a warning.
const FEW_FILES: u64 = 65_536;

/// The addresses at which a control plane listens if no others are given.
const ADDRESSES: [(&str, &str); 3] = [
    ("127.0.0.1:9080", "--management"),
    ("127.0.0.1:9443", "--management-tls"),
    ("127.0.0.1:9444", "--channel"),
];

/// The bit of the capability that allows ports below 1024, in the kernel's numbers.
const NET_BIND_SERVICE: u32 = 10;

/// Checks the machine as the user of this process sees it.
pub(super) fn check(directory: &Path, findings: &mut Findings) {
    open_files(directory, findings);
    low_ports(findings);
    if !is_running(directory) {
        addresses(findings);
    }
}

/// Checks the limit of open files: that of the running workers, else that of this process.
fn open_files(directory: &Path, findings: &mut Findings) {
    const CHECK: &str = "open files";
    let running = running_limits(directory);
    let (limit, whose) = match running.iter().min() {
        Some(limit) => (*limit, "a running worker"),
        None => (getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX), "a worker that this user starts"),
    };
    let tunnels = limit.saturating_sub(OWN_FILES) / FILES_PER_TUNNEL;
    let found = format!("{whose} may have {limit} open files, which is enough for about {tunnels} tunnels");
    match limit < FEW_FILES {
        true => findings.warn(
            CHECK,
            found,
            "set LimitNOFILE=1048576 in the unit, or `ulimit -n` before the start, if more are needed",
        ),
        false => findings.good(CHECK, found),
    }
}

/// Returns the limits of the local workers that run.
fn running_limits(directory: &Path) -> Vec<u64> {
    let workers = fs::read_dir(directory.join("workers")).into_iter().flatten().filter_map(Result::ok);
    let limits = workers.filter_map(|worker| {
        let process = fs::read_to_string(worker.path().join("lock")).ok()?;
        let process: u32 = process.split_whitespace().next()?.parse().ok()?;
        max_open_files(&fs::read_to_string(format!("/proc/{process}/limits")).ok()?)
    });
    limits.collect()
}

/// Reads the soft limit from the file of a process.
fn max_open_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let soft = line.split_whitespace().next()?;
    if soft == "unlimited" { Some(u64::MAX) } else { soft.parse().ok() }
}

fn low_ports(findings: &mut Findings) {
    const CHECK: &str = "low ports";
    let first = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    let first: u16 = first.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(1024);
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let first = if has_capability(&status, NET_BIND_SERVICE) { 0 } else { first };
    match first {
        0..=80 => findings.good(CHECK, "listeners may use the ports 80 and 443"),
        first => findings.warn(
            CHECK,
            format!("this user may not listen at ports below {first}"),
            "set AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit, or start with --port-offset",
        ),
    }
}

/// True if the status of a process has a capability in its effective set.
fn has_capability(status: &str, number: u32) -> bool {
    let set = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).is_some_and(|set| set >> number & 1 == 1)
}

fn addresses(findings: &mut Findings) {
    const CHECK: &str = "ports";
    let mut all_free = true;
    for (address, option) in ADDRESSES {
        if let Err(e) = TcpListener::bind(address) {
            all_free = false;
            let found = format!("a control plane cannot listen at {address}: {e}");
            findings.warn(
                CHECK,
                found,
                format!("end the process that uses it (`ss -ltnp`), or give {option}"),
            );
        }
    }
    if all_free {
        findings.good(CHECK, "the default addresses of a control plane are free");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_process_are_read() {
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 524288               files\n";
        assert_eq!(max_open_files(limits), Some(1024));
        assert_eq!(max_open_files("Max open files   unlimited  unlimited files"), Some(u64::MAX));
        assert_eq!(max_open_files(""), None);
        for (status, expected) in [
            ("CapEff:\t0000000000000400\n", true),
            ("CapEff:\t00000000a80425fb\n", true),
            ("CapEff:\t0000000000000000\n", false),
            ("", false),
        ] {
            assert_eq!(has_capability(status, NET_BIND_SERVICE), expected, "{status}");
        }
    }
}
