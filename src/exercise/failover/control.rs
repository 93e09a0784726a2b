//! What a server of PostgreSQL that does not run says of itself, and which of two led last.

/// What a server that does not run says of itself (`pg_controldata`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Control {
    /// It was a standby when it ended.
    pub(super) was_standby: bool,
    /// It did not end in good order.
    pub(super) crashed: bool,
    /// Its time line.
    pub(super) timeline: u32,
    /// The newest time line that it knows of: that of a promotion whose first checkpoint never came.
    pub(super) newest_timeline: u32,
    /// Where its last checkpoint is.
    pub(super) checkpoint: String,
    /// How far a standby has certainly come.
    pub(super) reached: String,
}

impl Control {
    /// Reads what `pg_controldata` prints.
    pub(super) fn read(text: &str) -> Option<Self> {
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.trim_start_matches(':').trim().to_owned())
        };
        let state = value("Database cluster state")?;
        let timeline = value("Latest checkpoint's TimeLineID")?.parse().ok()?;
        let history = |line: &str| u32::from_str_radix(line.strip_suffix(".history")?, 16).ok();
        let checkpoint = value("Latest checkpoint location")?;
        Some(Self {
            was_standby: state.contains("recovery") && state != "in crash recovery",
            crashed: !state.starts_with("shut down"),
            timeline,
            newest_timeline: text.lines().filter_map(history).fold(timeline, u32::max),
            reached: value("Minimum recovery ending location")
                .unwrap_or_else(|| checkpoint.clone()),
            checkpoint,
        })
    }

    /// Where the checkpoint is, as a number.
    pub(super) fn position(&self) -> u64 {
        let (high, low) = self.checkpoint.split_once('/').unwrap_or(("0", "0"));
        let number = |text| u64::from_str_radix(text, 16).unwrap_or_default();
        (number(high) << 32) | number(low)
    }

    /// Whether this one led later than the other.
    pub(super) fn led_after(&self, other: &Self) -> bool {
        let rank = |one: &Self| (one.newest_timeline, !one.was_standby, one.position());
        rank(self) > rank(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(state: &str, timeline: u32, checkpoint: &str, files: &str) -> Control {
        let text = format!(
            "pg_control version number:            1300\nDatabase cluster state:               {state}\n\
             Latest checkpoint location:           {checkpoint}\nLatest checkpoint's TimeLineID:       {timeline}\n\
             Minimum recovery ending location:     0/0\n{files}"
        );
        Control::read(&text).unwrap()
    }

    #[test]
    fn a_server_that_does_not_run_says_what_it_was() {
        let told = |state| {
            let found = control(state, 1, "0/3000028", "");
            (found.was_standby, found.crashed)
        };
        assert_eq!(told("shut down"), (false, false));
        assert_eq!(told("shut down in recovery"), (true, false));
        assert_eq!(told("in production"), (false, true));
        assert_eq!(told("in archive recovery"), (true, true));
        assert_eq!(told("in crash recovery"), (false, true));
        assert!(Control::read("Database cluster state: shut down").is_none());
        assert!(Control::read("").is_none());
    }

    #[test]
    fn who_led_last_is_who_was_promoted_last_and_wrote_furthest() {
        let old = control("shut down", 1, "0/9000028", "");
        let new = control("shut down", 2, "0/3000028", "00000002.history\n");
        assert!(new.led_after(&old) && !old.led_after(&new));
        // Promoted, and gone before its first checkpoint.
        let early = control(
            "in production",
            1,
            "0/3000028",
            "00000002.history\n000000020000000000000003\n",
        );
        assert!(early.led_after(&old) && !old.led_after(&early));
        let standby = control("shut down in recovery", 1, "0/9000028", "");
        assert!(old.led_after(&standby) && !standby.led_after(&old));
        let further = control("shut down", 1, "1/28", "");
        assert!(further.led_after(&old) && !old.led_after(&further));
    }
}
