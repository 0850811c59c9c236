//! Reading the list `limits` of the config.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::headers::policy;
use super::{Limit, MAX_BURST, MAX_COUNT, MAX_FILL_S, MAX_LIMITS, Mode, Part, Settings, Shape};
use crate::diagnostic::Name;
use crate::document::{Item, Report};
use crate::path::Pattern;

/// Seconds in each unit of a rate.
const UNITS: &[(&str, u64)] = &[("s", 1), ("m", 60), ("h", 3_600)];

impl Settings {
    /// Reads the list.
    pub fn read(item: &Item<'_>, report: &mut Report) -> Option<Self> {
        let items = item.list(report)?;
        if items.len() > MAX_LIMITS {
            let message = format!("found {} limits, expected at most {MAX_LIMITS}", items.len());
            report.error(item, Name::OutOfRange, message);
            return None;
        }
        let mut names = Vec::new();
        let limits: Vec<Limit> = items.iter().filter_map(|item| Limit::read(item, &mut names, report)).collect();
        (limits.len() == items.len()).then_some(Self { limits })
    }
}

impl Limit {
    fn read(item: &Item<'_>, names: &mut Vec<String>, report: &mut Report) -> Option<Self> {
        let fields = item.fields(&["name", "paths", "key", "rate", "burst", "mode"], report)?;
        let name = fields.required("name", report).and_then(|item| item.name("limit", names, report));
        let paths = Pattern::read_some(fields.get("paths"), report);
        let key = fields.required("key", report).and_then(|item| Part::read_list(item, report));
        let rate = fields.required("rate", report).and_then(|item| read_rate(item, report));
        let burst_item = fields.required("burst", report);
        let burst = burst_item.and_then(|item| item.integer(1, MAX_BURST, report));
        let mode = match fields.get("mode") {
            Some(item) => item.one_of(&[("block", Mode::Block), ("detect", Mode::Detect)], report).map(Some),
            None => Some(None),
        };

        let ((count, period_s), burst) = (rate?, burst?);
        let Some(shape) = Shape::new(count, period_s, burst) else {
            let days = MAX_FILL_S.div_ceil(86_400);
            let message = format!("found {burst}, which takes more than {days} days to come back at this rate");
            report.error(burst_item?, Name::OutOfRange, message);
            return None;
        };
        let key = key?;
        let mut hasher = DefaultHasher::new();
        (count, period_s, burst, &key).hash(&mut hasher);
        let [a, b, c, d, ..] = hasher.finish().to_le_bytes();
        let name = name?;
        let window_s = burst.saturating_mul(period_s).div_ceil(count);
        Some(Self {
            table: format!("limit/{name}"),
            policy: policy(&name, burst, window_s),
            name,
            paths: paths?,
            key,
            shape,
            burst,
            window_s,
            definition: u32::from_le_bytes([a, b, c, d]),
            mode: mode?,
        })
    }
}

/// Reads `50/s`, `100/m` or `1000/h` as a count and the seconds that it is for.
fn read_rate(item: &Item<'_>, report: &mut Report) -> Option<(u64, u64)> {
    let Some(text) = item.node.as_text() else {
        let message = format!("found {}, expected text such as 50/s", item.node.kind());
        report.error(item, Name::BadRate, message);
        return None;
    };
    let (count, unit) = text.split_once('/').unwrap_or((text, ""));
    let Some(period_s) = UNITS.iter().find(|(u, _)| *u == unit).map(|(_, s)| *s) else {
        report.error(
            item,
            Name::BadRate,
            format!("found \"{text}\", expected a count for each s, m or h, such as 50/s"),
        );
        return None;
    };
    let digits = !count.is_empty() && count.bytes().all(|b| b.is_ascii_digit());
    match count.parse::<u64>() {
        Ok(count @ 1..=MAX_COUNT) if digits => return Some((count, period_s)),
        _ if digits => {
            report.error(item, Name::OutOfRange, format!("found \"{text}\", expected a count from 1 to {MAX_COUNT}"));
        }
        _ => {
            let hint = whole_rate(count, period_s).map(|r| format!("; write {r}")).unwrap_or_default();
            report.error(item, Name::BadRate, format!("found \"{text}\", expected a whole count{hint}"));
        }
    }
    None
}

/// The rate in a longer unit whose count is whole: `30/m` for 0.5 each second.
fn whole_rate(count: &str, period_s: u64) -> Option<String> {
    let (whole, fraction) = count.split_once('.')?;
    let digits = u32::try_from(fraction.len()).ok().filter(|n| (1..=6).contains(n))?;
    let scale = 10_u64.checked_pow(digits)?;
    let scaled: u64 = format!("{whole}{fraction}").parse().ok()?;
    UNITS.iter().filter(|(_, longer_s)| *longer_s > period_s).find_map(|(unit, longer_s)| {
        let scaled = scaled.checked_mul(longer_s.checked_div(period_s)?)?;
        let count = scaled.checked_div(scale)?;
        (scaled.checked_rem(scale) == Some(0) && (1..=MAX_COUNT).contains(&count)).then(|| format!("{count}/{unit}"))
    })
}
