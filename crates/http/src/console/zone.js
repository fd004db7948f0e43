// One zone: how it does, its primaries, its history, its records, and what can be ordered.

import { ask, get } from "./api.js";
import { aside } from "./aside.js";
import { clearProblems, dialog, el, facts, field, pause, problemPlace, say, showProblem, table } from "./dom.js";
import { read } from "./names.js";
import { plot } from "./plot.js";
import { records } from "./records.js";
import { versions } from "./versions.js";
import { OUTCOMES, SAYS, VERDICTS, cause, failure, number, outcome, place, size, state, transfer, visit as inWords, when } from "./words.js";

const SLOW = 5_000;
const FAST = 300;

export async function zone(id, parameters, signal) {
  const path = `zones/${encodeURIComponent(id)}`;
  const panels = { status: el("div", {}), primaries: el("div", {}), history: el("div", {}) };
  const progress = el("progress", { "aria-label": "Transfer under way", hidden: true });
  const found = records(encodeURIComponent(id), signal);
  let known = null;
  let shown = null;

  /** Asks anew; gives the zone and its visits, the newest first. */
  const load = async (within = signal) => {
    const [zone, { items: visits }] = await Promise.all([get(path, within), get(`${path}/history`, within)]);
    refill(panels.status, status(zone));
    refill(panels.primaries, primaries(zone));
    known ??= versions(zone, path, signal);
    if (zone.version !== shown?.zone.version) await Promise.all([found.load(), known.load()]);
    if (shown === null || visits[0]?.at !== shown.visits[0]?.at) panels.history.replaceChildren(...history(visits));
    shown = { zone, visits };
    return shown;
  };

  let following = null;
  const goOn = () => {
    following = new AbortController();
    follow(load, AbortSignal.any([signal, following.signal]));
  };
  const rest = () => following.abort();

  /** Orders a transfer and stays with it until its visit has ended. */
  const order = async (body) => {
    const { visits: before } = await load();
    const last = before[0]?.at ?? "";
    await ask("POST", `${path}/transfer`, { body, signal });
    say("Ordered.");
    progress.hidden = false;
    try {
      while (!signal.aborted) {
        const { zone, visits } = await load();
        const asked = zone.primaries.filter((primary) => primary.outcome === "in_progress").map(place);
        // A visit for another reason may have done what was ordered.
        const newer = visits.filter((visit) => visit.at > last);
        const ended = newer.find((visit) => visit.cause === "operator") ?? (asked.length === 0 ? newer[0] : undefined);
        if (ended !== undefined) return tell(ended, zone);
        if (asked.length > 0) say(`Asking ${asked.join(", ")}.`);
        await pause(FAST, signal);
      }
    } finally {
      progress.hidden = true;
    }
  };

  const first = await load();
  goOn();
  const content = el(
    "div",
    { class: "beside" },
    el(
      "div",
      {},
      panel("Status", panels.status),
      panel("Primaries", panels.primaries, orders(first.zone, order, progress, signal)),
      panel("Visits", panels.history),
      found.section,
      known.section,
      panel("Delegation", ...delegation(path, signal)),
      settings(first.zone, path, { rest, goOn }),
    ),
    await aside(),
  );
  const { name } = first.zone;
  return { title: read(name), content, name };
}

/** Says how a visit ended; of one that failed, what each primary said. */
function tell(visit, zone) {
  if (visit.outcome !== "failed") return say(inWords(visit));
  const words = zone.primaries.map((primary) => `${place(primary)}: ${outcome(primary)}`);
  say(`Failed: ${words.join("; ")}`, true);
}

/** Keeps the panels fresh: quickly as long as the zone is new or being asked for. */
async function follow(load, signal) {
  let wait = FAST;
  while (!signal.aborted) {
    await pause(wait, signal);
    if (signal.aborted) return;
    if (document.hidden) continue;
    try {
      const { zone, visits } = await load(signal);
      const isBusy = visits.length === 0 || zone.primaries.some((primary) => primary.outcome === "in_progress");
      wait = isBusy ? FAST : SLOW;
    } catch (problem) {
      if (signal.aborted) return;
      if (problem.status === 404) return say("This zone is gone.", true);
      say(`What is shown is not fresh: ${problem.message}.`, true);
      wait = SLOW;
    }
  }
}

/** Puts something else into a panel, but not under the hands of who is in it. */
function refill(panel, content) {
  if (!panel.contains(document.activeElement)) panel.replaceChildren(content);
}

let count = 0;

function panel(title, ...content) {
  const id = `panel${++count}`;
  return el("section", { class: "card", "aria-labelledby": id }, el("h2", { id }, title), ...content);
}

function status(zone) {
  return facts([
    ["Name in the DNS", read(zone.name) !== zone.name && el("code", {}, zone.name)],
    ["State", state(zone)],
    ["Serial", zone.serial === null ? "none" : el("span", { id: "serial" }, String(zone.serial))],
    ["Confirmed", when(zone.lastSuccess)],
    ["Expires", when(zone.expires)],
    ["Next try", when(zone.nextTry)],
    ["Records", `${number(zone.records)}, ${size(zone.octets)}`],
    ["Description", zone.description],
    ["Compartment", zone.compartment],
  ]);
}

function primaries(zone) {
  const row = (primary) => [
    el("code", {}, place(primary)),
    [primary.key, primary.nextKey].filter((key) => key !== null).join(", then ") || "none",
    el("span", { class: primary.outcome === "error" ? "failed" : "" }, outcome(primary)),
    when(primary.lastCheck),
    primary.transfer === null ? "none yet" : [transfer(primary.transfer), ", ", when(primary.transfer.at)],
  ];
  return table("Primaries", ["Server", "TSIG key", "Last word", "Asked", "Last transfer"], zone.primaries.map(row));
}

function history(visits) {
  if (visits.length === 0) return [el("p", {}, "It was not visited yet.")];
  const row = (visit) => [when(visit.at), cause(visit), OUTCOMES[visit.outcome], inWords(visit)];
  return [plot(visits), table("Visits, the newest first", ["When", "Why", "Outcome", "In words"], visits.map(row))];
}

function orders(zone, order, progress, signal) {
  const from = el(
    "select",
    {},
    el("option", { value: "" }, "whichever is newest"),
    ...zone.primaries.map((primary) => el("option", {}, place(primary))),
  );
  const full = el("input", { type: "checkbox" });
  const button = el("button", { class: "main" }, "Transfer now");
  const problem = problemPlace();
  const submit = async (event) => {
    event.preventDefault();
    clearProblems(form, problem);
    button.disabled = true;
    const body = { full: full.checked };
    if (from.value !== "") body.primary = from.value;
    try {
      await order(body);
    } catch (error) {
      if (!signal.aborted) showProblem(form, problem, error);
    }
    button.disabled = false;
    if (document.activeElement === document.body) button.focus();
  };
  const form = el(
    "form",
    { class: "row", onsubmit: submit },
    field("From", from, { member: "primary" }),
    el("label", { class: "choice" }, full, " all of it, whatever the serial"),
    button,
    progress,
    problem,
  );
  return form;
}

/** Asks on demand whether the zone is delegated as it is to be. */
function delegation(path, signal) {
  const place = el("div", { "aria-live": "polite" });
  const button = el("button", { type: "button" }, "Check the delegation");
  const row = ({ nameservers, missing }, who, says) => [who, says, nameservers.join(" "), missing.join(" ") || "–"];
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const { verdict, wanted, answers, apex } = await ask("POST", `${path}/delegation`, { signal });
      const rows = answers.map((answer) => row(answer, answer.server, answer.error ? failure(answer.error) : SAYS[answer.said]));
      if (apex !== null) rows.push(row(apex, "The zone itself", "its NS records"));
      place.replaceChildren(
        el("p", { class: verdict === "complete" ? "" : "failed" }, VERDICTS[verdict]),
        el("p", { class: "hint" }, `Wanted: ${wanted.join(", ")}.`),
        table("Who names which name servers", ["Who", "Says", "Name servers", "Missing"], rows),
      );
    } catch (error) {
      if (!signal.aborted) place.replaceChildren(el("p", { class: "failed" }, `${error.message}.`));
    }
    button.disabled = false;
  });
  return [button, place];
}

function settings(zone, path, following) {
  if (zone.declared) {
    const text = "The configuration of the service declares this zone; it is changed and removed there.";
    return panel("Settings", el("p", {}, text));
  }
  const remove = el("button", { type: "button", class: "danger", onclick: () => askToRemove(zone, path, following) }, "Delete the zone");
  const edit = el("a", { class: "button", href: `#/zones/${zone.id}/edit` }, "Change the settings");
  return panel("Settings", el("div", { class: "row" }, edit, remove));
}

function askToRemove(zone, path, following) {
  dialog(`Delete ${zone.name}`, (close) => {
    const typed = el("input", { autofocus: true });
    const problem = problemPlace();
    const submit = async (event) => {
      event.preventDefault();
      if (![zone.name, read(zone.name)].includes(typed.value.trim())) {
        return showProblem(form, problem, { member: "name", message: `This is not ${zone.name}.` });
      }
      following.rest(); // what is about to go is not asked for any more
      try {
        await ask("DELETE", path);
      } catch (error) {
        following.goOn();
        return showProblem(form, problem, error);
      }
      close();
      location.hash = "#/zones";
      addEventListener("hashchange", () => say(`${zone.name} is deleted.`), { once: true });
    };
    const form = el(
      "form",
      { onsubmit: submit },
      el("p", {}, "It is not answered for any more, and its records and history are lost."),
      field("Type its name to confirm", typed, { member: "name" }),
      problem,
      el(
        "div",
        { class: "row" },
        el("button", { class: "danger" }, "Delete"),
        el("button", { type: "button", onclick: close }, "Keep it"),
      ),
    );
    return [form];
  });
}
