//! The suite that every subscriber directory must pass.
//!
//! What comes in: an empty directory, and somebody who gets permits. What goes out: the first law that does not hold.

use tadoru_model::{CaseId, Identity, IdentityKind, Realm, Span, SubscriberId, UtcMicros};

use super::{Contact, Imported, LineName, Named, Naming, Subscriber, Subscribers};
use crate::cases::contract::{Door, law, said, same};

/// Every law of [`Subscribers`].
///
/// # Errors
/// The first one that does not hold.
pub async fn subscribers(store: &impl Subscribers, door: &impl Door) -> Result<(), String> {
    finding(store, door).await?;
    changing(store, door).await
}

/// Names are found by their one spelling, in their address plan, in their time.
async fn finding(store: &impl Subscribers, door: &impl Door) -> Result<(), String> {
    let inside = |address: &str, realm: &str| LineName {
        realm: Some(Realm::from(realm)),
        ..LineName::always(Identity::new(IdentityKind::InsideAddress, address))
    };
    let mut s1 = contract(
        "S1",
        &[(IdentityKind::Login, "alice@isp.example"), (IdentityKind::HardwareAddress, "0200.5e10.0001")],
    );
    s1.lines.push(inside("10.0.0.0/29", "vrf-a"));
    s1.contact.mail.push("alice@isp.example".into());
    let mut s2 = contract("S2", &[(IdentityKind::CircuitId, "0x0a0B")]);
    s2.lines.push(inside("10.0.0.1", "vrf-b"));
    s2.contract = Span::new(UtcMicros(100), UtcMicros(200));
    let s3 =
        contract("S3", &[(IdentityKind::HardwareAddress, "02:00:5e:10:00:01"), (IdentityKind::Login, " ")]);
    let batch = [s1.clone(), s2, s3, contract("", &[])];
    let counts = said(store.import(door.store(), UtcMicros(1000), &batch).await)?;
    same("what is new", &counts, &Imported { new: 3, nameless: 1, ..Imported::default() })?;
    let counts = said(store.import(door.store(), UtcMicros(1001), &batch).await)?;
    same("what is the same", &counts, &Imported { unchanged: 3, nameless: 1, ..Imported::default() })?;
    same("how many there are", &store.count(), &3)?;

    let at = Span::new(UtcMicros(150), UtcMicros(151));
    for (kind, name, realm, span, who) in [
        (IdentityKind::Login, "alice@ISP.example", "", at, &["S1"][..]),
        (IdentityKind::Login, "Alice@isp.example", "", at, &[]),
        (IdentityKind::Login, "", "", at, &[]),
        (IdentityKind::HardwareAddress, "02-00-5E-10-00-01", "", at, &["S1", "S3"]),
        (IdentityKind::CallingStation, "819012345678", "", at, &[]),
        (IdentityKind::CallingStation, "02-00-5e-10-00-01", "", at, &["S1", "S3"]),
        (IdentityKind::CircuitId, "0a0b", "", at, &["S2"]),
        (IdentityKind::RemoteId, "0a0b", "", at, &[]),
        (IdentityKind::CircuitId, "0a0b", "", Span::new(UtcMicros(200), UtcMicros(300)), &[]),
        (IdentityKind::CircuitId, "0a0b", "", Span::new(UtcMicros(199), UtcMicros(300)), &["S2"]),
        (IdentityKind::CircuitId, "0a0b", "", Span::new(UtcMicros(50), UtcMicros(100)), &[]),
        (IdentityKind::InsideAddress, "10.0.0.1", "vrf-a", at, &["S1"]),
        (IdentityKind::InsideAddress, "10.0.0.1", "vrf-b", at, &["S2"]),
        (IdentityKind::InsideAddress, "10.0.0.1", "vrf-c", at, &[]),
        (IdentityKind::InsideAddress, "10.0.0.1", "", at, &["S1", "S2"]),
        (IdentityKind::InsideAddress, "10.0.0.8", "vrf-a", at, &[]),
        (IdentityKind::Contract, "S3", "", at, &["S3"]),
    ] {
        let found = resolve(store, door, kind, name, realm, span).await?;
        let found: Vec<_> = found.iter().map(|named| named.subscriber.0.as_str()).collect();
        same(&format!("whose {} it was", kind.as_str()), &found.as_slice(), &who)?;
    }

    // A batch answers each question in its place, and says which name found whom.
    let names = vec![
        Identity::new(IdentityKind::CircuitId, "0a0b"),
        Identity::new(IdentityKind::Login, "nobody"),
        Identity::new(IdentityKind::Login, "alice@isp.example"),
    ];
    let both = Naming { realm: Realm::untold(), names, span: at };
    let none = Naming { names: Vec::new(), ..both.clone() };
    let case = case();
    let sealed = said(store.resolve_many(&door.learn(&case), &[none.clone(), both, none]).await)?;
    let answers = said(sealed.into_open(&door.learn(&case), door.now()))?;
    let found: Vec<Vec<_>> = answers
        .iter()
        .map(|answer| answer.iter().map(|n| (n.name, n.subscriber.0.as_str())).collect())
        .collect();
    same("a batch", &found, &vec![vec![], vec![(0, "S2"), (2, "S1")], vec![]])?;

    let permit = door.using(&case);
    let contact = said(store.contact(&permit, &s1.id).await)?.ok_or("a contract is not found")?;
    law("the contact", said(contact.into_open(&permit, door.now()))? == s1.contact)?;
    law("no contact", said(store.contact(&permit, &SubscriberId("S9".into())).await)?.is_none())
}

/// What was once known stays known, and a name that moved leaves a doubt for as long as it is not known when.
async fn changing(store: &impl Subscribers, door: &impl Door) -> Result<(), String> {
    let seat = (IdentityKind::Login, "seat");
    let when = |from, until| Span::new(UtcMicros(from), UtcMicros(until));
    said(store.import(door.store(), UtcMicros(2000), &[contract("A", &[seat]), contract("B", &[])]).await)?;
    let moved = [contract("A", &[]), contract("B", &[seat])];
    let counts = said(store.import(door.store(), UtcMicros(3000), &moved).await)?;
    same("what changed", &counts, &Imported { changed: 2, ..Imported::default() })?;
    for (span, who) in
        [(when(1999, 2000), &["A"][..]), (when(2500, 2501), &["A", "B"]), (when(3000, 3001), &["B"])]
    {
        let found = resolve(store, door, seat.0, seat.1, "", span).await?;
        let found: Vec<_> = found.iter().map(|named| named.subscriber.0.as_str()).collect();
        same("who had the name that moved", &found.as_slice(), &who)?;
    }
    let counts = said(store.import(door.store(), UtcMicros(2500), &[contract("A", &[seat])]).await)?;
    same("an older import changes nothing", &counts, &Imported { older: 1, ..Imported::default() })?;

    // A correction of a name's time takes the place of what was said before.
    let mut told = contract("B", &[seat]);
    if let Some(line) = told.lines.first_mut() {
        line.from = Some(UtcMicros(2900));
    }
    said(store.import(door.store(), UtcMicros(4000), &[told]).await)?;
    let found = resolve(store, door, seat.0, seat.1, "", when(2500, 2501)).await?;
    same("after the correction", &found.len(), &1)?;
    let found = resolve(store, door, seat.0, seat.1, "", when(5000, 5001)).await?;
    same(
        "until when",
        &found.first().map(|named| named.held),
        &Some(Span::new(UtcMicros(2900), UtcMicros::MAX)),
    )?;

    // Rows of one import about one contract are one contract, in one batch or two.
    let (x, y) = ((IdentityKind::Login, "x"), (IdentityKind::Login, "y"));
    said(store.import(door.store(), UtcMicros(5000), &[contract("C", &[x])]).await)?;
    said(store.import(door.store(), UtcMicros(5000), &[contract("C", &[y])]).await)?;
    for name in [x, y] {
        same("both names", &resolve(store, door, name.0, name.1, "", when(1, 2)).await?.len(), &1)?;
    }
    let permit = door.using(&case());
    let versions = said(store.show(&permit, &SubscriberId("C".into())).await)?;
    let versions = said(versions.into_open(&permit, door.now()))?;
    let lines: Vec<_> = versions.iter().map(|version| version.contract.lines.len()).collect();
    same("one version with both", &lines, &vec![2])?;
    let versions = said(store.show(&permit, &SubscriberId("B".into())).await)?;
    let versions = said(versions.into_open(&permit, door.now()))?;
    let since: Vec<_> = versions.iter().map(|version| version.since.0).collect();
    same("versions, the latest first", &since, &vec![4000, 3000, 2000])
}

async fn resolve(
    store: &impl Subscribers,
    door: &impl Door,
    kind: IdentityKind,
    name: &str,
    realm: &str,
    span: Span,
) -> Result<Vec<Named>, String> {
    let question = Naming { realm: Realm::from(realm), names: vec![Identity::new(kind, name)], span };
    let permit = door.learn(&case());
    said(said(store.resolve(&permit, &question).await)?.into_open(&permit, door.now()))
}

fn contract(id: &str, names: &[(IdentityKind, &str)]) -> Subscriber {
    Subscriber {
        id: SubscriberId(id.into()),
        class: None,
        lines: names.iter().map(|(kind, name)| LineName::always(Identity::new(*kind, *name))).collect(),
        contract: Span::new(UtcMicros::MIN, UtcMicros::MAX),
        identity_level: None,
        contact: Contact::default(),
    }
}

fn case() -> CaseId {
    CaseId("directory".into())
}
