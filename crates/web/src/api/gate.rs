//! What the rules would say, without asking for anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tadoru_desk::Stores;
use tadoru_desk::law::Wish;
use tadoru_desk::settings::Language;
use tadoru_gate::explain::Lang;
use tadoru_gate::{ActName, DataCategory, DataSet};
use utoipa::{IntoParams, ToSchema};

use super::extract::{Asked, Caller, JsonBody};
use super::problem::Problem;
use super::shape::Missing;
use super::{Api, ground};

/// A wish to be explained. Nothing is asked and nothing is permitted.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplainRequest {
    /// The deed, such as `learn`.
    pub act: String,
    /// What it is done to, such as `D-ASGN`.
    pub data: Vec<String>,
    /// What for, such as `P-CLEAN`.
    pub purpose: String,
    /// Basis that would be relied on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub basis: Option<String>,
    /// Facts as if they were on hand.
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
    /// `ja` or `en`; the installation's language where not given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lang: Option<String>,
}

/// What the rules say to a wish, in plain words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Explained {
    /// `permit`, `permit+obligations`, `need:approval`, `need:consent`, `need:legal-review`, `need:warrant` or `deny`.
    pub verdict: String,
    /// Id of the rule that decides; `null` where no rule fits, which is a no.
    pub rule: Option<String>,
    /// The answer, the rule's own sentence, what is missing and who can supply it.
    pub summary: String,
    /// The basis in plain words, when it is permitted.
    pub basis: Option<String>,
    /// What is missing, one line each.
    pub missing: Vec<String>,
    /// What is missing, by name and who can supply it.
    pub needs: Vec<Missing>,
    /// What is owed, one line each.
    pub owed: Vec<String>,
    /// What the rule's marks mean.
    pub mark: Option<String>,
    /// Other rules under which the same wish could be permitted to this person.
    pub alternatives: Vec<String>,
    /// That the rule is not verified and nobody has signed it off, where it is so.
    pub warning: Option<String>,
    /// The whole of it for a terminal.
    pub text: String,
}

/// The rules in force, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Table {
    /// `ja` or `en`.
    pub lang: String,
    /// Every rule with what it takes, as text.
    pub text: String,
}

/// In which language.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LangQuery {
    /// `ja` or `en`; the installation's language where not given.
    pub lang: Option<String>,
}

/// Explains what the rules say to a wish of the person who asks.
#[utoipa::path(
    post, path = "/v1/gate/explain", tag = "gate", operation_id = "gate-explain", request_body = ExplainRequest,
    responses(
        (status = 200, description = "what the rules say", body = Explained),
        (status = 400, description = "a word is none that the rules know", body = Problem),
        (status = 401, description = "nobody is known to be asking", body = Problem),
    ),
    extensions(("x-door" = json!("anybody")))
)]
pub(super) async fn explain<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
    JsonBody(request): JsonBody<ExplainRequest>,
) -> Result<Json<Explained>, Problem> {
    let act = ActName::parse(&request.act)
        .ok_or_else(|| ground::unknown("act", ActName::ALL.iter().map(|a| a.as_str())))?;
    let mut data = DataSet::EMPTY;
    for word in &request.data {
        let category = DataCategory::parse(word)
            .ok_or_else(|| ground::unknown("data", DataCategory::ALL.iter().map(|d| d.as_str())))?;
        data = data.with(DataSet::of(&[category]));
    }
    let words = ground::Words {
        case: "",
        purpose: &request.purpose,
        basis: request.basis.as_deref(),
        facts: &request.facts,
        attached: None,
    };
    let ground::Named { purpose, basis, facts, .. } = ground::read(&words)?;
    let lang = language(request.lang.as_deref(), api.desk.settings().language)?;
    let explained = api.desk.explain(&caller.0, &Wish { act, data, purpose, basis, facts }, lang);
    Ok(Json(Explained {
        verdict: explained.verdict.as_str().to_owned(),
        text: explained.text(lang),
        rule: explained.rule,
        summary: explained.summary,
        basis: explained.basis,
        missing: explained.missing,
        needs: explained.needs.iter().map(Missing::of).collect(),
        owed: explained.owed,
        mark: explained.mark,
        alternatives: explained.alternatives,
        warning: explained.warning,
    }))
}

/// The rules in force as a page for people.
#[utoipa::path(
    get, path = "/v1/gate/table", tag = "gate", operation_id = "gate-table", params(LangQuery),
    responses(
        (status = 200, description = "every rule", body = Table),
        (status = 400, description = "the language is none", body = Problem),
        (status = 401, description = "nobody is known to be asking", body = Problem),
    ),
    extensions(("x-door" = json!("anybody")))
)]
pub(super) async fn table<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    Asked(query): Asked<LangQuery>,
) -> Result<Json<Table>, Problem> {
    let lang = language(query.lang.as_deref(), api.desk.settings().language)?;
    let name = if lang == Lang::Ja { "ja" } else { "en" };
    Ok(Json(Table { lang: name.to_owned(), text: api.desk.law_page(lang) }))
}

fn language(told: Option<&str>, ours: Language) -> Result<Lang, Problem> {
    match (told, ours) {
        (Some(text), _) => {
            Lang::parse(text).ok_or_else(|| Problem::wrong("lang", "`lang` is none of `ja`, `en`"))
        }
        (None, Language::Ja) => Ok(Lang::Ja),
        (None, Language::En) => Ok(Lang::En),
    }
}
