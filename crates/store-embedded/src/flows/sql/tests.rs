//! What statements see, what they cannot do, and where they are cut.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use tadoru_model::Flow;
use tadoru_model::flow::to_bits;

use super::*;

fn flow(n: u32) -> Flow {
    Flow {
        first_us: 1_795_230_000_123_456 + i64::from(n) * 1_000_000,
        last_us: 1_795_230_002_623_456 + i64::from(n) * 1_000_000,
        received_us: 1_795_230_003_000_000,
        exporter: to_bits("198.51.100.1".parse().unwrap()),
        ip: if n.is_multiple_of(10) { 6 } else { 4 },
        src: if n.is_multiple_of(10) {
            to_bits(format!("2001:db8::{n:x}").parse().unwrap())
        } else {
            to_bits(std::net::Ipv4Addr::from_bits(0xc000_0200 + n % 256).into())
        },
        dst: to_bits("203.0.113.7".parse().unwrap()),
        src_port: 53,
        dst_port: 4000 + (n % 5) as u16,
        proto: 17,
        packets: 2,
        bytes: u64::from(n),
        flows: 1,
        sampling: 1000,
        in_src_mac: 0x0011_2233_4455,
        ..Flow::default()
    }
}

fn flows(rows: u32) -> Batch {
    let mut flows = Batch::default();
    (0..rows).map(flow).for_each(|flow| flows.push(flow));
    flows
}

fn asked(flows: &Batch, text: &str, bounds: Bounds) -> Result<Table, FlowsError> {
    query(flows, &Statement::parse(text).unwrap(), bounds)
}

fn table(rows: u32, text: &str) -> Table {
    asked(&flows(rows), text, Bounds::default()).unwrap()
}

fn fault(text: &str) -> SqlFault {
    match asked(&flows(3), text, Bounds::default()) {
        Err(FlowsError::Sql(fault)) => fault,
        other => panic!("{text}: {other:?}"),
    }
}

fn text(value: &Value) -> &str {
    match value {
        Value::Text(text) => text,
        _ => panic!("no text"),
    }
}

#[test]
fn a_row_is_the_flow_with_addresses_times_and_numbers() {
    let told = table(
        12,
        "SELECT src, dst, first, duration_ms, src_net, in_src_mac, next_hop, src_int, bytes * 1.5 \
                          FROM flows WHERE bytes IN (10, 11) ORDER BY bytes",
    );
    assert_eq!(told.columns[..3], ["src", "dst", "first"]);
    let [six, four] = &told.rows[..] else { panic!("{told:?}") };
    assert_eq!(text(&six[0]), "2001:db8::a");
    assert_eq!(text(&six[4]), "2001:db8::/56");
    assert!(six[7] == Value::Null && six[6] == Value::Null);
    assert_eq!((text(&four[0]), text(&four[4])), ("192.0.2.11", "192.0.2.0/24"));
    assert_eq!(text(&four[2]), "2026-11-21T03:00:11.123456Z");
    assert!(four[3] == Value::Integer(2500) && four[7] == Value::Integer(0xc000_020b));
    assert!(four[8] == Value::Real(16.5));
    assert_eq!(text(&four[5]), "00:11:22:33:44:55");
    let sums = table(1203, "SELECT dst_port, count(*), sum(bytes) FROM flows GROUP BY dst_port ORDER BY 1");
    assert!(sums.rows[0] == [4000, 241, 144_600].map(Value::Integer));
    assert_eq!(table(0, "SELECT count(*) FROM flows").rows.len(), 1);
}

#[test]
fn nothing_is_written_attached_loaded_or_set() {
    for text in [
        "WITH t AS (SELECT 1) DELETE FROM flows",
        "WITH t AS (SELECT 1) INSERT INTO flows (bytes) SELECT 1",
        "WITH t AS (SELECT 1) UPDATE flows SET bytes = 0",
        "SELECT load_extension('/tmp/x.so')",
        "SELECT * FROM pragma_query_only(0)",
        "SELECT readfile('/etc/passwd')",
        "SELECT writefile('/tmp/x', 'y')",
        "SELECT * FROM cases.desk_case",
        "SELECT edit('x')",
    ] {
        assert!(matches!(fault(text), SqlFault::Refused(_)), "{text}");
    }
    let others = table(3, "SELECT name FROM sqlite_schema UNION ALL SELECT file FROM pragma_database_list");
    let named: Vec<&str> = others.rows.iter().map(|row| text(&row[0])).collect();
    assert_eq!(named, ["flows", ""], "one table, in no file");
    assert_eq!(table(3, "SELECT 1 FROM flows -- )").rows.len(), 3);
}

#[test]
fn what_is_wrong_is_told_without_an_address() {
    let told = fault("SELECT absent FROM flows WHERE src = '192.0.2.7'").to_string();
    assert!(told.contains("no such column: absent"), "{told}");
    assert!(!fault("SELECT \"192.0.2.7\".x FROM flows").to_string().contains("192.0.2.7"));
}

#[test]
fn endless_statements_end() {
    let bounds = Bounds { time: Duration::from_millis(300), ..Bounds::default() };
    for text in [
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
        "SELECT count(*) FROM flows a, flows b, flows c, flows d",
    ] {
        let told = asked(&flows(2000), text, bounds);
        assert!(matches!(told, Err(FlowsError::Sql(SqlFault::TooSlow(_)))), "{text}: {told:?}");
    }
}

#[test]
fn an_answer_is_cut_by_rows_and_by_bytes() {
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    let few = asked(&flows(1), endless, Bounds { rows: 7, ..Bounds::default() }).unwrap();
    assert_eq!((few.rows.len(), few.cut), (7, true));
    let long =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT hex(zeroblob(10000)) FROM n";
    let small = asked(&flows(1), long, Bounds { bytes: 100_000, ..Bounds::default() }).unwrap();
    assert_eq!((small.rows.len(), small.cut), (4, true));
    let all = asked(&flows(7), "SELECT bytes FROM flows", Bounds { rows: 7, ..Bounds::default() }).unwrap();
    assert_eq!((all.rows.len(), all.cut), (7, false));
}

#[test]
fn memory_is_bounded() {
    for text in [
        "WITH RECURSIVE n(x) AS (SELECT 'xxxxxxxx' UNION ALL SELECT x || x FROM n) SELECT max(length(x)) FROM n",
        "SELECT length(hex(zeroblob(600000000)))",
    ] {
        let told = fault(text);
        assert!(matches!(told, SqlFault::TooMuch | SqlFault::TooSlow(_)), "{text}: {told:?}");
    }
    assert_eq!(table(3, "SELECT 1 FROM flows").rows.len(), 3, "and the next statement runs");
}
