//! What a machine has and what drills use of it.

use crate::wire::fleet::Needs;

/// What a machine has, or a drill uses of it. What is not said is not held against anything.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Room {
    /// Cores.
    pub cpus: Option<f64>,
    /// Memory, in 10^6 bytes.
    pub memory_mb: Option<u64>,
    /// Disk, in 10^6 bytes.
    pub disk_mb: Option<u64>,
}

/// What all drills that run use.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::schedule) struct Used {
    cpus: f64,
    memory_mb: u64,
    disk_mb: u64,
}

impl From<&Needs> for Room {
    fn from(needs: &Needs) -> Self {
        Self { cpus: needs.cpus, memory_mb: needs.memory_mb, disk_mb: needs.disk_mb }
    }
}

impl Room {
    /// What of it a machine does not have: the key, and what the machine has.
    pub(super) fn beyond(self, machine: Self) -> Vec<(&'static str, String)> {
        let cpus = self.cpus.zip(machine.cpus).filter(|(needs, has)| needs > has);
        let memory = self.memory_mb.zip(machine.memory_mb).filter(|(needs, has)| needs > has);
        let disk = self.disk_mb.zip(machine.disk_mb).filter(|(needs, has)| needs > has);
        [
            cpus.map(|(_, has)| ("cpus", format!("{has} cores"))),
            memory.map(|(_, has)| ("memory_mb", format!("{has} MB of memory"))),
            disk.map(|(_, has)| ("disk_mb", format!("{has} MB of disk"))),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Used {
    /// Whether a machine has room for a drill beside what is used.
    pub(in crate::schedule) fn leaves(self, machine: Room, needs: Room) -> bool {
        let more = self.with(needs);
        machine.cpus.is_none_or(|has| more.cpus <= has + 1e-9)
            && machine.memory_mb.is_none_or(|has| more.memory_mb <= has)
            && machine.disk_mb.is_none_or(|has| more.disk_mb <= has)
    }

    /// With a drill more.
    pub(in crate::schedule) fn with(self, needs: Room) -> Self {
        Self {
            cpus: self.cpus + needs.cpus.unwrap_or_default(),
            memory_mb: self.memory_mb.saturating_add(needs.memory_mb.unwrap_or_default()),
            disk_mb: self.disk_mb.saturating_add(needs.disk_mb.unwrap_or_default()),
        }
    }

    /// With a drill less.
    pub(in crate::schedule) fn without(self, needs: Room) -> Self {
        Self {
            cpus: (self.cpus - needs.cpus.unwrap_or_default()).max(0.0),
            memory_mb: self.memory_mb.saturating_sub(needs.memory_mb.unwrap_or_default()),
            disk_mb: self.disk_mb.saturating_sub(needs.disk_mb.unwrap_or_default()),
        }
    }
}
