//! `psql`, asked without a terminal: how it is told what to write, and how its answers are read.

use std::path::Path;

use super::{COLUMN, InstanceError, NULL, Quarters, ROW};

/// How a server writes values, whatever a database was set to: checksums are made of them.
pub(super) const SPEAKING: [(&str, &str); 6] = [
    ("client_min_messages", "error"),
    ("TimeZone", "UTC"),
    ("DateStyle", "ISO"),
    ("IntervalStyle", "postgres"),
    ("extra_float_digits", "1"),
    ("bytea_output", "hex"),
];

/// Runs statements one after the other, and gives what they print.
pub(super) fn ask(
    quarters: &Quarters<'_>,
    program: &Path,
    environment: &[(&str, &str)],
    database: &str,
    statements: &[&str],
) -> Result<String, InstanceError> {
    let (column, row) = (COLUMN.to_string(), ROW.to_string());
    let null = format!("null={NULL}");
    let mut arguments = vec!["-X", "-A", "-t", "-q", "-F", &column, "-R", &row, "-P", &null];
    arguments.extend(["-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse", "-d", database]);
    for statement in statements {
        arguments.extend(["-c", statement]);
    }
    quarters.ask(program, &arguments, environment)
}
