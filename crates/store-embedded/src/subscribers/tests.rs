#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use tadoru_model::{Identity, Realm};
use tadoru_store::cases::contract::Door;
use tadoru_store::subscribers::{LineName, contract};

use super::*;
use crate::cases::desk::{Tester, bytes_of, database};

fn many(count: usize, login: &str) -> Vec<Subscriber> {
    let contract = |number: usize| Subscriber {
        id: SubscriberId(format!("C{number:07}")),
        class: None,
        lines: vec![
            LineName::always(Identity::new(IdentityKind::Login, format!("{login}{number}@isp.example"))),
            LineName::always(Identity::new(
                IdentityKind::HardwareAddress,
                format!("{:012x}", number + 0x0200_0000_0000),
            )),
            LineName::always(Identity::new(IdentityKind::CircuitId, format!("{number:08x}"))),
        ],
        contract: Span::new(UtcMicros::MIN, UtcMicros::MAX),
        identity_level: None,
        contact: Contact { mail: vec![format!("user{number}@mail.example")], ..Contact::default() },
    };
    (0..count).map(contract).collect()
}

fn question(name: String) -> Naming {
    let names = vec![Identity::new(IdentityKind::Login, name)];
    Naming { realm: Realm::untold(), names, span: Span::new(UtcMicros(7), UtcMicros(8)) }
}

#[tokio::test]
async fn holds_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let tester = Tester::new(folder.path());
    let directory = Directory::open(database(folder.path()).await).await.unwrap();
    contract::subscribers(&directory, &tester).await.unwrap();
}

#[tokio::test]
async fn a_directory_opened_again_answers_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let tester = Tester::new(folder.path());
    let first = Directory::open(database(folder.path()).await).await.unwrap();
    first.import(tester.store(), UtcMicros(10), &many(1200, "a")).await.unwrap();
    first.import(tester.store(), UtcMicros(20), &many(700, "b")).await.unwrap();
    let again = Directory::open(database(folder.path()).await).await.unwrap();
    assert_eq!(again.count(), first.count());
    let questions: Vec<_> = (0..1300)
        .flat_map(|n| [question(format!("a{n}@isp.example")), question(format!("b{n}@isp.example"))])
        .collect();
    let permit = tester.learn(&tadoru_model::CaseId("one".into()));
    assert_eq!(again.answer(&permit, &questions).unwrap(), first.answer(&permit, &questions).unwrap());
    assert_eq!(again.index.read().unwrap().names(), first.index.read().unwrap().names());
}

#[tokio::test]
async fn nobody_is_on_the_disk_in_the_clear() {
    let folder = tempfile::tempdir().unwrap();
    let tester = Tester::new(folder.path());
    let database = database(folder.path()).await;
    let directory = Directory::open(database.clone()).await.unwrap();
    directory.import(tester.store(), UtcMicros(10), &many(20, "somebody")).await.unwrap();
    database.close().await;
    let bytes = bytes_of(folder.path());
    for clear in [&b"somebody"[..], b"C0000007", b"mail.example", b"00000007"] {
        assert!(!bytes.windows(clear.len()).any(|window| window == clear));
    }
}
