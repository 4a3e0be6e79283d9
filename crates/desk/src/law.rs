//! What the rules would say, without asking for anything.

use tadoru_gate::explain::{Explanation, Lang, explain, page};
use tadoru_gate::pack::form::FactFrom;
use tadoru_gate::{ActName, Ask, Basis, DataSet, Facts, Purpose, Scope};

use crate::{Actor, Desk, Stores};

/// A wish to be explained.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The deed.
    pub act: ActName,
    /// What it is done to.
    pub data: DataSet,
    /// What for.
    pub purpose: Purpose,
    /// The basis relied on.
    pub basis: Option<Basis>,
    /// Facts as if they were stated by the person, or found by the program.
    pub facts: Vec<(String, String)>,
}

impl<S: Stores> Desk<S> {
    /// Explains what the rules in force say to a wish of this person. Nothing is asked, nothing is permitted.
    pub fn explain(&self, actor: &Actor, wish: &Wish, lang: Lang) -> Explanation {
        let packs = self.gate().packs();
        let mut facts = Facts::none();
        for (name, value) in &wish.facts {
            let stated =
                packs.current().and_then(|p| p.fact(name)).is_some_and(|f| f.from == FactFrom::Stated);
            if stated {
                facts.state(name, value, &actor.person, &actor.roles);
            } else {
                facts.derive(name, value);
            }
        }
        let ask = Ask {
            act: wish.act,
            data: wish.data,
            purpose: wish.purpose,
            basis: wish.basis,
            person: actor.person.clone(),
            roles: actor.roles.clone(),
            case: None,
            scope: Scope::default(),
            facts,
            at: self.now(),
        };
        explain(&packs, &ask, lang)
    }

    /// The decision table as a readable page.
    pub fn law_page(&self, lang: Lang) -> String {
        page(&self.gate().packs(), lang)
    }
}
