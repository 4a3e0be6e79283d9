//! Laws of figures: a unit always, and no figure that grows by its rounding into the next unit.

use super::*;

#[test]
fn figures_have_their_unit() {
    assert_eq!(
        (bits(0.0), bits(999.0), bits(1_500_000.0)),
        ("0 bit/s".into(), "999 bit/s".into(), "1.5 Mbit/s".into())
    );
    assert_eq!((bits(999_960.0), bits(9e15)), ("1.0 Mbit/s".into(), "9000.0 Tbit/s".into()));
    assert_eq!((octets(0), octets(1023), octets(1536)), ("0 B".into(), "1023 B".into(), "1.5 KiB".into()));
    assert_eq!((percent(0.904), packets(1234.5)), ("90.4 %".into(), "1,235".into()));
    assert_eq!(
        (duration(0), duration(252), duration(90_061)),
        ("0 s".into(), "4 m 12 s".into(), "1 d 1 h 1 m 1 s".into())
    );
    assert_eq!(
        (skew(0), skew(-250_000), skew(3_600_000_000)),
        ("0 s".into(), "−250 ms".into(), "+1 h".into())
    );
    assert_eq!(lasted(Some("2026-11-21T01:00:00Z"), Some("2026-11-21T01:04:12Z")), "4 m 12 s");
    assert_eq!(lasted(None, Some("2026-11-21T01:04:12Z")), "—");
}
