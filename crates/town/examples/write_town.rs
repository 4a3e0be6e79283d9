//! Writes the town as files: `cargo run -p tadoru-town --example write_town -- FOLDER [SEED]`.

use std::path::PathBuf;

use tadoru_town::{Plan, Town};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let folder = PathBuf::from(words.next().ok_or("usage: write_town FOLDER [SEED]")?);
    let seed = words.next().map_or(Ok(1), |seed| seed.parse())?;
    let town = Town::build(Plan::builtin()?, seed)?;
    town.write(&folder)?;
    println!("{} records, {} questions", town.arrivals.len(), town.questions.len());
    Ok(())
}
