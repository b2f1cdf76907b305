//! What reads files, and what it keeps of them between two questions.
//!
//! Promises that footers, page indexes and the versions in doubt are found once, however often they are asked
//! for, and that what is kept is bounded.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{filter_record_batch, not};
use datafusion::execution::TaskContext;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::TryStreamExt;
use vitals_model::TenantId;
use vitals_model::lake::Segment;
use vitals_model::limits::{
    LAKE_TAILS_KEPT_BYTES_MAX, LAKE_WINNERS_KEPT_MAX, LAKE_WINNERS_KEYS_KEPT_MAX,
    LAKE_ZONES_KEPT_MAX,
};
use vitals_model::local_time::Zone;

use crate::error::LakeError;
use crate::kept::{Grounds, Kept};
use crate::layout::{DELETED, Table};
use crate::objects::Objects;
use crate::scan::{Files, Wanted, identity};
use crate::table::OneTable;
use crate::view::View;
use crate::winners::Winners;

/// Which keys of a table are in doubt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doubt<'a> {
    pub(crate) table: &'static Table,
    pub(crate) tenant: Option<TenantId>,
    /// Each of their keys may be in several of them.
    pub(crate) fresh: &'a [&'a Segment],
    /// Each key is in one of them at most.
    pub(crate) settled: &'a [&'a Segment],
}

/// Of which tenant and table, and whether with the tail.
type Whose = (TenantId, &'static str, bool);

/// What reads files.
pub(crate) struct Reader {
    pub(crate) objects: Objects,
    /// Where the lake's own plans run.
    context: SessionContext,
    winners: Kept<Whose, Arc<Winners>>,
    tails: Kept<(TenantId, &'static str), RecordBatch>,
    zones: Kept<TenantId, Zone>,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("objects", &self.objects).finish_non_exhaustive()
    }
}

/// What a tenant's table is derived from in a view.
fn grounds(view: &View, tenant: TenantId, table: &Table) -> Grounds {
    let (fresh, base) = view.files(table, tenant);
    let files = fresh.into_iter().chain(base).map(|it| it.path.clone()).collect();
    let generation = view.state.tail.group(tenant, table.kind).map(|it| it.generation);
    Grounds { files, generation }
}

impl Reader {
    pub(crate) fn new(objects: Objects) -> Self {
        // One partition: what the lake reads for itself is for one reader.
        let context =
            SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
        context.register_object_store(Objects::url().as_ref(), objects.store());
        let winners = Kept::new(LAKE_WINNERS_KEPT_MAX, LAKE_WINNERS_KEYS_KEPT_MAX);
        let tails = Kept::new(LAKE_WINNERS_KEPT_MAX, LAKE_TAILS_KEPT_BYTES_MAX);
        let zones = Kept::new(LAKE_ZONES_KEPT_MAX, usize::MAX);
        Self { objects, context, winners, tails, zones }
    }

    pub(crate) fn task(&self) -> Arc<TaskContext> {
        self.context.task_ctx()
    }

    /// Footers and page indexes that were read; files never change.
    pub(crate) fn footers(&self) -> Arc<FileMetadataCache> {
        self.context.runtime_env().cache_manager.get_file_metadata_cache()
    }

    /// The newest versions of a tenant's records where there may be several, in what a view holds.
    ///
    /// Those of the files are found once for as long as the files stay; what the tail adds, anew whenever the
    /// tenant's own tail changes.
    pub(crate) async fn winners_of(
        &self,
        view: &View,
        tenant: TenantId,
        table: &'static Table,
    ) -> Result<Arc<Winners>, LakeError> {
        let (fresh, base) = view.files(table, tenant);
        let with_tail = grounds(view, tenant, table);
        // A single file has each of its keys once, as the base does.
        let alone = base.is_empty() && fresh.len() == 1;
        let (fresh, settled) = if alone { (Vec::new(), fresh) } else { (fresh, base) };
        let doubt = Doubt { table, tenant: Some(tenant), fresh: &fresh, settled: &settled };
        let files = Grounds { generation: None, ..with_tail.clone() };
        let whose = |with_tail| (tenant, table.name, with_tail);
        let of_files = match self.winners.get(&whose(false), &files) {
            Some(known) => known,
            None => {
                let found = Arc::new(self.winners(&doubt).await?);
                let weight = found.len();
                self.winners.put(whose(false), (files, Arc::clone(&found)), weight);
                found
            }
        };
        let Some(group) = view.state.tail.group(tenant, table.kind) else { return Ok(of_files) };
        if let Some(known) = self.winners.get(&whose(true), &with_tail) {
            return Ok(known);
        }
        let mut winners = Winners::over(of_files);
        group.rows.values().for_each(|row| winners.put(row));
        self.settle(&doubt, &mut winners).await?;
        let (weight, winners) = (winners.len(), Arc::new(winners));
        self.winners.put(whose(true), (with_tail, Arc::clone(&winners)), weight);
        Ok(winners)
    }

    /// A tenant's rows of the tail that are the newest of their records, as columns of the table.
    pub(crate) async fn tail_of(
        &self,
        view: &View,
        tenant: TenantId,
        table: &'static Table,
    ) -> Result<RecordBatch, LakeError> {
        let (whose, grounds) = ((tenant, table.name), grounds(view, tenant, table));
        if let Some(known) = self.tails.get(&whose, &grounds) {
            return Ok(known);
        }
        let winners = self.winners_of(view, tenant, table).await?;
        let rows = view.state.tail.of(tenant, table.kind);
        let newest = rows.filter(|row| row.body.is_some() && winners.leads_row(row));
        let rows = table.batch(newest)?;
        let live = not(rows.column(table.column(DELETED)).as_boolean())?;
        let rows = filter_record_batch(&rows, &live)?;
        self.tails.put(whose, (grounds, rows.clone()), rows.get_array_memory_size());
        Ok(rows)
    }

    /// The newest versions of records that fresh files put in doubt.
    pub(crate) async fn winners(&self, doubt: &Doubt<'_>) -> Result<Winners, LakeError> {
        let mut winners = Winners::default();
        self.read(doubt, doubt.fresh, None, |rows| winners.put_all(rows, true)).await?;
        self.settle(doubt, &mut winners).await?;
        Ok(winners)
    }

    /// Asks the settled files for versions that outrank those of the keys in doubt.
    async fn settle(&self, doubt: &Doubt<'_>, winners: &mut Winners) -> Result<(), LakeError> {
        let Some(version) = winners.least_version() else { return Ok(()) };
        self.read(doubt, doubt.settled, Some(version), |rows| winners.put_all(rows, false)).await
    }

    async fn read(
        &self,
        doubt: &Doubt<'_>,
        files: &[&Segment],
        version_from: Option<i64>,
        mut with: impl FnMut(&RecordBatch),
    ) -> Result<(), LakeError> {
        if files.is_empty() {
            return Ok(());
        }
        let columns = identity(doubt.table).map(|name| doubt.table.column(name)).into();
        let files = Files {
            objects: &self.objects,
            footers: self.footers(),
            table: doubt.table,
            runs: vec![files.to_vec()],
            sorted: false,
            optimised: false,
        };
        let wanted = Wanted { tenant: doubt.tenant, version_from, columns, ..Wanted::default() };
        let mut rows = execute_stream(files.plan(&wanted)?, self.task())?;
        while let Some(batch) = rows.try_next().await? {
            with(&batch);
        }
        Ok(())
    }

    /// The zone of a tenant's organization (the first by id, where there are several), else UTC.
    pub(crate) async fn zone(&self, view: &View, tenant: TenantId) -> Result<Zone, LakeError> {
        let table = Table::named("organizations").expect("one of the kinds' tables");
        let grounds = grounds(view, tenant, table);
        if let Some(known) = self.zones.get(&tenant, &grounds) {
            return Ok(known);
        }
        let own = Arc::new(OneTable::new(view.clone(), tenant, table));
        let rows = self.context.read_table(own)?.select_columns(&["id", "time_zone"])?;
        let rows = rows.collect().await?;
        let named = rows.iter().flat_map(|batch| {
            let [ids, zones] = [0, 1].map(|at| batch.column(at).as_string::<i32>());
            (0..batch.num_rows())
                .map(move |row| (ids.value(row), zones.is_valid(row).then(|| zones.value(row))))
        });
        let first = named.min_by_key(|(id, _)| *id);
        let zone = first.and_then(|(_, zone)| zone).and_then(Zone::named);
        let zone = zone.unwrap_or_else(Zone::utc);
        self.zones.put(tenant, (grounds, zone), 1);
        Ok(zone)
    }
}
