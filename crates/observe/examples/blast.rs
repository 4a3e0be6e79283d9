//! Sends NetFlow v9 over loopback at a settable rate: the generator of `bench/intake`.
//!
//! `blast TO COUNT RATE`: so many flows to an address of this machine, so many a second (0: as fast as it goes). 24 flows a
//! datagram, a template of 19 fields with sampling in options, in four domains, each once per thousand datagrams; a line
//! of JSON at the end. Addresses are skewed as those of a network of customers are.

use std::error::Error;
use std::io::IoSlice;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant, SystemTime};

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg};

fn main() -> Result<(), Box<dyn Error>> {
    let mut told = std::env::args().skip(1);
    let mut next = || told.next().ok_or("usage: blast TO COUNT RATE");
    let to: SocketAddr = next()?.parse()?;
    let (count, rate): (u64, f64) = (next()?.parse()?, next()?.parse()?);
    if !to.ip().is_loopback() {
        return Err("it sends to this machine only".into());
    }
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(to)?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs() as u32;
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut pool: Vec<Vec<u8>> = (0..POOL).map(|_| datagram(&mut dice, now)).collect();
    let mut sequences = [0_u32; DOMAINS as usize];
    let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(GROUP, None);
    let nowhere = vec![None; GROUP];
    for domain in 0..DOMAINS {
        socket.send(&announcement(now, domain, &mut sequences))?;
    }
    std::thread::sleep(Duration::from_millis(300));
    let (began, mut sent, mut datagrams) = (Instant::now(), 0, 0_u64);
    for group in 0.. {
        if sent >= count {
            break;
        }
        let ahead = sent as f64 / rate.max(1.0) - began.elapsed().as_secs_f64();
        if rate > 0.0 && ahead > 0.0 {
            std::thread::sleep(Duration::from_secs_f64(ahead));
        }
        if group % 16 == 15 {
            socket.send(&announcement(now, (group / 16) % DOMAINS, &mut sequences))?;
        }
        let from = (group as usize * GROUP) % POOL;
        let pieces = pool.get_mut(from..from + GROUP).ok_or("the pool is too small")?;
        for (n, piece) in pieces.iter_mut().enumerate() {
            let domain = (n as u32 / 16) % DOMAINS;
            number(piece, domain, &mut sequences);
        }
        let slices: Vec<[IoSlice<'_>; 1]> = pieces.iter().map(|piece| [IoSlice::new(piece)]).collect();
        let mut done = 0;
        while let Some(rest) = slices.get(done..).filter(|rest| !rest.is_empty()) {
            let out = sendmmsg(socket.as_raw_fd(), &mut headers, rest, &nowhere, [], MsgFlags::empty())?;
            done += out.count();
        }
        sent += (GROUP * RECORDS) as u64;
        datagrams += GROUP as u64;
    }
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{{\"records\": {sent}, \"datagrams\": {datagrams}, \"seconds\": {seconds:.3}, \"rate\": {:.0}}}",
        sent as f64 / seconds
    );
    Ok(())
}

/// Puts domain and sequence number into a datagram.
fn number(octets: &mut [u8], domain: u32, sequences: &mut [u32; DOMAINS as usize]) {
    let Some(sequence) = sequences.get_mut(domain as usize) else { return };
    if let Some(place) = octets.get_mut(12..20) {
        place.copy_from_slice(&(u64::from(*sequence) << 32 | u64::from(domain)).to_be_bytes());
    }
    *sequence = sequence.wrapping_add(1);
}

fn head(count: u16, now: u32) -> Vec<u8> {
    let mut out = [9_u16.to_be_bytes(), count.to_be_bytes()].concat();
    out.extend([UPTIME_MS.to_be_bytes(), now.to_be_bytes(), [0; 4], [0; 4]].concat());
    out
}

/// Template, options template and options.
fn announcement(now: u32, domain: u32, sequences: &mut [u32; DOMAINS as usize]) -> Vec<u8> {
    let mut out = head(3, now);
    number(&mut out, domain, sequences);
    let words = |words: &[u16]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
    out.extend(words(&[0, 8 + 4 * FIELDS.len() as u16, 256, FIELDS.len() as u16]));
    FIELDS.iter().for_each(|(id, len)| out.extend(words(&[*id, *len])));
    out.extend(words(&[1, 24, 257, 4, 8, 1, 4, 34, 4, 35, 1, 0]));
    out.extend(words(&[257, 16, 0, domain as u16, 0, 1]));
    out.extend([2, 0, 0, 0]);
    out
}

fn datagram(dice: &mut Dice, now: u32) -> Vec<u8> {
    let mut out = head(RECORDS as u16, now);
    out.extend([256_u16.to_be_bytes(), [0; 2]].concat());
    for _ in 0..RECORDS {
        record(dice, &mut out);
    }
    while !out.len().is_multiple_of(4) {
        out.push(0);
    }
    let len = (out.len() - 20) as u16;
    if let Some(place) = out.get_mut(22..24) {
        place.copy_from_slice(&len.to_be_bytes());
    }
    out
}

fn record(dice: &mut Dice, out: &mut Vec<u8>) {
    let (far, near) = (dice.skewed(200_000), dice.skewed(131_072));
    let far_addr = 0x1000_0000 | far.wrapping_mul(2_654_435_761) >> 4;
    let near_addr = 0x0a00_0000 | near.wrapping_mul(2_654_435_761) >> 14;
    let is_out = dice.below(2) == 1;
    let (src, dst) = if is_out { (near_addr, far_addr) } else { (far_addr, near_addr) };
    let packets = 1 + dice.skewed(5000) / 4;
    let service =
        [443_u16, 443, 443, 443, 80, 53, 123, 3478].get(dice.below(8) as usize).copied().unwrap_or(443);
    let client = 32_768 + dice.below(28_000) as u16;
    let proto = if matches!(service, 53 | 123 | 3478) { 17 } else { 6 };
    let lasted = if packets == 1 { 0 } else { dice.below(packets.min(200) * 300) };
    let (input, output) =
        if is_out { (100 + near % 16, 1 + far % 8) } else { (1 + far % 8, 100 + near % 16) };
    let bytes = packets * (60 + dice.below(1400));
    for number in
        [src, dst, 0xc0a8_0001 + dice.below(8), input, output, packets, bytes, UPTIME_MS - 500 - lasted]
    {
        out.extend(number.to_be_bytes());
    }
    out.extend((UPTIME_MS - 500).to_be_bytes());
    let (sport, dport) = if is_out { (client, service) } else { (service, client) };
    out.extend([sport.to_be_bytes(), dport.to_be_bytes()].concat());
    out.extend([if proto == 6 { 0x1b } else { 0 }, proto, 0, u8::from(is_out)]);
    let far_as = 1 + far % 70_000;
    let (src_as, dst_as) = if is_out { (64_512, far_as) } else { (far_as, 64_512) };
    out.extend([src_as.to_be_bytes(), dst_as.to_be_bytes()].concat());
    out.extend(if is_out { [18, 20] } else { [20, 18] });
}

/// xorshift64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, most: u32) -> u32 {
        (((self.roll() >> 32) * u64::from(most.max(1))) >> 32) as u32
    }

    /// Small numbers often, large ones seldom.
    fn skewed(&mut self, most: u32) -> u32 {
        let part = f64::from(self.below(1 << 30)) / f64::from(1 << 30);
        (f64::from(most).powf(part) - 1.0) as u32
    }
}

const FIELDS: [(u16, u16); 19] = [
    (8, 4),
    (12, 4),
    (15, 4),
    (10, 4),
    (14, 4),
    (2, 4),
    (1, 4),
    (22, 4),
    (21, 4),
    (7, 2),
    (11, 2),
    (6, 1),
    (4, 1),
    (5, 1),
    (61, 1),
    (16, 4),
    (17, 4),
    (9, 1),
    (13, 1),
];
const RECORDS: usize = 24;
const DOMAINS: u32 = 4;
const GROUP: usize = 64;
const POOL: usize = 32_768;
const UPTIME_MS: u32 = 86_400_000;
