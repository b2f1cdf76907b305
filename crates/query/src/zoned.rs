//! The tenant's calendar in every expression: an analyzer rule.
//!
//! Columns hold instants as UTC microseconds, and the planner would cut days at UTC's midnight. This rule
//! rewrites every place where an instant meets a calendar, so that the calendar is the tenant's:
//!
//! | in the question | becomes |
//! | --- | --- |
//! | a date, a zone-less time or text beside an instant, or cast to one | the instant at which the tenant's clocks show it |
//! | an instant cast to a date, a zone-less time or text | what the tenant's clocks show |
//! | `date_trunc`, `extract`, `date_part` of an instant | the same of the tenant's clocks |
//! | an instant and an interval | months and days by the calendar, the rest by the clock |
//! | `now()`, `current_date`, `today()` | the moment and the day that the session was given |
//! | `timezone(z, x)`, which `AT TIME ZONE` stands for | the other clock's reading, or its instant |
//!
//! It runs twice: before types are coerced, since coercion is what would throw the zone away, and after,
//! for the casts that coercion adds (in CASE, UNION, COALESCE). Also exact, where DataFusion is not: whole
//! numbers never wrap, and their sums have room ([`exact`]).

use std::sync::Arc;

use arrow::datatypes::{DataType, IntervalUnit, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ScalarValue, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Between, BinaryExpr, Case, Cast, InList, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator};
use datafusion::optimizer::AnalyzerRule;
use vitals_model::local_time::Zone;
use vitals_model::{Date, UtcMicros};

mod exact;
mod functions;
mod unions;

use functions::Calendar;
pub(crate) use functions::placeholders;

/// What a session calls now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// The tenant's zone.
    pub(crate) zone: Zone,
    /// The tenant's today.
    pub(crate) today: Date,
    /// What `now()` is.
    pub(crate) now: UtcMicros,
}

impl Moment {
    /// The moment at which the wall clock shows `wall`, for a tenant whose today is `today`: a tenant that
    /// lives by its data, not by the wall, is at the end of its day.
    pub(crate) fn new(zone: Zone, today: Date, wall: UtcMicros) -> Self {
        let ends = UtcMicros(zone.day_start(Date(today.0 + 1)).0 - 1);
        let now = if zone.date(wall) == today { wall } else { ends };
        Self { zone, today, now }
    }
}

/// Before or after types are coerced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Before,
    After,
}

/// The rule.
#[derive(Debug)]
pub(crate) struct Zoned {
    moment: Moment,
    calendar: Calendar,
    phase: Phase,
}

/// DataFusion's analyzer rules with ours around them.
pub(crate) fn rules(moment: Moment) -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    let rule = |phase| -> Arc<dyn AnalyzerRule + Send + Sync> {
        Arc::new(Zoned { moment, calendar: Calendar::new(moment.zone), phase })
    };
    let mut rules = vec![rule(Phase::Before)];
    rules.extend(datafusion::optimizer::Analyzer::new().rules);
    rules.push(rule(Phase::After));
    rules
}

impl AnalyzerRule for Zoned {
    fn name(&self) -> &'static str {
        match self.phase {
            Phase::Before => "zoned_before_coercion",
            Phase::After => "zoned_after_coercion",
        }
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(|node| self.node(node))?.data)
    }
}

impl Zoned {
    fn node(&self, node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        let before = self.phase == Phase::Before;
        // What stands below may have other types than it was planned with.
        let node = if before { unions::typed(node)?.data.recompute_schema()? } else { node };
        let mut schema = merge_schema(&node.inputs());
        if let LogicalPlan::TableScan(scan) = &node {
            let source = scan.source.schema();
            schema.merge(&DFSchema::try_from_qualified_schema(scan.table_name.clone(), &source)?);
        }
        let names = NamePreserver::new(&node);
        let node = node.map_expressions(|expr| {
            let name = names.save(&expr);
            let expr = expr.transform_up(|expr| self.expression(expr, &schema))?;
            Ok(expr.update_data(|expr| name.restore(expr)))
        })?;
        if node.transformed { node.map_data(LogicalPlan::recompute_schema) } else { Ok(node) }
    }

    fn expression(&self, expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
        let rewritten = match &expr {
            Expr::Cast(cast) => self.cast(cast, schema)?,
            Expr::BinaryExpr(binary) => self.binary(binary, schema)?,
            Expr::Between(it) => self.between(it, schema),
            Expr::InList(it) => self.in_list(it, schema),
            Expr::Case(it) => self.case(it, schema),
            Expr::ScalarFunction(call) => self.call(call, schema)?,
            Expr::AggregateFunction(_) | Expr::WindowFunction(_) if self.phase == Phase::Before => {
                exact::sum(&expr, schema)
            }
            _ => None,
        };
        Ok(match rewritten {
            Some(expr) => Transformed::yes(expr),
            None => Transformed::no(expr),
        })
    }

    fn cast(&self, cast: &Cast, schema: &DFSchema) -> Result<Option<Expr>> {
        let Ok(from) = cast.expr.get_type(schema) else { return Ok(None) };
        let to = cast.field.data_type();
        let inner = || cast.expr.as_ref().clone();
        let rewritten = match (&from, to) {
            _ if from == *to => None,
            (_, DataType::Timestamp(_, Some(_))) if is_calendar(&from) || is_instant(&from) => {
                Some(self.calendar.instant(inner(), &from))
            }
            (_, DataType::Date32) if is_instant(&from) => Some(self.calendar.date(inner())),
            (_, DataType::Timestamp(_, None) | DataType::Time64(_) | DataType::Time32(_))
                if is_instant(&from) =>
            {
                Some(self.calendar.wall_clock(inner()))
            }
            (_, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8) if is_instant(&from) => {
                Some(self.calendar.text(inner()))
            }
            // Microseconds last as long as dates do; nanoseconds end in 2262.
            (_, DataType::Timestamp(TimeUnit::Nanosecond, None)) if self.phase == Phase::Before => {
                return Ok(Some(inner().cast_to(&micros(), schema)?));
            }
            _ => None,
        };
        let Some(rewritten) = rewritten else { return Ok(None) };
        let natural = rewritten.get_type(schema)?;
        let wanted = match to {
            DataType::Timestamp(_, _) if self.phase == Phase::Before => return Ok(Some(rewritten)),
            other => other,
        };
        let exact = natural == *wanted;
        let cast = || Expr::Cast(Cast::new(Box::new(rewritten.clone()), wanted.clone()));
        Ok(Some(if exact { rewritten } else { cast() }))
    }

    fn binary(&self, binary: &BinaryExpr, schema: &DFSchema) -> Result<Option<Expr>> {
        let BinaryExpr { left, op, right } = binary;
        let (Ok(l), Ok(r)) = (left.get_type(schema), right.get_type(schema)) else {
            return Ok(None);
        };
        let (left, right) = (left.as_ref(), right.as_ref());
        let made = |left, right| {
            Some(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), *op, Box::new(right))))
        };
        if op.supports_propagation() || matches!(op, Operator::NotEq) || is_distinct(*op) {
            return Ok(match (is_instant(&l), is_instant(&r)) {
                (true, false) if is_calendar(&r) => {
                    made(left.clone(), self.calendar.instant(right.clone(), &r))
                }
                (false, true) if is_calendar(&l) => {
                    made(self.calendar.instant(left.clone(), &l), right.clone())
                }
                _ => None,
            });
        }
        let (plus, minus) = (*op == Operator::Plus, *op == Operator::Minus);
        let of = |left: &Expr, right: &Expr| (left.clone(), right.clone());
        Ok(match (&l, &r) {
            (_, DataType::Interval(_)) if is_instant(&l) && (plus || minus) => {
                Some(self.calendar.shift(left.clone(), as_interval(right), minus))
            }
            (DataType::Interval(_), _) if is_instant(&r) && plus => {
                Some(self.calendar.shift(right.clone(), as_interval(left), false))
            }
            // A date and an interval are a time, as in PostgreSQL: hours are not dropped.
            (DataType::Date32, DataType::Interval(_)) if plus || minus => {
                made(left.clone().cast_to(&micros(), schema)?, right.clone())
            }
            (DataType::Interval(_), DataType::Date32) if plus => {
                made(left.clone(), right.clone().cast_to(&micros(), schema)?)
            }
            (_, DataType::Date32) if is_instant(&l) && minus => {
                made(left.clone(), self.calendar.instant(right.clone(), &r))
            }
            (DataType::Date32, _) if is_instant(&r) && minus => {
                made(self.calendar.instant(left.clone(), &l), right.clone())
            }
            (DataType::Date32, DataType::Date32) if minus => Some(exact::days(of(left, right))),
            (DataType::Date32, _) if r.is_integer() && (plus || minus) => {
                Some(exact::date(of(left, right), minus))
            }
            (_, DataType::Date32) if l.is_integer() && plus => {
                Some(exact::date(of(right, left), false))
            }
            _ if l.is_integer() && r.is_integer() => exact::arithmetic(*op, of(left, right)),
            _ => None,
        })
    }

    fn between(&self, it: &Between, schema: &DFSchema) -> Option<Expr> {
        let all = [it.expr.as_ref(), it.low.as_ref(), it.high.as_ref()];
        let mut all = self.as_instants(&all, schema)?.into_iter();
        let (expr, low, high) = (all.next()?, all.next()?, all.next()?);
        let (expr, low, high) = (Box::new(expr), Box::new(low), Box::new(high));
        Some(Expr::Between(Between::new(expr, it.negated, low, high)))
    }

    fn in_list(&self, it: &InList, schema: &DFSchema) -> Option<Expr> {
        let all: Vec<&Expr> = std::iter::once(it.expr.as_ref()).chain(&it.list).collect();
        let mut all = self.as_instants(&all, schema)?;
        let expr = Box::new(all.remove(0));
        Some(Expr::InList(InList::new(expr, all, it.negated)))
    }

    /// A choice between an instant and a date is an instant.
    fn case(&self, it: &Case, schema: &DFSchema) -> Option<Expr> {
        let results = it.when_then_expr.iter().map(|(_, then)| then.as_ref());
        let results: Vec<&Expr> = results.chain(it.else_expr.as_deref()).collect();
        let mut results = self.as_instants(&results, schema)?.into_iter().map(Box::new);
        let mut case = it.clone();
        let places = case.when_then_expr.iter_mut().map(|(_, then)| then);
        for place in places.chain(case.else_expr.as_mut()) {
            *place = results.next()?;
        }
        Some(Expr::Case(case))
    }

    /// The expressions that are compared, all as instants, when one of them is and another is not.
    fn as_instants(&self, all: &[&Expr], schema: &DFSchema) -> Option<Vec<Expr>> {
        let types: Vec<_> = all.iter().map(|it| it.get_type(schema).ok()).collect::<Option<_>>()?;
        let mixed = types.iter().any(is_instant) && types.iter().any(is_calendar);
        let instant = |(expr, of): (&&Expr, &DataType)| {
            let expr = (*expr).clone();
            if is_calendar(of) { self.calendar.instant(expr, of) } else { expr }
        };
        mixed.then(|| all.iter().zip(&types).map(instant).collect())
    }

    fn call(&self, call: &ScalarFunction, schema: &DFSchema) -> Result<Option<Expr>> {
        let literal = |value| Ok(Some(Expr::Literal(value, None)));
        let utc = || Some("UTC".into());
        match call.func.name() {
            "now" => literal(ScalarValue::TimestampMicrosecond(Some(self.moment.now.0), utc())),
            "current_date" | "today" => literal(ScalarValue::Date32(Some(self.moment.today.0))),
            "date_trunc" if self.phase == Phase::Before => {
                let [grain, at] = call.args.as_slice() else { return Ok(None) };
                let Ok(of) = at.get_type(schema) else { return Ok(None) };
                // PostgreSQL truncates a date as the instant at which it begins.
                let at = match of {
                    DataType::Date32 => self.calendar.instant(at.clone(), &of),
                    _ if is_instant(&of) => at.clone(),
                    _ => return Ok(None),
                };
                Ok(Some(self.calendar.truncate(grain.clone(), at)))
            }
            "date_part" if self.phase == Phase::Before => {
                let [field, at] = call.args.as_slice() else { return Ok(None) };
                let local = at.get_type(schema).is_ok_and(|of| is_instant(&of)) && !is_epoch(field);
                if !local {
                    return Ok(None);
                }
                let args = vec![field.clone(), self.calendar.wall_clock(at.clone())];
                Ok(Some(Expr::ScalarFunction(ScalarFunction::new_udf(
                    Arc::clone(&call.func),
                    args,
                ))))
            }
            "coalesce" | "nullif" | "greatest" | "least" => {
                let args: Vec<&Expr> = call.args.iter().collect();
                let args = self.as_instants(&args, schema);
                let call = |args| ScalarFunction::new_udf(Arc::clone(&call.func), args);
                Ok(args.map(|args| Expr::ScalarFunction(call(args))))
            }
            "timezone" => {
                let [zone, at] = call.args.as_slice() else { return Ok(None) };
                let Ok(of) = at.get_type(schema) else { return Ok(None) };
                let zone = literal_text(zone).and_then(Zone::named);
                let Some(zone) = zone else { return plan_err!("there is no such time zone") };
                let calendar = Calendar::new(zone);
                Ok(Some(if is_instant(&of) {
                    calendar.wall_clock(at.clone())
                } else {
                    calendar.instant(at.clone(), &of)
                }))
            }
            _ => Ok(None),
        }
    }
}

fn literal_text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        _ => None,
    }
}

fn is_epoch(field: &Expr) -> bool {
    literal_text(field).is_some_and(|text| text.eq_ignore_ascii_case("epoch"))
}

fn is_distinct(op: Operator) -> bool {
    matches!(op, Operator::IsDistinctFrom | Operator::IsNotDistinctFrom)
}

fn is_instant(of: &DataType) -> bool {
    matches!(of, DataType::Timestamp(_, Some(_)))
}

/// What a clock or a calendar shows: an instant only once a zone is known.
fn is_calendar(of: &DataType) -> bool {
    matches!(
        of,
        DataType::Date32
            | DataType::Timestamp(_, None)
            | DataType::Utf8
            | DataType::Utf8View
            | DataType::LargeUtf8
    )
}

fn micros() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

fn as_interval(expr: &Expr) -> Expr {
    let to = DataType::Interval(IntervalUnit::MonthDayNano);
    Expr::Cast(Cast::new(Box::new(expr.clone()), to))
}
