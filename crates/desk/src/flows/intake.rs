//! Flows of files on their way into the store, under the standing permit for recording (JP-030).

use tadoru_gate::Permit;
use tadoru_gate::permit::Store;
use tadoru_model::Flows as Batch;

use crate::ask::Work;
use crate::{Desk, DeskError, Stores};

/// Flows on their way into the store.
pub(crate) struct FlowIntake<'d, S> {
    desk: &'d Desk<S>,
    permit: Permit<Store>,
}

impl<S: Stores> Desk<S> {
    /// Begins to take flows in.
    pub(crate) fn flow_intake<'d, 'i>(
        &'d self,
        intake: &'i mut Option<FlowIntake<'d, S>>,
    ) -> Result<&'i mut FlowIntake<'d, S>, DeskError> {
        if intake.is_none() {
            *intake = Some(FlowIntake { desk: self, permit: self.standing(Work::Flows)? });
        }
        intake.as_mut().ok_or(DeskError::Question { why: "no flows are taken in" })
    }
}

impl<S: Stores> FlowIntake<'_, S> {
    /// Takes a batch in, with the autonomous systems that the exporters did not tell.
    pub(crate) fn take(&self, mut batch: Batch) -> Result<(), DeskError> {
        self.desk.network().enrich(&mut batch);
        Ok(self.desk.stores().flows().keep(&self.permit, &batch)?)
    }

    /// Makes everything durable.
    pub(crate) fn finish(self) -> Result<(), DeskError> {
        let flows = self.desk.stores().flows();
        flows.commit(&self.permit, flows.mark())?;
        Ok(flows.flush(&self.permit)?)
    }
}
