//! One server of PostgreSQL: what it is, and the small things that are done to it, each of which can be done again.

use std::ffi::OsString;
use std::time::Duration;

use super::control::Control;
use crate::request::{Hands, Ran, last_words};
use crate::wire::exercise::PostgresNode;

/// How long a question may take.
const QUESTION: Duration = Duration::from_secs(10);
/// How long what an earlier run has begun may go on: rewinding a large server takes its time.
const PREDECESSOR: Duration = Duration::from_secs(3600);
/// Code of a script that could not get the lock.
const BUSY: i32 = 97;
/// Code of `timeout` where it ended what it ran.
const LATE: i32 = 124;
/// Code of `pg_ctl status` where no server runs.
const NOT_RUNNING: i32 = 3;

/// What a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It takes writes.
    Primary,
    /// It follows, or could.
    Standby,
    /// It does not run.
    Stopped,
    /// Nobody can tell.
    Unknown,
}

impl State {
    pub(super) fn told(self) -> &'static str {
        match self {
            Self::Primary => "a primary",
            Self::Standby => "a standby",
            Self::Stopped => "stopped",
            Self::Unknown => "out of reach",
        }
    }

    pub(super) fn runs(self) -> bool {
        self != Self::Stopped
    }
}

/// A server, and how it is reached.
pub(super) struct Node<'a> {
    side: &'static str,
    pub(super) written: &'a PostgresNode,
    hands: &'a Hands<'a>,
    patience: Duration,
}

impl<'a> Node<'a> {
    pub(super) fn new(
        side: &'static str,
        written: &'a PostgresNode,
        hands: &'a Hands<'a>,
        patience: Duration,
    ) -> Self {
        Self { side, written, hands, patience }
    }

    /// What people call it.
    pub(super) fn place(&self) -> String {
        format!("`{}` ({})", self.side, self.written.data_directory)
    }

    /// Runs a small script where the server is. Only one at a time runs for a data directory, also of runs that were
    /// killed: what they had begun is waited for.
    fn script(
        &self,
        script: &str,
        environment: &[(String, OsString)],
        limit: Duration,
    ) -> Result<Ran, String> {
        let (data, seconds) = (quoted(&self.written.data_directory), limit.as_secs().max(1));
        let wait = PREDECESSOR.as_secs();
        let whole = format!(
            "exec 9>{data}.dr-drill-lock && flock -w {wait} 9 || exit {BUSY}\n\
             exec timeout --foreground -k 5 {seconds} sh -c {}",
            quoted(&self.filled(script))
        );
        let words = ["sh".to_owned(), "-c".to_owned(), whole];
        let ran = self.run(&words, environment, limit + PREDECESSOR + QUESTION)?;
        match ran.code {
            BUSY => Err(format!("{}: another command is still at work there", self.place())),
            LATE => Err(format!("{}: a command took longer than {seconds} s", self.place())),
            _ => Ok(ran),
        }
    }

    /// A script with the places of this server in it.
    fn filled(&self, script: &str) -> String {
        let script = script.replace("@DATA@", &quoted(&self.written.data_directory));
        script.replace("@BIN@", &quoted(&self.written.bin_directory))
    }

    /// Runs a command where the server is.
    fn run(
        &self,
        words: &[String],
        environment: &[(String, OsString)],
        limit: Duration,
    ) -> Result<Ran, String> {
        let via = &self.written.via;
        let remote = via.first().is_some_and(|first| first.rsplit('/').next() == Some("ssh"));
        // `ssh` hands on one line, which a shell takes apart again.
        let word = |word: &String| if remote { quoted(word) } else { word.clone() };
        let all: Vec<String> = via.iter().cloned().chain(words.iter().map(word)).collect();
        self.hands.command(&all, environment, limit)
    }

    fn succeed(&self, what: &str, script: &str, limit: Duration) -> Result<String, String> {
        let ran = self.script(script, &[], limit)?;
        if ran.code == 0 {
            return Ok(ran.printed);
        }
        Err(format!("{what} {} failed ({}){}", self.place(), ran.code, last_words(&ran.printed)))
    }

    /// Asks the server a question.
    pub(super) fn ask(&self, statement: &str) -> Result<String, String> {
        let password = self.written.password_env.as_deref();
        self.hands
            .sql(&self.written.conninfo, password, statement, QUESTION)
            .map_err(|error| format!("{} {error}", self.place()))
    }

    /// Whether commands can be run where it is.
    pub(super) fn is_reachable(&self) -> bool {
        self.run(&["true".to_owned()], &[], QUESTION).is_ok_and(|ran| ran.code == 0)
    }

    /// Switches its machine off.
    pub(super) fn power_off(&self) -> Result<(), String> {
        if self.written.power_off.is_empty() {
            let place = self.place();
            return Err(format!(
                "{place} cannot be reached, so that it may still take writes: nothing was promoted; \
                 give `power_off`, or make sure of it by hand"
            ));
        }
        let ran = self.hands.command(&self.written.power_off, &[], self.patience)?;
        if ran.code != 0 {
            let said = last_words(&ran.printed);
            return Err(format!("{} could not be switched off ({}){said}", self.place(), ran.code));
        }
        Ok(())
    }

    /// What it is. One that begins is waited for.
    pub(super) fn state(&self) -> Result<State, String> {
        let watch = crate::clock::Stopwatch::start();
        loop {
            let ran = self.script("exec @BIN@/pg_ctl status -D @DATA@", &[], QUESTION)?;
            if ran.code == NOT_RUNNING {
                return Ok(State::Stopped);
            }
            if ran.code != 0 {
                let said = last_words(&ran.printed);
                return Err(format!(
                    "what {} is cannot be told ({}){said}",
                    self.place(),
                    ran.code
                ));
            }
            match self.ask("SELECT pg_is_in_recovery()").as_deref().map(str::trim) {
                Ok("t") => return Ok(State::Standby),
                Ok("f") => return Ok(State::Primary),
                Ok(other) => return Err(format!("{} answers {other}", self.place())),
                // It begins, or ends.
                Err(_) if watch.elapsed() < self.patience => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err(error) => return Err(error.to_owned()),
            }
        }
    }

    /// What it says of itself while it does not run.
    pub(super) fn control(&self) -> Result<Control, String> {
        let script = "@BIN@/pg_controldata -D @DATA@ && ls @DATA@/pg_wal";
        let text = self.succeed("looking at", script, QUESTION)?;
        Control::read(&text).ok_or_else(|| format!("{} says nothing of its state", self.place()))
    }

    /// Whether it would come up as a standby.
    pub(super) fn is_marked(&self) -> Result<bool, String> {
        Ok(self.script("[ -e @DATA@/standby.signal ]", &[], QUESTION)?.code == 0)
    }

    /// Lets it come up as a standby of another server, whoever starts it.
    pub(super) fn mark(&self, conninfo: &str) -> Result<(), String> {
        let setting = format!("primary_conninfo = '{}'", conninfo.replace('\'', "''"));
        let script = format!(
            "set -e; f=@DATA@/postgresql.auto.conf; : > @DATA@/standby.signal; touch \"$f\"; \
             {{ grep -v '^primary_conninfo' \"$f\" || true; printf '%s\\n' {}; }} > \"$f.dr-drill\"; \
             chmod 600 \"$f.dr-drill\"; mv \"$f.dr-drill\" \"$f\"; sync @DATA@/standby.signal \"$f\" @DATA@",
            quoted(&setting)
        );
        self.succeed("marking", &script, QUESTION).map(|_| ())
    }

    /// Lets it come up as a primary.
    pub(super) fn unmark(&self) -> Result<(), String> {
        let script = "rm -f @DATA@/standby.signal @DATA@/recovery.signal && sync @DATA@";
        self.succeed("unmarking", script, QUESTION).map(|_| ())
    }

    /// Starts it, and waits until it is ready. That it runs already is no error.
    pub(super) fn start(&self) -> Result<(), String> {
        let seconds = self.patience.as_secs().max(1);
        let own = &self.written.start;
        let script = if own.is_empty() {
            format!(
                "@BIN@/pg_ctl status -D @DATA@ >/dev/null && exit 0; \
                 exec @BIN@/pg_ctl start -D @DATA@ -w -t {seconds} -l @DATA@.dr-drill-log </dev/null 9>&-"
            )
        } else {
            format!("@BIN@/pg_ctl status -D @DATA@ >/dev/null && exit 0; exec {} 9>&-", line(own))
        };
        self.succeed("starting", &script, self.patience + QUESTION).map(|_| ())
    }

    /// Stops it, and waits until it has ended: in good order, or, `at_any_price`, also without.
    pub(super) fn stop(&self, at_any_price: bool) -> Result<(), String> {
        let seconds = self.patience.as_secs().max(1);
        let own = &self.written.stop;
        let stop = if own.is_empty() {
            format!("@BIN@/pg_ctl stop -D @DATA@ -m fast -w -t {seconds}")
        } else {
            line(own)
        };
        let hard = format!("@BIN@/pg_ctl stop -D @DATA@ -m immediate -w -t {seconds}");
        let stop = if at_any_price { format!("{stop} || {hard}") } else { stop };
        let script = format!(
            "@BIN@/pg_ctl status -D @DATA@ >/dev/null; [ $? -eq {NOT_RUNNING} ] && exit 0; {stop}; s=$?; \
             @BIN@/pg_ctl status -D @DATA@ >/dev/null; [ $? -eq {NOT_RUNNING} ] && exit 0; [ $s -ne 0 ] && exit $s; exit 98"
        );
        self.succeed("stopping", &script, self.patience * 2 + QUESTION).map(|_| ())
    }

    /// Lets it lead, and waits until it does.
    pub(super) fn promote(&self) -> Result<(), String> {
        let seconds = self.patience.as_secs().max(1);
        let statement = format!(
            "SELECT CASE WHEN pg_is_in_recovery() THEN pg_promote(true, {seconds}) ELSE true END"
        );
        let password = self.written.password_env.as_deref();
        let limit = self.patience + QUESTION;
        let answer = self.hands.sql(&self.written.conninfo, password, &statement, limit);
        match answer.as_deref().map(str::trim) {
            Ok("t") => Ok(()),
            Ok(_) => Err(format!("{} was not promoted within {seconds} s", self.place())),
            Err(error) => Err(format!("{} was not promoted: {error}", self.place())),
        }
    }

    /// Proves that it takes writes. Nothing of it stays.
    pub(super) fn write(&self) -> Result<(), String> {
        let statement = "SELECT pg_logical_emit_message(true, 'dr-drill', 'write check')";
        self.ask(statement).map(|_| ())
    }

    /// Whether this one, which leads, has gone another way before the other one ended.
    pub(super) fn parted_from(&self, other: &Self) -> Result<bool, String> {
        let control = other.control()?;
        if control.was_standby {
            return Ok(false);
        }
        let own = self.ask("SELECT timeline_id FROM pg_control_checkpoint()")?;
        let own: u32 = own.trim().parse().unwrap_or_default();
        if own == control.timeline {
            return Ok(false);
        }
        // Where the time line of this one began, in its own history of them: `1<tab>0/3000158<tab>reason`.
        let history = format!("SELECT pg_read_file('pg_wal/{own:08X}.history')");
        let history = self.ask(&history)?;
        let began = history.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            let (timeline, position) = (words.next()?.parse::<u32>().ok()?, words.next()?);
            Some((timeline, Control { checkpoint: position.to_owned(), ..control.clone() }))
        });
        let began = began.rev().find(|(timeline, _)| *timeline == control.timeline);
        Ok(began.is_none_or(|(_, position)| control.position() > position.position()))
    }

    /// Takes it back to where it parted from another server. The configuration stays its own. It runs to its end even
    /// if this program is killed: one that is broken off cannot be used again.
    pub(super) fn rewind(&self, source: &str, password: Option<&str>) -> Result<String, String> {
        let files = "postgresql.conf postgresql.auto.conf pg_hba.conf pg_ident.conf";
        let script = format!(
            "cd @DATA@ || exit 1; k=@DATA@.dr-drill-kept\n\
             if [ ! -d \"$k\" ]; then mkdir \"$k.new\" 2>/dev/null; for f in {files}; do [ -e $f ] && cp -p $f \"$k.new\"; done; mv \"$k.new\" \"$k\"; fi\n\
             rm -f @DATA@/standby.signal\n\
             @BIN@/pg_rewind --target-pgdata=@DATA@ --source-server={} --write-recovery-conf; s=$?\n\
             cp -p \"$k\"/* @DATA@ && rm -rf \"$k\"; : > @DATA@/standby.signal; exit $s",
            quoted(source)
        );
        let mut environment = Vec::new();
        if let Some(name) = password {
            environment.push(("PGPASSWORD".to_owned(), self.hands.secret(name)?.into()));
        }
        // What it prints goes to a file: nobody may be there to read it.
        let detached = format!(
            "l=@DATA@.dr-drill-rewind; setsid -w sh -c {} >\"$l\" 2>&1 </dev/null; s=$?; cat \"$l\"; exit $s",
            quoted(&self.filled(&script))
        );
        let ran = self.script(&detached, &environment, self.patience.max(PREDECESSOR))?;
        if ran.code == 0 {
            return Ok(ran.printed);
        }
        Err(format!(
            "{} could not be rewound ({}){}",
            self.place(),
            ran.code,
            last_words(&ran.printed)
        ))
    }
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Words as a line for a shell.
fn line(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_reach_a_shell_as_they_are() {
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(line(&["a b".to_owned(), "c".to_owned()]), "'a b' 'c'");
    }
}
