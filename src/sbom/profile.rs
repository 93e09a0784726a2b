//! Minimum elements that authorities ask for. A document that lacks one is valid all the same.

use super::inventory::{Component, Inventory};
use crate::wire::manifest::SbomProfile;

/// An element of a profile that a document lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The element.
    pub element: &'static str,
    /// How many components lack it; 0 for one of the document itself.
    pub components: u64,
    /// Name of the first that does.
    pub first: Option<String>,
}

type OfComponent = (&'static str, fn(&Component<'_>) -> bool);
type OfDocument = (&'static str, fn(&Inventory<'_>) -> bool);

/// NTIA, The Minimum Elements For a Software Bill of Materials, 2021.
const NTIA_COMPONENT: [OfComponent; 4] = [
    ("supplier", |component| component.has_supplier),
    ("name", |component| component.name.is_some()),
    ("version", |component| component.version.is_some()),
    ("unique identifier", |component| component.has_identifier),
];
const NTIA_DOCUMENT: [OfDocument; 3] = [
    ("dependency relationship", |inventory| {
        inventory.has_dependencies || inventory.components.len() < 2
    }),
    ("author", |inventory| inventory.has_author),
    ("timestamp", |inventory| inventory.created.is_some()),
];
const LICENSE: OfComponent = ("license", |component| !component.licenses.is_empty());
/// CISA, Framing Software Component Transparency, third edition, 2024: these besides.
const FSCT3_COMPONENT: [OfComponent; 2] =
    [LICENSE, ("copyright", |component| component.has_copyright)];
/// CISA, 2025 Minimum Elements, draft of 22 August 2025: these besides.
const CISA_COMPONENT: [OfComponent; 2] = [("hash", |component| component.has_hash), LICENSE];
const CISA_DOCUMENT: [OfDocument; 2] = [
    ("tool name", |inventory| inventory.has_tool),
    ("generation context", |inventory| inventory.has_context),
];

/// What a document lacks of a profile.
pub(super) fn missing(inventory: &Inventory<'_>, profile: SbomProfile) -> Vec<Missing> {
    let (of_component, of_document): (&[OfComponent], &[OfDocument]) = match profile {
        SbomProfile::Ntia2021 => (&[], &[]),
        SbomProfile::Fsct32024 => (&FSCT3_COMPONENT, &[]),
        SbomProfile::Cisa2025Draft => (&CISA_COMPONENT, &CISA_DOCUMENT),
    };
    let mut found = Vec::new();
    for (element, has) in NTIA_COMPONENT.iter().chain(of_component) {
        let lacking: Vec<_> = inventory.components.iter().filter(|item| !has(item)).collect();
        if let Some(first) = lacking.first() {
            found.push(Missing {
                element,
                components: lacking.len() as u64,
                first: first.name.map(str::to_owned),
            });
        }
    }
    for (element, has) in NTIA_DOCUMENT.iter().chain(of_document) {
        if !has(inventory) {
            found.push(Missing { element, components: 0, first: None });
        }
    }
    found
}
