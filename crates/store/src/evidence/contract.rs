//! The suite that every store of evidence must pass.
//!
//! What comes in: an empty store, a store of cases beside it, and somebody who gets permits. What goes out: the first
//! law that does not hold.

use std::io::{self, Read};

use tadoru_gate::{DataCategory, DataSet};
use tadoru_model::{CaseId, PersonId, UtcMicros};

use super::{About, Digest, Evidence};
use crate::cases::contract::{Door, law, said, same};
use crate::cases::{CaseError, Cases};

/// Every law of [`Evidence`].
///
/// # Errors
/// The first one that does not hold.
pub async fn evidence(store: &impl Evidence, cases: &impl Cases, door: &impl Door) -> Result<(), String> {
    let (one, two) = (CaseId("one".into()), CaseId("two".into()));
    let ann = PersonId("ann".into());
    for case in [&one, &two] {
        said(cases.open_or_join(door.store(), case, &ann, UtcMicros(1)).await)?;
    }
    let about = |case: &CaseId, name: &str| About {
        case: case.clone(),
        name: name.into(),
        media_type: "text/plain".into(),
        data: DataSet::of(&[DataCategory::Cmp]),
        by: ann.clone(),
        at: UtcMicros(2),
    };

    // The digest is that of the bytes (FIPS 180-4, "abc").
    let abc = said(store.put(door.store(), &about(&one, "a.txt"), &mut &b"abc"[..]).await)?;
    let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    same("the digest of abc", &abc.to_string().as_str(), &known)?;
    same("a digest reads as it is written", &Digest::parse(known), &Some(abc))?;

    // Bytes come back as they went in, at every size round a frame's end.
    for size in [0, 1, 3, (256 << 10) - 10, (256 << 10) - 9, 256 << 10, (1 << 20) + 1] {
        let bytes = noise(size);
        let digest = said(store.put(door.store(), &about(&one, "b.bin"), &mut bytes.as_slice()).await)?;
        let permit = door.using(&one);
        let sealed = said(store.open(&permit, &one, digest).await)?.ok_or("an exhibit is not found")?;
        let mut opened = said(sealed.into_open(&permit, door.now()))?;
        let mut back = Vec::new();
        said(opened.content.read_to_end(&mut back))?;
        law("bytes come back as they went in", back == bytes && opened.name == "b.bin")?;
        same("an exhibit verifies", &said(store.verify(&permit, digest).await)?, &(size as u64))?;
    }
    same("each exhibit is listed once", &said(store.list(&one).await)?.len(), &8)?;

    // Of two cases with the same bytes each has its own exhibit.
    let permit = door.using(&two);
    law("a case has only its own", said(store.open(&permit, &two, abc).await)?.is_none())?;
    same(
        "the same digest",
        &said(store.put(door.store(), &about(&two, "c.txt"), &mut &b"abc"[..]).await)?,
        &abc,
    )?;
    let sealed = said(store.open(&door.using(&one), &two, abc).await)?
        .map(|sealed| sealed.open(&permit, door.now()).is_ok());
    same("its own case's permit opens it", &sealed, &Some(true))?;
    let other = door.using(&one);
    let sealed =
        said(store.open(&other, &two, abc).await)?.map(|sealed| sealed.open(&other, door.now()).is_ok());
    same("another case's permit does not", &sealed, &Some(false))?;

    // Bytes go when nobody has them any more.
    law("it was there", said(store.remove(door.store(), &one, abc).await)?)?;
    law("it is there no more", !said(store.remove(door.store(), &one, abc).await)?)?;
    same("the other case has it still", &said(store.verify(&permit, abc).await)?, &3)?;
    law("it was there", said(store.remove(door.store(), &two, abc).await)?)?;
    law("what nobody has is gone", store.verify(&permit, abc).await.is_err())?;

    // A reader that fails, and a case that is not, leave nothing.
    let listed = said(store.list(&one).await)?.len();
    let failed = store.put(door.store(), &about(&one, "d"), &mut Failing(100_000)).await;
    law("a reader that fails is said", matches!(failed, Err(CaseError::Store(_))))?;
    let unknown = store.put(door.store(), &about(&CaseId("no".into()), "e"), &mut &b"e"[..]).await;
    law("an exhibit needs a case", matches!(unknown, Err(CaseError::Unknown(_))))?;
    same("nothing of it is kept", &said(store.list(&one).await)?.len(), &listed)
}

/// Bytes that hardly compress.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(&mut next).flatten().take(size).collect()
}

/// Gives so many bytes, then fails.
struct Failing(usize);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::Error::other("torn off"));
        }
        let count = buffer.len().min(self.0);
        self.0 -= count;
        Ok(count)
    }
}
