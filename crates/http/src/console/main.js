// Which view stands in the page: what the address says behind its #.

import { token } from "./api.js";
import { forgetService, service } from "./aside.js";
import { el, field, problemPlace, say, showProblem } from "./dom.js";
import { changeForm, createForm } from "./form.js";
import { keys } from "./keys.js";
import { zone } from "./zone.js";
import { zones } from "./zones.js";

const main = document.getElementById("main");
/** Ends what the view before still waits for. */
let leaving = new AbortController();

/** The view for a path: a promise of its title and its elements. */
function view([first, id, more], parameters, signal) {
  if (first === "keys") return keys(signal);
  if (first === "new") return createForm(signal);
  if (first === "zones" && id !== undefined) return more === "edit" ? changeForm(id, signal) : zone(id, parameters, signal);
  return zones(parameters, signal);
}

async function show() {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  mark(path);
  if (!token.isGiven()) return put("Sign in", signIn());
  try {
    const about = await service();
    document.getElementById("contract").textContent = `Contract ${about.contract}`;
    const { title, content, name } = await view(path.split("/").map(decodeURIComponent), new URLSearchParams(query), signal);
    if (!signal.aborted) put(title, content, name);
  } catch (problem) {
    if (!signal.aborted) failed(problem);
  }
}

/** Puts a view into the page; whoever listens is told by its heading. `name`: what is named in it, as it is in the DNS. */
function put(title, content, name) {
  document.title = `${title} – Zonekit`;
  const heading = el("h1", { tabindex: "-1", title: name }, title);
  main.replaceChildren(heading, ...[content].flat());
  for (const id of ["nav", "who"]) document.getElementById(id).hidden = !token.isGiven();
  const wanted = main.querySelector("[data-first]") ?? heading;
  wanted.focus();
}

function failed(problem) {
  if (problem.status === 401) {
    leave();
    say("The service does not know this token.", true);
    return;
  }
  const again = el("button", { type: "button", onclick: show }, "Try again");
  put(problem.status === 404 ? "Not there" : "That did not work", [el("p", { class: "problem" }, problem.message), again]);
  if (problem.status === undefined) throw problem; // a mistake of ours: let the browser's console have it
}

function signIn() {
  const input = el("input", { type: "password", required: true, "data-first": true });
  const place = problemPlace();
  const submit = async (event) => {
    event.preventDefault();
    token.give(input.value.trim());
    try {
      await service();
    } catch (problem) {
      token.forget();
      const message = problem.status === 401 ? "The service does not know this token." : problem.message;
      return showProblem(form, place, { message });
    }
    say("");
    show();
  };
  const hint = "It is kept in this tab only, until the tab is closed.";
  const form = el(
    "form",
    { class: "card narrow", onsubmit: submit },
    field("Token", input, { hint }),
    place,
    el("button", { class: "main" }, "Open the console"),
  );
  return form;
}

function leave() {
  token.forget();
  forgetService();
  show();
}

function mark(path) {
  for (const link of document.querySelectorAll("nav a")) {
    const isHere = link.getAttribute("href") === `#/${path || "zones"}`;
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

document.getElementById("leave").addEventListener("click", leave);
// The address behind # says which view is shown; the link to the content must not change it.
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener("hashchange", () => {
  say("");
  show();
});
show();
