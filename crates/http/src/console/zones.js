// Many zones with their state, by trouble, page by page.

import { get, withParameters } from "./api.js";
import { el, field, pause, say, table } from "./dom.js";
import { named } from "./names.js";
import { TROUBLES, failure, number, state, when } from "./words.js";

const EVERY = 10_000;
const FILTERS = ["contains", "compartment", "trouble"];
/** The compartments that were seen, to choose from. */
const compartments = el("datalist", { id: "compartments" });

export async function zones(parameters, signal) {
  const place = el("div", {});
  const load = async () => {
    const query = { order: "name", limit: 100 };
    for (const name of [...FILTERS, "after"]) query[name] = parameters.get(name);
    place.replaceChildren(...page(await get(withParameters("zones", query), signal), parameters));
  };
  try {
    await load();
    keepFresh(place, load, signal);
  } catch (problem) {
    if (problem.member === undefined) throw problem;
    place.replaceChildren(el("p", { class: "problem", role: "alert" }, `${problem.message}.`)); // the filter stays to be mended
  }
  return { title: "Zones", content: [filter(parameters), place] };
}

/** Loads anew now and then, but not under the hands of who is in the table. */
async function keepFresh(place, load, signal) {
  while (!signal.aborted) {
    await pause(EVERY, signal);
    if (signal.aborted || document.hidden || place.contains(document.activeElement)) continue;
    try {
      await load();
    } catch (problem) {
      if (!signal.aborted) say(`The list is not fresh: ${problem.message}.`, true);
    }
  }
}

function filter(parameters) {
  const chosen = (parameters.get("trouble") ?? "").split(",");
  const contains = el("input", { type: "search", value: parameters.get("contains") ?? "" });
  const compartment = el("input", { value: parameters.get("compartment") ?? "", list: "compartments" });
  const boxes = Object.entries(TROUBLES).map(([word, text]) => {
    const box = el("input", { type: "checkbox", value: word, checked: chosen.includes(word) });
    return [box, el("label", { class: "choice" }, box, ` ${text}`)];
  });
  const submit = (event) => {
    event.preventDefault();
    const trouble = boxes.filter(([box]) => box.checked).map(([box]) => box.value).join(",");
    const wanted = { contains: contains.value.trim(), compartment: compartment.value.trim(), trouble };
    location.hash = withParameters("#/zones", wanted);
  };
  return el(
    "form",
    { class: "card filter", role: "search", onsubmit: submit },
    field("Name contains", contains),
    field("In the compartment", compartment, { hint: "Its OCID, as the OCI face has it" }),
    compartments,
    el("fieldset", {}, el("legend", {}, "Only those in trouble"), ...boxes.map(([, label]) => label)),
    el("button", {}, "Show"),
  );
}

function page({ items, total, next }, parameters) {
  const isFiltered = FILTERS.some((name) => parameters.has(name));
  offer(items);
  if (items.length === 0) return [el("p", {}, isFiltered ? "No zone is like that." : "There is no zone yet."), create()];
  const rows = items.map((zone) => [
    el("a", { href: `#/zones/${zone.id}` }, named(zone.name)),
    state(zone),
    zone.serial === null ? "–" : String(zone.serial),
    when(zone.lastSuccess),
    when(zone.expires),
    trouble(zone),
  ]);
  const columns = ["Zone", "State", "Serial", "Confirmed", "Expires", "In words"];
  const kept = Object.fromEntries(FILTERS.map((name) => [name, parameters.get(name)]));
  const to = (after) => withParameters("#/zones", { ...kept, after });
  return [
    table("Zones", columns, rows),
    el(
      "nav",
      { class: "pages", "aria-label": "Pages" },
      parameters.has("after") && el("a", { href: to(null) }, "First page"),
      next !== null && el("a", { href: to(next), rel: "next" }, "Next page"),
      el("span", { class: "hint" }, `${number(items.length)} here, ${number(total)} in all`),
    ),
  ];
}

/** Offers the compartments of these zones, too. */
function offer(zones) {
  const known = new Set([null, ...[...compartments.options].map((option) => option.value)]);
  const fresh = new Set(zones.map((zone) => zone.compartment).filter((compartment) => !known.has(compartment)));
  compartments.append(...[...fresh].map((value) => el("option", { value })));
}

const create = () => el("p", {}, el("a", { href: "#/new" }, "Create a zone"));

/** What the first primary that fails says. */
function trouble(zone) {
  const failing = zone.primaries.find((primary) => primary.error !== null);
  return failing === undefined ? "" : failure(failing.error);
}
