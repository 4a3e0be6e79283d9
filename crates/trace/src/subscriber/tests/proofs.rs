//! Laws over drawn rows: whoever is called unique surely held it, and nobody else did.

use proptest::prelude::*;
use tadoru_model::Outcome;

use super::*;

type Drawn = (u8, i64, i64, i64, u8);

fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    proptest::collection::vec((0_u8..4, 0_i64..300, 0_i64..60, 0_i64..120, 0_u8..4), 0..8)
}

fn shaped(row: Assignment, (_, from, slack, length, shape): Drawn) -> Assignment {
    let sure = from + slack;
    let row = Assignment { from: Edge::exact(instant(sure), How::Logged), ..row };
    match shape {
        0 => Assignment { until: Edge::exact(instant(sure + length), How::Logged), ..row },
        1 => row.ends(sure + length, sure + length + slack, How::NextHolder),
        2 => Assignment { from: Edge::between(instant(from), instant(sure), How::Before), ..row }.ends(
            sure + length,
            sure + length,
            How::Logged,
        ),
        _ => row.ends(sure + length, 80_000, How::Silent),
    }
}

/// Whether the rows of `login` together surely cover all of `told`: the plain definition, second by second.
fn surely_held(rows: &[(String, Assignment)], login: &str, told: Span) -> bool {
    let mut second = told.from;
    while second < told.until {
        let here = |(name, row): &(String, Assignment)| name == login && row.certain().contains(second);
        if !rows.iter().any(here) {
            return false;
        }
        second = second.plus(1_000_000);
    }
    true
}

fn lines(rows: &[(String, Assignment)]) -> Vec<&str> {
    let mut lines: Vec<&str> = rows.iter().map(|(login, _)| login.as_str()).collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn unique_is_one_line_that_surely_held_the_told_time_with_its_skew(
        drawn in drawn(), second in 0_i64..400, skew in 0_i64..30, guard in 0_i64..10,
    ) {
        let rows: Vec<(String, Assignment)> = drawn
            .into_iter()
            .map(|d| {
                let login = ["alice", "bob", "carol", "dora"][usize::from(d.0)];
                (login.to_owned(), shaped(session("192.0.2.1", login, 0, 0), d))
            })
            .collect();
        let mut world = World::of(rows.iter().map(|(_, row)| row.clone()));
        world.guard_s = guard;
        let answer = world.ask(&asked("192.0.2.1", second).skew(skew), |_| Vec::new());
        let told = seen(second).window(skew * 1_000_000);
        let sure: Vec<&str> =
            lines(&rows).into_iter().filter(|login| surely_held(&rows, login, told)).collect();
        let within = seen(second).window(skew.max(guard) * 1_000_000);
        let somewhere = |login: &str| {
            rows.iter().any(|(name, row)| {
                let span = row.certain();
                name == login && !span.is_empty() && span.meets(within)
            })
        };
        if answer.outcome == Outcome::Unique {
            prop_assert_eq!(sure.len(), 1, "exactly one line surely held it: {}", answer_told(&answer));
            prop_assert_eq!(&answer.candidates[0].subscriber.0, sure[0]);
            let others = lines(&rows).into_iter().filter(|l| *l != sure[0]).any(somewhere);
            prop_assert!(!others, "another surely held it within the guard");
        }
        if answer.outcome == Outcome::None {
            // A later session on the same address proves that the one before it had ended by then.
            let over = |row: &Assignment| {
                let begun = |next: &Assignment| row.until.earliest < next.from.latest && next.from.latest <= within.from;
                row.until.how == How::Silent && rows.iter().any(|(_, next)| begun(next))
            };
            let anybody = rows.iter().any(|(_, row)| row.possible().meets(within) && !over(row));
            prop_assert!(!anybody, "somebody may have held it");
        }
        let candidates: Vec<&str> = answer.candidates.iter().map(|c| c.subscriber.0.as_str()).collect();
        for login in lines(&rows).into_iter().filter(|login| somewhere(login)) {
            prop_assert!(candidates.contains(&login), "whoever surely held it then is a candidate");
        }
    }

    #[test]
    fn unique_through_a_block_is_one_line_that_surely_held_every_hop(
        blocks in drawn(), sessions in drawn(), second in 0_i64..400, skew in 0_i64..20,
    ) {
        let inside = |n: u8| format!("100.64.0.{}", n % 2);
        let blocks: Vec<(String, Assignment)> = blocks
            .into_iter()
            .map(|d| (inside(d.0), shaped(block((1024, 1535), &inside(d.0), 0, 0), d)))
            .collect();
        let sessions: Vec<(u8, String, Assignment)> = sessions
            .into_iter()
            .map(|d| {
                let login = ["alice", "bob", "carol", "dora"][usize::from(d.0)];
                (d.4 % 2, login.to_owned(), shaped(inner(&inside(d.4), login, 0, 0), d))
            })
            .collect();
        let rows = blocks.iter().map(|(_, row)| row).chain(sessions.iter().map(|(_, _, row)| row));
        let mut world = World::of(rows.cloned());
        // Records of inside addresses are kept, whether there are any or not.
        let kept = inner("100.64.0.9", "dora", 0, 0);
        world.calendar.push(covered(&kept, -7200, 80_000, CoverageState::Alive));
        let answer = world.ask(&asked("192.0.2.1:1100", second).skew(skew), |_| Vec::new());
        if answer.outcome == Outcome::Unique {
            let told = seen(second).window(skew * 1_000_000);
            let who = answer.candidates[0].subscriber.0.as_str();
            let mut second = told.from;
            while second < told.until {
                let held = |n: u8| {
                    blocks.iter().any(|(i, row)| *i == inside(n) && row.certain().contains(second))
                };
                let had = |n: u8, mine: bool| {
                    let named = |login: &str| (login == who) == mine;
                    sessions.iter().any(|(i, l, row)| *i == n && named(l) && row.certain().contains(second))
                };
                let by = |mine| (0..2).any(|n| held(n) && had(n, mine));
                // An inside address that no session names is not anybody's, and never unique: it is a gap.
                prop_assert!(by(true), "not surely held: {}", answer_told(&answer));
                prop_assert!(!by(false), "another surely held it: {}", answer_told(&answer));
                second = second.plus(1_000_000);
            }
        }
    }
}
