//! `tadoru exporters`: how each exporter of flows fares.

use std::process::ExitCode;

use tadoru_web::api::exporters::{Address, Exporter, Exporters, Reception};

use crate::cli::Global;
use crate::door::{CommandError, Door};
use crate::print;

/// Prints the exporters, and who is none.
///
/// # Errors
/// When the desk cannot be asked.
pub async fn run(global: &Global, door: &Door) -> Result<ExitCode, CommandError> {
    let told: Exporters = door.get("/v1/exporters").await?;
    if global.json {
        print::json(&told);
        return Ok(ExitCode::SUCCESS);
    }
    let Some(reception) = &told.reception else {
        println!("no desk that receives flows is served; set [sources.flows] and run `tadoru serve`");
        return Ok(ExitCode::SUCCESS);
    };
    if told.exporters.is_empty() {
        println!("nothing has been read of any exporter yet");
    } else {
        table(&told.exporters);
    }
    let lines = remarks(&told.exporters).into_iter().chain(told.addresses.iter().flat_map(of_address));
    for line in lines.chain(at_the_door(reception)) {
        println!("{line}");
    }
    for one in &told.unknown {
        println!(
            "unknown sender {}: {} datagrams, last {}",
            one.address,
            print::number(one.datagrams),
            one.last
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn table(exporters: &[Exporter]) {
    let mut table = print::table(&[
        "exporter",
        "protocol",
        ">domain",
        ">flows/s",
        ">flows",
        ">lost",
        ">waiting",
        ">sampling",
        "by",
        ">skew",
        ">jumps",
        ">last",
        "state",
    ]);
    for one in exporters {
        let address = match one.port {
            Some(port) if one.address.contains(':') => format!("[{}]:{port}", one.address),
            Some(port) => format!("{}:{port}", one.address),
            None => one.address.clone(),
        };
        table.add_row([
            one.name.as_ref().map_or(address.clone(), |name| format!("{name} {address}")),
            one.protocol.clone(),
            one.domain.to_string(),
            format!("{:.1}", one.rate),
            print::number(one.flows),
            print::number(one.lost),
            print::number(one.waiting_datagrams),
            one.sampling.map_or_else(|| "-".to_owned(), |rate| format!("1:{rate}")),
            one.sampling_from.clone().unwrap_or_else(|| "-".to_owned()),
            one.skew_us.map_or_else(|| "-".to_owned(), seconds),
            one.clock_jumps.to_string(),
            format!("{} s ago", print::number(one.silent_s)),
            one.standing.clone(),
        ]);
    }
    print::show(&table);
}

/// What needs a sentence.
fn remarks(exporters: &[Exporter]) -> Vec<String> {
    let mut lines = Vec::new();
    for one in exporters {
        let name = one.name.as_ref().unwrap_or(&one.address);
        if one.correction_us != 0 {
            lines.push(format!(
                "{name}: its clock is off; {} are taken from its times ({} flows so far)",
                seconds(one.correction_us),
                print::number(one.corrected)
            ));
        }
        if one.nat_events > 0 {
            lines.push(format!(
                "{name}: {} NAT events are not read here; send them to [sources.export]",
                print::number(one.nat_events)
            ));
        }
    }
    lines
}

/// What waits, was dropped, or could not be read of an address.
fn of_address(one: &Address) -> Vec<String> {
    let name = one.name.as_ref().unwrap_or(&one.address);
    let number = print::number;
    let mut lines = Vec::new();
    if one.unread_domains > 0 {
        lines.push(format!(
            "{name}: {} domains of which neither a template nor a record has been read",
            number(one.unread_domains)
        ));
    }
    if one.waiting_datagrams > 0 || one.dropped_sets > 0 {
        lines.push(format!(
            "{name}: {} data sets wait for their template ({} octets); {} were dropped, as none came",
            number(one.waiting_datagrams),
            number(one.waiting_octets),
            number(one.dropped_sets)
        ));
    }
    let causes = one.defects.iter();
    lines.extend(causes.map(|(cause, times)| format!("{name}: {} × {cause}", number(*times))));
    lines
}

/// What was counted before anybody looked into it.
fn at_the_door(reception: &Reception) -> Vec<String> {
    let number = print::number;
    let mut lines = vec![format!(
        "{} datagrams received, {} kept, {} of unknown senders ({} quarantined), {} dropped by the system",
        number(reception.received),
        number(reception.kept),
        number(reception.unknown),
        number(reception.quarantined),
        number(reception.kernel_drops),
    )];
    lines.extend(reception.trouble.clone());
    lines
}

/// Microseconds as seconds with a sign.
fn seconds(us: i64) -> String {
    let tenths = us / 100_000;
    format!("{}{}.{} s", if us < 0 { "-" } else { "+" }, tenths.abs() / 10, tenths.abs() % 10)
}
