//! "Who had this address?", one question.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tadoru_desk::Stores;
use tadoru_desk::who::{Inquiry, Reply};
use tadoru_gate::{ActName, DataCategory};
use utoipa::ToSchema;

use super::extract::{Caller, JsonBody};
use super::problem::Problem;
use super::reading::{NumberOrText, Texts, check_realm, read};
use super::shape::{WhoAnswer, refusal};
use super::{Api, ground};

/// A question and the ground that it is asked on. Texts are as the complaint has them: they are read strictly.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhoRequest {
    /// Address, which may hold a port: `192.0.2.1`, `192.0.2.1:40123`, `[2001:db8::1]:40123`.
    pub address: String,
    /// Port, where the address holds none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub port: Option<NumberOrText>,
    /// When it was seen, each time with its zone. Several observations of one doer narrow the answer.
    pub at: Vec<String>,
    /// Protocol by name or number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub proto: Option<String>,
    /// The far side: address, which may hold a port.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub to: Option<String>,
    /// How far the observer's clock may be off, either way: `30s`, `500ms`, `2m`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub skew: Option<String>,
    /// Realm (VRF) of the address.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub realm: Option<String>,
    /// Case; it is opened where there is none.
    pub case: String,
    /// Purpose, such as `P-CLEAN`.
    pub purpose: String,
    /// Basis that is relied on, such as `B-BIZ`; else the rules' order decides.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub basis: Option<String>,
    /// Facts that the person states.
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
    /// SHA-256 of what the facts rest on, 64 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub attached: Option<String>,
}

/// Who had this endpoint?
#[utoipa::path(
    post, path = "/v1/who", tag = "who", operation_id = "who", request_body = WhoRequest,
    responses(
        (status = 200, description = "the answer, or the gate's refusal", body = WhoAnswer),
        (status = 400, description = "the question cannot be read", body = Problem),
        (status = 401, description = "nobody is known to be asking", body = Problem),
        (status = 403, description = "a fact is stated that another role must state", body = Problem),
        (status = 409, description = "the case is closed", body = Problem),
        (status = 503, description = "a store fails", body = Problem),
    ),
    extensions(("x-door" = json!("gate")))
)]
pub(super) async fn who<S: Stores>(
    State(api): State<Arc<Api<S>>>,
    caller: Caller,
    JsonBody(request): JsonBody<WhoRequest>,
) -> Result<Json<WhoAnswer>, Problem> {
    let named = ground::read(&ground::Words {
        case: &request.case,
        purpose: &request.purpose,
        basis: request.basis.as_deref(),
        facts: &request.facts,
        attached: request.attached.as_deref(),
    })?;
    ground::check_facts(&api.desk, (ActName::Learn, DataCategory::Asgn), &named)?;
    let texts = Texts {
        address: &request.address,
        port: request.port.as_ref(),
        at: &request.at,
        proto: request.proto.as_deref(),
        to: request.to.as_deref(),
        to_port: None,
        skew: request.skew.as_deref(),
        realm: request.realm.as_deref(),
    };
    check_realm(&api.desk, texts.realm)?;
    let asked = read(&texts, api.desk.settings(), api.desk.now())?;
    let inquiry = named.inquiry(caller.0, vec![asked.question.clone()]);
    let reply = api.run(move |desk, handle| handle.block_on(desk.who(inquiry))).await?;
    match reply {
        Reply::Answered(answered) => match answered.attributions.first() {
            Some(found) => Ok(Json(WhoAnswer::answered(asked, found, &answered))),
            None => Err(Problem::no_answer()),
        },
        Reply::Refused(refused) => {
            Ok(Json(WhoAnswer::refused(asked, refusal(&api.desk.gate().packs(), &refused))))
        }
    }
}

impl ground::Named {
    /// Questions asked on this ground.
    pub(super) fn inquiry(
        self,
        actor: tadoru_desk::Actor,
        questions: Vec<tadoru_desk::who::Question>,
    ) -> Inquiry {
        let Self { case, purpose, basis, facts, attached } = self;
        Inquiry { actor, case, purpose, basis, facts, attached, questions }
    }
}
