//! Kea DHCPv6 lease file (memfile): `address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,…`.
//!
//! What comes in: a row by column name. What goes out: a [`Lease`] of an address (lease type 0), a temporary address
//! (1) or a delegated prefix (2). The relay's ids are read from the user context.

use std::net::Ipv6Addr;

use super::{
    Lease, LeaseKind,
    kea_line::{KeaRow, Values},
    relay::relay6,
};
use crate::tables::Prefix;

/// A row of the v6 file.
pub(super) struct Row;

impl KeaRow for Row {
    const COLUMNS: &'static [&'static str] = &[
        "address",
        "duid",
        "valid_lifetime",
        "expire",
        "subnet_id",
        "lease_type",
        "iaid",
        "prefix_len",
        "hwaddr",
        "state",
        "user_context",
    ];
    const REQUIRED: &'static [&'static str] =
        &["address", "duid", "valid_lifetime", "expire", "lease_type", "iaid", "prefix_len"];

    fn lease(values: &Values<'_>) -> Result<(Lease, Option<String>), String> {
        let address: Ipv6Addr =
            values.text("address").parse().map_err(|_| "`address` is not an IPv6 address")?;
        let kind = match values.number::<u8>("lease_type")? {
            Some(0) => LeaseKind::V6Address,
            Some(1) => LeaseKind::V6Temporary,
            Some(2) => LeaseKind::V6Prefix,
            _ => return Err("`lease_type` is not one of DHCPv6".to_owned()),
        };
        let prefix_len = match kind {
            LeaseKind::V6Prefix => {
                let len: u8 = values.number("prefix_len")?.ok_or("`prefix_len` is empty")?;
                Prefix::new(address.into(), len).ok_or("`prefix_len` does not fit the prefix")?.len
            }
            _ => 128,
        };
        let (cltt, expire_us) = values.times()?;
        let (relay, beside) = match values.context().and_then(|context| relay6(&context)) {
            Ok(relay) => (relay, None),
            Err(what) => (super::relay::Relay::default(), Some(what)),
        };
        let lease = Lease {
            address: address.into(),
            prefix_len,
            kind,
            mac: values.mac()?,
            client_id: Vec::new(),
            duid: values.octets("duid")?,
            iaid: values.number("iaid")?,
            circuit_id: relay.circuit_id,
            remote_id: relay.remote_id,
            subnet_id: values.number("subnet_id")?,
            starts_us: None,
            cltt_us: Some(cltt),
            expire_us,
            state: values.state()?,
        };
        Ok((lease, beside))
    }
}
