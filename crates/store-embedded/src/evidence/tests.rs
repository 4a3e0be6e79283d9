#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

use tadoru_gate::permit::Use;
use tadoru_store::cases::Cases;
use tadoru_store::cases::contract::Door;
use tadoru_store::evidence::contract;

use super::*;
use crate::cases::CaseBook;
use crate::cases::desk::{NOW, Tester, bytes_of, database};

struct Scene {
    folder: tempfile::TempDir,
    tester: Tester,
    case: CaseId,
    exhibits: Exhibits,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tester = Tester::new(folder.path());
        let database = database(folder.path()).await;
        let case = CaseId("one".into());
        let cases = CaseBook::new(database.clone());
        cases.open_or_join(tester.store(), &case, &PersonId("ann".into()), NOW).await.unwrap();
        let exhibits = Exhibits::open(database).unwrap();
        Self { folder, tester, case, exhibits }
    }

    async fn put(&self, bytes: &[u8]) -> Digest {
        let about = About {
            case: self.case.clone(),
            name: "NAME-192.0.2.1.txt".into(),
            media_type: "text/plain".into(),
            data: DataSet::of(&[DataCategory::Cmp]),
            by: PersonId("ann".into()),
            at: NOW,
        };
        self.exhibits.put(self.tester.store(), &about, &mut &*bytes).await.unwrap()
    }

    fn using(&self) -> Permit<Use> {
        self.tester.using(&self.case)
    }
}

#[tokio::test]
async fn holds_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let tester = Tester::new(folder.path());
    let database = database(folder.path()).await;
    let exhibits = Exhibits::open(database.clone()).unwrap();
    contract::evidence(&exhibits, &CaseBook::new(database), &tester).await.unwrap();
    assert_eq!(fs::read_dir(folder.path().join(FOLDER).join(UNFINISHED)).unwrap().count(), 0);
}

#[tokio::test]
async fn every_flipped_bit_and_every_cut_is_found() {
    let scene = Scene::new().await;
    let digest = scene.put(b"a complaint about 192.0.2.1").await;
    let path = scene.exhibits.place(digest);
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert!(scene.exhibits.verify(&scene.using(), digest).await.is_err(), "octet {at}");
        fs::write(&path, &whole[..at]).unwrap();
        assert!(scene.exhibits.verify(&scene.using(), digest).await.is_err(), "cut at {at}");
    }
    fs::write(&path, [whole.as_slice(), b"x"].concat()).unwrap();
    assert!(scene.exhibits.verify(&scene.using(), digest).await.is_err());
    scene.put(b"a complaint about 192.0.2.1").await;
    assert_eq!(scene.exhibits.verify(&scene.using(), digest).await.unwrap(), 27);
}

#[tokio::test]
async fn a_file_under_another_name_is_found() {
    let scene = Scene::new().await;
    let (one, two) = (scene.put(b"one").await, scene.put(b"two").await);
    fs::copy(scene.exhibits.place(one), scene.exhibits.place(two)).unwrap();
    let verified = scene.exhibits.verify(&scene.using(), two).await;
    assert!(matches!(
        verified,
        Err(StoreError::Damaged { what: "its bytes are not those of its digest", .. })
    ));
    fs::remove_file(scene.exhibits.place(one)).unwrap();
    let verified = scene.exhibits.verify(&scene.using(), one).await;
    assert!(matches!(verified, Err(StoreError::Damaged { what: "it is gone", .. })));
}

#[tokio::test]
async fn nothing_is_on_the_disk_in_the_clear() {
    let scene = Scene::new().await;
    scene.put(b"a complaint about 192.0.2.1").await;
    scene.exhibits.database.close().await;
    assert!(!bytes_of(scene.folder.path()).windows(9).any(|window| window == b"192.0.2.1"));
}

#[tokio::test]
async fn what_a_crash_left_is_tidied_and_what_was_kept_is_there() {
    let scene = Scene::new().await;
    let digest = scene.put(b"kept").await;
    let left = scene.folder.path().join(FOLDER).join(UNFINISHED).join("0");
    fs::write(&left, b"half").unwrap();
    let again = Exhibits::open(database(scene.folder.path()).await).unwrap();
    assert!(!left.exists());
    assert_eq!(again.verify(&scene.using(), digest).await.unwrap(), 4);
    assert_eq!(again.list(&scene.case).await.unwrap().len(), 1);
}
