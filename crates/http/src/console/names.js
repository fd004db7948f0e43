// Names in other scripts: as they are read where that deceives nobody, else as the DNS has them.

import { el } from "./dom.js";

/** Scripts that a label may be in; those of one language are one. */
const SCRIPTS = [
  ..."Arabic Armenian Bengali Cyrillic Devanagari Ethiopic Georgian Greek Gujarati Gurmukhi Hebrew Kannada Khmer Lao".split(" "),
  ..."Malayalam Myanmar Sinhala Tamil Telugu Thai Tibetan".split(" "),
  "Han Hiragana Katakana",
  "Han Bopomofo",
  "Han Hangul",
].map((names) => new RegExp(`^[${names.split(" ").map((name) => `\\p{scx=${name}}`).join("")}0-9-]+$`, "u"));

/** Latin letters that look like no other. */
const LATIN = /^[a-z0-9ß-öø-ÿā-įĵ-ķĺ-ľł-ňŋ-žơưǎ-ǜșțạ-ỹ-]+$/;
/** Letters that look like Latin ones: a label of these alone may be taken for another. */
const LIKE_LATIN = /^[аысԁеԍһіюјӏорԗԛѕԝхуъьҽпгѵѡαικηνρτυωγχοսօհոցաзб0-9-]+$/;

/** What an xn-- label stands for; the label itself where that is not plain to see. */
function uLabel(label) {
  if (!label.startsWith("xn--")) return label;
  const text = decoded(label.slice(4));
  if (text === null || !/^[\p{L}\p{M}\p{Nd}-]+$/u.test(text) || !leadsTo(text, label)) return label;
  const isPlain = LATIN.test(text) || (SCRIPTS.some((script) => script.test(text)) && !LIKE_LATIN.test(text));
  return isPlain ? text : label;
}

/** Whether the browser makes this label of a text: then that is its one form. */
function leadsTo(text, label) {
  try {
    return new URL(`http://${text}.example`).hostname === `${label}.example`;
  } catch {
    return false;
  }
}

/** Punycode (RFC 3492), read; null where it is none. */
function decoded(text) {
  const last = text.lastIndexOf("-");
  const out = last > 0 ? [...text.slice(0, last)] : [];
  const digit = (char) => "abcdefghijklmnopqrstuvwxyz0123456789".indexOf(char);
  let [code, place, bias, at] = [128, 0, 72, last > 0 ? last + 1 : 0];
  while (at < text.length) {
    const before = place;
    for (let weight = 1, k = 36; ; k += 36) {
      const value = at < text.length ? digit(text[at++]) : -1;
      if (value < 0) return null;
      place += value * weight;
      const least = Math.min(Math.max(k - bias, 1), 26);
      if (place > 0x7fffffff) return null;
      if (value < least) break;
      weight *= 36 - least;
    }
    const length = out.length + 1;
    let delta = Math.floor((place - before) / (before === 0 ? 700 : 2));
    delta += Math.floor(delta / length);
    for (bias = 0; delta > 455; bias += 36) delta = Math.floor(delta / 35);
    bias += Math.floor((36 * delta) / (delta + 38));
    code += Math.floor(place / length);
    if (code > 0x10ffff) return null;
    place %= length;
    out.splice(place++, 0, String.fromCodePoint(code));
  }
  return out.join("");
}

/** A name as it is read. */
export const read = (name) => name.split(".").map(uLabel).join(".");

/** The same to be shown: what it is in the DNS is its title. */
export function named(name) {
  const text = read(name);
  return text === name ? name : el("span", { title: name }, text);
}
