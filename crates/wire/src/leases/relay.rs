//! What relays said of a client's line, as Kea keeps it in a lease's user context.
//!
//! What comes in: JSON `{"ISC": {"relay-agent-info": …}}` (v4: the octets of option 82, as a text or below
//! `sub-options`) or `{"ISC": {"relay-info": […]}}` (v6: one entry a relay with the octets of its options). What goes
//! out: the circuit id and remote id of the relay next to the client. RFC 3046, RFC 4649, RFC 8415 section 21.18.

use serde_json::Value;

use crate::tables::subscribers::parse_hex;

/// The ids; empty where there were none.
#[derive(Default)]
pub(super) struct Relay {
    pub(super) circuit_id: Vec<u8>,
    pub(super) remote_id: Vec<u8>,
}

/// Ids of a v4 lease.
pub(super) fn relay4(context: &Value) -> Result<Relay, String> {
    let Some(info) = context.get("ISC").and_then(|isc| isc.get("relay-agent-info")) else {
        return Ok(Relay::default());
    };
    let mut relay = Relay::default();
    let octets = info.as_str().or_else(|| info.get("sub-options").and_then(Value::as_str));
    let options = octets.map(octets_of).transpose()?.unwrap_or_default();
    // RFC 3046 section 2.0: one octet of code, one of length.
    let mut rest = options.as_slice();
    while let [code, len, behind @ ..] = rest {
        let (value, next) = behind.split_at_checked(usize::from(*len)).ok_or(CUT)?;
        match code {
            1 => relay.circuit_id = value.to_vec(),
            2 => relay.remote_id = value.to_vec(),
            _ => {}
        }
        rest = next;
    }
    if !rest.is_empty() {
        return Err(CUT.to_owned());
    }
    if relay.remote_id.is_empty()
        && let Some(text) = info.get("remote-id").and_then(Value::as_str)
    {
        relay.remote_id = octets_of(text)?;
    }
    Ok(relay)
}

/// Ids of a v6 lease: each from the relay nearest to the client that gives it.
pub(super) fn relay6(context: &Value) -> Result<Relay, String> {
    let isc = context.get("ISC");
    let list = isc.and_then(|isc| isc.get("relay-info").or_else(|| isc.get("relays")));
    let mut hops: Vec<&Value> = list.and_then(Value::as_array).into_iter().flatten().collect();
    // RFC 8415 section 9: the relay next to the client has hop count 0.
    hops.sort_by_key(|hop| hop.get("hop").and_then(Value::as_u64).unwrap_or(u64::MAX));
    let mut relay = Relay::default();
    for hop in hops {
        let options = hop.get("options").and_then(Value::as_str).map(octets_of).transpose()?;
        let options = options.unwrap_or_default();
        let mut rest = options.as_slice();
        while let [code_high, code_low, len_high, len_low, behind @ ..] = rest {
            let code = u16::from_be_bytes([*code_high, *code_low]);
            let len = usize::from(u16::from_be_bytes([*len_high, *len_low]));
            let (value, next) = behind.split_at_checked(len).ok_or(CUT)?;
            match code {
                INTERFACE_ID if relay.circuit_id.is_empty() => relay.circuit_id = value.to_vec(),
                REMOTE_ID if relay.remote_id.is_empty() => {
                    relay.remote_id = value.get(ENTERPRISE_NUMBER..).unwrap_or_default().to_vec();
                }
                _ => {}
            }
            rest = next;
        }
        if !rest.is_empty() {
            return Err(CUT.to_owned());
        }
    }
    Ok(relay)
}

fn octets_of(text: &str) -> Result<Vec<u8>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    parse_hex(text).ok_or_else(|| "relay options in `user_context` are not hexadecimal".to_owned())
}

const INTERFACE_ID: u16 = 18;
const REMOTE_ID: u16 = 37;

/// Octets before the remote id proper (RFC 4649 section 3).
const ENTERPRISE_NUMBER: usize = 4;

const CUT: &str = "relay options in `user_context` are cut off";
