//! Who the client is: the address that limits count by and that the allow list is compared with.
//!
//! Sources are asked in the order of `client.from`; the first one that gives an address decides. A source that is
//! there but makes no sense gives nothing: it is never read leniently, and the leftmost entry of `X-Forwarded-For`,
//! which anybody can write, is never special.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

use crate::diagnostic::Name;
use crate::document::{Item, Report};
use crate::host::{HostError, Stream};
use crate::http::Request;

/// How many entries of `X-Forwarded-For` are looked at, from the right.
const MAX_ENTRIES: usize = 100;

/// The section `client` of the config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    from: Vec<Source>,
    ipv6_prefix: u32,
    allow: Vec<IpNet>,
}

impl Default for Settings {
    /// The peer as Envoy sees it, IPv6 by /64, nobody exempt.
    fn default() -> Self {
        Self { from: vec![Source::Peer], ipv6_prefix: 64, allow: Vec::new() }
    }
}

/// Where an address may come from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    /// `CloudFront-Viewer-Address`, `address:port` with IPv6 unbracketed; counts only once the origin check passed.
    CloudFront,
    /// `X-Forwarded-For`, several headers joined in order, read from the right.
    ForwardedFor(Trust),
    /// Envoy's `source.address`.
    Peer,
}

/// Which entries of `X-Forwarded-For` were written by proxies of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Trust {
    /// The number of trusted proxies that appended an entry, each the address that it was called from. The entry of
    /// the outermost of them is the client: with 1 the rightmost entry, with 3 the third from the right.
    ///
    /// An Envoy that appends the peer itself before the filters run (`use_remote_address`, so each Istio gateway)
    /// counts as one. Behind `CloudFront` and a load balancer, a gateway and the sidecars behind it see
    /// `forged, client, cloudfront, balancer`: `trustedHops: 3` names the client. This is one more than Envoy's
    /// `xff_num_trusted_hops` for the same chain, which does not count the entry of the last proxy.
    Hops(usize),
    /// Ranges of the trusted proxies: the first entry from the right that is outside of them is the client.
    Ranges(Vec<IpNet>),
}

/// What a source says of one request.
enum Answer {
    Address(IpAddr),
    /// There, but not to be believed or not to be understood.
    Unusable,
    Absent,
}

/// The client of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its address; IPv4 even where it was written as IPv4-mapped IPv6 (RFC 4291 section 2.5.5.2).
    pub address: IpAddr,
    /// Whether a better source was there but unusable, so that this is only the next best address.
    doubtful: bool,
}

impl Client {
    /// The address that limits count by: IPv4 as it is, IPv6 cut to the configured prefix, since one customer
    /// commonly holds a whole /64.
    #[must_use]
    pub fn group(&self, settings: &Settings) -> IpAddr {
        match self.address {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let host_bits = Ipv6Addr::BITS.saturating_sub(settings.ipv6_prefix);
                let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
            }
        }
    }

    /// The same as text: an IPv4 address as it is, an IPv6 one with its prefix, such as `2001:db8::/64`.
    #[must_use]
    pub fn group_text(&self, settings: &Settings) -> String {
        match self.group(settings) {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("{address}/{}", settings.ipv6_prefix),
        }
    }

    /// Whether the allow list names this client. Never so for an address that stands in for an unusable one:
    /// otherwise a mangled header would turn a stranger into the load balancer, which may well be on the list.
    #[must_use]
    pub fn is_allowed(&self, settings: &Settings) -> bool {
        !self.doubtful && within(&settings.allow, self.address)
    }
}

impl Settings {
    /// Reads the section.
    pub fn read(item: &Item<'_>, report: &mut Report) -> Option<Self> {
        let fields = item.fields(&["from", "ipv6Prefix", "allow"], report)?;
        let absent = Self::default();
        let from = match fields.get("from") {
            Some(item) => read_sources(item, report),
            None => Some(absent.from),
        };
        let ipv6_prefix = match fields.get("ipv6Prefix") {
            Some(item) => item.integer(1, 128, report).and_then(|n| u32::try_from(n).ok()),
            None => Some(absent.ipv6_prefix),
        };
        let allow = match fields.get("allow") {
            Some(item) => read_ranges(item, report),
            None => Some(absent.allow),
        };
        Some(Self { from: from?, ipv6_prefix: ipv6_prefix?, allow: allow? })
    }

    /// Whether an address depends on the origin check, so that it would never count without one.
    #[must_use]
    pub fn needs_origin(&self) -> bool {
        self.from.contains(&Source::CloudFront)
    }

    /// Finds the client of a request, or nothing if no source knows an address (a peer on a Unix socket, say).
    ///
    /// `origin_passed` says whether the origin check proved that the request came through `CloudFront`. The host is
    /// asked for the peer only if it comes to that.
    ///
    /// # Errors
    /// When the host does not tell the peer.
    pub fn identify(
        &self,
        request: &Request<'_>,
        origin_passed: bool,
        stream: &dyn Stream,
    ) -> Result<Option<Client>, HostError> {
        let mut doubtful = false;
        for source in &self.from {
            let answer = match source {
                Source::CloudFront => cloudfront(request, origin_passed),
                Source::ForwardedFor(trust) => forwarded_for(request, trust),
                Source::Peer => endpoint(&stream.peer()?).map_or(Answer::Unusable, Answer::Address),
            };
            match answer {
                Answer::Address(address) => return Ok(Some(Client { address: address.to_canonical(), doubtful })),
                Answer::Unusable => doubtful = true,
                Answer::Absent => {}
            }
        }
        Ok(None)
    }
}

fn cloudfront(request: &Request<'_>, origin_passed: bool) -> Answer {
    let mut values = request.values("cloudfront-viewer-address");
    let address = match (values.next(), values.next()) {
        (None, _) => return Answer::Absent,
        (Some(value), None) if origin_passed => viewer_address(value),
        _ => None,
    };
    address.map_or(Answer::Unusable, Answer::Address)
}

/// `198.51.100.10:46532` or `2001:db8::1:46532`: the port is what follows the last colon.
fn viewer_address(value: &[u8]) -> Option<IpAddr> {
    let (address, port) = std::str::from_utf8(value).ok()?.trim_ascii().rsplit_once(':')?;
    let is_port = port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    if is_port { bare_or_bracketed(address) } else { None }
}

fn forwarded_for(request: &Request<'_>, trust: &Trust) -> Answer {
    let mut values = request.values("x-forwarded-for").rev().peekable();
    if values.peek().is_none() {
        return Answer::Absent;
    }
    let mut entries = values.flat_map(|value| value.rsplit(|b| *b == b',')).take(MAX_ENTRIES).map(endpoint);
    let address = match trust {
        Trust::Hops(hops) => entries.nth(hops.saturating_sub(1)).flatten(),
        // An entry that is no address ends the search: whatever stands left of it was not written by a trusted proxy.
        Trust::Ranges(ranges) => entries.find(|e| e.is_none_or(|address| !within(ranges, address))).flatten(),
    };
    address.map_or(Answer::Unusable, Answer::Address)
}

/// An address with or without port: `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:443`.
fn endpoint(value: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(value).ok()?.trim_ascii();
    bare_or_bracketed(text).or_else(|| text.parse::<SocketAddr>().ok().map(|s| s.ip())).map(|a| a.to_canonical())
}

fn bare_or_bracketed(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
        Some(inner) => inner.parse().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    }
}

fn within(ranges: &[IpNet], address: IpAddr) -> bool {
    ranges.iter().any(|range| range.contains(&address))
}

fn read_sources(item: &Item<'_>, report: &mut Report) -> Option<Vec<Source>> {
    let items = item.list(report)?;
    if items.is_empty() {
        report.error(item, Name::Empty, "found no source, expected at least one; peer is the default");
        return None;
    }
    let sources: Vec<Source> = items.iter().filter_map(|item| read_source(item, report)).collect();
    if sources.len() != items.len() {
        return None;
    }
    if let Some((item, _)) = items.iter().skip(1).zip(&sources).find(|(_, before)| **before == Source::Peer) {
        report.warning(item, Name::OutOfRange, "peer stands before it and has nearly always an answer; put peer last");
    }
    Some(sources)
}

fn read_source(item: &Item<'_>, report: &mut Report) -> Option<Source> {
    if item.node.as_text() == Some("forwardedFor") {
        let message = "forwardedFor must say whom to trust, such as {forwardedFor: {trustedHops: 1}}";
        report.error(item, Name::NeedsOther, message);
        return None;
    }
    if item.node.as_text().is_some() {
        return match item.one_of(&[("cloudfront", false), ("peer", true)], report)? {
            true => Some(Source::Peer),
            false => Some(Source::CloudFront),
        };
    }
    let fields = item.fields(&["forwardedFor"], report)?;
    let fields = fields.required("forwardedFor", report)?.fields(&["trustedHops", "trustedRanges"], report)?;
    let trust = match (fields.get("trustedHops"), fields.get("trustedRanges")) {
        (Some(item), None) => {
            let hops = item.integer(1, u64::try_from(MAX_ENTRIES).unwrap_or(u64::MAX), report)?;
            Trust::Hops(usize::try_from(hops).ok()?)
        }
        (None, Some(item)) => {
            let ranges = read_ranges(item, report)?;
            if ranges.is_empty() {
                report.error(item, Name::Empty, "found no range, expected those of the trusted proxies");
                return None;
            }
            Trust::Ranges(ranges)
        }
        _ => {
            report.error(item, Name::MissingField, "expected exactly one of: trustedHops, trustedRanges");
            return None;
        }
    };
    Some(Source::ForwardedFor(trust))
}

fn read_ranges(item: &Item<'_>, report: &mut Report) -> Option<Vec<IpNet>> {
    let items = item.list(report)?;
    let ranges: Vec<IpNet> = items.iter().filter_map(|item| read_range(item, report)).collect();
    (ranges.len() == items.len()).then_some(ranges)
}

/// A range such as `198.51.100.0/24` (RFC 4632, RFC 4291 section 2.3); a single address stands for itself.
fn read_range(item: &Item<'_>, report: &mut Report) -> Option<IpNet> {
    let text = item.text(report)?;
    let range = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    let (name, message) = match range {
        None => {
            let expected = "an address range such as 198.51.100.0/24 or 2001:db8::/32";
            (Name::BadAddress, format!("found \"{text}\", expected {expected}"))
        }
        Some(range) if range.addr() != range.network() => {
            (Name::BadAddress, format!("found \"{text}\", which is inside a range; write {}", range.trunc()))
        }
        Some(range) if range.prefix_len() == 0 => {
            (Name::OutOfRange, format!("found \"{text}\", which is every address there is"))
        }
        Some(IpNet::V6(range)) if range.addr().to_ipv4_mapped().is_some() => {
            (Name::BadAddress, format!("found \"{text}\", which is IPv4 in IPv6 clothes; write it as IPv4"))
        }
        Some(range) => return Some(range),
    };
    report.error(item, name, message);
    None
}
