// A zone is made, or its settings are changed.

import { allKeys, ask, get } from "./api.js";
import { aside } from "./aside.js";
import { clearProblems, el, field, problemPlace, say, showProblem } from "./dom.js";
import { read } from "./names.js";

const ZONEMD = { off: "is not looked at", if_present: "must be right where there is one", required: "must be there and right" };

export async function createForm(signal) {
  const keys = await allKeys(signal);
  const form = zoneForm(null, keys, async (wanted) => {
    const zone = await ask("POST", "zones", { body: wanted });
    leaveFor(zone.id, `${zone.name} is created; its primaries are being asked.`);
  });
  return { title: "New zone", content: await beside(form) };
}

export async function changeForm(id, signal) {
  const path = `zones/${encodeURIComponent(id)}`;
  const [zone, keys] = await Promise.all([get(path, signal), allKeys(signal)]);
  let before = null;
  const form = zoneForm(zone, keys, async (wanted) => {
    const isChanged = ([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name]);
    const body = Object.fromEntries(Object.entries(wanted).filter(isChanged));
    await ask("PATCH", path, { body, etag: zone.etag });
    leaveFor(zone.id, "The settings are changed.");
  });
  before = form.read();
  return { title: `Settings of ${read(zone.name)}`, content: await beside(form), name: zone.name };
}

const beside = async (form) => el("div", { class: "beside" }, form.element, await aside());

function leaveFor(id, text) {
  location.hash = `#/zones/${id}`;
  addEventListener("hashchange", () => say(text), { once: true });
}

/** The form for `zone`, or for a new one; `submit` gets what it says. */
function zoneForm(zone, keys, submit) {
  const name = el("input", { required: true, "data-first": zone === null });
  const description = el("textarea", { rows: "2" });
  const compartment = el("input", { value: zone?.compartment ?? "" });
  const sources = el("textarea", { rows: "2" });
  const zonemd = el("select", {}, ...Object.entries(ZONEMD).map(([value, text]) => el("option", { value }, text)));
  description.value = zone?.description ?? "";
  sources.value = zone?.notifySources.join("\n") ?? "";
  zonemd.value = zone?.zonemd ?? "off";

  const servers = serverList(zone?.primaries ?? [{}], keys);
  const problem = problemPlace();
  const isInSome = () => compartment.value.trim() !== "" || zone?.compartment;
  const read = () => ({
    ...(zone === null && { name: name.value.trim() }),
    ...(isInSome() && { compartment: compartment.value.trim() }),
    primaries: servers.read(),
    description: description.value,
    zonemd: zonemd.value,
    notifySources: sources.value.split(/[\s,]+/).filter((source) => source !== ""),
  });
  const button = el("button", { class: "main" }, zone === null ? "Create the zone" : "Save");
  const onsubmit = async (event) => {
    event.preventDefault();
    clearProblems(element, problem);
    button.disabled = true;
    try {
      await submit(read());
    } catch (error) {
      showProblem(element, problem, inOurWords(error));
    }
    button.disabled = false;
  };
  const element = el(
    "form",
    { class: "card", onsubmit, novalidate: true },
    zone === null && field("Zone name", name, { hint: "Such as example.org; other scripts become their xn-- form", member: "name" }),
    field("Compartment", compartment, {
      hint: "Its OCID, as over the OCI API; lists can be asked by it",
      member: "compartment",
    }),
    servers.element,
    field("Further sources of NOTIFY", sources, {
      hint: "Addresses and networks beside the primaries, one a line",
      member: "notifySources",
    }),
    field("The zone's digest (ZONEMD)", zonemd, { member: "zonemd" }),
    field("Description", description, { member: "description" }),
    problem,
    el("div", { class: "row" }, button, el("a", { class: "button", href: zone === null ? "#/zones" : `#/zones/${zone.id}` }, "Cancel")),
  );
  return { element, read };
}

function inOurWords(error) {
  if (error.status !== 412) return error;
  return { message: "Somebody else has changed the settings meanwhile. Open this page again to see them." };
}

/** The upstream servers, in the order of preference. */
function serverList(primaries, keys) {
  const list = el("div", {});
  let servers = [];

  const number = () => {
    servers.forEach((server, index) => server.number(index, servers.length));
  };
  const add = (primary) => {
    const server = serverFields(primary, keys, () => {
      servers = servers.filter((other) => other !== server);
      server.element.remove();
      number();
      more.focus();
    });
    servers.push(server);
    list.append(server.element);
    number();
    return server;
  };
  const more = el("button", { type: "button", onclick: () => add({}).focus() }, "Add a server");
  primaries.forEach(add);
  return {
    element: el("div", { class: "servers" }, list, more),
    read: () => servers.map((server) => server.read()),
  };
}

function serverFields(primary, keys, onremove) {
  const address = el("input", { value: primary.address });
  const before = primary.port ? String(primary.port) : "";
  const oninput = () => {
    const now = port.value.trim();
    const isOther = before !== "" && now !== before;
    edited.textContent = isOther ? `Was ${before}; asked at ${now || "the usual one"} once saved` : "";
  };
  const port = el("input", { inputmode: "numeric", size: "6", value: before, oninput });
  const edited = el("p", { class: "hint", "aria-live": "polite" });
  const portField = field("Port", port, { hint: "Or the usual one" });
  portField.append(edited);
  const key = keyChoice(keys, primary.key, "none");
  const nextKey = keyChoice(keys, primary.nextKey, "none");
  const legend = el("legend", {});
  const remove = el("button", { type: "button", class: "small", onclick: onremove }, "Remove");
  const element = el(
    "fieldset",
    { class: "server" },
    legend,
    field("Address", address, { hint: "IPv4 or IPv6" }),
    portField,
    field("TSIG key", key, { hint: "As at the primary" }),
    field("Second key", nextKey, { hint: "If the first is refused" }),
    remove,
  );
  return {
    element,
    focus: () => address.focus(),
    number: (index, of) => {
      legend.textContent = `Upstream server ${index + 1}`;
      remove.setAttribute("aria-label", `Remove upstream server ${index + 1}`);
      remove.hidden = of === 1;
      for (const [member, control] of Object.entries({ address, port, key, nextKey })) {
        control.dataset.member = `primaries[${index}].${member}`;
      }
    },
    read: () => {
      const wanted = { address: address.value.trim() };
      const text = port.value.trim();
      if (text !== "") wanted.port = /^\d+$/.test(text) ? Number(text) : text;
      if (key.value !== "") wanted.key = key.value;
      if (nextKey.value !== "") wanted.nextKey = nextKey.value;
      return wanted;
    },
  };
}

/** A choice among the keys; one that is chosen stays, also if it is not among them. */
function keyChoice(keys, chosen, none) {
  const names = keys.map((key) => key.name);
  if (chosen && !names.includes(chosen)) names.unshift(chosen);
  const select = el("select", {}, el("option", { value: "" }, none), ...names.map((name) => el("option", {}, name)));
  select.value = chosen ?? "";
  return select;
}
