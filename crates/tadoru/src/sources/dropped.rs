//! What the sources drop without an answer to the sender: the operator hears of it in the log, once a minute at most.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tadoru_observe::Shutdown;
use tadoru_web::api::health::SourceState;

/// Warns of what was dropped since the last look, until `shutdown`.
pub async fn tell(states: Arc<dyn Fn() -> Vec<SourceState> + Send + Sync>, mut shutdown: Shutdown) {
    let mut told = BTreeMap::new();
    loop {
        for state in states() {
            for (counter, what_to_do) in DROPPED {
                let now = state.counters.get(counter).copied().unwrap_or_default();
                let before = told.insert((state.name.clone(), counter), now).unwrap_or_default();
                if now > before {
                    tracing::warn!(source = state.name, dropped = now - before, "{counter}: {what_to_do}");
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = shutdown.wait_for(|end| *end) => return,
        }
    }
}

/// Counters of what is dropped, and what to do about it.
const DROPPED: [(&str, &str); 4] = [
    ("wrong_secret", "compare the secret of the access server with the one in the configuration"),
    ("unknown_device", "no access server of this address is configured"),
    ("unknown_sender", "no sender of this address is configured"),
    ("malformed", "the sender's packets are not of this protocol, or damaged on the way"),
];
/// How often is looked.
const EVERY: Duration = Duration::from_secs(60);
