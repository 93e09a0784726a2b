//! Licences against lists of those that are allowed or denied.

use spdx::{Expression, ParseMode};

use super::inventory::Component;

/// Which licences are acceptable. An empty list asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LicenseRules {
    /// Only these; then a component without a licence is none of them.
    pub allowed: Vec<String>,
    /// None of these.
    pub denied: Vec<String>,
}

impl LicenseRules {
    /// Names of the components whose licences are not acceptable, each with what it is.
    pub(super) fn refused(&self, components: &[Component<'_>]) -> Vec<String> {
        if self.allowed.is_empty() && self.denied.is_empty() {
            return Vec::new();
        }
        components
            .iter()
            .filter(|component| !self.accept(component))
            .map(|component| {
                let name = component.name.unwrap_or("a component without a name");
                if component.licenses.is_empty() {
                    format!("{name}: no license")
                } else {
                    format!("{name}: {}", component.licenses.join(", "))
                }
            })
            .collect()
    }

    /// Whether every licence of a component can be kept by acceptable ones alone: of `A OR B` one
    /// is enough.
    fn accept(&self, component: &Component<'_>) -> bool {
        if component.licenses.is_empty() {
            return self.allowed.is_empty();
        }
        component.licenses.iter().all(|text| {
            match Expression::parse_mode(text, ParseMode::LAX) {
                Ok(expression) => expression.evaluate(|one| self.accept_one(&one.to_string())),
                // A name, or an identifier that is not known: it can only be compared as it is.
                Err(_) => self.accept_one(text),
            }
        })
    }

    fn accept_one(&self, license: &str) -> bool {
        let listed = |list: &[String]| list.iter().any(|entry| entry.eq_ignore_ascii_case(license));
        (self.allowed.is_empty() || listed(&self.allowed)) && !listed(&self.denied)
    }
}
