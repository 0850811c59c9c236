//! One budget for all workers, and memory that no crowd can make grow.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use backstop::host::{Clock, HostError, SharedData, Stored};
use backstop::limit::refusal;
use backstop::slots::SLOTS;

use super::{admits, ask, one, settings};
use crate::fake::Fake;

/// Shared data and clock that real threads can use at once.
struct Workers {
    data: Mutex<(HashMap<String, Stored>, u32)>,
    now: AtomicU64,
}

impl Clock for Workers {
    fn monotonic_ns(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }
    fn unix_ns(&self) -> u64 {
        0
    }
}

impl SharedData for Workers {
    fn load(&self, table: &str, slot: u16) -> Result<Option<Stored>, HostError> {
        Ok(self.data.lock().unwrap().0.get(&format!("{table}/{slot}")).cloned())
    }
    fn store(&self, table: &str, slot: u16, value: &[u8], expected: Option<u32>) -> Result<bool, HostError> {
        let key = format!("{table}/{slot}");
        let mut data = self.data.lock().unwrap();
        let (map, number) = &mut *data;
        if matches!((map.get(&key), expected), (Some((_, found)), Some(expected)) if *found != expected) {
            return Ok(false);
        }
        *number += 1;
        map.insert(key, (value.to_vec(), *number));
        Ok(true)
    }
}

#[test]
fn all_workers_share_one_budget_to_the_last_token() {
    // From nothing, so that the first writes race as well.
    for key in ["", "\"client\""] {
        let settings = settings(&format!(r#"[{{"name": "all", "key": [{key}], "rate": "1/h", "burst": 500}}]"#));
        let world = Workers { data: Mutex::default(), now: AtomicU64::new(1_000_000_000) };
        let admitted = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        match ask(&settings, &world, Some("192.0.2.1"), &[]) {
                            Ok(decisions) if refusal(&decisions).is_none() => {
                                admitted.fetch_add(1, Ordering::Relaxed);
                            }
                            // Giving up under contention is possible, and takes no token.
                            Ok(_) | Err(HostError { call: "set-shared-data", status: 8 }) => {}
                            Err(other) => panic!("{other}"),
                        }
                    }
                });
            }
        });
        assert_eq!(admitted.into_inner(), 500);
        assert_eq!(world.data.into_inner().unwrap().0.len(), 1);
    }
}

fn address(n: u32) -> String {
    IpAddr::from(n.to_be_bytes()).to_string()
}

#[test]
fn memory_is_bounded_and_a_crowd_never_gets_more_than_the_table_holds() {
    let settings = settings(r#"[{"name": "per-client", "key": ["client"], "rate": "1/h", "burst": 1}]"#);
    let fake = Fake::new();
    let mut admitted = 0;
    for n in 0..100_000 {
        admitted += u64::from(admits(&settings, &fake, Some(&address(n)), &[]));
    }
    assert!(admitted > SLOTS * 9 / 10 && admitted <= SLOTS, "{admitted}");
    let shared = fake.shared.borrow();
    assert_eq!(shared.len() as u64, admitted);
    assert!(shared.iter().all(|(key, (value, _))| key.starts_with("limit/per-client/") && value.len() == 20));
}

#[test]
fn a_newcomer_is_wronged_only_if_the_table_is_exhausted() {
    // A thousand greedy clients use up their buckets; ten thousand others then ask once each.
    let settings = settings(r#"[{"name": "per-client", "key": ["client"], "rate": "1/h", "burst": 10}]"#);
    let fake = Fake::new();
    for n in 0..1_000 {
        let admitted = (0..12).filter(|_| admits(&settings, &fake, Some(&address(n)), &[])).count();
        assert_eq!(admitted, 10, "client {n}");
    }
    let wronged = (1_000..11_000).filter(|n| !admits(&settings, &fake, Some(&address(*n)), &[])).count();
    // Each newcomer has four slots, of which one in sixteen is exhausted: one newcomer in 70,000 finds four such.
    assert!(wronged <= 3, "{wronged} of 10000");
    // Those who were refused are refused still: no crowd gives them their tokens back.
    let regained = (0..1_000).filter(|n| admits(&settings, &fake, Some(&address(*n)), &[])).count();
    assert!(regained <= 10, "{regained} of 1000");
}

#[test]
fn a_bucket_that_is_taken_over_says_so_unless_it_was_full() {
    let settings = settings(r#"[{"name": "per-client", "key": ["client"], "rate": "1/s", "burst": 2}]"#);
    let fake = Fake::new();
    let taken_over = |from: u32, to: u32| {
        let of = |n: u32| ask(&settings, &fake, Some(&address(n)), &[]).unwrap()[0].taken_over;
        (from..to).filter(|n| of(*n)).count()
    };
    assert_eq!(taken_over(0, 500), 0);
    assert!(taken_over(500, 40_000) > 10_000);
    fake.advance_ms(2_000);
    assert_eq!(taken_over(40_000, 40_500), 0);
}

#[test]
fn a_changed_limit_starts_afresh_in_the_same_memory() {
    let fake = Fake::new();
    for (rate, burst, key) in [("1/h", 5, "client"), ("2/h", 5, "client"), ("1/h", 6, "client"), ("1/h", 6, "method")] {
        let json = format!(r#"[{{"name": "x", "key": ["{key}"], "rate": "{rate}", "burst": {burst}}}]"#);
        let settings = settings(&json);
        let admitted = (0..20).filter(|_| admits(&settings, &fake, Some("192.0.2.1"), &[])).count();
        assert_eq!(admitted, burst, "{json}");
    }
    assert!(fake.shared.borrow().len() <= 2);
    // Another name is another limit; the same definition again goes on where it was.
    let same = |name: &str| settings(&format!(r#"[{{"name": "{name}", "key": [], "rate": "1/h", "burst": 1}}]"#));
    assert!(admits(&same("y"), &fake, None, &[]));
    assert!(!admits(&same("y"), &fake, None, &[]));
    assert!(admits(&same("z"), &fake, None, &[]));
}

#[test]
fn values_that_nobody_wrote_are_empty_slots() {
    let settings = one("1/h", 2);
    for value in [&b""[..], b"x", &[0xff; 19], &[0xff; 20], &[0; 21], &[0; 4096]] {
        let fake = Fake::new();
        fake.store("limit/all", 0, value, None).unwrap();
        assert_eq!((0..5).filter(|_| admits(&settings, &fake, None, &[])).count(), 2, "{value:?}");
    }
}
