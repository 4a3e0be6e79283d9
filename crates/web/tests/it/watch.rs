//! The pages of incidents, flows and sources: what is sealed until it is opened, what a filter says, what is kept where.

use serde_json::Value;
use tadoru_desk::Stores as _;
use tadoru_model::flow::to_bits;
use tadoru_model::{FindingState, Flow, Flows, Role};
use tadoru_store::incidents::contract::finding;

use crate::console::{Front, between};
use crate::house::NOW;

const VICTIM: &str = "198.51.100.4";
const SENDER: &str = "203.0.113.200";

/// A DNS amplification at one address on file, with flows of it.
async fn front() -> (Front, String) {
    let front = Front::new().await;
    let finding = finding(4, FindingState::Opened, NOW.0 / 1_000_000);
    let permit = front.house.desk.standing(tadoru_desk::ask::Work::Flows).unwrap();
    let mut flows = Flows::default();
    let (src, dst) = (to_bits(SENDER.parse().unwrap()), to_bits(VICTIM.parse().unwrap()));
    for second in 0..30 {
        let at = NOW.0 - 40_000_000 + second * 1_000_000;
        let of = Flow { ip: 4, src, dst, src_port: 53, dst_port: 53, proto: 17, flows: 1, ..Flow::default() };
        let of = Flow { first_us: at, last_us: at + 500_000, received_us: at + 600_000, ..of };
        flows.push(Flow { packets: 500, bytes: 700_000, sampling: 100, ..of });
    }
    front.house.desk.stores().flows().keep(&permit, &flows).unwrap();
    front.house.desk.stores().incidents().keep(&permit, &finding).unwrap();
    (front, finding.id.to_string())
}

fn english(session: &str) -> String {
    format!("{session}; tadoru-language=en")
}

fn shows_nobody(text: &str) {
    assert!(!text.contains(VICTIM) && !text.contains(SENDER), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_is_sealed_until_it_is_opened_and_again_afterwards() {
    let (front, id) = front().await;
    let cookie = english(&front.enter_as(Role::NetworkOperations).await);
    let csrf = front.csrf(&cookie).await;
    let list = front.ask("GET", "/incidents", &cookie, &[]).await;
    assert_eq!(list.status, 200, "{}", list.text);
    for text in [&id, "amplification-dns", "198.51.100.0/24", "data-live=\"/incidents/stream\"", "JP-005"] {
        assert!(list.text.contains(text), "{text}: {}", list.text);
    }
    shows_nobody(&list.text);
    for which in ["open", "ended", "<b>"] {
        assert_eq!(
            front
                .ask(
                    "GET",
                    &format!("/incidents?which={}", which.replace('<', "%3C").replace('>', "%3E")),
                    &cookie,
                    &[]
                )
                .await
                .status,
            200
        );
    }

    let path = format!("/incidents/{id}");
    let sealed = front.ask("GET", &path, &cookie, &[]).await;
    assert!(sealed.text.contains("JP-030.2") && sealed.text.contains("id=\"open-form\""), "{}", sealed.text);
    shows_nobody(&sealed.text);
    let journal = || front.house.desk.gate().journal().size();
    let wrong = front.ask("POST", &path, &cookie, &[("csrf", &csrf), ("case", "no case")]).await;
    assert!(
        wrong.status == 400 && wrong.text.contains("id=\"case-wrong\"") && wrong.text.contains("no case")
    );

    let opened = front.ask("POST", &path, &cookie, &[("csrf", &csrf), ("case", "K-7")]).await;
    assert_eq!((opened.status, opened.to.as_str()), (303, path.as_str()), "{}", opened.text);
    let before = journal();
    assert_eq!(front.ask("POST", &path, &cookie, &[("csrf", &csrf), ("case", "K-7")]).await.status, 303);
    assert_eq!(journal(), before, "sent twice, opened once");
    let page = front.ask("GET", &path, &cookie, &[]).await;
    assert_eq!(page.status, 200);
    for text in
        [VICTIM, "JP-030.2", "class=\"chart\"", "data-limit=", "randomised", "href=\"/cases/K-7\"", "JP-035"]
    {
        assert!(page.text.contains(text), "{text}: {}", page.text);
    }
    // By vector, from its own flows: 500 packets at 1:100 in each second.
    assert!(page.text.contains("data-v=\"50000\""), "{}", page.text);
    let followed = front.ask("POST", &format!("{path}/ingress"), &cookie, &[("csrf", &csrf)]).await;
    assert_eq!((followed.status, followed.to), (303, format!("{path}#ways-in")), "{}", followed.text);
    let page = front.ask("GET", &path, &cookie, &[]).await;
    assert!(page.text.contains("Unaccounted") && !page.text.contains("id=\"follow\""), "{}", page.text);
    let japanese = front.ask("GET", &path, &cookie.replace("=en", "=ja"), &[]).await;
    assert!(japanese.text.contains("流入経路") && japanese.text.contains("乱数で偽装"), "{}", japanese.text);
    assert!(front.ask("GET", "/trace", &cookie, &[]).await.text.contains(&path), "it is among what is open");

    let other = front.enter_as(Role::NetworkOperations).await;
    shows_nobody(&front.ask("GET", &path, &other, &[]).await.text);
    assert_eq!(front.ask("POST", "/seal", &cookie, &[("csrf", &csrf)]).await.status, 303);
    let again = front.ask("GET", &path, &cookie, &[]).await;
    assert!(again.text.contains("id=\"open-form\""));
    shows_nobody(&again.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_open_it_is_told_the_rule_and_shown_nobody() {
    let (front, id) = front().await;
    for role in [Role::Manager, Role::AbuseDesk, Role::Administrator] {
        let cookie = english(&front.enter_as(role).await);
        let csrf = front.csrf(&cookie).await;
        let refused = front.ask("POST", &format!("/incidents/{id}"), &cookie, &[("csrf", &csrf)]).await;
        assert_eq!(refused.status, 200, "{}", refused.text);
        assert!(refused.text.contains("class=\"decision\""), "{}", refused.text);
        shows_nobody(&refused.text);
    }
    let auditor = front.enter_as(Role::Auditor).await;
    for path in [format!("/incidents/{id}"), "/incidents/stream".to_owned(), format!("/incidents/{id}/pack")]
    {
        let page = front.ask("GET", &path, &auditor, &[]).await;
        assert_eq!(page.status, 403, "{path}: {}", page.text);
    }
    let noc = front.enter_as(Role::NetworkOperations).await;
    for none in ["00000000000005ab", "none", "%3Cscript%3Ealert(1)"] {
        let page = front.ask("GET", &format!("/incidents/{none}"), &noc, &[]).await;
        assert!(page.status == 404 && !page.text.contains("<script>alert"), "{none}: {}", page.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_stands_on_its_recipients_rule_and_is_kept_as_files() {
    let (front, id) = front().await;
    let cookie = english(&front.enter_as(Role::NetworkOperations).await);
    let csrf = front.csrf(&cookie).await;
    let path = format!("/incidents/{id}/pack");
    for (recipient, rule) in [("victim", "JP-089"), ("neighbour", "JP-037"), ("association", "JP-038")] {
        let form = front.ask("GET", &format!("{path}?recipient={recipient}"), &cookie, &[]).await;
        assert!(form.status == 200 && form.text.contains(rule), "{recipient}: {}", form.text);
        shows_nobody(&form.text);
    }
    let form = front.ask("GET", &format!("{path}?recipient=neighbour"), &cookie, &[]).await;
    let once = between(&form.text, "name=\"once\" value=\"", "\"");
    let sent = |asn: &'static str| {
        [
            ("csrf", csrf.clone()),
            ("once", once.clone()),
            ("recipient", "neighbour".to_owned()),
            ("name", "<b>N".to_owned()),
            ("neighbour_as", asn.to_owned()),
            ("case", "K-7".to_owned()),
        ]
    };
    let send = async |asn| {
        let fields = sent(asn);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        front.ask("POST", &path, &cookie, &fields).await
    };
    let wrong = send("nobody").await;
    assert!(wrong.status == 400 && wrong.text.contains("neighbour_as-wrong"), "{}", wrong.text);
    assert!(wrong.text.contains("value=\"nobody\"") && !wrong.text.contains("<b>N"), "{}", wrong.text);
    let answer = send("AS64500").await;
    // Made, or a refusal that says what is missing: then no document is shown.
    if answer.status == 303 {
        let page = front.ask("GET", &answer.to, &cookie, &[]).await;
        let document = between(&page.text, &format!("href=\"{}/", answer.to), "\"");
        let file = front.ask("GET", &format!("{}/{document}", answer.to), &cookie, &[]).await;
        assert!(file.headers["content-disposition"].to_str().unwrap().starts_with("attachment; "));
        let other = front.enter_as(Role::NetworkOperations).await;
        assert_eq!(front.ask("GET", &answer.to, &other, &[]).await.status, 410);
    } else {
        assert!(answer.status == 200 && answer.text.contains("Can be supplied by"), "{}", answer.text);
    }
}

/// Asks about flows; the page of the answer and where it is.
async fn asked(front: &Front, cookie: &str, fields: &[(&str, &str)]) -> (u16, String, String) {
    let csrf = front.csrf(cookie).await;
    let form = front.ask("GET", "/flows", cookie, &[]).await;
    let once = between(&form.text, "name=\"once\" value=\"", "\"");
    let mut sent = vec![("csrf", csrf.as_str()), ("once", once.as_str())];
    sent.extend(fields);
    let asked = front.ask("POST", "/flows", cookie, &sent).await;
    if asked.status != 303 {
        return (asked.status, asked.text, asked.to);
    }
    // However long the search takes.
    loop {
        let page = front.ask("GET", &asked.to, cookie, &[]).await;
        if !page.text.contains("http-equiv=\"refresh\"") {
            return (page.status, page.text, asked.to);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sums_need_no_ground_and_single_flows_do() {
    let (front, id) = front().await;
    let cookie = english(&front.enter_as(Role::NetworkOperations).await);
    let (status, page, to) =
        asked(&front, &cookie, &[("view", "top"), ("key", "dst-port"), ("filter", "proto udp")]).await;
    assert!(status == 200 && page.contains("<td>53</td>") && page.contains("15,000"), "{page}");
    assert!(
        page.contains("JP-005") && page.contains("1:100") && page.contains("value=\"top\" checked"),
        "{page}"
    );
    shows_nobody(&page);
    assert!(!page.contains("seal is-open"), "sums are not sealed");
    let csv = front.ask("GET", &format!("{to}/csv"), &cookie, &[]).await;
    assert!(csv.text.starts_with("dst-port,flows,packets,bytes\r\n53,30,15000,"), "{}", csv.text);
    assert!(csv.headers["content-disposition"].to_str().unwrap().contains("flows.csv"));
    let json: Value =
        serde_json::from_str(&front.ask("GET", &format!("{to}/json"), &cookie, &[]).await.text).unwrap();
    assert_eq!(json["outcome"], "told");
    assert_eq!(
        front.ask("GET", &format!("{to}/parquet"), &cookie, &[]).await.status,
        410,
        "sums are no flows"
    );

    let (_, page, _) =
        asked(&front, &cookie, &[("view", "series"), ("step", "10s"), ("by", "packets")]).await;
    assert!(page.contains("class=\"chart\"") && page.contains("data-v=\"5000\""), "{page}");

    let (status, page, _) = asked(&front, &cookie, &[("view", "rows")]).await;
    assert!(
        status == 200 && page.contains("class=\"decision\"") && page.contains("Can be supplied by"),
        "{page}"
    );
    shows_nobody(&page);
    let fields = [("view", "rows"), ("incident", id.as_str()), ("case", "K-7")];
    let (_, page, to) = asked(&front, &cookie, &fields).await;
    assert!(page.contains(&format!("{SENDER}:53")) && page.contains("JP-030.2"), "{page}");
    assert!(page.contains("seal is-open"), "it is open");
    let file = front.ask("GET", &format!("{to}/parquet"), &cookie, &[]).await;
    assert_eq!((file.status, file.text.as_str()), (200, "PAR1 30"));
    let list = front.ask("GET", &format!("{to}/csv"), &cookie, &[]).await;
    assert_eq!(list.text.lines().count(), 31);
    let other = front.enter_as(Role::NetworkOperations).await;
    for path in [to.clone(), format!("{to}/csv")] {
        let page = front.ask("GET", &path, &other, &[]).await;
        assert_eq!(page.status, 410);
        shows_nobody(&page.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_filter_is_marked_at_its_place_and_words_are_offered() {
    let (front, _) = front().await;
    let cookie = english(&front.enter_as(Role::NetworkOperations).await);
    let csrf = front.csrf(&cookie).await;
    let (status, page, _) =
        asked(&front, &cookie, &[("view", "sums"), ("filter", "proto udp andd <b>")]).await;
    assert_eq!(status, 400, "{page}");
    assert!(
        page.contains("          ^ it cannot go on like this") && page.contains("id=\"filter-wrong\""),
        "{page}"
    );
    assert!(!page.contains("andd <b>"), "{page}");
    for (fields, field) in [
        ([("view", "rows"), ("rows", "many")], "rows"),
        ([("view", "series"), ("step", "x")], "step"),
        ([("view", "sums"), ("since", "yesterday")], "since"),
        ([("view", "sums"), ("counted", "once")], "once"),
        ([("view", "rows"), ("incident", "x")], "incident"),
    ] {
        let (status, page, _) = asked(&front, &cookie, &fields).await;
        assert!(status == 400 && page.contains(&format!("id=\"{field}-wrong\"")), "{field}: {page}");
    }

    let words = async |filter: &str| {
        let at = filter.len().to_string();
        let fields = [("csrf", csrf.as_str()), ("filter", filter), ("at", at.as_str())];
        let told = front.ask("POST", "/flows/words", &cookie, &fields).await;
        assert_eq!(told.status, 200, "{}", told.text);
        serde_json::from_str::<Value>(&told.text).unwrap()
    };
    let told = words("proto udp ").await;
    assert!(told["words"].to_string().contains("\"and\"") && told["fault"] == "", "{told}");
    assert_eq!(words("proto ").await["fault"], "", "what is not yet written is no fault");
    assert!(words("proto udp andd x").await["fault"].as_str().unwrap().contains("^"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_are_told_day_by_day_in_words() {
    let (front, _) = front().await;
    for (lang, word) in [("en", "unknown"), ("ja", "不明")] {
        let session = front.enter_as(Role::Auditor).await;
        let page = front.ask("GET", "/sources", &format!("{session}; tadoru-language={lang}"), &[]).await;
        assert_eq!(page.status, 200);
        assert!(
            !page.text.contains("<table class=\"calendar\">") || page.text.contains(word),
            "{}",
            page.text
        );
        shows_nobody(&page.text);
    }
}
