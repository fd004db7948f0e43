// The versions of a zone: the one held as a file, and what changed between two.

import { get, getText, withParameters } from "./api.js";
import { el, field, problemPlace, showProblem } from "./dom.js";

/** More lines are for programs to read. */
const LINES = 2_000;

export function versions(zone, path, signal) {
  const [from, to] = [el("select", {}), el("select", {})];
  const show = el("button", {}, "Show what changed");
  const save = el("button", { type: "button" }, "Download the zone");
  const place = el("div", { "aria-live": "polite" });
  const problem = problemPlace();

  /** Which versions are known is asked anew, and the last step is offered. */
  const load = async () => {
    const { serials } = await get(`${path}/versions`, signal);
    const options = () => serials.map((serial) => el("option", {}, String(serial)));
    from.replaceChildren(...options().slice(0, -1));
    to.replaceChildren(...options().slice(1));
    from.selectedIndex = from.length - 1;
    to.selectedIndex = to.length - 1;
    show.disabled = serials.length < 2;
    save.disabled = serials.length === 0;
  };
  const careful = (button, act) => async (event) => {
    event.preventDefault();
    problem.hidden = true;
    button.disabled = true;
    try {
      await act();
    } catch (error) {
      if (!signal.aborted) showProblem(form, problem, error);
    }
    button.disabled = false;
  };
  const compare = async () => {
    const query = { from: from.value, to: to.value };
    const lines = (await getText(withParameters(`${path}/difference`, query), signal)).trimEnd().split("\n");
    const more = lines.length - LINES;
    const text = lines.slice(0, LINES).join("\n");
    place.replaceChildren(el("pre", { class: "scroll", tabindex: "0", role: "region", "aria-label": "What changed" }, text));
    if (more > 0) place.append(el("p", { class: "hint" }, `${more} lines more are not shown.`));
  };
  const download = async () => {
    const file = new Blob([await getText(`${path}/export`, signal)], { type: "text/dns" });
    const address = URL.createObjectURL(file);
    el("a", { href: address, download: `${zone.name === "." ? "root" : zone.name}.zone` }).click();
    URL.revokeObjectURL(address);
  };
  save.addEventListener("click", careful(save, download));
  const form = el("form", { class: "row", onsubmit: careful(show, compare) }, field("From", from), field("To", to), show, save);
  const section = el(
    "section",
    { class: "card", "aria-labelledby": "versions" },
    el("h2", { id: "versions" }, "Versions"),
    form,
    problem,
    place,
  );
  return { section, load };
}
