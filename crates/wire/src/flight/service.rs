//! The requests of Flight SQL.

use std::pin::Pin;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::server::{FlightSqlService, PeekableFlightDataStream};
use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
    ActionCreatePreparedStatementResult, CommandGetCatalogs, CommandGetDbSchemas,
    CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables, CommandGetXdbcTypeInfo,
    CommandPreparedStatementQuery, CommandPreparedStatementUpdate, CommandStatementIngest,
    CommandStatementQuery, CommandStatementUpdate, DoPutPreparedStatementResult, ProstMessageExt,
    SqlInfo, TicketStatementQuery,
};
use arrow_flight::{
    Action, FlightDescriptor, FlightEndpoint, FlightInfo, HandshakeRequest, HandshakeResponse,
    IpcMessage, SchemaAsIpc, Ticket,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{Stream, StreamExt, TryStreamExt};
use prost::Message;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status, Streaming};
use vitals_access::{Caller, Place, Places};
use vitals_model::limits::{DOOR_BYTES_MAX, DOOR_ROWS_MAX};
use vitals_query::answers::{Size, Surface};
use vitals_query::{Question, Rows};

use super::catalogue::{self, Part};
use super::refusal::{read_only, status};
use super::statements::{Statement, Statements};
use super::{caller, params};
use crate::Doors;

/// The service.
#[derive(Debug)]
pub(super) struct Service {
    doors: Doors,
    statements: Statements,
    places: Places,
}

type Got = Response<<Service as FlightService>::DoGetStream>;
type Handshakes = Pin<Box<dyn Stream<Item = Result<HandshakeResponse, Status>> + Send>>;

fn schema_bytes(schema: &Schema) -> Result<Bytes, Status> {
    let message: Result<IpcMessage, _> =
        SchemaAsIpc::new(schema, &IpcWriteOptions::default()).try_into();
    message.map(|it| it.0).map_err(|_| Status::internal("the columns cannot be written"))
}

impl Service {
    pub(super) fn new(doors: Doors) -> Self {
        Self { doors, statements: Statements::default(), places: Places::default() }
    }

    async fn caller<T>(&self, request: &Request<T>) -> Result<Caller, Status> {
        caller::of(&self.doors.gate, request).await
    }

    fn place(&self, caller: &Caller) -> Result<Place, Status> {
        let place = self.places.enter().and_then(|place| place.of(caller.tenant));
        place.map_err(|_| Status::resource_exhausted("too many requests are under way"))
    }

    fn question(caller: &Caller, Statement { sql, params }: Statement) -> Question {
        let size = Size { rows: DOOR_ROWS_MAX, bytes: DOOR_BYTES_MAX };
        Question { tenant: caller.tenant, sql, params, surface: Surface::Wire, size }
    }

    async fn columns(
        &self,
        caller: &Caller,
        statement: Statement,
    ) -> Result<(SchemaRef, usize), Status> {
        let _place = self.place(caller)?;
        let question = Self::question(caller, statement);
        let described = self.doors.answers.describe(question).await;
        let described = described.map_err(|error| status(&error))?;
        Ok((described.schema, described.params.len()))
    }

    /// Answers a statement; its rows are sent as they come, and its work ends with the stream.
    async fn answer(&self, caller: &Caller, statement: Statement) -> Result<Got, Status> {
        let place = self.place(caller)?;
        let question = Self::question(caller, statement);
        let rows = self.doors.answers.answer(question).await.map_err(|error| status(&error))?;
        let schema = SchemaRef::clone(&rows.schema);
        let batches = futures::stream::unfold(Some((rows, place)), |state| async {
            let (mut rows, place) = state?;
            match next(&mut rows).await {
                Ok(Some(batch)) => Some((Ok(batch), Some((rows, place)))),
                Ok(None) => None,
                Err(status) => Some((Err(FlightError::from(status)), None)),
            }
        });
        let encoded = FlightDataEncoderBuilder::new().with_schema(schema).build(batches);
        Ok(Response::new(encoded.map_err(Status::from).boxed()))
    }

    async fn info(
        &self,
        schema: &Schema,
        ticket: Vec<u8>,
        descriptor: FlightDescriptor,
    ) -> Result<Response<FlightInfo>, Status> {
        let endpoint = FlightEndpoint::new().with_ticket(Ticket::new(ticket));
        let info = FlightInfo::new()
            .try_with_schema(schema)
            .map_err(|_| Status::internal("the columns cannot be written"))?
            .with_endpoint(endpoint)
            .with_descriptor(descriptor);
        Ok(Response::new(info))
    }

    async fn part_info(
        &self,
        part: Part,
        ticket: Vec<u8>,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        self.caller(&request).await?;
        let rows = catalogue::rows(part)?;
        self.info(&rows.schema(), ticket, request.into_inner()).await
    }

    async fn part(&self, part: Part, request: Request<Ticket>) -> Result<Got, Status> {
        self.caller(&request).await?;
        let rows = catalogue::rows(part)?;
        let schema = rows.schema();
        let rows = futures::stream::iter([Ok(rows)]);
        let encoded = FlightDataEncoderBuilder::new().with_schema(schema).build(rows);
        Ok(Response::new(encoded.map_err(Status::from).boxed()))
    }
}

/// The next rows. An answer that was cut off is an error at its end: nobody takes a part for the whole.
async fn next(rows: &mut Rows) -> Result<Option<RecordBatch>, Status> {
    match rows.next().await.map_err(|error| status(&error))? {
        Some(batch) => Ok(Some(batch)),
        None if rows.is_truncated() => Err(Status::out_of_range(format!(
            "there are more rows than an answer may have (at most {DOOR_ROWS_MAX}); add a LIMIT (54000)"
        ))),
        None => Ok(None),
    }
}

#[async_trait]
impl FlightSqlService for Service {
    type FlightService = Self;

    /// A name and its key are shown once, and the key alone from then on.
    async fn do_handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Handshakes>, Status> {
        self.caller(&request).await?;
        let key = caller::shown(&request)?.key;
        let said = HandshakeResponse { protocol_version: 0, payload: Bytes::new() };
        let stream: Handshakes = futures::stream::iter([Ok(said)]).boxed();
        let mut response = Response::new(stream);
        let mut bearer = MetadataValue::try_from(format!("Bearer {key}"))
            .map_err(|_| Status::unauthenticated("this is no key"))?;
        bearer.set_sensitive(true);
        response.metadata_mut().insert("authorization", bearer);
        Ok(response)
    }

    async fn get_flight_info_statement(
        &self,
        query: CommandStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let caller = self.caller(&request).await?;
        let statement = Statement { sql: query.query, params: Vec::new() };
        let (schema, _) = self.columns(&caller, statement.clone()).await?;
        let statement_handle = self.statements.keep(caller.tenant, statement)?;
        let ticket = TicketStatementQuery { statement_handle }.as_any().encode_to_vec();
        self.info(&schema, ticket, request.into_inner()).await
    }

    async fn do_get_statement(
        &self,
        ticket: TicketStatementQuery,
        request: Request<Ticket>,
    ) -> Result<Got, Status> {
        let caller = self.caller(&request).await?;
        let statement = self.statements.get(caller.tenant, &ticket.statement_handle)?;
        self.answer(&caller, statement).await
    }

    async fn do_action_create_prepared_statement(
        &self,
        query: ActionCreatePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        let caller = self.caller(&request).await?;
        let statement = Statement { sql: query.query, params: Vec::new() };
        let (schema, count) = self.columns(&caller, statement.clone()).await?;
        let handle = self.statements.keep(caller.tenant, statement)?;
        let param = |at: usize| Field::new(format!("${at}"), DataType::Utf8, true);
        let params = Schema::new((1..=count).map(param).collect::<Vec<_>>());
        Ok(ActionCreatePreparedStatementResult {
            prepared_statement_handle: handle,
            dataset_schema: schema_bytes(&schema)?,
            parameter_schema: schema_bytes(&params)?,
        })
    }

    async fn do_action_close_prepared_statement(
        &self,
        query: ActionClosePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<(), Status> {
        let caller = self.caller(&request).await?;
        self.statements.close(caller.tenant, &query.prepared_statement_handle)
    }

    async fn do_put_prepared_statement_query(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<DoPutPreparedStatementResult, Status> {
        let caller = self.caller(&request).await?;
        let handle = query.prepared_statement_handle;
        self.statements.get(caller.tenant, &handle)?;
        let bound = params::read(request.into_inner()).await?;
        self.statements.bind(caller.tenant, &handle, bound)?;
        Ok(DoPutPreparedStatementResult { prepared_statement_handle: Some(handle) })
    }

    async fn get_flight_info_prepared_statement(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let caller = self.caller(&request).await?;
        let statement = self.statements.get(caller.tenant, &query.prepared_statement_handle)?;
        let (schema, _) = self.columns(&caller, statement).await?;
        let ticket = query.as_any().encode_to_vec();
        self.info(&schema, ticket, request.into_inner()).await
    }

    async fn do_get_prepared_statement(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<Ticket>,
    ) -> Result<Got, Status> {
        let caller = self.caller(&request).await?;
        let statement = self.statements.get(caller.tenant, &query.prepared_statement_handle)?;
        self.answer(&caller, statement).await
    }

    async fn get_flight_info_catalogs(
        &self,
        query: CommandGetCatalogs,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let ticket = query.as_any().encode_to_vec();
        self.part_info(Part::Catalogs(query), ticket, request).await
    }

    async fn do_get_catalogs(
        &self,
        query: CommandGetCatalogs,
        request: Request<Ticket>,
    ) -> Result<Got, Status> {
        self.part(Part::Catalogs(query), request).await
    }

    async fn get_flight_info_schemas(
        &self,
        query: CommandGetDbSchemas,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let ticket = query.as_any().encode_to_vec();
        self.part_info(Part::Schemas(query), ticket, request).await
    }

    async fn do_get_schemas(
        &self,
        query: CommandGetDbSchemas,
        request: Request<Ticket>,
    ) -> Result<Got, Status> {
        self.part(Part::Schemas(query), request).await
    }

    async fn get_flight_info_tables(
        &self,
        query: CommandGetTables,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let ticket = query.as_any().encode_to_vec();
        self.part_info(Part::Tables(query), ticket, request).await
    }

    async fn do_get_tables(
        &self,
        query: CommandGetTables,
        request: Request<Ticket>,
    ) -> Result<Got, Status> {
        self.part(Part::Tables(query), request).await
    }

    async fn get_flight_info_table_types(
        &self,
        query: CommandGetTableTypes,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let ticket = query.as_any().encode_to_vec();
        self.part_info(Part::TableTypes(query), ticket, request).await
    }

    async fn do_get_table_types(
        &self,
        query: CommandGetTableTypes,
        request: Request<Ticket>,
    ) -> Result<Got, Status> {
        self.part(Part::TableTypes(query), request).await
    }

    async fn get_flight_info_sql_info(
        &self,
        query: CommandGetSqlInfo,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let ticket = query.as_any().encode_to_vec();
        self.part_info(Part::SqlInfo(query), ticket, request).await
    }

    async fn do_get_sql_info(
        &self,
        query: CommandGetSqlInfo,
        request: Request<Ticket>,
    ) -> Result<Got, Status> {
        self.part(Part::SqlInfo(query), request).await
    }

    async fn get_flight_info_xdbc_type_info(
        &self,
        query: CommandGetXdbcTypeInfo,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let ticket = query.as_any().encode_to_vec();
        self.part_info(Part::Types(query), ticket, request).await
    }

    async fn do_get_xdbc_type_info(
        &self,
        query: CommandGetXdbcTypeInfo,
        request: Request<Ticket>,
    ) -> Result<Got, Status> {
        self.part(Part::Types(query), request).await
    }

    async fn do_put_statement_update(
        &self,
        _: CommandStatementUpdate,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        self.caller(&request).await?;
        Err(read_only())
    }

    async fn do_put_prepared_statement_update(
        &self,
        _: CommandPreparedStatementUpdate,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        self.caller(&request).await?;
        Err(read_only())
    }

    async fn do_put_statement_ingest(
        &self,
        _: CommandStatementIngest,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        self.caller(&request).await?;
        Err(read_only())
    }

    async fn register_sql_info(&self, _: i32, _: &SqlInfo) {}
}
