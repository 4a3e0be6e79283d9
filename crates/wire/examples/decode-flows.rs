//! Decodes the flow exports of a packet capture: traffic flows as CSV on standard output, what happened on standard
//! error. `cargo run -p tadoru-wire --example decode-flows -- FILE.pcap…` (several files are read as one capture).

use std::{
    env,
    error::Error,
    fs::File,
    io::{self, BufReader, BufWriter, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use tadoru_wire::{
    Defect,
    flow::{self, Columns, Row, Scope},
    pcap::{Packets, udp_payload},
    sflow,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut flows = flow::Decoder::default();
    let mut samples = sflow::Decoder::default();
    let mut columns = Columns::default();
    let (mut datagrams, mut events, mut held, mut untimed, mut lost) = (0_u64, 0_u64, 0_u64, 0_u64, 0_u64);
    for name in env::args_os().skip(1) {
        for packet in Packets::new(BufReader::new(File::open(name)?)) {
            let Ok(packet) = packet else {
                eprintln!("defect: capture is broken");
                continue;
            };
            let Some(datagram) = udp_payload(&packet) else { continue };
            datagrams += 1;
            let source = SocketAddr::new(datagram.src, datagram.src_port);
            let arrival_us = packet.time_us.unwrap_or_default();
            // Captures made of single packets seldom keep the ports.
            flows.set_scope(datagram.src, Scope::Address);
            let loss = if sflow::is_datagram(datagram.payload) {
                let report = samples.collect(source, arrival_us, datagram.payload, &mut columns);
                complain(&report.defects);
                report.loss
            } else {
                let report =
                    flows.collect(source, arrival_us, datagram.payload, &mut columns, &mut |_| events += 1);
                complain(&report.defects);
                held += u64::from(report.held);
                untimed += u64::from(report.untimed);
                report.loss
            };
            lost += u64::from(loss.and_then(|loss| loss.missing).unwrap_or(0));
        }
    }
    eprintln!(
        "datagrams {datagrams} rows {} events {events} held {held} untimed {untimed} lost {lost} waiting_bytes {}",
        columns.rows(),
        flows.waiting_bytes()
    );
    write(&columns)
}

fn complain(defects: &[Defect]) {
    for defect in defects {
        eprintln!("defect: {defect}");
    }
}

fn write(columns: &Columns) -> Result<(), Box<dyn Error>> {
    let mut out = BufWriter::new(io::stdout().lock());
    writeln!(
        out,
        "first_us,last_us,ip,src,dst,src_port,dst_port,proto,tcp_flags,tos,packets,bytes,reverse_packets,reverse_bytes,\
         flows,sampling,input,output,src_as,dst_as,src_mask,dst_mask,next_hop,bgp_next_hop,src_vlan,dst_vlan,in_src_mac,\
         out_dst_mac,direction,forwarding,exporter,domain"
    )?;
    for flow in (0..columns.rows()).filter_map(|row| columns.get(row)) {
        let Row { first_us, last_us, ip, src_port, dst_port, proto, tcp_flags, tos, packets, bytes, .. } =
            flow;
        let (src, dst) = (address(flow.src, ip), address(flow.dst, ip));
        write!(
            out,
            "{first_us},{last_us},{ip},{src},{dst},{src_port},{dst_port},{proto},{tcp_flags},{tos},"
        )?;
        write!(
            out,
            "{packets},{bytes},{},{},{},{},",
            flow.reverse_packets, flow.reverse_bytes, flow.flows, flow.sampling
        )?;
        write!(out, "{},{},{},{},", flow.input, flow.output, flow.src_as, flow.dst_as)?;
        let hops = (address(flow.next_hop, ip), address(flow.bgp_next_hop, ip));
        write!(out, "{},{},{},{},", flow.src_mask, flow.dst_mask, hops.0, hops.1)?;
        write!(
            out,
            "{},{},{:012x},{:012x},",
            flow.src_vlan, flow.dst_vlan, flow.in_src_mac, flow.out_dst_mac
        )?;
        writeln!(
            out,
            "{},{},{},{}",
            flow.direction,
            flow.forwarding,
            address(flow.exporter, 4),
            flow.domain
        )?;
    }
    Ok(out.flush()?)
}

fn address(bits: u128, ip: u8) -> IpAddr {
    let [.., a, b, c, d] = bits.to_be_bytes();
    if ip == 6 || bits >> 32 > 0xffff {
        Ipv6Addr::from_bits(bits).into()
    } else {
        Ipv4Addr::new(a, b, c, d).into()
    }
}
