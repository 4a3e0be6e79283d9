//! `tadoru c2-copy`: how it stands with the copy of flows for finding command servers; and the copying while serving.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tadoru_desk::Desk;
use tadoru_desk::copies::{Copier, Copying};
use tadoru_desk::settings::Language;
use tadoru_web::api::copies::FlowCopy;
use tokio::sync::watch;

use crate::cli::Global;
use crate::door::{CommandError, Door};
use crate::embedded::Embedded;
use crate::print::{self, Voice, number};

/// Asks how it stands.
///
/// # Errors
/// When the desk cannot be asked, or says what is wrong.
pub async fn run(global: &Global, door: &Door) -> Result<ExitCode, CommandError> {
    let voice = Voice::of(global)?;
    let copy: FlowCopy = door.get("/v1/flows/c2-copy").await?;
    if global.json {
        print::json(&copy);
    } else {
        for line in told(&copy, &voice) {
            println!("{line}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The lines for people.
fn told(copy: &FlowCopy, voice: &Voice) -> Vec<String> {
    let mut lines = vec![match (copy.wanted, &copy.since) {
        (false, _) => {
            let off = (
                "停止（設定 `desk.c2_copy` が false）",
                "off (`desk.c2_copy` is false in the configuration)",
            );
            format!("{}{}", voice.say("写し　　　 ", "copy       "), voice.say(off.0, off.1))
        }
        (true, Some(since)) => {
            let time = voice.time(Some(since));
            match voice.lang {
                Language::Ja => format!("写し　　　 {time} 以後に届いたフローを写している"),
                Language::En => format!("copy       takes what has arrived since {time}"),
            }
        }
        (true, None) => voice
            .say(
                "写し　　　 停止（規則がまだ認めないか、`tadoru serve` が動いていない）",
                "copy       stands still: the rules do not permit it yet, or `tadoru serve` does not run",
            )
            .to_owned(),
    }];
    let rule = copy.rule.as_deref().unwrap_or("-");
    lines.push(format!("{}{rule}: {}", voice.say("規則　　　 ", "rule       "), copy.verdict));
    for missing in &copy.missing {
        let text = voice.say(&missing.text_ja, &missing.text_en);
        lines.push(format!("{}{text}", voice.say("不足　　　 ", "missing    ")));
    }
    if let Some(id) = &copy.approval_id {
        lines.push(match voice.lang {
            Language::Ja => {
                format!("手引き　　 `tadoru approve {id}` により承認できる（規則の版ごとに一度）")
            }
            Language::En => {
                format!("help       `tadoru approve {id}` agrees to it, once for this version of the rule")
            }
        });
    }
    let (flows, bytes) = (number(copy.flows), number(copy.bytes));
    let (oldest, keep) = (voice.time(copy.oldest.as_deref()), copy.keep.as_deref().unwrap_or("-"));
    lines.push(match voice.lang {
        Language::Ja => {
            format!("内容　　　 {flows} フロー、{bytes} バイト、最も古い時間帯 {oldest}、保存期間 {keep}")
        }
        Language::En => {
            format!("holds      {flows} flows, {bytes} bytes, the oldest hour {oldest}, kept for {keep}")
        }
    });
    lines
}

/// Copies what is new every few seconds, as far as it is wanted and permitted, until `shutdown`.
pub async fn keep(desk: Arc<Desk<Embedded>>, mut shutdown: watch::Receiver<bool>) {
    let (mut copier, mut last) = (Some(desk.copier()), None);
    loop {
        let Some(at_work) = copier.take() else { return };
        match tokio::task::spawn_blocking(move || step(at_work)).await {
            Ok((back, outcome)) => {
                copier = Some(back);
                if outcome != last {
                    tell(outcome.as_ref());
                    last = outcome;
                }
            }
            Err(_) => return tracing::error!("the copy of flows for finding command servers has ended"),
        }
        tokio::select! {
            () = tokio::time::sleep(STEP_EVERY) => {}
            _ = shutdown.wait_for(|end| *end) => return,
        }
    }
}

/// What is news of the copying.
#[derive(Debug, PartialEq, Eq)]
enum News {
    Off,
    Refused,
    Follows,
    Fails(String),
}

fn step(mut copier: Copier<Embedded>) -> (Copier<Embedded>, Option<News>) {
    let news = match copier.step() {
        Ok(Copying::Off) => News::Off,
        Ok(Copying::Refused) => News::Refused,
        Ok(Copying::Followed(_)) => News::Follows,
        Err(error) => News::Fails(error.to_string()),
    };
    (copier, Some(news))
}

fn tell(news: Option<&News>) {
    match news {
        Some(News::Refused) => tracing::warn!(
            "a copy of flows for finding command servers is wanted; the rules do not permit it yet: `tadoru c2-copy`"
        ),
        Some(News::Follows) => tracing::info!("flows are copied for finding command servers"),
        Some(News::Fails(why)) => {
            tracing::warn!("cannot copy flows for finding command servers, and tries again: {why}");
        }
        Some(News::Off) | None => {}
    }
}

/// How often it is looked for new flows; the store writes a few minutes of them at a time.
const STEP_EVERY: Duration = Duration::from_secs(5);
