//! How many evaluations a second one core does: prints the figure for three typical wishes.

use std::{error::Error, hint::black_box, time::Instant};

use tadoru_gate::{
    ActName, DataCategory, Facts, Packs, Purpose,
    evaluate::evaluate,
    table::{Cell, cells},
};
use tadoru_model::{PersonId, Role};

fn main() -> Result<(), Box<dyn Error>> {
    let packs = Packs::shipped()?;
    let all = packs.current().map(cells).unwrap_or_default();
    let cell = |act, data, purpose| {
        all.iter()
            .find(|cell| (cell.act, cell.data, cell.purpose) == (act, data, purpose))
            .ok_or("no such cell")
    };
    let mut complaint = Facts::none();
    let desk = PersonId("desk".to_owned());
    complaint.state("complaint.id", "K-1", &desk, &[Role::AbuseDesk]);
    complaint.state("complaint.substantiated", "yes", &desk, &[Role::AbuseDesk]);
    let clean = cell(ActName::Learn, DataCategory::Asgn, Purpose::Clean)?;
    let crime = cell(ActName::Disclose, DataCategory::Sub, Purpose::Crime)?;
    let store = cell(ActName::Store, DataCategory::Asgn, Purpose::ProtOwn)?;
    measure("look-up for a complaint", &packs, clean, Role::AbuseDesk, &complaint);
    measure("refused for want of a warrant", &packs, crime, Role::AbuseDesk, &Facts::none());
    measure("standing permit to record", &packs, store, Role::System, &Facts::none());
    Ok(())
}

fn measure(name: &str, packs: &Packs, cell: &Cell, role: Role, facts: &Facts) {
    let ask = cell.ask(role, facts.clone());
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        black_box(evaluate(black_box(packs), black_box(&ask), &[]));
    }
    let per_second = f64::from(ROUNDS) / begun.elapsed().as_secs_f64();
    println!("{name}: {per_second:.0} evaluations a second");
}

const ROUNDS: u32 = 200_000;
