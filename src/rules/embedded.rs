//! The rules of `rules/*.yaml` as the build script left them: const data, nothing to parse at start.

use std::borrow::Cow;

use super::detector::Detector;
use super::need::{Literals, Need};
use super::packed::Packed;
use super::pattern::Pattern;
use super::reach::{Lead, Reach};
use super::rule::{Matcher, Rule, Targets};
use crate::decode::{Traits, TransformSet};
use crate::extract::Target;
use crate::verdict::{Family, Severity};

/// All embedded rules, family by family.
pub static EMBEDDED: &[Rule] = include!(concat!(env!("OUT_DIR"), "/rules.rs"));
