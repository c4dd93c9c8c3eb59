//! How the program is linked.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = |what: &str| env::var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default();
    if (target("OS"), target("ENV")) == ("linux".to_owned(), "gnu".to_owned()) {
        // What says where the program's own addresses stand takes a thirtieth of the room, and is read whole at every
        // start. Needs glibc 2.36, which Debian 12 has (ld.so learned DT_RELR in it); an older linker warns and goes on.
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}
