//! Kea DHCPv4 lease file (memfile): `address,hwaddr,client_id,valid_lifetime,expire,subnet_id,…,state,user_context`.
//!
//! What comes in: a row by column name. What goes out: a [`Lease`]; `expire` less `valid_lifetime` is the client's
//! last renewal. The relay's ids are read from the user context, which Kea fills when `store-extended-info` is on.

use std::net::Ipv4Addr;

use super::{
    Lease, LeaseKind,
    kea_line::{KeaRow, Values},
    relay::relay4,
};

/// A row of the v4 file.
pub(super) struct Row;

impl KeaRow for Row {
    const COLUMNS: &'static [&'static str] =
        &["address", "hwaddr", "client_id", "valid_lifetime", "expire", "subnet_id", "state", "user_context"];
    const REQUIRED: &'static [&'static str] = &["address", "hwaddr", "client_id", "valid_lifetime", "expire"];

    fn lease(values: &Values<'_>) -> Result<(Lease, Option<String>), String> {
        let address: Ipv4Addr =
            values.text("address").parse().map_err(|_| "`address` is not an IPv4 address")?;
        let (cltt, expire_us) = values.times()?;
        let (relay, beside) = match values.context().and_then(|context| relay4(&context)) {
            Ok(relay) => (relay, None),
            Err(what) => (super::relay::Relay::default(), Some(what)),
        };
        let lease = Lease {
            address: address.into(),
            prefix_len: 32,
            kind: LeaseKind::V4,
            mac: values.mac()?,
            client_id: values.octets("client_id")?,
            duid: Vec::new(),
            iaid: None,
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
