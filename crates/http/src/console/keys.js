// TSIG keys: those there are, a new one, and an old one's end.

import { allKeys, ask } from "./api.js";
import { clearProblems, copyButton, dialog, el, field, problemPlace, say, showProblem, table } from "./dom.js";
import { when } from "./words.js";

const ALGORITHMS = ["hmac-sha256", "hmac-sha512", "hmac-sha384", "hmac-sha224", "hmac-sha1"];

export async function keys(signal) {
  const place = el("div", {});
  const load = async () => {
    const keys = await allKeys(signal);
    const remove = (key) =>
      el("button", { type: "button", class: "small", onclick: () => askToRemove(key, load), "aria-label": `Delete ${key.name}` }, "Delete");
    const rows = keys.map((key) => [key.name, key.algorithm, when(key.created), remove(key)]);
    const columns = ["Name", "Algorithm", "Made", "Delete"];
    place.replaceChildren(rows.length === 0 ? el("p", {}, "There is no key yet.") : table("TSIG keys", columns, rows));
  };
  await load();
  return { title: "TSIG keys", content: [place, newKey(load)] };
}

function newKey(load) {
  const name = el("input", { required: true });
  const algorithm = el("select", {}, ...ALGORITHMS.map((name) => el("option", {}, name)));
  const secret = el("input", { type: "password" });
  const made = el("div", { "aria-live": "polite" });
  const problem = problemPlace();
  const submit = async (event) => {
    event.preventDefault();
    clearProblems(form, problem);
    const body = { name: name.value.trim(), algorithm: algorithm.value };
    if (secret.value.trim() !== "") body.secret = secret.value.trim();
    try {
      const key = await ask("POST", "keys", { body });
      made.replaceChildren(...told(key));
      say(`${key.name} is made.`);
      form.reset();
      await load();
    } catch (error) {
      showProblem(form, problem, error);
    }
  };
  const form = el(
    "form",
    { class: "card narrow", onsubmit: submit, "aria-labelledby": "new-key", novalidate: true },
    el("h2", { id: "new-key" }, "New key"),
    field("Key name", name, { hint: "The same as at the primary", member: "name" }),
    field("Algorithm", algorithm, { member: "algorithm" }),
    field("Secret", secret, { hint: "In base64. If empty, one is made and shown once.", member: "secret" }),
    problem,
    el("button", { class: "main" }, "Make the key"),
    made,
  );
  return form;
}

/** The secret that the service has made, if it has. */
function told(key) {
  if (key.secret === undefined) return [];
  const text = `The secret of ${key.name}, which will not be shown again:`;
  return [el("p", {}, text), el("p", {}, el("code", { class: "secret" }, key.secret), " ", copyButton(key.secret))];
}

function askToRemove(key, load) {
  dialog(`Delete ${key.name}`, (close) => {
    const problem = problemPlace();
    const submit = async (event) => {
      event.preventDefault();
      try {
        await ask("DELETE", `keys/${encodeURIComponent(key.id)}`);
      } catch (error) {
        return showProblem(form, problem, error);
      }
      close();
      say(`${key.name} is deleted.`);
      await load();
      document.querySelector("h1").focus();
    };
    const form = el(
      "form",
      { onsubmit: submit },
      el("p", {}, "A key that a zone uses cannot be deleted."),
      problem,
      el(
        "div",
        { class: "row" },
        el("button", { class: "danger" }, "Delete"),
        el("button", { type: "button", onclick: close, autofocus: true }, "Keep it"),
      ),
    );
    return [form];
  });
}
