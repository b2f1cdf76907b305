//! The extended protocol: statements that are prepared, bound, described and executed step by step.

use std::sync::Arc;

use pgwire::api::Type;
use pgwire::messages::PgWireBackendMessage as Said;
use pgwire::messages::data::{NoData, ParameterDescription};
use pgwire::messages::extendedquery::{
    Bind, BindComplete, Describe, Execute, Parse, ParseComplete, PortalSuspended,
};
use pgwire::messages::response::EmptyQueryResponse;
use tokio::io::{AsyncRead, AsyncWrite};
use vitals_model::limits::{QUESTION_PARAMS_MAX, WIRE_STATEMENTS_MAX};

use super::command::{self, Command};
use super::connection::{Connection, Done, no_portal, tag};
use super::portal::{Formats, Portal, Prepared, State};
use super::refusal::Refusal;
use super::types::{Column, Columns, columns, of_parameter};
use super::{params, script};

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Connection<R, W> {
    pub(super) fn parse(&mut self, parse: Parse) -> Done {
        let name = parse.name.unwrap_or_default();
        let statements = script::statements(&parse.query);
        let command = match statements.as_slice() {
            [] => Command::Query(String::new()),
            [statement] => command::read(statement)?,
            _ => {
                let message = "a prepared statement is one statement";
                return Err(Refusal::new("42601", message, "prepare them one by one").into());
            }
        };
        let known = self.statements.contains_key(&name);
        if known && !name.is_empty() {
            let message = format!("there is a prepared statement \"{name}\" already");
            return Err(Refusal::new("42P05", message, "").into());
        }
        let parameters = script::parameters(&parse.query);
        if parameters > QUESTION_PARAMS_MAX
            || self.statements.len() >= WIRE_STATEMENTS_MAX + usize::from(known)
        {
            let message = format!(
                "there are at most {WIRE_STATEMENTS_MAX} prepared statements, of {QUESTION_PARAMS_MAX} parameters"
            );
            return Err(Refusal::new("53400", message, "close some").into());
        }
        let kinds = parse.type_oids.iter().map(|oid| Type::from_oid(*oid)).collect();
        self.statements.insert(name, Prepared { command, parameters, kinds });
        Ok(self.writer.put(&Said::ParseComplete(ParseComplete::new()))?)
    }

    pub(super) async fn bind(&mut self, bind: Bind) -> Done {
        let name = bind.statement_name.unwrap_or_default();
        let mut prepared =
            self.statements.get(&name).cloned().ok_or_else(|| no_statement(&name))?;
        if bind.parameters.len() != prepared.parameters {
            let (given, wanted) = (bind.parameters.len(), prepared.parameters);
            let message = format!("{given} parameters were bound to a statement of {wanted}");
            return Err(Refusal::new("08P01", message, "").into());
        }
        let formats = Formats::new(bind.parameter_format_codes);
        let untold = |at: usize| prepared.kinds.get(at).is_none_or(Option::is_none);
        if (0..prepared.parameters).any(|at| formats.is_binary(at) && untold(at)) {
            prepared.kinds = self.kinds(&prepared).await?.0;
        }
        let mut params = Vec::with_capacity(bind.parameters.len());
        for (at, bytes) in bind.parameters.iter().enumerate() {
            let kind = prepared.kinds.get(at).cloned().flatten().unwrap_or(Type::UNKNOWN);
            params.push(params::read(&kind, bytes.as_ref(), formats.is_binary(at))?);
        }
        let portal = Portal {
            command: prepared.command,
            params,
            formats: Formats::new(bind.result_column_format_codes),
            hold: false,
            is_cursor: false,
            state: State::New,
        };
        self.keep(bind.portal_name.unwrap_or_default(), portal)?;
        Ok(self.writer.put(&Said::BindComplete(BindComplete::new()))?)
    }

    /// The types of a statement's parameters, and the columns of its answer.
    async fn kinds(&mut self, prepared: &Prepared) -> Done<(Vec<Option<Type>>, Option<Columns>)> {
        let Command::Query(text) = &prepared.command else {
            let kinds =
                (0..prepared.parameters).map(|at| prepared.kinds.get(at).cloned().flatten());
            return Ok((kinds.collect(), None));
        };
        if text.is_empty() {
            return Ok((Vec::new(), None));
        }
        self.begin(&prepared.command)?;
        let house = Arc::clone(&self.house);
        let question = self.question(text.clone(), Vec::new());
        let description = self.wait(house.doors.answers.describe(question)).await?;
        let kind = |at: usize| {
            let told = prepared.kinds.get(at).cloned().flatten();
            let found = description.params.get(at).and_then(Option::as_ref);
            Some(told.unwrap_or_else(|| of_parameter(found)))
        };
        let columns = columns(&description.schema);
        Ok(((0..prepared.parameters).map(kind).collect(), Some(columns)))
    }

    pub(super) async fn describe(&mut self, describe: &Describe) -> Done {
        let name = describe.name.clone().unwrap_or_default();
        if describe.target_type == b'S' {
            let prepared =
                self.statements.get(&name).cloned().ok_or_else(|| no_statement(&name))?;
            let (kinds, columns) = self.kinds(&prepared).await?;
            let oids = kinds.iter().map(|it| it.as_ref().map_or(0, Type::oid)).collect();
            if let Some(kept) = self.statements.get_mut(&name) {
                kept.kinds = kinds;
            }
            self.writer.put(&Said::ParameterDescription(ParameterDescription::new(oids)))?;
            return match columns.or_else(|| self.own_columns(&prepared.command)) {
                Some(columns) => Ok(self.put_columns(&columns, &Formats::default())?),
                None => Ok(self.writer.put(&Said::NoData(NoData::new()))?),
            };
        }
        let mut portal = self.portals.remove(&name).ok_or_else(|| no_portal(&name))?;
        let opened = self.open_portal(&mut portal).await;
        let columns = match &portal.state {
            State::Open(open) => Some(Arc::clone(&open.columns)),
            State::New | State::Done => self.own_columns(&portal.command),
        };
        let formats = portal.formats.clone();
        self.portals.insert(name, portal);
        opened?;
        match columns {
            Some(columns) => Ok(self.put_columns(&columns, &formats)?),
            None => Ok(self.writer.put(&Said::NoData(NoData::new()))?),
        }
    }

    /// The columns of what the door answers itself.
    fn own_columns(&self, command: &Command) -> Option<Columns> {
        match command {
            Command::Show(name) => Some([Column::text(name)].into()),
            Command::Fetch { name, .. } => match &self.portals.get(name)?.state {
                State::Open(open) => Some(Arc::clone(&open.columns)),
                State::New | State::Done => None,
            },
            _ => None,
        }
    }

    pub(super) async fn execute(&mut self, execute: &Execute) -> Done {
        let name = execute.name.clone().unwrap_or_default();
        let mut portal = self.portals.remove(&name).ok_or_else(|| no_portal(&name))?;
        let most = usize::try_from(execute.max_rows).ok().filter(|most| *most > 0);
        let done = self.execute_portal(&mut portal, most).await;
        // A command may have ended all that is not to be held.
        self.portals.entry(name).or_insert(portal);
        done
    }

    async fn execute_portal(&mut self, portal: &mut Portal, most: Option<usize>) -> Done {
        let Command::Query(text) = portal.command.clone() else {
            self.begin(&portal.command)?;
            portal.state = State::Done;
            let (command, params) = (portal.command.clone(), std::mem::take(&mut portal.params));
            let formats = portal.formats.clone();
            return self.command(&command, &params, (&formats, false)).await;
        };
        if text.is_empty() {
            return Ok(self.writer.put(&Said::EmptyQueryResponse(EmptyQueryResponse::new()))?);
        }
        self.begin(&portal.command)?;
        self.open_portal(portal).await?;
        let State::Open(open) = &mut portal.state else {
            return Ok(self.complete(&tag(&text, 0))?);
        };
        let (sent, more) = self.send(open, &portal.formats, most).await?;
        if more {
            return Ok(self.writer.put(&Said::PortalSuspended(PortalSuspended::new()))?);
        }
        portal.state = State::Done;
        Ok(self.complete(&tag(&text, sent))?)
    }
}

fn no_statement(name: &str) -> Refusal {
    Refusal::new("26000", format!("there is no prepared statement \"{name}\""), "")
}
