//! What commands print for their users: results on standard output, and nothing else there.
//!
//! Promises that a closed pipe ends the output and not the command.

use std::io::Write;

use serde::Serialize;
use vitals_api::operator::CountsInfo;

use crate::failure::{OrFail, Outcome};

/// Prints one line.
pub(crate) fn line(text: impl std::fmt::Display) -> Outcome {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.or_fail("the result cannot be printed", ""),
    }
}

/// Prints bytes as they are.
pub(crate) fn bytes(bytes: &[u8]) -> Outcome {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.or_fail("the result cannot be printed", ""),
    }
}

/// Prints a value as one line of JSON.
pub(crate) fn json(value: &impl Serialize) -> Outcome {
    line(serde_json::to_string(value).or_fail("the result is no JSON", crate::supervisor::BUG)?)
}

/// Prints what became of records.
pub(crate) fn counts(it: &CountsInfo) -> Outcome {
    line(format_args!("  applied      {}", it.applied))?;
    line(format_args!("  duplicate    {}", it.duplicate))?;
    line(format_args!("  superseded   {}", it.superseded))?;
    line(format_args!("  quarantined  {}", it.quarantined))
}

/// Prints rows under a head, in columns as wide as needed.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> Outcome {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].len()]).max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let print = |cells: [&str; N]| {
        let padded: Vec<String> =
            cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        line(padded.join("  ").trim_end())
    };
    print(head)?;
    rows.iter().try_for_each(|row| print(std::array::from_fn(|column| row[column].as_str())))
}
