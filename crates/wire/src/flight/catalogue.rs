//! What there is, for tools that ask: one catalogue, one schema, the tenant's tables, what is offered.

use std::sync::OnceLock;

use arrow::array::RecordBatch;
use arrow_flight::sql::metadata::{
    SqlInfoData, SqlInfoDataBuilder, XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder,
};
use arrow_flight::sql::{
    CommandGetCatalogs, CommandGetDbSchemas, CommandGetSqlInfo, CommandGetTableTypes,
    CommandGetTables, CommandGetXdbcTypeInfo, Nullable, Searchable, SqlInfo,
    SqlSupportedTransaction, XdbcDataType,
};
use tonic::Status;
use vitals_query::system::{DATABASE, schemas};

/// The one schema of the tenant's tables.
const PUBLIC: &str = "public";

fn bug(_: impl std::error::Error) -> Status {
    Status::internal("the catalogue cannot be written")
}

/// Which part of the catalogue.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Catalogs(CommandGetCatalogs),
    Schemas(CommandGetDbSchemas),
    Tables(CommandGetTables),
    TableTypes(CommandGetTableTypes),
    SqlInfo(CommandGetSqlInfo),
    Types(CommandGetXdbcTypeInfo),
}

/// A part of the catalogue as rows.
pub(super) fn rows(part: Part) -> Result<RecordBatch, Status> {
    match part {
        Part::Catalogs(query) => {
            let mut builder = query.into_builder();
            builder.append(DATABASE);
            builder.build().map_err(bug)
        }
        Part::Schemas(query) => {
            let mut builder = query.into_builder();
            builder.append(DATABASE, PUBLIC);
            builder.build().map_err(bug)
        }
        Part::Tables(query) => {
            let mut builder = query.into_builder();
            for (name, schema) in schemas() {
                builder.append(DATABASE, PUBLIC, *name, "TABLE", schema).map_err(bug)?;
            }
            builder.build().map_err(bug)
        }
        Part::TableTypes(query) => {
            let mut builder = query.into_builder();
            builder.append("TABLE");
            builder.build().map_err(bug)
        }
        Part::SqlInfo(query) => {
            let info = info()?;
            query.into_builder(info).build().map_err(bug)
        }
        Part::Types(query) => {
            let types = types()?;
            query.into_builder(types).build().map_err(bug)
        }
    }
}

fn info() -> Result<&'static SqlInfoData, Status> {
    static INFO: OnceLock<Option<SqlInfoData>> = OnceLock::new();
    let info = INFO.get_or_init(|| {
        let mut builder = SqlInfoDataBuilder::new();
        builder.append(SqlInfo::FlightSqlServerName, "Vitals");
        builder.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
        builder.append(SqlInfo::FlightSqlServerArrowVersion, "59");
        builder.append(SqlInfo::FlightSqlServerReadOnly, true);
        builder.append(SqlInfo::FlightSqlServerSql, true);
        builder.append(SqlInfo::FlightSqlServerSubstrait, false);
        let transactions = SqlSupportedTransaction::None as i32;
        builder.append(SqlInfo::FlightSqlServerTransaction, transactions);
        builder.append(SqlInfo::FlightSqlServerCancel, false);
        builder.append(SqlInfo::SqlDdlCatalog, false);
        builder.append(SqlInfo::SqlDdlSchema, false);
        builder.append(SqlInfo::SqlDdlTable, false);
        builder.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
        builder.build().ok()
    });
    info.as_ref().ok_or_else(|| Status::internal("there is no such information"))
}

fn types() -> Result<&'static XdbcTypeInfoData, Status> {
    static TYPES: OnceLock<Option<XdbcTypeInfoData>> = OnceLock::new();
    let types = TYPES.get_or_init(|| {
        let mut builder = XdbcTypeInfoDataBuilder::new();
        for (name, kind, size, quote) in [
            ("boolean", XdbcDataType::XdbcBit, 1, None),
            ("bigint", XdbcDataType::XdbcBigint, 19, None),
            ("numeric", XdbcDataType::XdbcDecimal, 38, None),
            ("double precision", XdbcDataType::XdbcDouble, 53, None),
            ("text", XdbcDataType::XdbcVarchar, i32::MAX, Some("'")),
            ("date", XdbcDataType::XdbcDate, 10, Some("'")),
            ("timestamptz", XdbcDataType::XdbcTimestamp, 32, Some("'")),
        ] {
            builder.append(XdbcTypeInfo {
                type_name: name.to_owned(),
                data_type: kind,
                column_size: Some(size),
                literal_prefix: quote.map(ToOwned::to_owned),
                literal_suffix: quote.map(ToOwned::to_owned),
                create_params: None,
                nullable: Nullable::NullabilityNullable,
                case_sensitive: true,
                searchable: Searchable::Full,
                unsigned_attribute: None,
                fixed_prec_scale: false,
                auto_increment: None,
                local_type_name: Some(name.to_owned()),
                minimum_scale: None,
                maximum_scale: None,
                sql_data_type: kind,
                datetime_subcode: None,
                num_prec_radix: None,
                interval_precision: None,
            });
        }
        builder.build().ok()
    });
    types.as_ref().ok_or_else(|| Status::internal("there is no such information"))
}
