//! The embedded installation: one folder, one process.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tadoru_desk::{Clock, Desk, People};
use tadoru_gate::journal::{Options, verifier_of};
use tadoru_gate::pack::sign_off::SignOffError;
use tadoru_gate::pack::{Pack, PackError, PackKey, PackKeys, Packs, SignOff};
use tadoru_gate::permit::Store;
use tadoru_gate::vocabulary::Mark;
use tadoru_gate::{
    ActName, Answer, Ask, DataCategory, DataSet, Facts, Gate, GateError, Permit, Purpose, Scope,
};
use tadoru_model::{PersonId, Role, UtcMicros};
use tadoru_store::StoreError;
use tadoru_store_embedded::folder::Folder;
use tadoru_store_embedded::spool::Spool;

use crate::config::{Config, GateConfig};
use crate::network::{self, NetworkError};

/// The embedded stores.
pub use tadoru_store_embedded::shelves::Shelves as Embedded;

/// Why an installation does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The rules.
    #[error("cannot load the rule packs")]
    Packs(#[from] PackError),
    /// A file that the configuration names under `[gate]`.
    #[error("cannot read `{}`", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A key of the operator's that is none.
    #[error("key `{0}` in the configuration is not an Ed25519 public key in base64")]
    Key(String),
    /// The sign-offs of counsel.
    #[error("cannot read the sign-offs of counsel")]
    SignOff(#[from] SignOffError),
    /// The data folder is of another operator's installation than the configuration.
    #[error("it was begun for the operator `{kept}`, and the configuration in force says `{configured}`")]
    Operator {
        /// The operator whose journal is in the folder.
        kept: String,
        /// The operator that the configuration names, as the journal writes it.
        configured: String,
    },
    /// The gate.
    #[error("cannot open the gate")]
    Gate(#[from] GateError),
    /// A store.
    #[error("cannot open the stores")]
    Store(#[from] StoreError),
    /// What is told of the network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The installation's own recording has no ground in the rules in force.
    #[error("the rules in force do not permit this installation to keep its records")]
    NoGround,
}

/// An open installation.
pub struct Installation {
    /// Its desk.
    pub desk: Arc<Desk<Embedded>>,
    /// Its folder.
    pub folder: Folder,
    /// Where live records wait until they are applied.
    pub spool: Spool,
    /// What a person should see first: rules that no counsel has signed off, leftovers of a crash.
    pub warnings: Vec<String>,
}

/// Opens the installation in `data`, or begins one.
///
/// # Errors
/// When another process has it, or something in it cannot be opened.
pub async fn open(data: &Path, config: &Config, clock: Arc<dyn Clock>) -> Result<Installation, OpenError> {
    let now = clock.now();
    let folder = Folder::open(data)?;
    check_operator(data, config)?;
    let packs = packs(&config.gate)?;
    let (network, mut warnings) = network::load(&config.network, &config.desk.own_prefixes)?;
    let unsigned: Vec<&str> = packs.current().map(unsigned).unwrap_or_default();
    if !unsigned.is_empty() {
        warnings.push(format!(
            "{} rules are marked C (not verified) and not signed off by counsel: {}",
            unsigned.len(),
            unsigned.join(", ")
        ));
    }
    let options = Options { second: config.gate.checkpoint_copy.clone(), ..Options::new(origin(config)) };
    let (gate, _) = Gate::open(&gate_folder(data), packs, &options, now)?;

    let permit = recording(&gate, now)?;
    let tick = Arc::clone(&clock);
    let vault = gate.vault().clone();
    let own = &config.desk.own_prefixes;
    let (stores, opened) = Embedded::open(&folder, vault, Arc::new(move || tick.now()), &permit, own).await?;
    warnings.extend(
        opened.foreign.iter().map(|file| format!("`{file}` is no whole file of flows; it is left alone")),
    );
    warnings.extend(opened.leftovers.iter().map(|file| format!("removed `{file}`, left over from a crash")));
    let spool = stores.spool().clone();
    let people = People::new(config.people.clone());
    let desk = Desk::new(Arc::new(gate), stores, config.desk.clone(), people, clock)
        .with_network(network)
        .with_detection(config.detection.clone());
    Ok(Installation { desk: Arc::new(desk), folder, spool, warnings })
}

/// Where the gate keeps its own files.
pub fn gate_folder(data: &Path) -> PathBuf {
    data.join("gate")
}

/// Where the journal is.
pub fn journal_folder(data: &Path) -> PathBuf {
    gate_folder(data).join("journal")
}

/// The packs that come with the product and the operator's own, with sign-offs and retention settings.
fn packs(config: &GateConfig) -> Result<Packs, OpenError> {
    let read = |file: &Path| {
        std::fs::read_to_string(file).map_err(|source| OpenError::File { file: file.to_owned(), source })
    };
    let mut keys = PackKeys::product();
    for key in &config.keys {
        keys = keys
            .with(PackKey::parse(&key.name, &key.public).ok_or_else(|| OpenError::Key(key.name.clone()))?);
    }
    let mut packs = Packs::shipped()?;
    for file in &config.packs {
        let mut signature = file.clone().into_os_string();
        signature.push(".sig");
        packs.add(Pack::load(&read(file)?, &read(Path::new(&signature))?, &keys)?);
    }
    let mut packs = packs.with_jurisdiction(&config.jurisdiction)?;
    for file in &config.sign_offs {
        packs.sign_off(&SignOff::read(&read(file)?)?);
    }
    packs.set_retention(&config.retention)?;
    Ok(packs)
}

/// Rules that are not verified and that no counsel has signed off.
fn unsigned(pack: &Pack) -> Vec<&str> {
    let open = pack.rules().filter(|rule| rule.mark.contains(&Mark::C) && !pack.is_signed_off(&rule.id));
    open.map(|rule| rule.id.as_str()).collect()
}

/// The journal's name in its checkpoints.
fn origin(config: &Config) -> String {
    let operator: String = config.desk.operator.chars().filter(|c| !c.is_whitespace() && *c != '+').collect();
    format!("{operator}{JOURNAL}")
}

/// That the folder, where it has a journal, is of the operator that the configuration names.
fn check_operator(data: &Path, config: &Config) -> Result<(), OpenError> {
    // A key that does not read is the journal's own fault to tell.
    let Ok(verifier) = verifier_of(&journal_folder(data)) else { return Ok(()) };
    let (kept, configured) = (verifier.name(), origin(config));
    let operator = |origin: &str| origin.strip_suffix(JOURNAL).unwrap_or(origin).to_owned();
    if kept == configured {
        return Ok(());
    }
    Err(OpenError::Operator { kept: operator(kept), configured: operator(&configured) })
}

/// The ground on which the installation records at all, from its first moment on (JP-060).
fn recording(gate: &Gate, now: UtcMicros) -> Result<Permit<Store>, OpenError> {
    let ask = Ask {
        act: ActName::Store,
        data: DataSet::of(&[DataCategory::Asgn]),
        purpose: Purpose::Clean,
        basis: None,
        person: PersonId("system".to_owned()),
        roles: vec![Role::System],
        case: None,
        scope: Scope { own_network: true, ..Scope::default() },
        facts: Facts::none(),
        at: now,
    };
    match gate.ask::<Store>(ask)? {
        Answer::Permitted(permit) => Ok(permit),
        Answer::Refused(_) => Err(OpenError::NoGround),
    }
}

/// What stands behind the operator in the journal's name.
const JOURNAL: &str = "/tadoru/journal";
