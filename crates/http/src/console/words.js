// What the API says, in words.

import { el } from "./dom.js";

export const TROUBLES = {
  failing: "failing",
  stale: "stale",
  expiring: "expiring within a day",
  behind: "behind",
  expired: "expired",
  never_loaded: "never loaded",
  primary_failing: "a primary fails",
};

export const STANDINGS = {
  current: "current",
  stale: "stale",
  expired: "expired",
  never_loaded: "never loaded",
};

const CAUSES = {
  bootstrap: "new or changed",
  refresh: "its time had come",
  notify: "NOTIFY",
  operator: "ordered",
};

export const OUTCOMES = {
  transferred: "transferred",
  up_to_date: "up to date",
  not_taken: "only older versions",
  failed: "failed",
};

/** What a delegation was found to be. */
export const VERDICTS = {
  complete: "The zone is delegated to all name servers of the service.",
  incomplete: "The zone is delegated in part: not all name all name servers of the service.",
  absent: "The zone is not delegated to the service.",
  unknown: "Nobody who was asked has answered.",
};

export const SAYS = {
  referral: "delegates it to",
  answer: "has found",
  nothing: "knows no such zone",
};

export const cause = (visit) => CAUSES[visit.cause] ?? visit.cause;
export const number = (value) => (value === null ? "–" : value.toLocaleString("en"));

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
];

/** How long, in its two largest units. */
export function duration(milliseconds) {
  if (milliseconds < 1_000) return `${Math.max(0, Math.round(milliseconds))} ms`;
  const parts = [];
  let rest = milliseconds;
  for (const [unit, size] of UNITS) {
    const amount = Math.floor(rest / size);
    rest -= amount * size;
    if (amount > 0) parts.push(`${amount} ${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(" ");
}

/** A moment as seen from now. */
export function when(moment) {
  if (moment === null) return "–";
  const ahead = Date.parse(moment) - Date.now();
  const text = Math.abs(ahead) < 1_000 ? "now" : ahead > 0 ? `in ${duration(ahead)}` : `${duration(-ahead)} ago`;
  return el("time", { datetime: moment, title: moment }, text);
}

const UNIT_OF_SIZE = ["octets", "kB", "MB", "GB"];

export function size(octets) {
  let [value, unit] = [octets, 0];
  for (; value >= 1_000 && unit < 3; unit += 1) value /= 1_000;
  return `${unit === 0 ? value : value.toPrecision(3)} ${UNIT_OF_SIZE[unit]}`;
}

/** Where a primary is asked, as it is written: an IPv6 address with a port in brackets. */
export function place({ address, port }) {
  if (port === null) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The state of a zone: colour is never the only sign. */
export function state(zone) {
  const notes = [STANDINGS[zone.standing]];
  if (zone.behind) notes.push("behind");
  if (zone.failures > 0) notes.push(zone.failures === 1 ? "last visit failed" : `${zone.failures} visits failed`);
  const isBad = zone.standing === "expired" || (zone.standing === "never_loaded" && zone.failures > 0);
  const isDoubtful = notes.length > 1 || zone.standing !== "current";
  const [look, sign] = isBad ? ["bad", "✕"] : isDoubtful ? ["doubtful", "!"] : ["good", "✓"];
  return el("span", { class: `state ${look}` }, el("span", { "aria-hidden": "true" }, `${sign} `), notes.join(", "));
}

/** The last word of a primary. */
export function outcome(primary) {
  switch (primary.outcome) {
    case "ok":
      return primary.serial === null ? "Answers." : `Answers, offers serial ${primary.serial}.`;
    case "pending":
      return "Not asked yet.";
    case "in_progress":
      return "Being asked now.";
    default:
      return failure(primary.error);
  }
}

/** What went wrong, with its short word where the sentence does not have it. */
export function failure(error) {
  if (error === null) return "";
  return error.text.includes(error.kind) ? error.text : `${error.text} (${error.kind})`;
}

/** What was transferred. */
export function transfer({ kind, serial, records, octets, duration: took }) {
  return `serial ${serial} by ${kind.toUpperCase()}: ${number(records)} records, ${size(octets)} in ${duration(took)}`;
}

/** How a visit ended. */
export function visit(visit) {
  const from = visit.primary === null ? "" : ` from ${visit.primary}`;
  const wrong = visit.error === null ? "" : ` ${failure(visit.error)}`;
  switch (visit.outcome) {
    case "transferred":
      return `Transferred ${visit.transfer === null ? `serial ${visit.to}` : transfer(visit.transfer)}${from}.${wrong}`;
    case "up_to_date":
      return `Up to date: serial ${visit.to} is the newest.${wrong}`;
    case "not_taken":
      return `Nothing taken: the primaries offer only older versions than ${visit.from}.${wrong}`;
    default:
      return `Failed:${wrong}`;
  }
}
