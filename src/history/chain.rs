//! Verification of a whole history: every pack, and that none was removed, reordered, forked, replayed or
//! rewritten. It reads packs only: the index proves nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::checkpoint::Pinned;
use super::filed::Filed;
use super::shelf::{Shelved, folders, place, shelved};
use super::{History, HistoryError};
use crate::digest::Unobserved;
use crate::evidence::{Keys, verify};
use crate::signature::PublicKey;
use crate::wire::answer::{FileProblem, Standing};
use crate::wire::event::PreviousFacts;
use crate::wire::history::{AUDIT, Audit};

/// What is asked of a history.
#[derive(Clone, Copy, Debug, Default)]
pub struct Demands<'a> {
    /// Keys one of which must have signed each drill.
    pub keys: &'a [PublicKey],
    /// A checkpoint that the history must still hold, and the keys one of which must have signed it.
    pub checkpoint: Option<(&'a [u8], &'a [PublicKey])>,
}

/// What a pack turned out to be.
struct Read {
    shelved: Shelved,
    name: String,
    seal: String,
    chain: Option<(u64, Option<PreviousFacts>)>,
    pruned: bool,
    /// Where it belongs.
    belongs: String,
    /// The slots that it is of: when each was due, and the attempt of its drill, if there was one.
    slots: Vec<(String, Option<u32>)>,
    /// Whether it is a drill.
    drill: bool,
}

/// Verifies every pack of a history, and their chains.
///
/// # Errors
/// When the history cannot be read.
pub fn audit(history: &History, demands: Demands<'_>) -> Result<Audit, HistoryError> {
    let mut all = Vec::new();
    for folder in folders(&history.folder)? {
        all.extend(shelved(&history.folder, &folder)?);
    }
    let (mut reads, mut problems) = read_all(history, &all, demands.keys);
    reads.sort_by(|a, b| a.shelved.cmp(&b.shelved));
    let mut chains: BTreeMap<&str, Vec<&Read>> = BTreeMap::new();
    for read in &reads {
        chains.entry(&read.shelved.folder).or_default().push(read);
        if read.belongs != read.shelved.file {
            let message = format!("holds the drill that belongs to {}", read.belongs);
            problems.push(problem(read, message));
        }
    }
    for chain in chains.values() {
        problems.extend(broken(chain));
    }
    problems.extend(twice(&reads));
    problems.extend(slots_twice(&reads));
    let drills = reads.iter().filter(|read| read.drill).count();
    let slots: usize = reads.iter().filter(|read| !read.drill).map(|read| read.slots.len()).sum();
    let mut proven = Vec::new();
    if problems.is_empty() {
        proven.push(format!("all {drills} drills are as they were sealed"));
        if slots > 0 {
            proven.push(format!("so are the records of {slots} slots in which no drill ran"));
        }
        proven.push("each follows the one of its name before it, from the first on".to_owned());
    }
    let mut not_proven = Vec::new();
    let unlinked = reads.iter().filter(|read| read.chain.is_none()).count();
    let pruned = reads.iter().filter(|read| read.pruned).count();
    match demands.checkpoint {
        Some((note, keys)) => match Pinned::read(history, note, keys) {
            Ok(pinned) => pinned.hold(&reads, &mut problems, &mut proven, chain_of),
            Err(message) => problems.push(FileProblem { file: "checkpoint".to_owned(), message }),
        },
        None => not_proven.push(
            "that the newest drills were not removed, or all of them rewritten: no checkpoint was \
             given with --checkpoint"
                .to_owned(),
        ),
    }
    if demands.keys.is_empty() {
        not_proven.push("who made these drills: no key was given with --key".to_owned());
    } else if problems.is_empty() {
        proven.push("each was signed by a key that was given".to_owned());
    }
    if unlinked > 0 {
        not_proven.push(format!("that none was left out of the {unlinked} that stand in no chain"));
    }
    if pruned > 0 {
        not_proven.push(format!("what {pruned} pruned drills held beside seal and report"));
    }
    Ok(Audit {
        schema: AUDIT.to_owned(),
        intact: problems.is_empty(),
        names: chains.len() as u64,
        drills: drills as u64,
        unrun_slots: slots as u64,
        unlinked: unlinked as u64,
        pruned: pruned as u64,
        proven,
        not_proven,
        problems,
    })
}

/// Verifies every pack, on all cores.
fn read_all(
    history: &History,
    all: &[Shelved],
    keys: &[PublicKey],
) -> (Vec<Read>, Vec<FileProblem>) {
    let next = Mutex::new(all.iter());
    let found = Mutex::new((Vec::new(), Vec::new()));
    let workers = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let taken = next.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(shelved) = taken else { break };
                    let read = read(history, shelved, keys);
                    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                    match read {
                        Ok((read, problems)) => {
                            found.0.push(read);
                            found.1.extend(problems);
                        }
                        Err(message) => {
                            found.1.push(FileProblem { file: shelved.file.clone(), message });
                        }
                    }
                }
            });
        }
    });
    let (reads, mut problems) = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    problems.sort_by(|a: &FileProblem, b| (&a.file, &a.message).cmp(&(&b.file, &b.message)));
    (reads, problems)
}

fn read(
    history: &History,
    shelved: &Shelved,
    keys: &[PublicKey],
) -> Result<(Read, Vec<FileProblem>), String> {
    let filed = history.filed(&shelved.file).map_err(|error| match error {
        HistoryError::Pack { problem, .. } => problem,
        error => error.to_string(),
    })?;
    let mut read = Read {
        shelved: shelved.clone(),
        name: filed.name().to_owned(),
        seal: filed.seal().to_string(),
        chain: filed.chain().map(|chain| (chain.sequence, chain.previous.clone())),
        pruned: false,
        belongs: filed.file(),
        slots: Vec::new(),
        drill: true,
    };
    let sealed = match filed {
        Filed::Drill(sealed) => sealed,
        Filed::Record(sealed) => {
            let problem = sealed.problem(keys).map(|message| problem(&read, message));
            read.slots = sealed.record.due_at.iter().map(|due| (due.clone(), None)).collect();
            read.drill = false;
            return Ok((read, problem.into_iter().collect()));
        }
    };
    let path = place(&history.folder, &shelved.file);
    let report = sealed.report();
    // The key that it names is the one to verify with, if it was given.
    let key = keys.iter().find(|key| report.signer.as_deref() == Some(&key.to_string()));
    let signers = key.map(std::slice::from_ref).unwrap_or_default();
    let verified = verify(&path, Keys { signers, reviewers: &[] }, &Unobserved)?;
    let mut problems: Vec<FileProblem> = verified
        .problems
        .into_iter()
        .map(|found| FileProblem {
            file: shelved.file.clone(),
            message: format!("{}: {}", found.file, found.message),
        })
        .collect();
    if key.is_none() && !keys.is_empty() {
        let message = "is signed by none of the keys that were given".to_owned();
        problems.push(FileProblem { file: shelved.file.clone(), message });
    }
    read.pruned = verified.standing == Standing::Pruned;
    // One that stands beside the chain, as those of jobs do, can come after its slot was settled.
    if report.chain.is_some() {
        read.slots.extend(report.slot.as_ref().map(|s| (s.due_at.clone(), Some(s.attempt))));
    }
    Ok((read, problems))
}

fn problem(read: &Read, message: impl Into<String>) -> FileProblem {
    FileProblem { file: read.shelved.file.clone(), message: message.into() }
}

/// Name, number and seal of a drill in a chain.
fn chain_of(read: &Read) -> Option<(&str, u64, &str)> {
    let (number, _) = read.chain.as_ref()?;
    Some((&read.name, *number, &read.seal))
}

/// Where the chain of one folder is broken. The drills are in the order of their numbers.
fn broken(chain: &[&Read]) -> Vec<FileProblem> {
    let mut problems = Vec::new();
    let mut before: Option<&Read> = None;
    let linked = chain.iter().filter_map(|read| Some((*read, read.chain.as_ref()?)));
    for (read, (number, previous)) in linked {
        let last = before.and_then(chain_of).map_or(0, |(_, number, _)| number);
        if *number == last {
            problems
                .push(problem(read, format!("is a second drill {number}: the chain is forked")));
            continue;
        }
        if *number < last {
            problems
                .push(problem(read, format!("is drill {number}, and stands behind drill {last}")));
        } else if number - 1 != last {
            let missing = format!("drills {} to {} are missing before it", last + 1, number - 1);
            problems.push(problem(read, missing));
        } else {
            match (before, previous) {
                (None, None) => {}
                (Some(before), Some(previous)) if previous.seal_sha256 == before.seal => {}
                (Some(before), _) => problems.push(problem(
                    read,
                    format!(
                        "does not follow {}: one of the two was rewritten",
                        before.shelved.file
                    ),
                )),
                (None, Some(previous)) => {
                    let message = format!("is the first, but follows {}", previous.run_id);
                    problems.push(problem(read, message));
                }
            }
        }
        before = Some(read);
    }
    problems
}

/// Slots that ended more than once: without a drill and in another way too, or twice by one attempt.
fn slots_twice(reads: &[Read]) -> Vec<FileProblem> {
    let mut ends = Vec::new();
    for read in reads {
        ends.extend(read.slots.iter().map(|(due, attempt)| (&read.name, due, *attempt, read)));
    }
    ends.sort_by(|a, b| (a.0, a.1, a.2, &a.3.shelved).cmp(&(b.0, b.1, b.2, &b.3.shelved)));
    let mut problems = Vec::new();
    for pair in ends.windows(2) {
        let [(name, due, attempt, before), (other, again, second, read)] = pair else { continue };
        if name == other && due == again && (attempt.is_none() || attempt == second) {
            let file = &before.shelved.file;
            problems.push(problem(read, format!("the slot of {due} ended before, in {file}")));
        }
    }
    problems
}

/// Drills that are there more than once.
fn twice(reads: &[Read]) -> Vec<FileProblem> {
    let mut seals: BTreeMap<&str, &Read> = BTreeMap::new();
    let mut problems = Vec::new();
    for read in reads {
        if let Some(first) = seals.insert(&read.seal, read) {
            let message = format!("is the same drill as {}", first.shelved.file);
            problems.push(problem(read, message));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str, slots: &[(&str, Option<u32>)]) -> Read {
        Read {
            shelved: Shelved { folder: "a".to_owned(), sequence: None, file: file.to_owned() },
            name: "a".to_owned(),
            seal: String::new(),
            chain: None,
            pruned: false,
            belongs: file.to_owned(),
            slots: slots.iter().map(|(due, attempt)| ((*due).to_owned(), *attempt)).collect(),
            drill: slots.iter().all(|(_, attempt)| attempt.is_some()),
        }
    }

    #[test]
    fn a_slot_ends_by_attempts_one_after_another_or_without_a_drill() {
        let twice = |reads: &[Read]| slots_twice(reads).len();
        let attempts = [read("1", &[("10", Some(1))]), read("2", &[("10", Some(2))])];
        assert_eq!(twice(&attempts), 0);
        assert_eq!(
            twice(&[read("1", &[("10", None), ("11", None)]), read("2", &[("12", None)])]),
            0
        );
        for (one, other) in [(Some(1), Some(1)), (None, None), (None, Some(1)), (Some(2), None)] {
            let reads = [read("1", &[("10", one)]), read("2", &[("10", other)])];
            assert_eq!(twice(&reads), 1, "{one:?} and {other:?}");
        }
    }
}
