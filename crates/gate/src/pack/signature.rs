//! The detached signature of a pack.
//!
//! What comes in: the bytes of a pack, the text of its `.sig` file, the keys that are trusted. What goes out: the name
//! of the key that signed. It never takes a pack without a signature, and knows no key but those handed in.
//!
//! The file has four lines: the form's name, `key: ` and the first eight bytes of the SHA-256 of the public key in
//! hexadecimal, `sha256: ` and the digest of the pack, `ed25519: ` and the signature over the pack's bytes in base64
//! (RFC 8032, RFC 4648 section 4).

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use super::hex;

/// A public key that packs may be signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackKey {
    /// What the operator calls it.
    pub name: String,
    /// The Ed25519 public key.
    pub public: [u8; 32],
}

impl PackKey {
    /// The key of that name, from base64.
    pub fn parse(name: &str, base64: &str) -> Option<Self> {
        let public = STANDARD.decode(base64.trim()).ok()?.try_into().ok()?;
        Some(Self { name: name.to_owned(), public })
    }

    /// Its id: the first eight bytes of its SHA-256, in hexadecimal.
    pub fn id(&self) -> String {
        hex(Sha256::digest(self.public).get(..8).unwrap_or_default())
    }
}

/// The keys that are trusted.
#[derive(Debug, Clone)]
pub struct PackKeys(Vec<PackKey>);

impl PackKeys {
    /// The product's own key alone.
    pub fn product() -> Self {
        Self(vec![PackKey { name: PRODUCT.to_owned(), public: PRODUCT_KEY }])
    }

    /// With a key of the operator beside them.
    pub fn with(mut self, key: PackKey) -> Self {
        self.0.push(key);
        self
    }
}

/// Signs a pack: for the product's makers, and for operators who change a pack under their own key. `seed` is the
/// Ed25519 private key (RFC 8032 section 5.1.5).
pub fn sign(pack: &[u8], seed: &[u8; 32]) -> Result<String, SignatureError> {
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| SignatureError::BadKey)?;
    let public = pair.public_key().as_ref().try_into().map_err(|_| SignatureError::BadKey)?;
    let key = PackKey { name: String::new(), public };
    let (digest, signature) = (hex(&Sha256::digest(pack)), STANDARD.encode(pair.sign(pack)));
    Ok(format!("{FORM}\nkey: {}\nsha256: {digest}\ned25519: {signature}\n", key.id()))
}

/// The name of the key under which the signature verifies.
pub fn verify(pack: &[u8], text: &str, keys: &PackKeys) -> Result<String, SignatureError> {
    let mut lines = text.lines();
    if text.len() > MAX_TEXT || lines.next() != Some(FORM) {
        return Err(SignatureError::NotASignature);
    }
    let mut field = |name: &'static str| {
        lines.next().and_then(|line| line.strip_prefix(name)).ok_or(SignatureError::NotASignature)
    };
    let (id, digest, signature) = (field("key: ")?, field("sha256: ")?, field("ed25519: ")?);
    if lines.next().is_some() {
        return Err(SignatureError::NotASignature);
    }
    let key = keys.0.iter().find(|key| key.id() == id).ok_or(SignatureError::UnknownKey)?;
    if digest != hex(&Sha256::digest(pack)) {
        return Err(SignatureError::OtherBytes);
    }
    let signature = STANDARD.decode(signature).map_err(|_| SignatureError::NotASignature)?;
    UnparsedPublicKey::new(&ED25519, key.public)
        .verify(pack, &signature)
        .map_err(|_| SignatureError::DoesNotVerify)?;
    Ok(key.name.clone())
}

/// Why a signature does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The text is not of the form.
    #[error("not a `{FORM}` file")]
    NotASignature,
    /// It is by a key that nobody trusts here.
    #[error("signed with a key that is not configured")]
    UnknownKey,
    /// It is over another file.
    #[error("signature is over other bytes: the pack was changed after it was signed")]
    OtherBytes,
    /// The mathematics say no.
    #[error("signature does not verify")]
    DoesNotVerify,
    /// The private key is no Ed25519 key.
    #[error("not an Ed25519 private key")]
    BadKey,
}

const FORM: &str = "tadoru-pack-signature-v1";
const PRODUCT: &str = "tadoru";
const MAX_TEXT: usize = 1024;
const PRODUCT_KEY: [u8; 32] = [
    0x6a, 0xf0, 0xd9, 0xf3, 0x12, 0xc7, 0xb7, 0xc1, 0xe4, 0x8f, 0x39, 0xf3, 0x38, 0xac, 0x82, 0xfa, 0x8b,
    0x8b, 0x15, 0xdb, 0x69, 0xa8, 0xea, 0x1e, 0xa6, 0x12, 0xee, 0x7d, 0x92, 0xdd, 0x44, 0x61,
];
