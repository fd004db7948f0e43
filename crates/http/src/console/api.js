// Our own face of the API, asked with the token that the user gave for this session.

const ROOT = new URL("../v1/", import.meta.url);
const TOKEN = "zonekit-token";

export const token = {
  isGiven: () => sessionStorage.getItem(TOKEN) !== null,
  give: (text) => sessionStorage.setItem(TOKEN, text),
  forget: () => sessionStorage.removeItem(TOKEN),
};

/** Why a request was not answered as hoped: a sentence, and the member that is meant, if one is. */
export class Problem extends Error {
  constructor(status, { message, member, expected }) {
    super(message);
    this.status = status;
    this.member = member;
    this.expected = expected;
  }
}

/** Asks for `path` below /v1; gives the JSON of the answer, null where there is none. */
export async function ask(method, path, options) {
  const text = await send(method, path, options);
  return text === "" ? null : JSON.parse(text);
}

async function send(method, path, { body, etag, signal } = {}) {
  const headers = { Authorization: `Bearer ${sessionStorage.getItem(TOKEN)}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (etag !== undefined) headers["If-Match"] = etag;
  const request = { method, headers, signal, cache: "no-store", credentials: "omit" };
  if (body !== undefined) request.body = JSON.stringify(body);
  let response;
  try {
    response = await fetch(new URL(path, ROOT), request);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { message: "the service cannot be reached" });
  }
  const text = await response.text();
  if (!response.ok) throw new Problem(response.status, problemIn(text, response.status));
  return text;
}

function problemIn(text, status) {
  try {
    return JSON.parse(text);
  } catch {
    return { message: `the service answered with status ${status}` };
  }
}

export const get = (path, signal) => ask("GET", path, { signal });

/** An answer that is no JSON. */
export const getText = (path, signal) => send("GET", path, { signal });

/** A path with parameters; those that are empty are left out. */
export function withParameters(path, parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const text = new URLSearchParams(given).toString();
  return text === "" ? path : `${path}?${text}`;
}

/** All keys, page by page. */
export async function allKeys(signal) {
  const keys = [];
  let after = null;
  do {
    const page = await get(withParameters("keys", { limit: 1000, after }), signal);
    keys.push(...page.items);
    after = page.next;
  } while (after !== null);
  return keys;
}
