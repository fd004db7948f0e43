// Elements made by code: text stays text.

/** An element with these attributes, `on…` listeners and children; null, undefined and false are left out. */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  if (name === "input") element.autocomplete = "off";
  return filled(element, attributes, children);
}

/** The same in SVG. */
export function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (isThere(value)) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter(isThere));
  return element;
}

const isThere = (value) => value !== null && value !== undefined && value !== false;

let count = 0;

/** A control under its label, with a place for a hint and for what is wrong with it. */
export function field(label, control, { hint, member } = {}) {
  const id = `field${++count}`;
  control.id = id;
  if (member !== undefined) control.dataset.member = member;
  const wrong = el("p", { class: "wrong", id: `${id}-wrong`, hidden: true });
  control.setAttribute("aria-describedby", hint ? `${id}-hint ${id}-wrong` : `${id}-wrong`);
  return el(
    "div",
    { class: "field" },
    el("label", { for: id }, label),
    hint && el("p", { class: "hint", id: `${id}-hint` }, hint),
    control,
    wrong,
  );
}

/** A table; cells are strings or elements, the first of a row is its header. */
export function table(caption, columns, rows) {
  const head = columns.map((column) => el("th", { scope: "col" }, column));
  const cells = ([first, ...rest]) =>
    el("tr", {}, el("th", { scope: "row" }, first), ...rest.map((cell) => el("td", {}, cell)));
  return el(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el(
      "table",
      {},
      el("caption", { class: "unseen" }, caption),
      el("thead", {}, el("tr", {}, ...head)),
      el("tbody", {}, ...rows.map(cells)),
    ),
  );
}

/** Terms and what they stand for, those without a value left out. */
export function facts(pairs) {
  const known = pairs.filter(([, value]) => isThere(value) && value !== "");
  return el("dl", {}, ...known.map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value))));
}

/** Says what has happened, also to who does not see the page. */
export function say(text, isBad = false) {
  const said = document.getElementById("said");
  said.textContent = text;
  said.classList.toggle("bad", isBad);
}

/** Copies `text`; where the browser does not let us, the user is told. */
export function copyButton(text) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      say(`Copied: ${text}`);
    } catch {
      say("The browser does not allow copying here; select the text instead.", true);
    }
  };
  return el("button", { type: "button", class: "small", "aria-label": `Copy ${text}`, onclick: copy }, "Copy");
}

/** Asks in a dialog; `content(close)` makes what is in it. The focus goes back to where it was. */
export function dialog(title, content) {
  const before = document.activeElement;
  const box = el("dialog", { "aria-labelledby": "dialog-title" });
  const close = () => box.close();
  box.append(el("h2", { id: "dialog-title" }, title), ...content(close));
  box.addEventListener("close", () => {
    box.remove();
    if (before.isConnected) before.focus();
  });
  addEventListener("hashchange", close, { once: true });
  document.body.append(box);
  box.showModal();
}

/** Shows what is wrong beside the field that is meant, or else in `place`. */
export function showProblem(form, place, problem) {
  clearProblems(form, place);
  const controls = [...form.querySelectorAll("[data-member]")];
  const isMeant = (control) => control.dataset.member === problem.member;
  const isNear = (control) => problem.member?.startsWith(`${control.dataset.member}[`);
  const control = controls.find(isMeant) ?? controls.find(isNear);
  if (control === undefined) {
    place.textContent = problem.message;
    place.hidden = false;
    place.focus();
    return;
  }
  const wrong = document.getElementById(`${control.id}-wrong`);
  wrong.textContent = problem.expected ? `Expected: ${problem.expected}.` : problem.message;
  wrong.hidden = false;
  control.setAttribute("aria-invalid", "true");
  control.focus();
}

export function clearProblems(form, place) {
  place.hidden = true;
  for (const control of form.querySelectorAll("[aria-invalid]")) {
    control.removeAttribute("aria-invalid");
    document.getElementById(`${control.id}-wrong`).hidden = true;
  }
}

/** A place for what is wrong with a form as a whole. */
export const problemPlace = () => el("p", { class: "problem", role: "alert", tabindex: "-1", hidden: true });

/** Waits; ends early, without an error, when the view is left. */
export function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
