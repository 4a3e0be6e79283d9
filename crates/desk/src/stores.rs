//! The stores of an installation, plugged in by the executable.

use tadoru_store::cases::Cases;
use tadoru_store::clocks::ClockReadings;
use tadoru_store::evidence::Evidence;
use tadoru_store::rules::Rules;
use tadoru_store::subscribers::Subscribers;
use tadoru_store::{Assignments, Coverage};

/// Everything that the desk keeps and asks.
pub trait Stores: Send + Sync + 'static {
    /// Cases.
    type Cases: Cases;
    /// The subscriber directory.
    type Subscribers: Subscribers;
    /// Evidence.
    type Evidence: Evidence;

    /// Who held what.
    fn assignments(&self) -> &dyn Assignments;
    /// When sources were alive.
    fn coverage(&self) -> &dyn Coverage;
    /// Algorithmic translations.
    fn rules(&self) -> &dyn Rules;
    /// The sources' clocks.
    fn clocks(&self) -> &dyn ClockReadings;
    /// Cases.
    fn cases(&self) -> &Self::Cases;
    /// The subscriber directory.
    fn subscribers(&self) -> &Self::Subscribers;
    /// Evidence.
    fn evidence(&self) -> &Self::Evidence;
}
