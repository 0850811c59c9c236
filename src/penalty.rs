//! Repeat offenders: a client whose requests rules deny again and again is refused altogether for a time.
//!
//! Each denial by a rule counts as many points as its family weighs. The window begins with a client's first denial; who
//! collects enough points within it is under a penalty from then on, and what is refused meanwhile counts no more. State
//! is in a fixed number of slots shared by all workers, and ends with the proxy: nobody is punished twice as long for
//! a restart.

#![deny(clippy::arithmetic_side_effects, reason = "a sentence that overflows lasts for ever")]

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use serde_json::json;

use crate::diagnostic::Name;
use crate::document::{Item, Report};
use crate::host::{Clock, HostError, Message, SharedData};
use crate::slots::{self, ATTEMPTS, SLOTS, Table};
use crate::verdict::{Denial, Family};

/// The most points that a penalty may take, and the most that one denial may weigh.
const MAX_POINTS: u64 = 10_000;

/// The longest window and the longest penalty: a day. Longer ones are for a blocklist, which survives a restart.
const MAX_MS: u64 = 24 * 60 * 60 * 1_000;

/// The longest that a report may take. Nobody waits for it, but each one that is open takes memory.
const MAX_TIMEOUT_MS: u64 = 10_000;

const DEFAULT_TIMEOUT_MS: u64 = 1_000;

/// Bits of a slot's number for the time in milliseconds: 34 years of a clock that begins at a machine's start.
const TIME_BITS: u32 = 40;
const POINTS_BITS: u32 = 16;

/// The section `penalty` of the config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    points: u32,
    window_ms: u64,
    for_ms: u64,
    weights: Vec<(Family, u32)>,
    report: Option<Recipient>,
    /// Whether penalised requests are refused, or only reported.
    pub enforced: bool,
    definition: u32,
}

/// Who is told about offenders.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Recipient {
    cluster: String,
    authority: String,
    path: String,
    timeout_ms: u32,
}

/// What became of a denial that was noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// It counts, or it did not need to.
    Counted,
    /// With it a penalty begins, after so many points.
    Begun(u32),
    /// Too many clients are under a penalty to note another one.
    NoPlace,
}

/// What a slot holds of a client: points since its first denial, or those that brought it a penalty and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Record {
    since_ms: u64,
    points: u32,
    /// Place in [`Family::ALL`] of the latest denial.
    family: u8,
}

/// What a record means now; the least is the first to go when slots are scarce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Clean,
    Suspect { points: u32, since_ms: u64 },
    Penalised,
}

impl Settings {
    /// Reads the section.
    pub fn read(item: &Item<'_>, report: &mut Report) -> Option<Self> {
        let fields = item.fields(&["denials", "window", "for", "weights", "mode", "report"], report)?;
        let points = fields.required("denials", report).and_then(|item| item.integer(1, MAX_POINTS, report));
        let window_ms = fields.required("window", report).and_then(|item| item.duration_ms(1_000, MAX_MS, report));
        let for_ms = fields.required("for", report).and_then(|item| item.duration_ms(1_000, MAX_MS, report));
        let weights = fields.get("weights").map_or(Some(Vec::new()), |item| read_weights(item, report));
        let modes = [("block", true), ("detect", false)];
        let enforced = fields.get("mode").map_or(Some(true), |item| item.one_of(&modes, report));
        let recipient = fields.get("report").map_or(Some(None), |item| Recipient::read(item, report).map(Some));
        let (points, window_ms, for_ms) = (u32::try_from(points?).ok()?, window_ms?, for_ms?);
        let mut hasher = DefaultHasher::new();
        (points, window_ms, for_ms, Family::ALL).hash(&mut hasher);
        let [a, b, c, d, ..] = hasher.finish().to_le_bytes();
        Some(Self {
            points,
            window_ms,
            for_ms,
            weights: weights?,
            report: recipient?,
            enforced: enforced?,
            definition: u32::from_le_bytes([a, b, c, d]),
        })
    }

    /// The family whose denial brought `client` the penalty that it is under, if it is under one. Costs one load, and up
    /// to four where many clients have been denied.
    ///
    /// # Errors
    /// When the host does not answer.
    pub fn check(
        &self,
        client: IpAddr,
        clock: &dyn Clock,
        shared: &dyn SharedData,
    ) -> Result<Option<Family>, HostError> {
        let now_ms = now_ms(clock);
        let slot = self.table().find(fingerprint(client), |number| self.standing(number, now_ms), shared)?;
        let penalised = !slot.foreign && self.standing(slot.number, now_ms) == Standing::Penalised;
        Ok(penalised.then(|| Record::unpack(slot.number).family()))
    }

    /// Counts a denial of a request of `client` by a rule of `family`.
    ///
    /// # Errors
    /// When the host does not answer, or when other workers were faster each of a few times.
    pub fn note(
        &self,
        client: IpAddr,
        family: Family,
        clock: &dyn Clock,
        shared: &dyn SharedData,
    ) -> Result<Noted, HostError> {
        let weight = self.weights.iter().find(|(f, _)| *f == family).map_or(1, |(_, weight)| *weight);
        if weight == 0 {
            return Ok(Noted::Counted);
        }
        let (table, fingerprint, now_ms) = (self.table(), fingerprint(client), now_ms(clock));
        for _ in 0..ATTEMPTS {
            let slot = table.find(fingerprint, |number| self.standing(number, now_ms), shared)?;
            let before = match self.standing(slot.number, now_ms) {
                Standing::Penalised => return Ok(if slot.foreign { Noted::NoPlace } else { Noted::Counted }),
                Standing::Suspect { points, since_ms } if !slot.foreign => (points, since_ms),
                Standing::Suspect { .. } | Standing::Clean => (0, now_ms),
            };
            let points = before.0.saturating_add(weight);
            let begins = points >= self.points;
            let since_ms = if begins { now_ms } else { before.1 };
            let record = Record { since_ms, points, family: place(family) };
            if table.put(&slot, fingerprint, record.pack(), shared)? {
                return Ok(if begins { Noted::Begun(points) } else { Noted::Counted });
            }
        }
        Err(slots::gave_up())
    }

    /// Seconds that a penalty lasts, rounded up.
    #[must_use]
    pub fn for_s(&self) -> u64 {
        self.for_ms.div_ceil(1_000)
    }

    /// The report about an offender, if somebody wants it: a POST whose JSON body says `client` (an address, or an IPv6
    /// prefix such as `2001:db8::/64`), `family` and `rule` of the last denial, `count` (the points), `until` (seconds
    /// since 1970-01-01 UTC) and `enforced` (false where the client is only watched).
    #[must_use]
    pub fn report(&self, offence: &Offence<'_>) -> Option<Message<'_>> {
        let recipient = self.report.as_ref()?;
        let Denial::Rule { family, rule } = offence.denial else { return None };
        let body = json!({
            "client": offence.client,
            "family": family.as_str(),
            "rule": rule,
            "count": offence.points,
            "until": offence.until_s,
            "enforced": offence.enforced,
        });
        Some(Message {
            cluster: &recipient.cluster,
            authority: &recipient.authority,
            path: &recipient.path,
            timeout_ms: recipient.timeout_ms,
            json: body.to_string(),
        })
    }

    fn table(&self) -> Table<'_> {
        Table { name: "penalty", slots: SLOTS, definition: self.definition }
    }

    fn standing(&self, number: u64, now_ms: u64) -> Standing {
        let Record { since_ms, points, .. } = Record::unpack(number);
        let passed_ms = now_ms.saturating_sub(since_ms);
        match points {
            0 => Standing::Clean,
            _ if points >= self.points && passed_ms < self.for_ms => Standing::Penalised,
            _ if points < self.points && passed_ms < self.window_ms => Standing::Suspect { points, since_ms },
            _ => Standing::Clean,
        }
    }
}

/// What a report tells.
#[derive(Clone, Copy, Debug)]
pub struct Offence<'o> {
    /// Who, as text.
    pub client: &'o str,
    /// The denial that began the penalty.
    pub denial: &'o Denial,
    /// Points at that moment.
    pub points: u32,
    /// When it ends, in seconds since 1970-01-01 UTC.
    pub until_s: u64,
    /// Whether the client is refused.
    pub enforced: bool,
}

impl Record {
    fn pack(self) -> u64 {
        let time = self.since_ms.min(low_bits(TIME_BITS));
        let points = u64::from(self.points).min(low_bits(POINTS_BITS));
        let family = u64::from(self.family).wrapping_shl(TIME_BITS.saturating_add(POINTS_BITS));
        family | points.wrapping_shl(TIME_BITS) | time
    }

    fn unpack(number: u64) -> Self {
        let points = number.wrapping_shr(TIME_BITS) & low_bits(POINTS_BITS);
        let family = number.wrapping_shr(TIME_BITS.saturating_add(POINTS_BITS));
        Self {
            since_ms: number & low_bits(TIME_BITS),
            points: u32::try_from(points).unwrap_or(0),
            family: u8::try_from(family).unwrap_or(0),
        }
    }

    fn family(self) -> Family {
        Family::ALL.get(usize::from(self.family)).copied().unwrap_or(Family::BotScanner)
    }
}

fn low_bits(count: u32) -> u64 {
    u64::MAX.wrapping_shr(u64::BITS.saturating_sub(count))
}

fn place(family: Family) -> u8 {
    Family::ALL.iter().position(|f| *f == family).and_then(|place| u8::try_from(place).ok()).unwrap_or(0)
}

fn now_ms(clock: &dyn Clock) -> u64 {
    clock.monotonic_ns() / 1_000_000
}

fn fingerprint(client: IpAddr) -> u64 {
    let mut hasher = DefaultHasher::new();
    client.hash(&mut hasher);
    hasher.finish()
}

fn read_weights(item: &Item<'_>, report: &mut Report) -> Option<Vec<(Family, u32)>> {
    let entries = item.entries(report)?;
    let weights = entries.iter().filter_map(|(name, item)| {
        let weight = item.integer(0, MAX_POINTS, report).and_then(|weight| u32::try_from(weight).ok());
        let Some(family) = Family::from_name(name) else {
            let families: Vec<&str> = Family::ALL.iter().map(|f| f.as_str()).collect();
            item.unknown_word(Name::UnknownValue, name, &families, report);
            return None;
        };
        Some((family, weight?))
    });
    let weights: Vec<(Family, u32)> = weights.collect();
    (weights.len() == entries.len()).then_some(weights)
}

impl Recipient {
    fn read(item: &Item<'_>, report: &mut Report) -> Option<Self> {
        let fields = item.fields(&["cluster", "authority", "path", "timeout"], report)?;
        let cluster = fields.required("cluster", report).and_then(|item| visible(item, "", report));
        let authority = fields.required("authority", report).and_then(|item| visible(item, "", report));
        let path = fields.required("path", report).and_then(|item| visible(item, "/", report));
        let timeout_ms = match fields.get("timeout") {
            Some(item) => item.duration_ms(1, MAX_TIMEOUT_MS, report),
            None => Some(DEFAULT_TIMEOUT_MS),
        };
        let timeout_ms = u32::try_from(timeout_ms?).ok()?;
        Some(Self { cluster: cluster?, authority: authority?, path: path?, timeout_ms })
    }
}

/// Text that can stand in a request: visible ASCII that begins so.
fn visible(item: &Item<'_>, begin: &str, report: &mut Report) -> Option<String> {
    let text = item.text(report)?;
    if !text.starts_with(begin) || !text.bytes().all(|b| b.is_ascii_graphic()) {
        let like = if begin.is_empty() { String::new() } else { format!(" that begins with {begin}") };
        report.error(item, Name::UnknownValue, format!("found \"{text}\", expected text without spaces{like}"));
        return None;
    }
    Some(text.to_owned())
}
