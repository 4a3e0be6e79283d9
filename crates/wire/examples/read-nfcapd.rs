//! Reads files of nfdump: their flows as CSV on standard output, what happened on standard error.
//! `cargo run -p tadoru-wire --example read-nfcapd -- FILE…`

use std::{
    env,
    error::Error,
    fs::File,
    io::{self, BufReader, BufWriter, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use tadoru_wire::flow::Row;
use tadoru_wire::nfcapd::Blocks;

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = BufWriter::new(io::stdout().lock());
    let (mut flows, mut events, mut bare, mut scaled) = (0, 0, 0, 0);
    writeln!(out, "{HEADER}")?;
    for name in env::args_os().skip(1) {
        for block in Blocks::new(BufReader::new(File::open(name)?)) {
            let block = match block {
                Ok(block) => block,
                Err(fault) => {
                    eprintln!("{fault}");
                    continue;
                }
            };
            for defect in &block.defects {
                eprintln!("{defect}");
            }
            flows += block.flows.rows();
            events += block.events;
            bare += block.bare;
            scaled += block.scaled;
            for row in (0..).map_while(|row| block.flows.get(row)) {
                write(&mut out, &row)?;
            }
        }
    }
    eprintln!("flows {flows} events {events} bare {bare} scaled {scaled}");
    Ok(())
}

fn write(out: &mut impl Write, row: &Row) -> io::Result<()> {
    let addr = |bits| text(bits, row.ip);
    let any = |bits: u128| {
        text(
            bits,
            if bits == 0 {
                0
            } else if bits >> 32 == 0xffff {
                4
            } else {
                6
            },
        )
    };
    write!(out, "{},{},{},", row.first_us, row.last_us, row.received_us)?;
    write!(out, "{},{},{},{},", any(row.exporter), row.domain, addr(row.src), addr(row.dst))?;
    write!(out, "{},{},{},{},{},", row.src_port, row.dst_port, row.proto, row.tcp_flags, row.tos)?;
    write!(out, "{},{},{},{},", row.packets, row.bytes, row.reverse_packets, row.reverse_bytes)?;
    write!(out, "{},{},{},{},", row.flows, row.sampling, row.input, row.output)?;
    write!(out, "{},{},{},{},", row.src_as, row.dst_as, row.src_mask, row.dst_mask)?;
    write!(out, "{},{},", any(row.next_hop), any(row.bgp_next_hop))?;
    write!(out, "{},{},", row.src_vlan, row.dst_vlan)?;
    write!(out, "{:012x},{:012x},", row.in_src_mac, row.out_dst_mac)?;
    writeln!(out, "{},{}", row.direction, row.forwarding)
}

/// An address of an IP version as text; empty when there is none.
fn text(bits: u128, ip: u8) -> String {
    match ip {
        0 => String::new(),
        6 => IpAddr::V6(Ipv6Addr::from_bits(bits)).to_string(),
        _ => {
            let [.., a, b, c, d] = bits.to_be_bytes();
            Ipv4Addr::new(a, b, c, d).to_string()
        }
    }
}

const HEADER: &str = "first_us,last_us,received_us,exporter,domain,src,dst,src_port,dst_port,proto,tcp_flags,tos,packets,\
bytes,reverse_packets,reverse_bytes,flows,sampling,input,output,src_as,dst_as,src_mask,dst_mask,next_hop,bgp_next_hop,\
src_vlan,dst_vlan,in_src_mac,out_dst_mac,direction,forwarding";
