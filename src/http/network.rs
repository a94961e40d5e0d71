//! The unit to which bounds apply.

use std::net::{IpAddr, Ipv6Addr};

/// The network that a connection counts for: an IPv4 address, or the /64 in which one IPv6 host can
/// freely choose addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Network(IpAddr);

impl Network {
    pub(super) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => {
                Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
            }
        })
    }
}
