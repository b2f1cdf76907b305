//! Hands generated records to an operator, many at a time or at a pace.
//!
//! Promises that records are published in their order, and that at a pace none is later than a tenth of a
//! second.

use std::time::Duration;

use vitals_api::Operator;
use vitals_api::operator::NewTenant;
use vitals_connect::simulate::SimulatedTenant;
use vitals_log::Message;
use vitals_model::Record;

use crate::failure::Outcome;

/// Most messages published at a time.
const CHUNK_MESSAGES_MAX: usize = 5_000;
/// How often something is published at a pace.
pub(crate) const BEAT: Duration = Duration::from_millis(100);

/// Records on their way out.
pub(crate) struct Publisher<'a> {
    operator: &'a dyn Operator,
    waiting: Vec<Message>,
}

impl<'a> Publisher<'a> {
    /// One with nothing to publish.
    pub(crate) fn new(operator: &'a dyn Operator) -> Self {
        Self { operator, waiting: Vec::new() }
    }

    /// Takes a record, and publishes when there are many.
    pub(crate) async fn put(&mut self, record: &Record) -> Outcome {
        self.waiting.push(Message::of(record, self.operator.partitions()));
        if self.waiting.len() >= CHUNK_MESSAGES_MAX { self.flush().await } else { Ok(()) }
    }

    /// Publishes what is waiting.
    pub(crate) async fn flush(&mut self) -> Outcome {
        if !self.waiting.is_empty() {
            self.operator.publish(std::mem::take(&mut self.waiting)).await?;
        }
        Ok(())
    }
}

/// Makes sure that simulated tenants exist. Their settings are among their records.
pub(crate) async fn adopt(operator: &dyn Operator, tenants: &[SimulatedTenant]) -> Outcome {
    for SimulatedTenant { id, slug, name, .. } in tenants {
        let new = NewTenant { id: Some(*id), slug: slug.clone(), name: name.clone() };
        operator.create_tenant(new).await?;
    }
    Ok(())
}
