//! Signs a rule pack: `sign-pack KEYFILE PACK.toml` writes `PACK.toml.sig`. The key file holds the 32 bytes of an
//! Ed25519 private key in hexadecimal.

use std::{env, error::Error, fs};

use tadoru_gate::pack::{check, signature::sign};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [key, pack] = arguments.as_slice() else {
        return Err("usage: sign-pack KEYFILE PACK.toml".into());
    };
    let text = fs::read_to_string(pack)?;
    if let Some(problem) = check(&text).problems.first() {
        return Err(format!("{}: {}", problem.place, problem.text).into());
    }
    let seed =
        seed(fs::read_to_string(key)?.trim()).ok_or("the key file does not hold 64 hexadecimal digits")?;
    fs::write(format!("{pack}.sig"), sign(text.as_bytes(), &seed)?)?;
    Ok(())
}

fn seed(hex: &str) -> Option<[u8; 32]> {
    let digits: Option<Vec<u8>> =
        hex.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let bytes: Vec<u8> =
        digits?.chunks_exact(2).filter_map(|pair| Some(pair.first()? * 16 + pair.get(1)?)).collect();
    if hex.len() == 64 { bytes.try_into().ok() } else { None }
}
