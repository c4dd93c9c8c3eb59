//! Who runs a channel where several daemons share a store, and whether one that said so is still there.
//!
//! A daemon that was killed leaves its leases behind, and they run out by themselves. On its own machine nobody has
//! to wait for that: a process that is gone does nothing any more. Of other machines nothing is concluded.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use sha2::{Digest, Sha256};

/// This process, as the store names it: `host:process:start:world`. Host and process are for people; the start tells
/// apart two processes of one number, and the world two machines or containers of one name.
#[must_use]
pub fn this() -> String {
    let process = std::process::id();
    let start = start_of(&process.to_string()).unwrap_or_default();
    format!("{}:{process}:{start}:{}", host(), world())
}

/// Whether this owner was a process of this machine, in the same container and of the same user, that has ended.
#[must_use]
pub fn is_gone(owner: &str) -> bool {
    let mut parts = owner.rsplitn(4, ':');
    let (Some(its_world), Some(its_start), Some(process), Some(its_host)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    // Where we cannot see ourselves, we can see nobody.
    let we_see = start_of("self").is_some();
    we_see
        && its_host == host()
        && its_world == world()
        && start_of(process).is_none_or(|start| start != its_start)
}

fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

/// When a process began, in the kernel's ticks since the machine did; `None` if it has ended (proc_pid_stat(5)).
fn start_of(process: &str) -> Option<String> {
    let stat = fs::read_to_string(Path::new("/proc").join(process).join("stat")).ok()?;
    // The name in brackets may hold anything; after its end come state, parent, …, and as the 20th the start.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    let dead = matches!(state, "Z" | "X");
    fields.nth(18).filter(|_| !dead).map(ToOwned::to_owned)
}

/// What makes process numbers comparable: the machine's start, the container, and the user, who may not see others'
/// processes.
fn world() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let container = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let user = fs::metadata("/proc/self").map(|m| m.uid()).unwrap_or_default();
    let digest = Sha256::digest(format!("{}\n{}\n{user}", boot.trim(), container.display()));
    digest[..4].iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn we_are_not_gone() {
        assert!(!is_gone(&this()), "{}", this());
    }

    #[test]
    fn a_process_that_ended_is_gone_and_so_is_one_whose_number_another_has() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let number = child.id().to_string();
        let start = start_of(&number).unwrap();
        let owner = format!("{}:{number}:{start}:{}", host(), world());
        assert!(!is_gone(&owner), "{owner} runs");
        assert!(is_gone(&format!("{}:{number}:1:{}", host(), world())), "it began later");
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_gone(&owner), "{owner} ended");
    }

    #[test]
    fn of_others_nothing_is_concluded() {
        let (host, world) = (host(), world());
        for owner in
            ["", "vps:4711", "a:b:c", &format!("{host}-2:999999:1:{world}"), &format!("{host}:999999:1:00")]
        {
            assert!(!is_gone(owner), "{owner}");
        }
    }
}
