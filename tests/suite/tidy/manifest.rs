//! Rules about the crates of the workspace, from their manifests and from Cargo.lock.

use std::collections::BTreeSet;
use std::fs;

use toml::{Table, Value};

use super::none;
use super::source::Source;
use super::tree::{files_in, names, root};

/// Folders of `connectors/` that are not a marketplace's, with the crates of ours that each may use.
const INFRASTRUCTURE: [(&str, &[&str], &[&str]); 4] = [
    ("channel", &[], &[]),
    ("conformance", &["banto-channel", "banto-sim", "banto-wire"], &[]),
    ("sim", &["banto-channel"], &["banto-conformance", "banto-wire"]),
    ("wire", &["banto-channel"], &[]),
];

/// What a marketplace's crate may use of ours; `banto-sim` is for its fake.
const MARKETPLACE: (&[&str], &[&str]) =
    (&["banto-channel", "banto-sim"], &["banto-conformance", "banto-wire"]);

/// One crate of the workspace.
struct Crate {
    /// With a `/` at its end; empty for the daemon.
    folder: String,
    manifest: Table,
}

impl Crate {
    fn path(&self) -> String {
        format!("{}Cargo.toml", self.folder)
    }

    /// Names in `[dependencies]` or `[dev-dependencies]`, with what stands behind each.
    fn dependencies(&self, section: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.manifest.get(section).and_then(Value::as_table).into_iter().flatten()
    }

    fn all_dependencies(&self) -> impl Iterator<Item = (&String, &Value)> {
        ["dependencies", "dev-dependencies", "build-dependencies"]
            .into_iter()
            .flat_map(|s| self.dependencies(s))
    }

    /// Whether the crate's code names another one.
    fn names(&self, dependency: &str) -> bool {
        let starts: &[&str] = if self.folder.is_empty() { &["src/", "tests/"] } else { &[&self.folder] };
        let ident = dependency.replace('-', "_");
        files_in(starts, ".rs").iter().any(|f| !Source::new(&f.text).lines_with(&ident).is_empty())
    }
}

/// The folders of `connectors/` that speak to a marketplace.
pub fn marketplaces() -> Vec<String> {
    connectors().into_iter().filter(|n| !INFRASTRUCTURE.iter().any(|(known, ..)| known == n)).collect()
}

fn connectors() -> Vec<String> {
    names("connectors").into_iter().filter(|n| root().join("connectors").join(n).is_dir()).collect()
}

fn crates() -> Vec<Crate> {
    let folders = connectors().into_iter().map(|name| format!("connectors/{name}/"));
    std::iter::once(String::new())
        .chain(folders)
        .map(|folder| Crate { manifest: table(&format!("{folder}Cargo.toml")), folder })
        .collect()
}

#[expect(clippy::panic, reason = "without the manifest there is nothing to check")]
fn table(path: &str) -> Table {
    let text = fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    text.parse().unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[test]
fn crates_use_only_what_their_place_allows() {
    let mut found = Vec::new();
    for this in crates().iter().filter(|c| !c.folder.is_empty()) {
        let place = INFRASTRUCTURE.iter().find(|(name, ..)| this.folder == format!("connectors/{name}/"));
        let (normal, dev) = place.map_or(MARKETPLACE, |(_, normal, dev)| (*normal, *dev));
        for (section, also) in [("dependencies", &[][..]), ("dev-dependencies", dev)] {
            let allowed = |name: &str| normal.contains(&name) || also.contains(&name);
            let ours = this.dependencies(section).map(|(name, _)| name).filter(|n| n.starts_with("banto"));
            found.extend(ours.filter(|n| !allowed(n)).map(|n| format!("{}: [{section}] {n}", this.path())));
        }
    }
    none(
        "A connector knows banto-channel; its fake knows banto-sim; its tests know banto-conformance and banto-wire.",
        found,
    );
}

#[test]
fn only_wire_depends_on_http_pacing_and_backoff() {
    let found = crates()
        .iter()
        .filter(|c| c.folder != "connectors/wire/")
        .flat_map(|c| c.all_dependencies().map(|(n, _)| (c.path(), n.clone())).collect::<Vec<_>>())
        .filter(|(_, n)| ["reqwest", "governor", "backoff"].contains(&n.as_str()))
        .map(|(path, n)| format!("{path}: {n}"))
        .collect();
    none("reqwest, governor and backoff are banto-wire's: take `banto_channel::Http`.", found);
}

#[test]
fn only_wire_brings_backoff_in() {
    let lock = table("Cargo.lock");
    let packages = lock["package"].as_array().map_or(&[][..], Vec::as_slice);
    let uses = |package: &Value| {
        let list = package.get("dependencies").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        list.iter().filter_map(Value::as_str).any(|d| d.split(' ').next() == Some("backoff"))
    };
    let users: Vec<_> = packages.iter().filter(|p| uses(p)).filter_map(|p| p["name"].as_str()).collect();
    assert_eq!(
        users,
        ["banto-wire"],
        "backoff is unmaintained (RUSTSEC-2025-0012): it stays behind banto-wire"
    );
}

#[test]
fn crates_inherit_from_the_workspace() {
    let inherits = |value: Option<&Value>| {
        value.and_then(|v| v.get("workspace")).and_then(Value::as_bool).is_some_and(|inherits| inherits)
    };
    let mut found = Vec::new();
    for this in &crates() {
        let package = this.manifest.get("package");
        for key in ["version", "edition", "rust-version", "license", "publish"] {
            if !inherits(package.and_then(|p| p.get(key))) {
                found.push(format!("{}: package.{key}.workspace = true", this.path()));
            }
        }
        if !inherits(this.manifest.get("lints")) {
            found.push(format!("{}: lints.workspace = true", this.path()));
        }
        let own = this.all_dependencies().filter(|(_, value)| !inherits(Some(value)));
        found.extend(own.map(|(name, _)| format!("{}: {name}.workspace = true", this.path())));
    }
    none("Versions, lints and the rest stand once, in the workspace's Cargo.toml; missing:", found);
}

#[test]
fn every_dependency_is_used() {
    let crates = crates();
    let mut found: Vec<_> = crates
        .iter()
        .flat_map(|c| {
            let unused = c.all_dependencies().filter(|(name, _)| !c.names(name));
            unused.map(|(name, _)| format!("{}: {name}", c.path())).collect::<Vec<_>>()
        })
        .collect();
    let wanted: BTreeSet<_> = crates.iter().flat_map(|c| c.all_dependencies().map(|(n, _)| n)).collect();
    let offered = table("Cargo.toml");
    let offered = offered["workspace"]["dependencies"].as_table().into_iter().flatten();
    found.extend(
        offered
            .filter(|(n, _)| !wanted.contains(n))
            .map(|(n, _)| format!("Cargo.toml: workspace.dependencies.{n}")),
    );
    none("A dependency that no code names is taken out again.", found);
}
