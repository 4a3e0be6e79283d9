//! Writes flows as nfdump 1.7 keeps them: file layout 2, one block that is not compressed.

use tadoru_model::Flow;

/// A file with these flows. The number of a flow stands as its next AS, so that nfdump can print it.
pub fn file(flows: &[Flow]) -> Vec<u8> {
    let records: Vec<u8> = flows.iter().zip(0..).flat_map(|(flow, number)| record(flow, number)).collect();
    let mut file = header(1, 1);
    let (count, len) = (u32::try_from(flows.len()).unwrap(), u32::try_from(records.len()).unwrap());
    put(&mut file, &[&count.to_le_bytes(), &len.to_le_bytes(), &3_u16.to_le_bytes(), &0_u16.to_le_bytes()]);
    file.extend(records);
    file
}

/// A database of countries without an entry: nfdump 1.7.1 takes no filter on an AS without one.
pub fn no_countries() -> Vec<u8> {
    header(7, 0)
}

fn header(creator: u32, blocks: u32) -> Vec<u8> {
    let mut file = Vec::new();
    put(&mut file, &[&0xa50c_u16.to_le_bytes(), &2_u16.to_le_bytes(), &0xf107_0100_u32.to_le_bytes()]);
    put(&mut file, &[&0_u64.to_le_bytes(), &[0, 0], &0_u16.to_le_bytes(), &creator.to_le_bytes()]);
    put(&mut file, &[&0_u64.to_le_bytes(), &(1_u32 << 21).to_le_bytes(), &blocks.to_le_bytes()]);
    file
}

fn record(flow: &Flow, number: u32) -> Vec<u8> {
    let ms = |us: i64| u64::try_from(us / 1000).unwrap().to_le_bytes();
    let mut elements = vec![element(
        1,
        &[
            &ms(flow.first_us),
            &ms(flow.last_us),
            &ms(flow.received_us),
            &flow.packets.to_le_bytes(),
            &flow.bytes.to_le_bytes(),
            &flow.src_port.to_le_bytes(),
            &flow.dst_port.to_le_bytes(),
            &[flow.proto, flow.tcp_flags, flow.forwarding, flow.tos],
        ],
    )];
    elements.push(match flow.ip {
        4 => element(2, &[&v4(flow.src), &v4(flow.dst)]),
        _ => element(3, &[&v6(flow.src), &v6(flow.dst)]),
    });
    let sides = [flow.src_mask, flow.dst_mask, flow.direction, 0, 0, 0, 0, 0];
    elements.push(element(4, &[&flow.input.to_le_bytes(), &flow.output.to_le_bytes(), &sides]));
    let counts = [u64::from(flow.flows), flow.reverse_packets, flow.reverse_bytes];
    elements.push(element(5, &counts.map(u64::to_le_bytes).each_ref().map(<[u8; 8]>::as_slice)));
    let vlans = [u32::from(flow.src_vlan), u32::from(flow.dst_vlan)].map(u32::to_le_bytes);
    elements.push(element(6, &[&vlans[0], &vlans[1]]));
    elements.push(element(7, &[&flow.src_as.to_le_bytes(), &flow.dst_as.to_le_bytes()]));
    for (bits, id) in [(flow.bgp_next_hop, 8), (flow.next_hop, 10), (flow.exporter, 12)] {
        elements.push(if is_v4(bits) { element(id, &[&v4(bits)]) } else { element(id + 1, &[&v6(bits)]) });
    }
    let macs = [flow.in_src_mac, flow.out_dst_mac, 0, 0].map(u64::to_le_bytes);
    elements.push(element(15, &macs.each_ref().map(<[u8; 8]>::as_slice)));
    elements.push(element(16, &[&number.to_le_bytes(), &0_u32.to_le_bytes()]));
    elements.push(element(33, &[&0_u64.to_le_bytes(), &flow.domain.to_le_bytes()]));

    let count = u16::try_from(elements.len()).unwrap();
    let body: Vec<u8> = elements.concat();
    let len = u16::try_from(body.len() + 12).unwrap();
    let mut record = Vec::new();
    put(&mut record, &[&11_u16.to_le_bytes(), &len.to_le_bytes(), &count.to_le_bytes(), &[0, 0, 1, 0, 0, 9]]);
    record.extend(body);
    record
}

fn element(id: u16, fields: &[&[u8]]) -> Vec<u8> {
    let body = fields.concat();
    let len = u16::try_from(body.len() + 4).unwrap();
    [&id.to_le_bytes(), len.to_le_bytes().as_slice(), &body].concat()
}

fn is_v4(bits: u128) -> bool {
    bits >> 32 == 0xffff
}

fn v4(bits: u128) -> [u8; 4] {
    u32::try_from(bits & 0xffff_ffff).unwrap().to_le_bytes()
}

fn v6(bits: u128) -> [u8; 16] {
    let (high, low) =
        (u64::try_from(bits >> 64).unwrap(), u64::try_from(bits & u128::from(u64::MAX)).unwrap());
    [high.to_le_bytes(), low.to_le_bytes()].concat().try_into().unwrap()
}

fn put(file: &mut Vec<u8>, fields: &[&[u8]]) {
    file.extend(fields.concat());
}
