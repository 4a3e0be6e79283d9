//! Passwords as argon2id hashes (RFC 9106), with a salt of their own each.
//!
//! What comes in: a password and dice. What goes out: a hash, or whether the password is the one. It keeps nothing.

use argon2::{Algorithm, Argon2, Params, Version};
use tadoru_store::accounts::PasswordHash;

/// The hash of a password; `None` when the system gives no random bytes.
pub fn hash(password: &str) -> Option<PasswordHash> {
    let mut salt = [0; SALT];
    aws_lc_rs::rand::fill(&mut salt).ok()?;
    let made = derive(password, &salt, MEMORY_KIB, PASSES)?;
    Some(PasswordHash {
        memory_kib: MEMORY_KIB,
        passes: PASSES,
        salt: super::hex(&salt),
        hash: super::hex(&made),
    })
}

/// Whether the password is the one. Where nobody has an account it takes as long to say no: pass [`None`].
pub fn is_right(password: &str, known: Option<&PasswordHash>) -> bool {
    let nobody = PasswordHash {
        memory_kib: MEMORY_KIB,
        passes: PASSES,
        salt: "00".repeat(SALT),
        hash: "00".repeat(HASH),
    };
    let asked = known.unwrap_or(&nobody);
    let (Some(salt), Some(right)) = (super::from_hex(&asked.salt), super::from_hex(&asked.hash)) else {
        return false;
    };
    let made = derive(password, &salt, asked.memory_kib, asked.passes);
    let same =
        made.is_some_and(|made| aws_lc_rs::constant_time::verify_slices_are_equal(&made, &right).is_ok());
    same && known.is_some()
}

/// What is wrong with a new password; nothing where it will do.
pub fn too_weak(password: &str, person: &str) -> Option<Weak> {
    let count = password.chars().count();
    if count < LEAST_CHARACTERS {
        return Some(Weak::Short);
    }
    if password.len() > MOST_BYTES {
        return Some(Weak::Long);
    }
    let first = password.chars().next();
    let is_one_letter = password.chars().all(|c| Some(c) == first);
    let is_name = !person.is_empty() && password.to_lowercase().contains(&person.to_lowercase());
    (is_one_letter || is_name).then_some(Weak::Guessed)
}

/// What is wrong with a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weak {
    /// Fewer than twelve characters.
    Short,
    /// More than a thousand bytes.
    Long,
    /// One character again and again, or the person's own name in it.
    Guessed,
}

fn derive(password: &str, salt: &[u8], memory_kib: u32, passes: u32) -> Option<[u8; HASH]> {
    if memory_kib > MOST_MEMORY_KIB || password.len() > MOST_BYTES {
        return None;
    }
    let params = Params::new(memory_kib, passes, 1, Some(HASH)).ok()?;
    let mut made = [0; HASH];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), salt, &mut made)
        .ok()?;
    Some(made)
}

/// Fewest characters of a password (NIST SP 800-63B asks for 8; a console that opens subscribers for more).
pub const LEAST_CHARACTERS: usize = 12;

const MOST_BYTES: usize = 1024;
const SALT: usize = 16;
const HASH: usize = 32;

/// 19 MiB and two passes: the smallest that OWASP's cheat sheet names for argon2id.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const MOST_MEMORY_KIB: u32 = 1 << 20;
