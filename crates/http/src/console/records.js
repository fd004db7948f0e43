// The records of a zone, searched and page by page.

import { get, withParameters } from "./api.js";
import { el, field, problemPlace, showProblem, table } from "./dom.js";
import { number } from "./words.js";

const LIMIT = 100;

export function records(id, signal) {
  const contains = el("input", { type: "search" });
  const type = el("input", { size: "8", placeholder: "any" });
  const place = el("div", {});
  const problem = problemPlace();
  let offset = 0;

  const load = async () => {
    const query = { search: contains.value.trim(), type: type.value.trim(), offset, limit: LIMIT };
    try {
      const found = await get(withParameters(`zones/${id}/records`, query), signal);
      problem.hidden = true;
      place.replaceChildren(...page(found));
    } catch (error) {
      if (!signal.aborted) showProblem(form, problem, error);
    }
  };
  const turn = async (by) => {
    offset = Math.max(0, offset + by);
    await load();
    place.querySelector("[role=region]")?.focus();
  };
  const page = ({ items, total }) => {
    if (total === 0) return [el("p", {}, "No records.")];
    const rows = items.map((record) => [record.name, String(record.ttl), record.type, el("code", {}, record.data)]);
    const button = (text, by, isOf) => isOf && el("button", { type: "button", onclick: () => turn(by) }, text);
    return [
      table("Records", ["Owner", "TTL", "Type", "Data"], rows),
      el(
        "div",
        { class: "pages" },
        button("Previous records", -LIMIT, offset > 0),
        button("Next records", LIMIT, offset + LIMIT < total),
        el("span", { class: "hint" }, `${number(offset + 1)} to ${number(offset + items.length)} of ${number(total)}`),
      ),
    ];
  };

  const submit = (event) => {
    event.preventDefault();
    offset = 0;
    load();
  };
  const form = el(
    "form",
    { class: "row", role: "search", onsubmit: submit },
    field("Owner or data contains", contains, { member: "search" }),
    field("Type", type, { member: "type" }),
    el("button", {}, "Search"),
  );
  const section = el(
    "section",
    { class: "card", "aria-labelledby": "records" },
    el("h2", { id: "records" }, "Records"),
    form,
    problem,
    place,
  );
  return { section, load };
}
