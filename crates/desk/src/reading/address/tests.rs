#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use super::*;

fn read(text: &str) -> String {
    read_endpoint(text).unwrap().to_string()
}

#[test]
fn every_written_form_of_one_endpoint_is_read_as_that_endpoint() {
    for text in [
        "203.0.113.7:40123",
        " 203.0.113.7:40123 ",
        "203[.]0[.]113[.]7:40123",
        "２０３.0.113.7：40123",
        "[::ffff:203.0.113.7]:40123",
    ] {
        assert_eq!(read(text), "203.0.113.7:40123", "{text}");
    }
    assert_eq!(read("2001:DB8:0:0::1"), "2001:db8::1");
    assert_eq!(read("[2001:db8::1]:443"), "[2001:db8::1]:443");
    assert_eq!(read("[2001:db8::1]"), "2001:db8::1");
}

#[test]
fn what_could_mean_something_else_is_refused() {
    for (text, fault) in [
        ("203.0.113.07", AddressFault::LeadingZero),
        ("203.0.113.7:65536", AddressFault::Port),
        ("203.0.113.7:", AddressFault::Port),
        ("203.0.113.7:+80", AddressFault::Port),
        ("203.0.113.0/24", AddressFault::Prefix),
        ("fe80::1%eth0", AddressFault::Zone),
        ("203.0.113", AddressFault::NotAnAddress),
        ("203.0.113.256", AddressFault::NotAnAddress),
        ("example.net", AddressFault::NotAnAddress),
        ("", AddressFault::NotAnAddress),
        ("[2001:db8::1", AddressFault::NotAnAddress),
    ] {
        assert_eq!(read_endpoint(text), Err(fault), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused_without_a_panic(text in "\\PC{0,60}") {
        let _ = read_endpoint(&text);
    }

    #[test]
    fn what_is_printed_is_read_back(addr: IpAddr, port: Option<u16>) {
        let addr = match addr { IpAddr::V6(v6) => unmapped(v6), v4 => v4 };
        let endpoint = Endpoint { addr, port, proto: Protocol::ANY };
        proptest::prop_assert_eq!(read_endpoint(&endpoint.to_string()), Ok(endpoint));
    }
}
