// What the operator of the primary has to know, ready to copy.

import { get } from "./api.js";
import { copyButton, el } from "./dom.js";

let about = null;

/** What holds for all zones of the contract; it is asked for once in a session. */
export async function service() {
  about ??= await get("service");
  return about;
}

export function forgetService() {
  about = null;
}

export async function aside() {
  const { transferAddresses, notifyAddresses, nameservers } = await service();
  return el(
    "aside",
    { "aria-labelledby": "at-the-primary" },
    el("h2", { id: "at-the-primary" }, "At the primary"),
    list("Allow transfers to", transferAddresses, "Whatever address the service is reached at: none is configured."),
    list("Send NOTIFY to", notifyAddresses, "None is configured."),
    list("Delegate the zone to", nameservers, "None is configured."),
  );
}

function list(title, items, none) {
  const row = (item) => el("li", {}, el("code", {}, item), " ", copyButton(item));
  return [el("h3", {}, title), items.length === 0 ? el("p", { class: "hint" }, none) : el("ul", {}, ...items.map(row))];
}
