//! The reader of files, plugged into the desk: `observe` knows the formats, the desk does not.

use std::io::Read;
use std::ops::ControlFlow;

use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};
use tadoru_desk::DeskError;
use tadoru_desk::import::{FileReader, FileReport, ImportError, Item, Reading};
use tadoru_model::{Identity, IdentityKind, Prefix, Realm, Span, SubscriberId, UtcMicros};
use tadoru_observe::{Format, Options, files};
use tadoru_store::subscribers::{Channel, Contact, IdentityLevel, LineName, Subscriber};
use tadoru_wire::tables::subscribers as wire;

/// Reads the formats that `observe` knows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Formats;

impl FileReader for Formats {
    fn is_operators_table(&self, format: &str) -> bool {
        use Format::{CgnRules, MapE, Softwires, Static, Subscribers, Venue};
        Format::parse(format)
            .is_some_and(|f| matches!(f, CgnRules | MapE | Softwires | Static | Subscribers | Venue))
    }

    fn read(
        &self,
        reading: &Reading,
        input: &mut (dyn Read + Send),
        sink: &mut dyn FnMut(Item) -> Result<(), DeskError>,
    ) -> Result<FileReport, ImportError> {
        let Some(format) = Format::parse(&reading.format) else {
            let known: Vec<&str> = Format::ALL.iter().map(|f| f.as_str()).collect();
            return Err(ImportError::Format { format: reading.format.clone(), known: known.join(", ") });
        };
        let zone = match &reading.zone {
            None => None,
            Some(name) => Some(TimeZone::get(name).map_err(|_| ImportError::Zone { zone: name.clone() })?),
        };
        let options = Options {
            source: reading.source.clone(),
            realm: reading.realm.clone(),
            inside_realm: reading.inside_realm.clone(),
            zone,
            now: reading.now,
        };
        let mut fault = None;
        let mut hashed = Hashed { input, digest: Sha256::new() };
        let report = files::read(
            format,
            &mut hashed,
            &reading.name,
            &options,
            &mut |item| {
                let item = match item {
                    files::Item::Observation(observation) => Item::Observation(observation),
                    files::Item::Rule(rule) => Item::Rule(rule),
                    files::Item::Subscriber(_, row) => {
                        Item::Contract(Box::new(contract(*row, &reading.inside_realm)))
                    }
                    files::Item::Flows(flows) => Item::Flows(flows),
                };
                match sink(item) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        fault = Some(error);
                        ControlFlow::Break(())
                    }
                }
            },
            &mut |_| {},
        )
        .map_err(|error| ImportError::Input {
            format: reading.format.clone(),
            name: reading.name.clone(),
            source: Box::new(error),
        })?;
        if let Some(error) = fault {
            return Err(error.into());
        }
        // What lies behind the last record belongs to the file too, and to its digest.
        std::io::copy(&mut hashed, &mut std::io::sink()).map_err(|error| ImportError::Input {
            format: reading.format.clone(),
            name: reading.name.clone(),
            source: Box::new(error),
        })?;
        Ok(FileReport {
            records: report.records,
            kept: report.kept,
            ignored: report.ignored,
            defective: report.defect_count,
            defects: report.defects.iter().map(ToString::to_string).collect(),
            sha256: hashed.digest.finalize().iter().map(|b| format!("{b:02x}")).collect(),
        })
    }
}

/// An input whose digest is taken while it is read.
struct Hashed<'a> {
    input: &'a mut (dyn Read + Send),
    digest: Sha256,
}

impl Read for Hashed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.input.read(buffer)?;
        self.digest.update(buffer.get(..n).unwrap_or_default());
        Ok(n)
    }
}

/// A row of the table as a contract. Inside addresses are said in the row's realm, else in the import's.
fn contract(row: wire::SubscriberRow, realm: &Realm) -> Subscriber {
    let wire::LineIds {
        logins,
        macs,
        circuit_ids,
        remote_ids,
        imsis,
        duids,
        client_ids,
        calling_station_ids,
        inside_addresses,
        realm: told,
    } = row.lines;
    let text = |kind| move |value: String| LineName::always(Identity::new(kind, value));
    let hexed = |kind| move |value: Vec<u8>| LineName::always(Identity::new(kind, hex(&value)));
    let realm = told.map_or_else(|| realm.clone(), |r| Realm::from(r.as_str()));
    let inside = |prefix: tadoru_wire::tables::Prefix| {
        let prefix =
            Prefix::covering(prefix.address, prefix.len).unwrap_or_else(|_| Prefix::host(prefix.address));
        LineName {
            realm: (!realm.is_untold()).then(|| realm.clone()),
            ..LineName::always(Identity::new(IdentityKind::InsideAddress, prefix.to_string()))
        }
    };
    let mac = |mac: [u8; 6]| {
        let text: Vec<String> = mac.iter().map(|b| format!("{b:02x}")).collect();
        LineName::always(Identity::new(IdentityKind::HardwareAddress, text.join(":")))
    };
    let lines = logins
        .into_iter()
        .map(text(IdentityKind::Login))
        .chain(imsis.into_iter().map(text(IdentityKind::Imsi)))
        .chain(calling_station_ids.into_iter().map(text(IdentityKind::CallingStation)))
        .chain(circuit_ids.into_iter().map(hexed(IdentityKind::CircuitId)))
        .chain(remote_ids.into_iter().map(hexed(IdentityKind::RemoteId)))
        .chain(duids.into_iter().map(hexed(IdentityKind::Duid)))
        .chain(client_ids.into_iter().map(hexed(IdentityKind::ClientId)))
        .chain(macs.into_iter().map(mac))
        .chain(inside_addresses.into_iter().map(inside))
        .collect();
    let time = |us: Option<i64>, otherwise| us.map_or(otherwise, UtcMicros);
    Subscriber {
        id: SubscriberId(row.subscriber),
        class: row.class,
        lines,
        contract: Span::new(
            time(row.contract_from_us, UtcMicros::MIN),
            time(row.contract_until_us, UtcMicros::MAX),
        ),
        identity_level: row.identity_level.map(level),
        contact: Contact {
            name: row.contact.name,
            mail: row.contact.mail,
            phone: row.contact.phone,
            postal: row.contact.postal,
            portal: None,
            prefers: row.contact.channel.as_deref().and_then(channel),
        },
    }
}

const fn level(level: wire::IdentityLevel) -> IdentityLevel {
    match level {
        wire::IdentityLevel::None => IdentityLevel::None,
        wire::IdentityLevel::SelfDeclared => IdentityLevel::SelfDeclared,
        wire::IdentityLevel::Card => IdentityLevel::Card,
        wire::IdentityLevel::MailConfirmed => IdentityLevel::MailConfirmed,
        wire::IdentityLevel::ResponsiblePerson => IdentityLevel::ResponsiblePerson,
        wire::IdentityLevel::Document => IdentityLevel::Document,
        wire::IdentityLevel::InPerson => IdentityLevel::InPerson,
    }
}

fn channel(word: &str) -> Option<Channel> {
    match word.to_ascii_lowercase().as_str() {
        "mail" | "email" | "e-mail" => Some(Channel::Mail),
        "phone" | "telephone" => Some(Channel::Phone),
        "postal" | "post" | "letter" => Some(Channel::Postal),
        "portal" => Some(Channel::Portal),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
