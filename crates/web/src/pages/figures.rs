//! Figures as network people read them: rates, amounts, shares, lengths of time.

/// Packets in a second.
pub fn packets(rate: f64) -> String {
    super::number(rate.max(0.0).round() as u64)
}

/// Bits in a second, with the decimal prefix that network people use.
pub fn bits(rate: f64) -> String {
    let mut scaled = rate.max(0.0);
    for prefix in ["", "k", "M", "G", "T"] {
        if scaled < 999.95 || prefix == "T" {
            let figure = if prefix.is_empty() { format!("{scaled:.0}") } else { format!("{scaled:.1}") };
            return format!("{figure} {prefix}bit/s");
        }
        scaled /= 1000.0;
    }
    String::new()
}

/// Octets in binary units.
pub fn octets(count: u64) -> String {
    let mut scaled = count as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if scaled < 1023.95 {
            return if unit == "B" { format!("{count} B") } else { format!("{scaled:.1} {unit}") };
        }
        scaled /= 1024.0;
    }
    format!("{scaled:.1} TiB")
}

/// A part of a whole.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Seconds as `1 h 4 m 12 s`; the parts that are nothing are left out.
pub fn duration(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let parts =
        [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let told = parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count} {unit}"));
    let told = told.collect::<Vec<_>>().join(" ");
    if told.is_empty() { "0 s".to_owned() } else { told }
}

/// How long it was from one instant of the API to another; a dash where one is missing.
pub fn lasted(from: Option<&str>, until: Option<&str>) -> String {
    match (from.and_then(super::times::seconds), until.and_then(super::times::seconds)) {
        (Some(from), Some(until)) => duration((until - from).round() as i64),
        _ => "—".to_owned(),
    }
}

/// Microseconds of a clock that is ahead (or behind), in a unit that reads.
pub fn skew(us: i64) -> String {
    let seconds = us as f64 / 1e6;
    let sign = if us < 0 { "−" } else { "+" };
    match seconds.abs() {
        size if size < 0.0005 => "0 s".to_owned(),
        size if size < 1.0 => format!("{sign}{:.0} ms", size * 1000.0),
        size if size < 120.0 => format!("{sign}{size:.1} s"),
        size => format!("{sign}{}", duration(size.round() as i64)),
    }
}

#[cfg(test)]
mod tests;
