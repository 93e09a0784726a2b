//! Messages on their way: kept until they have arrived, so that none is lost if whatever sends them ends. A drill never
//! waits for one.

use std::collections::BTreeMap;
use std::path::Path;

use super::alerts::{Outgoing, Told};
use super::fleet::Fleet;
use super::ledger::LedgerError;
use super::tables::{Local, Row, Statements, Tables, Value};
#[cfg(feature = "queue")]
use super::{tables::Shared, team::Team};
use crate::notify::{Secrets, one_by_one, send};
use crate::wire::alerts::{Alerts, Notice, Severity, Standing};

/// What numbers messages, in a file here.
pub(super) const LOCAL_ID: &str = "INTEGER PRIMARY KEY";

/// The tables, by what numbers messages.
pub(super) fn tables(id: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS alert (
           drill TEXT PRIMARY KEY, noted_due BIGINT NOT NULL, severity TEXT, since BIGINT, told_at BIGINT
         );
         CREATE TABLE IF NOT EXISTS outbox (
           id {id}, channel TEXT NOT NULL, key TEXT NOT NULL, notice TEXT NOT NULL, first BIGINT NOT NULL,
           ready_at BIGINT NOT NULL, attempts BIGINT NOT NULL DEFAULT 0, error TEXT
         );
         CREATE TABLE IF NOT EXISTS thread (
           channel TEXT NOT NULL, key TEXT NOT NULL, reference TEXT NOT NULL, PRIMARY KEY (channel, key)
         );"
    )
}

/// Seconds until a message is tried again for the first time; then twice as long, up to an hour.
const AGAIN: i64 = 30;
/// After so many attempts the other channels are told that this one takes nothing.
const TELL_OTHERS: u32 = 3;
/// After so many attempts a message is given up: more than a day.
const GIVE_UP: u32 = 32;
/// How many are sent at once.
const AT_ONCE: usize = 1000;

/// What is noted of a drill's alerts.
#[derive(Clone, Debug)]
pub struct Noted {
    /// The drill.
    pub drill: String,
    /// The newest slot that was.
    pub due: i64,
    /// What has been told.
    pub told: Option<Told>,
    /// What is to be.
    pub outgoing: Vec<Outgoing>,
}

/// A message that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The channel.
    pub channel: String,
    /// What it tells.
    pub notice: Notice,
    /// When it is tried next, in seconds since the Unix epoch.
    pub ready_at: i64,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it did not arrive.
    pub error: Option<String>,
}

/// A message that did not arrive, or that did after all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The channel.
    pub channel: String,
    /// How many notices.
    pub notices: usize,
    /// Why they did not arrive.
    pub error: Option<String>,
}

/// The messages of a calendar. Whoever opens it need not keep the calendar.
#[derive(Debug)]
pub struct Outbox {
    tables: Box<dyn Tables>,
}

/// A message that is to be sent.
struct Message {
    id: i64,
    notice: Notice,
    attempts: u32,
}

/// Writes what is noted.
pub(super) fn write(tables: &mut dyn Statements, noted: &Noted) -> Result<(), LedgerError> {
    let (severity, since, at) = match noted.told {
        Some(told) => (Some(told.severity.word()), Some(told.since), Some(told.at)),
        None => (None, None, None),
    };
    let insert = "INSERT INTO alert VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (drill) DO UPDATE SET
        noted_due = excluded.noted_due, severity = excluded.severity, since = excluded.since,
        told_at = excluded.told_at";
    let drill = (&noted.drill).into();
    tables.tell(insert, &[drill, noted.due.into(), severity.into(), since.into(), at.into()])?;
    for one in &noted.outgoing {
        put(tables, one)?;
    }
    // Whoever was told in place of another hears of the end, too.
    let mut told = noted.outgoing.iter().rev();
    if let Some(end) = told.find(|one| one.notice.standing == Standing::Resolved) {
        let heard =
            tables.ask("SELECT channel FROM thread WHERE key = ?1", &[(&end.notice.key).into()])?;
        for channel in heard.iter().filter_map(|row| row.text(0)) {
            if !noted.outgoing.iter().any(|one| one.channel == channel) {
                put(tables, &Outgoing { channel: channel.to_owned(), ..end.clone() })?;
            }
        }
    }
    Ok(())
}

/// Puts a message into the box. One that says that all is well again takes those with it that wait, and is not needed
/// itself if the first of them was never tried: one that is on its way counts as heard.
fn put(tables: &mut dyn Statements, one: &Outgoing) -> Result<(), LedgerError> {
    let (channel, key): (Value, Value) = ((&one.channel).into(), (&one.notice.key).into());
    if one.notice.standing == Standing::Resolved {
        let unheard = "SELECT id FROM outbox WHERE channel = ?1 AND key = ?2
            AND first = 1 AND attempts = 0";
        let unheard = tables.ask(unheard, &[channel.clone(), key.clone()])?;
        let delete = "DELETE FROM outbox WHERE channel = ?1 AND key = ?2";
        tables.tell(delete, &[channel.clone(), key.clone()])?;
        if !unheard.is_empty() {
            return Ok(());
        }
    }
    let notice = serde_json::to_string(&one.notice).unwrap_or_default();
    let insert =
        "INSERT INTO outbox (channel, key, notice, first, ready_at) VALUES (?1, ?2, ?3, ?4, ?5)";
    let first = i64::from(one.first);
    tables.tell(insert, &[channel, key, (&notice).into(), first.into(), one.ready_at.into()])
}

/// What was noted of a drill: the newest slot, and what has been told.
pub(super) fn read(tables: &dyn Tables, drill: &str) -> Result<(i64, Option<Told>), LedgerError> {
    let asked = "SELECT noted_due, severity, since, told_at FROM alert WHERE drill = ?1";
    let rows = tables.ask(asked, &[drill.into()])?;
    let Some(row) = rows.first() else { return Ok((i64::MIN, None)) };
    let known = [Severity::Info, Severity::Warning, Severity::Error, Severity::Critical];
    let severity = row.text(1).and_then(|word| known.into_iter().find(|one| one.word() == word));
    let told = severity.zip(row.integer(2)).zip(row.integer(3));
    let told = told.map(|((severity, since), at)| Told { severity, since, at });
    Ok((row.integer(0).unwrap_or(i64::MIN), told))
}

impl Outbox {
    /// Opens the messages of a calendar that is there.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn open(folder: &Path) -> Result<Self, LedgerError> {
        let tables = Local::open(&folder.join(super::ledger::FILE), &[&tables(LOCAL_ID)])?;
        Ok(Self { tables: Box::new(tables) })
    }

    /// The messages of a team's calendar.
    #[cfg(feature = "queue")]
    #[must_use]
    pub fn shared(team: &Team) -> Self {
        Self { tables: Box::new(Shared::new(team.connection(), None)) }
    }

    /// Every message that has not arrived.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn waiting(&self) -> Result<Vec<Waiting>, LedgerError> {
        let asked =
            "SELECT channel, notice, ready_at, attempts, error FROM outbox ORDER BY ready_at, id";
        let rows = self.tables.ask(asked, &[])?;
        let waiting = |row: &Row| {
            Some(Waiting {
                channel: row.text(0)?.to_owned(),
                notice: serde_json::from_str(row.text(1)?).ok()?,
                ready_at: row.integer(2)?,
                attempts: attempts(row, 3),
                error: row.text(4).map(str::to_owned),
            })
        };
        Ok(rows.iter().filter_map(waiting).collect())
    }

    /// Sends what is ready, channel by channel. What does not arrive is tried again later.
    ///
    /// # Errors
    /// When it cannot be read what is to be sent.
    pub fn deliver(
        &mut self,
        fleet: &Fleet,
        secrets: &Secrets<'_>,
        now: i64,
    ) -> Result<Vec<Delivery>, LedgerError> {
        let Some(alerts) = &fleet.alerts else { return Ok(Vec::new()) };
        let mut deliveries = Vec::new();
        for (name, channel) in &alerts.channels {
            loop {
                let rows = self.ready(name, now, one_by_one(channel))?;
                let Some(first) = rows.first() else { break };
                let reference = self.reference(name, &first.notice.key)?;
                let notices = notices(&rows, one_by_one(channel));
                self.begin(&rows)?;
                let sent = send(channel, &notices, secrets, reference.as_deref());
                let error = sent.as_ref().err().map(ToString::to_string);
                match sent {
                    Ok(reference) => self.arrived(name, &rows, &notices, reference.as_deref())?,
                    Err(error) => self.failed(alerts, name, &rows, &error.to_string(), now)?,
                }
                let failed = error.is_some();
                deliveries.push(Delivery { channel: name.clone(), notices: rows.len(), error });
                if failed {
                    // What waits behind it would fail as well.
                    break;
                }
            }
        }
        Ok(deliveries)
    }

    /// What is ready for a channel, in its order; only of the first key, where each is told by itself.
    fn ready(
        &self,
        channel: &str,
        now: i64,
        one_by_one: bool,
    ) -> Result<Vec<Message>, LedgerError> {
        let asked = "SELECT id, notice, attempts FROM outbox
            WHERE channel = ?1 AND ready_at <= ?2 ORDER BY id";
        let rows = self.tables.ask(asked, &[channel.into(), now.into()])?;
        let message = |row: &Row| {
            let notice = serde_json::from_str(row.text(1)?).ok()?;
            Some(Message { id: row.integer(0)?, notice, attempts: attempts(row, 2) })
        };
        let mut messages: Vec<Message> = rows.iter().filter_map(message).collect();
        if one_by_one && let Some(key) = messages.first().map(|one| one.notice.key.clone()) {
            messages.retain(|one| one.notice.key == key);
        }
        messages.truncate(AT_ONCE);
        Ok(messages)
    }

    fn reference(&self, channel: &str, key: &str) -> Result<Option<String>, LedgerError> {
        let asked = "SELECT reference FROM thread WHERE channel = ?1 AND key = ?2";
        let rows = self.tables.ask(asked, &[channel.into(), key.into()])?;
        let found = rows.first().and_then(|row| row.text(0)).map(str::to_owned);
        Ok(found.filter(|reference| !reference.is_empty()))
    }

    /// Notes that messages are on their way.
    fn begin(&mut self, rows: &[Message]) -> Result<(), LedgerError> {
        self.tables.together(&mut |tables| {
            let update = "UPDATE outbox SET attempts = attempts + 1 WHERE id = ?1";
            rows.iter().try_for_each(|row| tables.tell(update, &[row.id.into()]))
        })
    }

    fn arrived(
        &mut self,
        channel: &str,
        rows: &[Message],
        notices: &[Notice],
        reference: Option<&str>,
    ) -> Result<(), LedgerError> {
        self.tables.together(&mut |tables| {
            for row in rows {
                tables.tell("DELETE FROM outbox WHERE id = ?1", &[row.id.into()])?;
            }
            for notice in notices {
                let (channel, key) = (channel.into(), (&notice.key).into());
                if notice.standing == Standing::Firing {
                    let insert = "INSERT INTO thread VALUES (?1, ?2, ?3)
                        ON CONFLICT (channel, key) DO UPDATE SET reference = excluded.reference";
                    tables.tell(insert, &[channel, key, reference.unwrap_or_default().into()])?;
                } else {
                    let delete = "DELETE FROM thread WHERE channel = ?1 AND key = ?2";
                    tables.tell(delete, &[channel, key])?;
                }
            }
            Ok(())
        })
    }

    fn failed(
        &mut self,
        alerts: &Alerts,
        channel: &str,
        rows: &[Message],
        error: &str,
        now: i64,
    ) -> Result<(), LedgerError> {
        self.tables.together(&mut |tables| {
            for row in rows {
                let attempts = row.attempts + 1;
                if attempts >= GIVE_UP {
                    tables.tell("DELETE FROM outbox WHERE id = ?1", &[row.id.into()])?;
                    continue;
                }
                let ready_at = now + (AGAIN << (attempts - 1).min(7)).min(3600);
                let update =
                    "UPDATE outbox SET attempts = ?2, error = ?3, ready_at = ?4 WHERE id = ?1";
                let values = [row.id.into(), attempts.into(), error.into(), ready_at.into()];
                tables.tell(update, &values)?;
                if attempts == TELL_OTHERS {
                    let others = alerts.channels.keys().filter(|other| *other != channel);
                    for other in others {
                        put(tables, &instead(other, channel, &row.notice, error, now))?;
                    }
                }
            }
            Ok(())
        })
    }
}

/// How often a message was tried.
fn attempts(row: &Row, at: usize) -> u32 {
    row.integer(at).and_then(|count| u32::try_from(count).ok()).unwrap_or_default()
}

/// What rows tell. Where each is told by itself, all of it in its order; else the newest of each key, the worst first.
fn notices(rows: &[Message], one_by_one: bool) -> Vec<Notice> {
    if one_by_one {
        return rows.iter().map(|row| row.notice.clone()).collect();
    }
    let newest: BTreeMap<&str, &Notice> =
        rows.iter().map(|row| (row.notice.key.as_str(), &row.notice)).collect();
    let mut notices: Vec<Notice> = newest.into_values().cloned().collect();
    notices.sort_by_key(|notice| std::cmp::Reverse(notice.severity));
    notices
}

/// What another channel is told in place of one that takes nothing.
fn instead(other: &str, channel: &str, notice: &Notice, error: &str, now: i64) -> Outgoing {
    let reason = notice.reason.as_deref().unwrap_or_default();
    let notice = Notice {
        reason: Some(format!("{reason} (the channel {channel} was to tell this, and {error})")),
        ..notice.clone()
    };
    Outgoing { channel: other.to_owned(), notice, first: false, ready_at: now }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::schedule::ledger::Ledger;
    use crate::schedule::{Spent, read as read_fleet};

    fn outgoing(standing: Standing, severity: Severity, first: bool) -> Outgoing {
        let at = "2026-11-20T10:00:00.000Z".to_owned();
        let notice = Notice {
            key: "k".to_owned(),
            fleet: None,
            drill: "a".to_owned(),
            labels: Vec::new(),
            standing,
            severity,
            summary: String::new(),
            reason: None,
            due_at: at.clone(),
            run_id: None,
            since: at.clone(),
            at: at.clone(),
            until: at,
        };
        Outgoing { channel: "hook".to_owned(), notice, first, ready_at: 0 }
    }

    /// A box into which a failure was put, and its end after whatever `between` does.
    fn after_the_end(between: impl FnOnce(&mut Outbox)) -> Vec<Standing> {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        let mut put = |one: Outgoing, due: i64| {
            let noted = Noted { drill: "a".to_owned(), due, told: None, outgoing: vec![one] };
            ledger.settle(&[], &[], Spent::default(), &[noted]).unwrap();
        };
        put(outgoing(Standing::Firing, Severity::Critical, true), 1);
        let mut outbox = Outbox::open(folder.path()).unwrap();
        between(&mut outbox);
        put(outgoing(Standing::Resolved, Severity::Info, false), 2);
        outbox.waiting().unwrap().into_iter().map(|one| one.notice.standing).collect()
    }

    #[test]
    fn an_end_is_told_unless_nobody_can_have_heard_of_the_beginning() {
        assert_eq!(after_the_end(|_| {}), []);
        // On its way: it may arrive at any time.
        let begin = |outbox: &mut Outbox| {
            let rows = outbox.ready("hook", 1, false).unwrap();
            outbox.begin(&rows).unwrap();
        };
        assert_eq!(after_the_end(begin), [Standing::Resolved]);
        // Tried in vain, as a timeout looks like.
        let fails = |outbox: &mut Outbox| {
            let text = "alerts: {channels: {hook: {kind: webhook, url: 'http://127.0.0.1:1/'}}}\n\
                        drills: [{name: a, manifest: m, schedule: {cron: '@daily'}}]";
            let fleet = read_fleet(Path::new("f.yaml"), text.as_bytes()).unwrap();
            let secrets = Secrets { variable: |_| None, folder: Path::new("/") };
            let deliveries = outbox.deliver(&fleet, &secrets, 1).unwrap();
            assert!(deliveries[0].error.is_some());
        };
        assert_eq!(after_the_end(fails), [Standing::Resolved]);
    }

    #[test]
    fn a_channel_keeps_the_order_of_what_is_told_one_by_one_and_the_newest_of_the_rest() {
        let row = |id, standing, severity| Message {
            id,
            notice: outgoing(standing, severity, false).notice,
            attempts: 0,
        };
        let rows = [
            row(1, Standing::Resolved, Severity::Info),
            row(2, Standing::Firing, Severity::Warning),
        ];
        let told = |one_by_one| -> Vec<Standing> {
            notices(&rows, one_by_one).iter().map(|notice| notice.standing).collect()
        };
        assert_eq!(told(true), [Standing::Resolved, Standing::Firing]);
        assert_eq!(told(false), [Standing::Firing]);
    }
}
