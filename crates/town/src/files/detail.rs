//! RADIUS packets as FreeRADIUS writes them down (`rlm_detail`, header with the local date, here UTC).

use std::io::Write;

use tadoru_model::UtcMicros;
use tadoru_wire::dictionary::{Dictionary, Kind};
use tadoru_wire::radius::{self, Value};

/// The entry of one packet that arrived at `at`; nothing for octets that are no packet.
pub(super) fn entry(packet: &[u8], at: UtcMicros, out: &mut Vec<u8>) {
    let (Ok(packet), Some(arrived)) = (radius::Packet::parse(packet), at.to_timestamp()) else { return };
    let dictionary = Dictionary::builtin();
    // Writing to memory cannot fail.
    let _ = writeln!(out, "{}", arrived.strftime("%a %b %e %H:%M:%S %Y"));
    for field in packet.fields(dictionary).fields {
        let Some(known) = dictionary.attribute(field.oid) else { continue };
        let text = match (&field.value, known.kind) {
            (Value::Octets(octets), Kind::Text) => format!("\"{}\"", radius::text(octets)),
            (Value::Octets(octets), _) => octets.iter().fold("0x".to_owned(), |t, o| format!("{t}{o:02x}")),
            (Value::Ip(addr), _) => addr.to_string(),
            (Value::Prefix(addr, len), _) => format!("{addr}/{len}"),
            (Value::Date(seconds), _) => match UtcMicros::from_seconds((*seconds).into()).to_timestamp() {
                Some(date) => format!("\"{}\"", date.strftime("%b %e %Y %H:%M:%S UTC")),
                None => seconds.to_string(),
            },
            (Value::Unsigned(number), _) if known.name == "Acct-Status-Type" => status(*number),
            (Value::Unsigned(number), _) => number.to_string(),
            (Value::Signed(number), _) => number.to_string(),
            (Value::InterfaceId(_) | Value::Ether(_), _) => continue,
        };
        let _ = writeln!(out, "\t{} = {text}", known.name);
    }
    let _ = writeln!(out, "\tTimestamp = {}\n", at.0.div_euclid(1_000_000));
}

fn status(number: u64) -> String {
    let names =
        [(1, "Start"), (2, "Stop"), (3, "Interim-Update"), (7, "Accounting-On"), (8, "Accounting-Off")];
    names
        .iter()
        .find(|(n, _)| *n == number)
        .map_or_else(|| number.to_string(), |(_, name)| (*name).to_owned())
}
