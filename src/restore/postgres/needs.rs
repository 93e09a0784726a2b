//! What a dump of PostgreSQL asks of the server that it is restored into, read from its statements.

use std::collections::BTreeSet;
use std::io::{self, BufRead};

use crate::restore::lines::each_line;

/// What must be there before a dump can be restored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// Version of the server that was dumped, as it says.
    pub(super) server: Option<String>,
    /// Version of the program that dumped it.
    pub(super) program: Option<String>,
    /// Roles that it speaks of and does not make.
    pub(super) roles: BTreeSet<String>,
    /// Extensions that it makes.
    pub(super) extensions: BTreeSet<String>,
    /// Databases that it changes to, in order.
    pub(super) databases: Vec<String>,
}

/// Reads statements line by line; rows of data are passed over.
pub(super) fn read(source: &mut dyn BufRead) -> io::Result<Needs> {
    let (mut needs, mut made) = (Needs::default(), BTreeSet::new());
    let mut in_data = false;
    each_line(source, &mut |line| {
        if in_data {
            in_data = line.trim_ascii_end() != b"\\.";
        } else if let Ok(text) = std::str::from_utf8(line) {
            let text = text.trim_end();
            in_data = text.starts_with("COPY ") && text.ends_with(" FROM stdin;");
            needs.read_line(text, &mut made);
        }
    })?;
    needs.roles.retain(|role| !made.contains(role));
    Ok(needs)
}

impl Needs {
    fn read_line(&mut self, line: &str, made: &mut BTreeSet<String>) {
        let after = |prefix: &str| line.strip_prefix(prefix).map(str::to_owned);
        if let Some(version) = after("-- Dumped from database version ") {
            self.server.get_or_insert(version);
        } else if let Some(version) = after("-- Dumped by pg_dump version ") {
            self.program.get_or_insert(version);
        } else if let Some(rest) = line.strip_prefix("\\connect ") {
            let rest = rest.strip_prefix("-reuse-previous=on ").unwrap_or(rest);
            let name = rest.trim_matches('"').trim_start_matches("dbname='").trim_end_matches('\'');
            self.databases.push(name.to_owned());
        } else if let Some(rest) = line.strip_prefix("CREATE EXTENSION IF NOT EXISTS ") {
            self.extensions.extend(identifier(rest));
        } else if let Some(rest) = line.strip_prefix("CREATE ROLE ") {
            made.extend(identifier(rest));
        } else {
            self.roles.extend(roles(line));
        }
    }
}

/// Roles that a statement speaks of.
fn roles(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut after = |mark: &str| {
        if let Some((_, rest)) = line.split_once(mark) {
            found.extend(rest.split(',').filter_map(identifier));
        }
    };
    if line.starts_with("ALTER ") {
        after(" OWNER TO ");
        after(" FOR ROLE ");
    }
    if line.starts_with("GRANT ") || line.starts_with("CREATE POLICY ") || line.contains(" GRANT ")
    {
        after(" TO ");
    }
    if line.starts_with("REVOKE ") || line.contains(" REVOKE ") {
        after(" FROM ");
    }
    if line.starts_with("SET SESSION AUTHORIZATION ") {
        after("AUTHORIZATION ");
    }
    found.retain(|role| {
        !["PUBLIC", "CURRENT_USER", "SESSION_USER", "DEFAULT"].contains(&role.as_str())
            && !role.starts_with("pg_")
    });
    found
}

/// The name at the start of a text: quoted, or a bare word.
fn identifier(text: &str) -> Option<String> {
    let text = text.trim_start();
    if let Some(quoted) = text.strip_prefix('"') {
        let mut name = String::new();
        let mut rest = quoted.chars().peekable();
        while let Some(character) = rest.next() {
            match character {
                '"' if rest.peek() == Some(&'"') => name.extend(rest.next()),
                '"' => return Some(name),
                other => name.push(other),
            }
        }
        return None;
    }
    let name: String =
        text.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == '$').collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Needs {
        read(&mut text.as_bytes()).unwrap()
    }

    #[test]
    fn versions_roles_extensions_and_databases_are_found() {
        let needs = of("-- Dumped from database version 15.18 (Debian)\n\
            -- Dumped by pg_dump version 16.2\n\
            CREATE EXTENSION IF NOT EXISTS \"uuid-ossp\" WITH SCHEMA public;\n\
            CREATE ROLE made;\nALTER TABLE public.a OWNER TO made;\n\
            ALTER TABLE public.b OWNER TO \"the \"\"app\"\"\";\n\
            GRANT SELECT,INSERT ON TABLE public.a TO reader, writer WITH GRANT OPTION;\n\
            REVOKE ALL ON SCHEMA public FROM PUBLIC;\n\
            ALTER DEFAULT PRIVILEGES FOR ROLE boss IN SCHEMA public GRANT SELECT ON TABLES TO audit;\n\
            \\connect shop\n");
        assert_eq!(needs.server.as_deref(), Some("15.18 (Debian)"));
        assert_eq!(needs.program.as_deref(), Some("16.2"));
        assert_eq!(needs.extensions, ["uuid-ossp".to_owned()].into());
        let roles: Vec<&str> = needs.roles.iter().map(String::as_str).collect();
        assert_eq!(roles, ["audit", "boss", "reader", "the \"app\"", "writer"]);
        assert_eq!(needs.databases, ["shop"]);
    }

    #[test]
    fn rows_are_no_statements_and_long_lines_are_passed_over() {
        let long = "x".repeat(200_000);
        let needs = of(&format!(
            "COPY public.a (b) FROM stdin;\nALTER TABLE x OWNER TO row;\n{long}\n\\.\n\
             -- {long}\nALTER TABLE x OWNER TO owner;\n"
        ));
        assert_eq!(needs.roles, ["owner".to_owned()].into());
    }
}
