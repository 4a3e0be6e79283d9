//! RADIUS accounting from files: detail files and captures.

use std::io;
use std::net::IpAddr;

use jiff::tz::TimeZone;
use tadoru_model::UtcMicros;
use tadoru_wire::dictionary::Dictionary;
use tadoru_wire::pcap::{Completeness, Packets, udp_payload};
use tadoru_wire::radius::{Accounting, Code, Packet, detail};
use tadoru_wire::{Defect, Place};

use super::Task;
use super::input::Input;
use super::tally::Tally;
use crate::records::accounting::{Origin, observation};

impl Task<'_> {
    /// Entries of a detail file.
    pub(super) fn radius_detail(&self, input: &mut Input<'_>, tally: &mut Tally<'_>) -> io::Result<()> {
        let utc = TimeZone::UTC;
        let zone = self.options.zone.as_ref().unwrap_or(&utc);
        for entry in detail::Reader::new(input, Dictionary::builtin(), zone) {
            let entry = entry?;
            tally.record();
            for defect in entry.defects {
                tally.defect(defect);
            }
            let Some(record) = entry.record else { continue };
            let converted = observation(&record, &self.accounting(None, None, entry.line));
            if tally.converted(Place::Line(entry.line), converted).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Accounting-Requests of a capture; whether they were signed rightly cannot be told without the secret.
    pub(super) fn radius_capture(&self, input: &mut Input<'_>, tally: &mut Tally<'_>) -> io::Result<()> {
        for packet in Packets::new(input) {
            let Some(packet) = tally.sound(packet)? else { continue };
            tally.record();
            let Some(datagram) = udp_payload(&packet) else {
                tally.ignored();
                continue;
            };
            let ours = PORTS.contains(&datagram.dst_port);
            let place = Place::Byte(packet.offset);
            let request = match Packet::parse(datagram.payload) {
                Ok(request) if request.code() == Code::ACCOUNTING_REQUEST => request,
                Err(_) if ours => {
                    let what = match datagram.completeness {
                        Completeness::Whole => "datagram is not a RADIUS packet",
                        Completeness::FirstFragment => "datagram is in fragments",
                        Completeness::Cut => "datagram is not captured whole",
                    };
                    tally.defect(Defect { place, what: what.to_owned() });
                    continue;
                }
                _ => {
                    tally.ignored();
                    continue;
                }
            };
            let (record, defects) = Accounting::from_packet(&request, Dictionary::builtin());
            for defect in defects {
                // The reader of a capture looks for the packet first.
                tally.defect(Defect { place, what: format!("packet's {defect}") });
            }
            let origin = self.accounting(Some(datagram.src), packet.time_us, packet.offset);
            if tally.converted(place, observation(&record, &origin)).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn accounting(&self, sender: Option<IpAddr>, arrival_us: Option<i64>, record: u64) -> Origin<'_> {
        Origin {
            sender,
            arrival: arrival_us.map(UtcMicros),
            source: self.options.source.as_ref(),
            realm: &self.options.realm,
            record,
        }
    }
}

/// Ports of RADIUS accounting: the assigned one (RFC 2866), and the one that was used before.
const PORTS: [u16; 2] = [1813, 1646];
