//! Where a wire may connect to. Whoever may name an address, and nothing else, must not have this machine ask what only
//! this machine can reach.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use banto_channel::{Bilingual, both};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Which addresses a wire may connect to. A name is judged by every address that it has when it is connected to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// All of them: the config, whose author has the machine, names the other side.
    #[default]
    Anywhere,
    /// Public ones, this machine's own and those of private networks; not link-local ones, under which clouds tell a
    /// machine its secrets.
    House,
    /// Public ones alone.
    Public {
        /// What has to be set for [`Reach::House`], for messages.
        unless: &'static str,
    },
}

/// An address that a wire may not connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfReach {
    /// The address.
    pub address: IpAddr,
    /// What would have to be set; `None` where nothing helps.
    unless: Option<&'static str>,
}

impl Reach {
    /// Whether an address may be connected to.
    ///
    /// Errors: it may not.
    pub fn check(self, address: IpAddr) -> Result<(), OutOfReach> {
        let (at, none) = (meant(address), OutOfReach { address, unless: None });
        match self {
            Self::Anywhere => Ok(()),
            _ if is_link_local(at) => Err(none),
            Self::Public { unless } if !is_public(at) => Err(OutOfReach { unless: Some(unless), ..none }),
            Self::House | Self::Public { .. } => Ok(()),
        }
    }

    /// Whether a host that is written as an address (`10.0.0.1`, `[::1]`) may be connected to; a name may, until it is
    /// looked up.
    ///
    /// Errors: it may not.
    pub fn check_literal(self, host: &str) -> Result<(), OutOfReach> {
        literal(host).map_or(Ok(()), |address| self.check(address))
    }

    /// Whether a host may be connected to, as things are now. A name that has no address now may: it is judged again
    /// with each connection.
    ///
    /// Errors: it may not.
    pub async fn check_host(self, host: &str) -> Result<(), OutOfReach> {
        if literal(host).is_some() {
            return self.check_literal(host);
        }
        match tokio::net::lookup_host((host, 0)).await {
            Ok(found) => self.check_all(&found.collect::<Vec<_>>()),
            Err(_) => Ok(()),
        }
    }

    /// One address that is out of reach is enough: which of them is connected to is chance.
    fn check_all(self, found: &[SocketAddr]) -> Result<(), OutOfReach> {
        found.iter().try_for_each(|one| self.check(one.ip()))
    }
}

impl OutOfReach {
    /// What to tell a person; `host` is what led to the address.
    #[must_use]
    pub fn words(&self, host: &str) -> Bilingual {
        let address = self.address;
        match self.unless {
            Some(unless) => both!(
                "{host} leads to {address}, which is no public address; nothing goes there unless the config says \
                 {unless}",
                "{host} の接続先 {address} は公開アドレスではないため送信しません。送信するには設定に {unless} が必要です"
            ),
            None => both!(
                "{host} leads to {address}, a link-local or unspecified address; nothing goes there",
                "{host} の接続先 {address} はリンクローカルまたは未指定のアドレスのため送信できません"
            ),
        }
    }
}

impl fmt::Display for OutOfReach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is out of reach", self.address)
    }
}

impl std::error::Error for OutOfReach {}

/// Looks names up as the system does, and gives no address that is out of reach.
#[derive(Debug)]
pub(crate) struct Resolver(pub Reach);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            reach.check_all(&found)?;
            let found: Addrs = Box::new(found.into_iter());
            Ok(found)
        })
    }
}

fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Where an address leads: some of IPv6 stand for one of IPv4 (mapped, compatible, NAT64, 6to4).
fn meant(address: IpAddr) -> IpAddr {
    let IpAddr::V6(long) = address else { return address };
    let (high, low) = match long.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => (high, low),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => (high, low),
        [0x2002, high, low, ..] => (high, low),
        _ => return address,
    };
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d).into()
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(short) => short.is_link_local() || short.octets()[0] == 0,
        IpAddr::V6(long) => long.is_unicast_link_local() || long.is_unspecified(),
    }
}

/// Whether the whole internet means the same by an address: not if it is in one of the blocks of the IANA registries of
/// special-purpose addresses that are not, or for many at once.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(short) => is_public_v4(short),
        IpAddr::V6(long) => is_public_v6(long),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    match address.octets() {
        // This network, private, loopback; then multicast and what is reserved.
        [0 | 10 | 127 | 224..=255, ..] => false,
        // Shared by the customers of a provider.
        [100, 64..=127, ..] => false,
        [169, 254, ..] | [172, 16..=31, ..] | [192, 168, ..] => false,
        // Protocols' own, and benchmarks.
        [192, 0, 0, _] | [198, 18..=19, ..] => false,
        _ => true,
    }
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Global unicast, without the protocols' own (Teredo among them).
    first & 0xe000 == 0x2000 && !(first == 0x2001 && second < 0x0200)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const PUBLIC: Reach = Reach::Public { unless: "private = true" };

    fn check(reach: Reach, address: &str) -> Result<(), OutOfReach> {
        reach.check(address.parse().unwrap())
    }

    #[test]
    fn what_only_this_machine_can_reach_is_not_public() {
        const INSIDE: &str = "127.0.0.1 127.9.9.9 10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.5 100.64.0.1 \
            100.127.255.255 192.0.0.8 198.18.0.1 224.0.0.1 255.255.255.255 ::1 fd00::1 \
            fd00:ec2::254 fc00::1 fec0::1 ff02::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::10.0.0.1 \
            64:ff9b::10.0.0.1 64:ff9b:1::1 2002:7f00:1:: 2001::1 100::1";
        const NOWHERE: &str = "169.254.169.254 0.0.0.0 0.1.2.3 fe80::1 febf::1 :: ::ffff:169.254.169.254 \
            64:ff9b::a9fe:a9fe";
        const OUTSIDE: &str = "1.1.1.1 9.255.255.255 11.0.0.1 100.63.0.1 100.128.0.1 172.15.0.1 172.32.0.1 \
            192.167.1.1 198.20.0.1 223.255.255.1 2606:4700::1111 2a00::1 ::ffff:1.1.1.1 \
            64:ff9b::101:101 2002:101:101::1";
        for inside in INSIDE.split(' ') {
            let why = check(PUBLIC, inside).unwrap_err();
            let told = why.words("shop.example").en;
            assert!(told.contains("private = true") && told.contains(&why.address.to_string()), "{told}");
            assert_eq!(check(Reach::House, inside), Ok(()), "{inside}");
        }
        for nowhere in NOWHERE.split(' ') {
            for reach in [PUBLIC, Reach::House] {
                let told = check(reach, nowhere).unwrap_err().words("x").en;
                assert!(told.contains("link-local") && !told.contains("private"), "{told}");
            }
            assert_eq!(check(Reach::Anywhere, nowhere), Ok(()));
        }
        for public in OUTSIDE.split(' ') {
            assert_eq!(check(PUBLIC, public), Ok(()), "{public}");
        }
    }

    #[test]
    fn a_name_is_as_public_as_the_least_of_its_addresses() {
        let at = |all: &[&str]| {
            let found: Vec<SocketAddr> =
                all.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect();
            PUBLIC.check_all(&found)
        };
        assert_eq!(at(&["1.1.1.1", "2606:4700::1111"]), Ok(()), "a public name");
        assert_eq!(at(&["1.1.1.1", "10.0.0.7"]).unwrap_err().address.to_string(), "10.0.0.7");
        assert_eq!(at(&["2606:4700::1111", "fd00::7"]).unwrap_err().address.to_string(), "fd00::7");
    }

    #[tokio::test]
    async fn a_host_is_judged_by_where_it_leads() {
        for inside in ["127.0.0.1", "[::1]", "10.0.0.1", "[::ffff:192.168.0.1]", "localhost"] {
            assert!(PUBLIC.check_host(inside).await.is_err(), "{inside}");
            assert_eq!(Reach::House.check_host(inside).await, Ok(()), "{inside}");
        }
        assert_eq!(PUBLIC.check_host("[2606:4700::1111]").await, Ok(()));
        assert_eq!(PUBLIC.check_literal("localhost"), Ok(()), "a name is looked up first");
    }
}
