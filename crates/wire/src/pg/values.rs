//! Values on the wire, in text and in binary, exactly.
//!
//! Numbers are written from their digits, 76 of them if need be, never through a float; instants with the
//! offset of the tenant's zone. Promises what PostgreSQL itself would send for the same value, save that a
//! float never has an exponent.

use std::io;

use arrow::array::{Array, AsArray, PrimitiveArray, RecordBatch, timezone::Tz};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::{BufMut, BytesMut};
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeZone, Timelike};
use pgwire::api::Type;
use vitals_query::answers::Param;
use vitals_query::params::number;

use super::types::Column;

/// Days from 1970-01-01 to PostgreSQL's first day, 2000-01-01.
const EPOCH_DAYS: i32 = 10_957;
/// The same in microseconds.
pub(super) const EPOCH_US: i64 = 946_684_800_000_000;
/// Decimal digits in one of PostgreSQL's.
const GROUP: usize = 4;

fn odd(what: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("a value cannot be sent: {what}"))
}

/// Writes one row: for each column its length and its bytes, in binary where `binary` says so.
pub(super) fn row(
    out: &mut BytesMut,
    (batch, at): (&RecordBatch, usize),
    columns: &[Column],
    binary: &dyn Fn(usize) -> bool,
) -> io::Result<()> {
    for (index, (array, column)) in batch.columns().iter().zip(columns).enumerate() {
        cell(out, (array.as_ref(), at), &column.kind, binary(index))?;
    }
    Ok(())
}

/// Writes one value behind its length; -1 is NULL.
fn cell(
    out: &mut BytesMut,
    (array, at): (&dyn Array, usize),
    kind: &Type,
    binary: bool,
) -> io::Result<()> {
    if array.is_null(at) || array.data_type() == &DataType::Null {
        out.put_i32(-1);
        return Ok(());
    }
    let head = out.len();
    out.put_i32(0);
    if binary { in_binary(out, (array, at), kind) } else { in_text(out, (array, at)) }?;
    let length = i32::try_from(out.len() - head - 4).map_err(odd)?;
    out[head..head + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// Writes one value that is text.
pub(super) fn text_cell(out: &mut BytesMut, text: &str) -> io::Result<()> {
    out.put_i32(i32::try_from(text.len()).map_err(odd)?);
    out.put_slice(text.as_bytes());
    Ok(())
}

fn value<T: ArrowPrimitiveType>(array: &dyn Array, at: usize) -> T::Native {
    let values: &PrimitiveArray<T> = array.as_primitive();
    values.value(at)
}

/// A whole number; `None` for other types.
fn whole(array: &dyn Array, at: usize) -> Option<i128> {
    Some(match array.data_type() {
        DataType::Int8 => value::<Int8Type>(array, at).into(),
        DataType::Int16 => value::<Int16Type>(array, at).into(),
        DataType::Int32 => value::<Int32Type>(array, at).into(),
        DataType::Int64 => value::<Int64Type>(array, at).into(),
        DataType::UInt8 => value::<UInt8Type>(array, at).into(),
        DataType::UInt16 => value::<UInt16Type>(array, at).into(),
        DataType::UInt32 => value::<UInt32Type>(array, at).into(),
        DataType::UInt64 => value::<UInt64Type>(array, at).into(),
        _ => return None,
    })
}

/// A text; `None` for other types.
fn text(array: &dyn Array, at: usize) -> Option<&str> {
    match array.data_type() {
        DataType::Utf8 => Some(array.as_string::<i32>().value(at)),
        DataType::LargeUtf8 => Some(array.as_string::<i64>().value(at)),
        DataType::Utf8View => Some(array.as_string_view().value(at)),
        _ => None,
    }
}

/// Digits without a point, and how many of them stand behind it; `None` for other types.
fn digits(array: &dyn Array, at: usize) -> Option<(String, i8)> {
    match array.data_type() {
        DataType::Decimal128(_, decimals) => {
            Some((value::<Decimal128Type>(array, at).to_string(), *decimals))
        }
        DataType::Decimal256(_, decimals) => {
            Some((value::<Decimal256Type>(array, at).to_string(), *decimals))
        }
        DataType::UInt64 => Some((value::<UInt64Type>(array, at).to_string(), 0)),
        _ => None,
    }
}

/// Microseconds since 1970, and the zone they are shown in; `None` for other types.
fn instant(array: &dyn Array, at: usize) -> Option<(i64, Option<&str>)> {
    let DataType::Timestamp(unit, zone) = array.data_type() else { return None };
    let us = match unit {
        TimeUnit::Second => value::<TimestampSecondType>(array, at).saturating_mul(1_000_000),
        TimeUnit::Millisecond => value::<TimestampMillisecondType>(array, at).saturating_mul(1_000),
        TimeUnit::Microsecond => value::<TimestampMicrosecondType>(array, at),
        TimeUnit::Nanosecond => value::<TimestampNanosecondType>(array, at).div_euclid(1_000),
    };
    Some((us, zone.as_deref()))
}

fn items(array: &dyn Array, at: usize) -> Option<arrow::array::ArrayRef> {
    match array.data_type() {
        DataType::List(_) => Some(array.as_list::<i32>().value(at)),
        DataType::LargeList(_) => Some(array.as_list::<i64>().value(at)),
        _ => None,
    }
}

fn in_text(out: &mut BytesMut, (array, at): (&dyn Array, usize)) -> io::Result<()> {
    if let Some(text) = text(array, at) {
        out.put_slice(text.as_bytes());
    } else if let Some((digits, decimals)) = digits(array, at) {
        out.put_slice(pointed(&digits, decimals).as_bytes());
    } else if let Some(number) = whole(array, at) {
        out.put_slice(number.to_string().as_bytes());
    } else if let Some((us, zone)) = instant(array, at) {
        out.put_slice(written(us, zone)?.as_bytes());
    } else if let Some(items) = items(array, at) {
        list_in_text(out, items.as_ref())?;
    } else {
        match array.data_type() {
            DataType::Boolean => out.put_u8(if array.as_boolean().value(at) { b't' } else { b'f' }),
            DataType::Float32 => {
                float(out, value::<Float32Type>(array, at).into(), &value::<Float32Type>(array, at))
            }
            DataType::Float64 => {
                float(out, value::<Float64Type>(array, at), &value::<Float64Type>(array, at))
            }
            _ => out.put_slice(shown(array, at)?.as_bytes()),
        }
    }
    Ok(())
}

/// What has no type of its own, as Arrow shows it.
fn shown(array: &dyn Array, at: usize) -> io::Result<String> {
    let shown = ArrayFormatter::try_new(array, &FormatOptions::new()).map_err(odd)?;
    shown.value(at).try_to_string().map_err(odd)
}

fn float(out: &mut BytesMut, value: f64, written: &dyn std::fmt::Display) {
    let text = match value {
        it if it.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        _ => written.to_string(),
    };
    out.put_slice(text.as_bytes());
}

/// Digits with their point.
fn pointed(digits: &str, decimals: i8) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |it| ("-", it));
    match usize::try_from(decimals) {
        Ok(0) => format!("{sign}{digits}"),
        Ok(decimals) => {
            let digits = format!("{digits:0>width$}", width = decimals + 1);
            let (whole, fraction) = digits.split_at(digits.len() - decimals);
            format!("{sign}{whole}.{fraction}")
        }
        Err(_) if digits == "0" => digits.to_owned(),
        Err(_) => format!("{sign}{digits}{}", "0".repeat(decimals.unsigned_abs().into())),
    }
}

/// An instant as PostgreSQL writes it in ISO style.
fn written(us: i64, zone: Option<&str>) -> io::Result<String> {
    let utc = DateTime::from_timestamp_micros(us).ok_or_else(|| odd("an instant out of range"))?;
    let Some(zone) = zone else { return Ok(local(utc.naive_utc())) };
    let zone: Tz = zone.parse().map_err(odd)?;
    let at = zone.from_utc_datetime(&utc.naive_utc());
    let offset = at.format("%::z").to_string();
    // Before zones were agreed on, offsets have minutes and even seconds: only what is there is said.
    let offset = offset.trim_end_matches(":00");
    Ok(format!("{}{offset}", local(at.naive_local())))
}

fn local(at: NaiveDateTime) -> String {
    let text = at.format("%Y-%m-%d %H:%M:%S").to_string();
    match at.nanosecond() / 1_000 {
        0 => text,
        fraction => format!("{text}.{}", format!("{fraction:06}").trim_end_matches('0')),
    }
}

fn list_in_text(out: &mut BytesMut, items: &dyn Array) -> io::Result<()> {
    out.put_u8(b'{');
    for at in 0..items.len() {
        if at > 0 {
            out.put_u8(b',');
        }
        if items.is_null(at) {
            out.put_slice(b"NULL");
            continue;
        }
        let mut item = BytesMut::new();
        in_text(&mut item, (items, at))?;
        let text = String::from_utf8_lossy(&item);
        let plain = !text.is_empty()
            && !text.eq_ignore_ascii_case("null")
            && !text.contains(|it: char| it.is_whitespace() || "{},\"\\".contains(it));
        if plain {
            out.put_slice(text.as_bytes());
        } else {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"");
            out.put_slice(format!("\"{text}\"").as_bytes());
        }
    }
    out.put_u8(b'}');
    Ok(())
}

fn in_binary(out: &mut BytesMut, (array, at): (&dyn Array, usize), kind: &Type) -> io::Result<()> {
    if let Some((digits, decimals)) = digits(array, at) {
        return numeric(out, &pointed(&digits, decimals));
    }
    if let Some(number) = whole(array, at) {
        match *kind {
            Type::INT2 => out.put_i16(i16::try_from(number).map_err(odd)?),
            Type::INT4 | Type::OID => out.put_slice(&number.to_be_bytes()[12..]),
            _ => out.put_i64(i64::try_from(number).map_err(odd)?),
        }
        return Ok(());
    }
    if let Some((us, _)) = instant(array, at) {
        out.put_i64(us.checked_sub(EPOCH_US).ok_or_else(|| odd("an instant out of range"))?);
        return Ok(());
    }
    if let Some(items) = items(array, at) {
        return list_in_binary(out, items.as_ref());
    }
    match array.data_type() {
        DataType::Boolean => out.put_u8(array.as_boolean().value(at).into()),
        DataType::Float32 => out.put_f32(value::<Float32Type>(array, at)),
        DataType::Float64 => out.put_f64(value::<Float64Type>(array, at)),
        DataType::Date32 => out.put_i32(value::<Date32Type>(array, at) - EPOCH_DAYS),
        // Of text both forms are the same.
        _ => in_text(out, (array, at))?,
    }
    Ok(())
}

fn list_in_binary(out: &mut BytesMut, items: &dyn Array) -> io::Result<()> {
    let kind = super::types::of_data(items.data_type());
    out.put_i32(i32::from(!items.is_empty()));
    out.put_i32(i32::from(items.null_count() > 0));
    out.put_u32(kind.oid());
    if !items.is_empty() {
        out.put_i32(i32::try_from(items.len()).map_err(odd)?);
        out.put_i32(1);
    }
    (0..items.len()).try_for_each(|at| cell(out, (items, at), &kind, true))
}

/// A number in PostgreSQL's own form: groups of four decimal digits, the first with its weight.
fn numeric(out: &mut BytesMut, text: &str) -> io::Result<()> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |it| (true, it));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let head = whole.len().div_ceil(GROUP) * GROUP;
    let tail = fraction.len().div_ceil(GROUP) * GROUP;
    let all = format!("{whole:0>head$}{fraction:0<tail$}");
    let mut groups = Vec::with_capacity(all.len() / GROUP);
    for group in all.as_bytes().chunks(GROUP) {
        groups.push(group.iter().fold(0_i16, |sum, digit| sum * 10 + i16::from(digit - b'0')));
    }
    let mut weight = i16::try_from(head / GROUP).map_err(odd)? - 1;
    while groups.first() == Some(&0) {
        groups.remove(0);
        weight -= 1;
    }
    while groups.last() == Some(&0) {
        groups.pop();
    }
    let sign: u16 = if negative && !groups.is_empty() { 0x4000 } else { 0 };
    out.put_i16(i16::try_from(groups.len()).map_err(odd)?);
    out.put_i16(if groups.is_empty() { 0 } else { weight });
    out.put_u16(sign);
    out.put_u16(u16::try_from(fraction.len()).map_err(odd)?);
    groups.into_iter().for_each(|group| out.put_i16(group));
    Ok(())
}

/// A value of a batch as a parameter; `None` when it is of a type that cannot be one.
pub(crate) fn param(array: &dyn Array, at: usize) -> Option<Param> {
    if array.is_null(at) || array.data_type() == &DataType::Null {
        return Some(Param::Null);
    }
    if let Some(text) = text(array, at) {
        return Some(Param::Text(text.to_owned()));
    }
    if let Some((digits, decimals)) = digits(array, at) {
        return Some(Param::Number(pointed(&digits, decimals)));
    }
    if let Some(number) = whole(array, at) {
        return Some(Param::Number(number.to_string()));
    }
    if let Some((us, zone)) = instant(array, at) {
        return from_instant(us.checked_sub(EPOCH_US)?, zone.is_some()).map(Param::Instant);
    }
    match array.data_type() {
        DataType::Boolean => Some(Param::Bool(array.as_boolean().value(at))),
        DataType::Float32 => number(&value::<Float32Type>(array, at).to_string()),
        DataType::Float64 => number(&value::<Float64Type>(array, at).to_string()),
        DataType::Date32 => {
            let days = value::<Date32Type>(array, at).checked_sub(EPOCH_DAYS)?;
            from_date(days).map(Param::Date)
        }
        _ => None,
    }
}

/// Reads the form of [`numeric`]: digits with a point; `None` when it is none, or no number at all.
pub(super) fn from_numeric(bytes: &[u8]) -> Option<String> {
    let field = |at: usize| Some(i16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let (count, weight, decimals) = (field(0)?, i32::from(field(2)?), field(6)?);
    let negative = match field(4)? {
        0 => false,
        0x4000 => true,
        _ => return None,
    };
    let (count, decimals) = (usize::try_from(count).ok()?, usize::try_from(decimals).ok()?);
    if bytes.len() != 8 + 2 * count || decimals > 1_000 || weight.abs() > 100 {
        return None;
    }
    let group = |index: i32| -> Option<i16> {
        let index = usize::try_from(weight - index).ok().filter(|it| *it < count);
        index.map_or(Some(0), |it| field(8 + 2 * it)).filter(|it| (0..10_000).contains(it))
    };
    let mut text = String::from(if negative { "-" } else { "" });
    let mut whole = String::new();
    for index in (0..=weight.max(0)).rev() {
        whole.push_str(&format!("{:04}", group(index)?));
    }
    let whole = whole.trim_start_matches('0');
    text.push_str(if whole.is_empty() { "0" } else { whole });
    if decimals > 0 {
        let mut fraction = String::new();
        for index in 1..=i32::try_from(decimals.div_ceil(GROUP)).ok()? {
            fraction.push_str(&format!("{:04}", group(-index)?));
        }
        text.push('.');
        text.push_str(&fraction[..decimals]);
    }
    Some(text)
}

/// A day of PostgreSQL's as ISO writes it.
pub(super) fn from_date(days: i32) -> Option<String> {
    let days = days.checked_add(EPOCH_DAYS)?;
    let first = NaiveDate::from_ymd_opt(1970, 1, 1)?;
    let date = first.checked_add_signed(chrono::TimeDelta::try_days(days.into())?)?;
    Some(date.format("%Y-%m-%d").to_string())
}

/// An instant of PostgreSQL's as RFC 3339 writes it; `zoned` says whether it is in UTC or local to nobody.
pub(super) fn from_instant(us: i64, zoned: bool) -> Option<String> {
    let at = DateTime::from_timestamp_micros(us.checked_add(EPOCH_US)?)?;
    let local = at.format("%Y-%m-%dT%H:%M:%S%.6f").to_string();
    Some(if zoned { format!("{local}Z") } else { local })
}

#[cfg(test)]
mod tests;
