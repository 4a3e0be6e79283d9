#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use std::path::Path;

use super::*;
use crate::defect::Place;

fn read(text: &str) -> (Dictionary, Vec<Defect>) {
    let mut dictionary = Dictionary::default();
    let defects = dictionary.read(text, &mut |_| None);
    (dictionary, defects)
}

#[test]
fn our_own_files_have_no_defect() {
    let mut dictionary = Dictionary::default();
    for (name, text) in BUILTIN_FILES {
        assert_eq!(dictionary.read(text, &mut |_| None), [], "{name}");
    }
    assert_eq!(dictionary.len(), Dictionary::builtin().len());
}

#[test]
fn the_numbers_of_the_rfcs_are_known() {
    let dictionary = Dictionary::builtin();
    for (name, oid, kind) in [
        ("Framed-IP-Address", "8", Kind::Ipv4),
        ("acct-status-type", "40", Kind::Integer),
        ("Delegated-IPv6-Prefix", "123", Kind::Ipv6Prefix),
        ("Framed-IPv6-Address", "168", Kind::Ipv6),
        ("IP-Port-Range-Range-Start", "241.6.9", Kind::Integer),
        ("Extended-Vendor-Specific-6", "246.26", Kind::ExtendedVendorSpecific),
        ("3GPP-IMSI", "26.10415.1", Kind::Text),
        ("Agent-Circuit-Id", "26.2352.97", Kind::Octets),
        ("ADSL-Agent-Circuit-Id", "26.3561.1", Kind::Octets),
    ] {
        let found = dictionary.find(name).unwrap();
        assert_eq!(found, Oid::parse(oid).unwrap(), "{name}");
        assert_eq!(dictionary.attribute(found).unwrap().kind, kind, "{name}");
    }
    assert_eq!(dictionary.value("Acct-Status-Type", "Alive"), Some(3));
    assert_eq!(dictionary.value("ACCT-STATUS-TYPE", "interim-update"), Some(3));
    assert_eq!(dictionary.value("Acct-Status-Type", "Nonsense"), None);
}

#[test]
fn attributes_are_found_by_the_numbers_that_servers_print() {
    let dictionary = Dictionary::builtin();
    let imsi = Oid::new(&[26, 10415, 1]);
    for name in [
        "Attr-26.10415.1",
        "Vendor-10415-Attr-1",
        "Unknown-Attr-26.10415.1",
        "raw.26.10415.1",
        "26.10415.1",
        "Vendor-Specific.3GPP.IMSI",
        "Vendor-Specific.3GPP.3GPP-IMSI",
    ] {
        assert_eq!(dictionary.find(name), imsi, "{name}");
    }
    assert_eq!(dictionary.find("Attr-8"), Some(Oid::plain(8)));
    for name in [
        "",
        "Attr-",
        "Vendor-x-Attr-1",
        "Nothing",
        "1.2.3.4.5.6.7.8.9",
        "Vendor-Specific.3GPP.Nothing",
        "4294967296",
    ] {
        assert_eq!(dictionary.find(name), None, "{name}");
    }
}

#[test]
fn every_form_of_line_is_read() {
    let text = "VENDOR Example 32473 format=2,1\nVENDOR Wide 9999 format=1,1,c # note\n\
        ATTRIBUTE Plain 0x0b string\nATTRIBUTE Tagged 12 integer has_tag,encrypt=2\nATTRIBUTE Fixed 13 octets[6] concat\n\
        ATTRIBUTE Old 7 ipaddr Example\n\
        BEGIN-VENDOR Example\nATTRIBUTE Example-Big 300 ether\nATTRIBUTE Example-Set 2 tlv\n\
        BEGIN-TLV Example-Set\nATTRIBUTE Example-In 1 short\nATTRIBUTE Example-Deep 2 tlv\nATTRIBUTE Example-Deepest 2.5 byte array\n\
        END-TLV Example-Set\nEND-VENDOR Example\n\
        ATTRIBUTE Ext 245 long-extended\nATTRIBUTE Evs 245.26 evs\n\
        BEGIN-VENDOR Wide format=Evs\nATTRIBUTE Wide-One 1 integer64\nEND-VENDOR Wide\n\
        VALUE Plain Zero 0x00\nVALUE Later-Known One 1\n";
    let (dictionary, defects) = read(text);
    assert_eq!(defects, []);
    assert_eq!(
        dictionary.vendor(32473).unwrap().format,
        Format { type_octets: 2, length_octets: 1, continued: false }
    );
    assert!(dictionary.vendor(9999).unwrap().format.continued);
    for (name, oid) in [
        ("Plain", "11"),
        ("Old", "26.32473.7"),
        ("Example-Big", "26.32473.300"),
        ("Example-In", "26.32473.2.1"),
        ("Example-Deepest", "26.32473.2.2.5"),
        ("Wide-One", "245.26.9999.1"),
    ] {
        assert_eq!(dictionary.find(name), Oid::parse(oid), "{name}");
    }
    let flags = |name: &str| dictionary.attribute(dictionary.find(name).unwrap()).unwrap().flags;
    assert_eq!((flags("Tagged").tagged, flags("Tagged").hidden_by), (true, Some(2)));
    assert_eq!((flags("Fixed").length, flags("Fixed").joined), (Some(6), true));
    assert!(flags("Example-Deepest").array);
    assert_eq!(dictionary.value("Later-Known", "one"), Some(1));
}

#[test]
fn a_bad_line_is_a_defect_and_loses_no_neighbour() {
    for bad in [
        "ATTRIBUTE Name 1",
        "ATTRIBUTE Name x string",
        "ATTRIBUTE Name 1 colour",
        "ATTRIBUTE Name 1 octets[x]",
        "ATTRIBUTE Name 1.2.3.4.5.6.7.8.9 string",
        "ATTRIBUTE Before 9 string",
        "VALUE Name One",
        "VALUE Name One one",
        "VENDOR Name",
        "VENDOR Name -1",
        "VENDOR Name 1 format=3,1",
        "BEGIN-VENDOR Nobody",
        "END-VENDOR Nobody",
        "BEGIN-TLV Before",
        "END-TLV Before",
        "END-TLV",
        "DEFINE Name string",
        "$INCLUDE",
        "$INCLUDE elsewhere",
    ] {
        let (dictionary, defects) =
            read(&format!("ATTRIBUTE Before 1 string\n{bad}\nATTRIBUTE After 2 string\n"));
        assert_eq!(defects.len(), 1, "{bad}: {defects:?}");
        assert_eq!(defects[0].place, Place::Line(2), "{bad}");
        assert!(dictionary.find("After").is_some(), "{bad}");
    }
    assert_eq!(read("$INCLUDE- elsewhere\n").1, []);
    assert_eq!(read("VENDOR A 1\nBEGIN-VENDOR A\nATTRIBUTE B 1 string\n").1.len(), 1);
}

#[test]
fn includes_are_answered_by_the_caller_and_bounded() {
    let mut dictionary = Dictionary::default();
    let defects = dictionary
        .read("$INCLUDE self\n", &mut |name| Some(format!("ATTRIBUTE X 1 nonsense\n$INCLUDE {name}\n")));
    assert!(defects.len() <= 20 && !defects.is_empty());
    assert!(defects[0].what.contains("`self`"), "{:?}", defects[0]);
}

#[test]
fn the_dictionaries_of_freeradius_are_read_whole() {
    let folder = Path::new("/usr/share/freeradius");
    let Ok(text) = std::fs::read_to_string(folder.join("dictionary")) else {
        println!("skipped: no FreeRADIUS dictionaries at /usr/share/freeradius");
        return;
    };
    let mut include =
        |name: &str| std::fs::read(folder.join(name)).ok().map(|b| String::from_utf8_lossy(&b).into_owned());
    let mut dictionary = Dictionary::default();
    assert_eq!(dictionary.read(&text, &mut include), []);
    assert!(dictionary.len() > 5000, "{}", dictionary.len());
    // Where they and ours know the same name, they mean the same attribute of the same type.
    for (name, oid) in &Dictionary::builtin().names {
        if let Some(theirs) = dictionary.names.get(name) {
            assert_eq!(theirs, oid, "{name}");
            let kind = |dictionary: &Dictionary| dictionary.attribute(*oid).unwrap().kind;
            assert_eq!(kind(&dictionary), kind(Dictionary::builtin()), "{name}");
        }
    }
    let mut both = Dictionary::builtin().clone();
    assert_eq!(both.read(&text, &mut include), []);
}
