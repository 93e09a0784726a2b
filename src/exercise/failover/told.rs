//! What is done to a pair of PostgreSQL servers, for people: beforehand, and where only they can help.

use super::postgres::Pair;
use super::switch::Goal;

/// What would be done for a goal, in order.
pub(super) fn plan(pair: &Pair<'_>, goal: Goal) -> Vec<String> {
    let (leader, follower) = pair.sides(goal);
    let (one, other) = (leader.place(), follower.place());
    let programs = &leader.written.bin_directory;
    match goal {
        Goal::Drained => Vec::new(),
        Goal::Level => {
            vec![format!("wait until {one} is at most {} bytes behind", pair.max_lag)]
        }
        Goal::Paired if !pair.rejoin => Vec::new(),
        Goal::Paired => {
            vec![format!("start {other} as a standby, with {programs}/pg_rewind if it has to")]
        }
        Goal::Switched | Goal::First => {
            let mut lines = vec![
                format!("mark {other} as a standby: standby.signal, primary_conninfo"),
                format!("{}/pg_ctl stop -m fast, of {other}", follower.written.bin_directory),
            ];
            lines.push(if pair.may_lose(goal) {
                format!("pg_promote at {one}, whatever it has of {other}")
            } else {
                format!("pg_promote at {one}, once it has everything of {other}")
            });
            if goal == Goal::First {
                lines.push(format!(
                    "start {other} as a standby, with {programs}/pg_rewind if it has to"
                ));
            }
            lines.push(format!("write at {one}"));
            lines
        }
    }
}

/// What to do where the pair could not be brought back.
pub(super) fn by_hand(pair: &Pair<'_>) -> String {
    let (from, to) = (&pair.from, &pair.to);
    format!(
        "1. find out which of {0} and {1} takes writes: psql -d '{2}' -c 'select pg_is_in_recovery()', the same with '{3}'. \
             2. if both do, stop one AT ONCE. 3. if neither does, look with {4}/pg_controldata at both which has the higher \
             TimeLineID and checkpoint location: that one holds the newest data; remove standby.signal from its data directory \
             only after the other is stopped and has one, and start it. 4. let the other follow: pg_rewind or pg_basebackup",
        from.place(),
        to.place(),
        from.written.conninfo,
        to.written.conninfo,
        from.written.bin_directory
    )
}
