//! A text as a QR code (ISO/IEC 18004), drawn as one path of an SVG picture.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};

/// A drawn code.
pub struct Drawn {
    /// Modules of a side, with the quiet zone.
    pub side: i32,
    /// The dark modules, as the `d` of an SVG path.
    pub path: String,
}

/// The code of a text; `None` where it is too long for one.
pub fn drawn(text: &str) -> Option<Drawn> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            let _ = write!(path, "M{} {}h1v1h-1z", x + QUIET, y + QUIET);
        }
    }
    Some(Drawn { side: code.size() + 2 * QUIET, path })
}

/// Light modules around a code.
const QUIET: i32 = 4;

#[cfg(test)]
mod tests {
    //! What must stand in every code.

    #![allow(clippy::unwrap_used, reason = "tests fail loudly")]

    use super::*;

    #[test]
    fn a_code_has_its_finders_in_three_corners_and_room_around() {
        let code = drawn("otpauth://totp/Tadoru:ann?secret=AAAA&issuer=Tadoru").unwrap();
        let dark = |x: i32, y: i32| code.path.contains(&format!("M{x} {y}h1v1h-1z"));
        let far = code.side - QUIET - 7;
        for (left, top) in [(QUIET, QUIET), (far, QUIET), (QUIET, far)] {
            assert!((0..7).all(|n| dark(left + n, top) && dark(left, top + n)), "its outer ring");
            assert!(!dark(left + 1, top + 1) && dark(left + 3, top + 3), "and its middle");
        }
        assert!(!dark(QUIET - 1, QUIET) && !code.path.contains("M0 "));
        assert!(drawn(&"x".repeat(5000)).is_none());
    }
}
