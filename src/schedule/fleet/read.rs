//! From bytes to a fleet: every problem at once, each at its place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::layers::Layers;
use super::{Drill, Fleet, Room, Source};
use crate::clock::Timestamp;
use crate::digest::Digest;
use crate::document::{Document, Problem, Syntax};
use crate::schedule::opening::{Blackout, Hours, Span};
use crate::schedule::times::Times;
use crate::wire::fleet as written;
use crate::wire::schema;

/// Reads a fleet file.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub fn read(path: &Path, bytes: &[u8]) -> Result<Fleet, Vec<Problem>> {
    let document = Document::read(bytes, Syntax::of(path))?;
    let (fleet, mut problems) =
        document.understand::<written::Fleet>(schema("fleet").unwrap_or_default());
    let fleet = fleet.and_then(|fleet| {
        let names = fleet.drills.iter().enumerate();
        let reader = Reader {
            document: &document,
            problems: &mut problems,
            fleet: &fleet,
            places: names.map(|(at, drill)| (drill.name.as_str(), at)).collect(),
            labels: fleet
                .drills
                .iter()
                .flat_map(|drill| &drill.labels)
                .map(String::as_str)
                .collect(),
            zones: BTreeMap::new(),
            times: BTreeMap::new(),
        };
        reader.read(Digest::of(bytes))
    });
    problems.sort_by_key(|problem| problem.place);
    match fleet {
        Some(fleet) if problems.is_empty() => Ok(fleet),
        _ => Err(problems),
    }
}

struct Reader<'a> {
    document: &'a Document,
    problems: &'a mut Vec<Problem>,
    fleet: &'a written::Fleet,
    /// Where the drill of each name stands; the last, where one is there twice.
    places: BTreeMap<&'a str, usize>,
    labels: BTreeSet<&'a str>,
    /// What many drills share.
    zones: BTreeMap<String, Option<TimeZone>>,
    times: BTreeMap<(String, String), Option<Arc<Times>>>,
}

impl<'a> Reader<'a> {
    fn problem(&mut self, pointer: &str, message: &str, hint: Option<&str>) {
        let problem = Problem::at(self.document, pointer, message, hint);
        // What is wrong with a type or with the defaults is wrong for many drills.
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    fn read(mut self, sha256: Digest) -> Option<Fleet> {
        for (at, drill) in self.fleet.drills.iter().enumerate() {
            if self.places.get(drill.name.as_str()) != Some(&at) {
                self.problem(&format!("/drills/{at}/name"), "another drill has this name", None);
            }
        }
        let machine = self.fleet.machine.clone().unwrap_or_default();
        let room =
            Room { cpus: machine.cpus, memory_mb: machine.memory_mb, disk_mb: machine.disk_mb };
        let blackouts = self.blackouts();
        let every = self.fleet.drills.iter().enumerate();
        let drills: Vec<_> =
            every.map(|(at, drill)| self.drill(at, drill, room, &blackouts)).collect();
        let drills = drills.into_iter().collect::<Option<Vec<_>>>()?;
        self.circles(&drills);
        let quiet = self.alerts();
        Some(Fleet {
            name: self.fleet.name.clone(),
            sha256,
            machine: room,
            places: machine.drills.unwrap_or(1) as usize,
            budgets: self.fleet.budgets.clone().unwrap_or_default(),
            alerts: self.fleet.alerts.clone(),
            quiet,
            drills,
        })
    }

    fn time(&mut self, pointer: &str, text: &str) -> Option<i64> {
        let time = text.parse::<Timestamp>();
        time.map_err(|error| self.problem(pointer, &error.to_string(), None))
            .ok()
            .map(Timestamp::unix)
    }

    /// Drills and labels that something is for have to be there.
    fn chosen(&mut self, here: &str, drills: &[String], labels: &[String]) {
        for (number, name) in drills.iter().enumerate() {
            if !self.places.contains_key(name.as_str()) {
                let pointer = format!("{here}/drills/{number}");
                self.problem(&pointer, &format!("no drill is called `{name}`"), None);
            }
        }
        for (number, label) in labels.iter().enumerate() {
            if !self.labels.contains(label.as_str()) {
                let pointer = format!("{here}/labels/{number}");
                self.problem(&pointer, &format!("no drill has the label `{label}`"), None);
            }
        }
    }

    /// Holds the alerts against the rest, and gives their quiet hours.
    fn alerts(&mut self) -> Option<Hours> {
        let alerts = self.fleet.alerts.as_ref()?;
        for (at, route) in alerts.routes.iter().enumerate() {
            let here = format!("/alerts/routes/{at}");
            self.chosen(&here, &route.drills, &route.labels);
            for (number, name) in route.channels.iter().enumerate() {
                if !alerts.channels.contains_key(name) {
                    let pointer = format!("{here}/channels/{number}");
                    self.problem(&pointer, &format!("no channel is called `{name}`"), None);
                }
            }
        }
        let led_to = |name| alerts.routes.iter().any(|route| route.channels.contains(name));
        for name in alerts.channels.keys().filter(|name| !alerts.routes.is_empty() && !led_to(name))
        {
            let pointer = format!("/alerts/channels/{name}");
            self.problem(&pointer, "no route leads to it: it would never be told anything", None);
        }
        let quiet = alerts.quiet_hours.as_ref()?;
        let spans = self.spans(Some((quiet, "/alerts/quiet_hours".to_owned())));
        let zone = self.zone(&Layers(Vec::new()))?;
        Some(Hours { zone, spans, blackouts: Vec::new() })
    }

    fn blackouts(&mut self) -> Vec<Arc<Blackout>> {
        let mut found = Vec::new();
        for (at, blackout) in self.fleet.blackouts.iter().enumerate() {
            let here = format!("/blackouts/{at}");
            self.chosen(&here, &blackout.drills, &blackout.labels);
            let from = self.time(&format!("{here}/from"), &blackout.from);
            let to = self.time(&format!("{here}/to"), &blackout.to);
            let (Some(from), Some(to)) = (from, to) else { continue };
            if to <= from {
                self.problem(&format!("{here}/to"), "is not after `from`", None);
            }
            found.push(Arc::new(Blackout { from, to, reason: blackout.reason.clone() }));
        }
        found
    }

    fn drill(
        &mut self,
        at: usize,
        drill: &'a written::Drill,
        machine: Room,
        blackouts: &[Arc<Blackout>],
    ) -> Option<Drill> {
        let here = format!("/drills/{at}");
        let kind = drill.kind.as_ref().and_then(|name| self.fleet.types.get_key_value(name));
        if let (Some(name), None) = (&drill.kind, kind) {
            let hint = "the types of a fleet stand under its key `types`";
            self.problem(
                &format!("{here}/type"),
                &format!("no type is called `{name}`"),
                Some(hint),
            );
        }
        let layers = self.layers(drill, kind, &here);
        let source = self.source(drill, kind.map(|(_, kind)| kind), &here);
        let after = self.after(drill, &here);
        self.refuse(&layers, machine, source.as_ref());
        let zone = self.zone(&layers);
        let cron = layers.pick("cron", |s| s.cron.clone());
        if cron.is_none() {
            let hint = "give it a `schedule` with `cron`, or put one into its type or `defaults`";
            self.problem(&here, "nothing says when it is due", Some(hint));
        }
        // A pattern is read whatever is wrong with its time zone.
        let times = self.times(cron.as_ref()?, zone.as_ref().unwrap_or(&TimeZone::UTC));
        let for_it = self.fleet.blackouts.iter().zip(blackouts).filter(|(written, _)| {
            let all = written.drills.is_empty() && written.labels.is_empty();
            all || written.drills.contains(&drill.name)
                || written.labels.iter().any(|label| drill.labels.contains(label))
        });
        let blackouts = for_it.map(|(_, blackout)| Arc::clone(blackout)).collect();
        let windows = layers.pick("windows", |s| s.windows.as_ref());
        let hours = Hours { zone: zone?, spans: self.spans(windows), blackouts };
        Some(Drill {
            name: drill.name.clone(),
            kind: drill.kind.clone(),
            source: source?,
            labels: drill.labels.clone(),
            after,
            rules: layers.rules(cron?.0, times?, hours),
        })
    }

    fn layers(
        &self,
        drill: &'a written::Drill,
        kind: Option<(&'a String, &'a written::DrillType)>,
        here: &str,
    ) -> Layers<'a> {
        let own = drill.schedule.as_ref().map(|own| (own, format!("{here}/schedule")));
        let of_type = kind.and_then(|(name, kind)| {
            let name = name.replace('~', "~0").replace('/', "~1");
            Some((kind.schedule.as_ref()?, format!("/types/{name}/schedule")))
        });
        let of_all = self.fleet.defaults.as_ref().map(|all| (all, "/defaults".to_owned()));
        Layers([own, of_type, of_all].into_iter().flatten().collect())
    }

    fn source(
        &mut self,
        drill: &written::Drill,
        kind: Option<&written::DrillType>,
        here: &str,
    ) -> Option<Source> {
        let of_type = kind.and_then(|kind| kind.template.as_ref());
        let source = match (&drill.manifest, drill.template.as_ref().or(of_type)) {
            (Some(_), Some(_)) if drill.template.is_some() => {
                self.problem(
                    here,
                    "has a `manifest` and a `template`",
                    Some("leave one of them out"),
                );
                return None;
            }
            (Some(manifest), _) => Source::Manifest(manifest.clone()),
            (None, Some(template)) => {
                let mut values = kind.map(|kind| kind.parameters.clone()).unwrap_or_default();
                values.extend(drill.parameters.clone());
                values.insert("name".to_owned(), drill.name.clone());
                Source::Template(template.clone(), values)
            }
            (None, None) => {
                let hint = "name its `manifest`, or a `template`, or give its type one";
                self.problem(here, "nothing says what to drill", Some(hint));
                return None;
            }
        };
        if matches!(source, Source::Manifest(_)) && !drill.parameters.is_empty() {
            let pointer = format!("{here}/parameters");
            self.problem(&pointer, "only a template has parameters", None);
        }
        Some(source)
    }

    fn after(&mut self, drill: &written::Drill, here: &str) -> Vec<usize> {
        let mut after = Vec::new();
        for (number, name) in drill.after.iter().enumerate() {
            let pointer = format!("{here}/after/{number}");
            match self.places.get(name.as_str()) {
                None => self.problem(&pointer, &format!("no drill is called `{name}`"), None),
                Some(_) if *name == drill.name => {
                    self.problem(&pointer, "a drill cannot come after itself", None);
                }
                Some(at) => after.push(*at),
            }
        }
        after
    }

    /// What could not work, or could not matter.
    fn refuse(&mut self, layers: &Layers<'_>, machine: Room, source: Option<&Source>) {
        let within = layers.start_within();
        if let Some((jitter, place)) = layers.pick("jitter_minutes", |s| s.jitter_minutes)
            && jitter >= within
        {
            let message =
                format!("is not less than the {within} minutes that it has to start within");
            self.problem(&place, &message, Some("every slot could be missed"));
        }
        if let Some((point, place)) = layers.pick("restore_point", |s| s.restore_point.as_ref())
            && place.starts_with("/drills/")
            && !matches!(source, Some(Source::Manifest(path)) if path.contains('*'))
        {
            let message =
                format!("there is one manifest to drill, so {:?} means nothing", point.choose);
            self.problem(&place, &message.to_lowercase(), Some("put a `*` into `manifest`"));
        }
        if let Some((needs, place)) = layers.pick("needs", |s| s.needs.as_ref().map(Room::from)) {
            for (key, more) in needs.beyond(machine) {
                let message = format!("is more than the machine has: {more}");
                self.problem(
                    &format!("{place}/{key}"),
                    &message,
                    Some("no such drill could start"),
                );
            }
        }
    }

    /// The time zone, and its name.
    fn zone(&mut self, layers: &Layers<'_>) -> Option<TimeZone> {
        let of_fleet = || Some((self.fleet.time_zone.clone()?, "/time_zone".to_owned()));
        let named = layers.pick("time_zone", |s| s.time_zone.clone()).or_else(of_fleet);
        let Some((name, place)) = named else { return Some(TimeZone::UTC) };
        let known = self.zones.entry(name.clone()).or_insert_with(|| TimeZone::get(&name).ok());
        let zone = known.clone();
        if zone.is_none() {
            let hint = "write one as `Europe/Berlin`";
            self.problem(&place, &format!("no time zone is called `{name}`"), Some(hint));
        }
        zone
    }

    fn times(&mut self, (cron, place): &(String, String), zone: &TimeZone) -> Option<Arc<Times>> {
        let name = zone.iana_name().unwrap_or_default().to_owned();
        if let Some(known) = self.times.get(&(cron.clone(), name.clone())) {
            return known.clone();
        }
        let times = match Times::new(cron, zone) {
            Ok(times) if times.next_after(0).is_some() => Some(times),
            Ok(_) => {
                self.problem(place, &format!("`{cron}` is never due"), None);
                None
            }
            Err(error) => {
                let hint = "five fields: minute, hour, day of month, month, day of week";
                self.problem(place, &format!("`{cron}` is no pattern: {error}"), Some(hint));
                None
            }
        };
        self.times.insert((cron.clone(), name), times.clone());
        times
    }

    fn spans(&mut self, windows: Option<(&Vec<written::Window>, String)>) -> Arc<[Span]> {
        let Some((windows, place)) = windows else { return Arc::default() };
        let minutes = |text: &str| {
            let (hours, minutes) = text.split_once(':')?;
            Some(hours.parse::<i16>().ok()? * 60 + minutes.parse::<i16>().ok()?)
        };
        let mut spans = Vec::new();
        for (number, window) in windows.iter().enumerate() {
            // What is no time of day, the schema has complained about.
            let times = (minutes(&window.from), minutes(&window.to));
            let (Some(from), Some(to)) = times else { continue };
            if from == to {
                let pointer = format!("{place}/{number}/to");
                self.problem(&pointer, "is the same as `from`", Some("leave the window out"));
            }
            spans.push(Span { days: window.days.clone(), from, to });
        }
        spans.into()
    }

    /// Drills that wait for each other.
    fn circles(&mut self, drills: &[Drill]) {
        // Whatever comes after nothing that is left is taken away, until nothing is.
        let mut left: BTreeSet<usize> =
            (0..drills.len()).filter(|at| !drills[*at].after.is_empty()).collect();
        loop {
            let free: Vec<usize> = left
                .iter()
                .copied()
                .filter(|at| !drills[*at].after.iter().any(|before| left.contains(before)))
                .collect();
            if free.is_empty() {
                break;
            }
            for at in free {
                left.remove(&at);
            }
        }
        for at in left {
            let message = "it comes after itself, through others: none of them could ever start";
            self.problem(&format!("/drills/{at}/after"), message, None);
        }
    }
}
