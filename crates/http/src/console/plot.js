// The history of visits as a timeline: a lane for each way that a visit can end, and a shape of its own there.

import { svg } from "./dom.js";
import { OUTCOMES, duration, visit as inWords } from "./words.js";

const WIDTH = 640;
const LEFT = 130;
const RIGHT = 12;
const LANE = 24;

const SHAPES = {
  transferred: (x, y) => svg("circle", { cx: x, cy: y, r: 5 }),
  up_to_date: (x, y) => svg("path", { d: `M${x} ${y - 6}v12` }),
  not_taken: (x, y) => svg("path", { d: `M${x} ${y - 6}l6 6-6 6-6-6z` }),
  failed: (x, y) => svg("path", { d: `M${x - 5} ${y - 5}l10 10m0-10l-10 10` }),
};

/** A drawing of `visits`, the newest first, up to now. */
export function plot(visits) {
  const begin = Date.parse(visits.at(-1).at);
  const span = Math.max(Date.now() - begin, 1_000);
  const at = (visit) => LEFT + ((WIDTH - LEFT - RIGHT) * (Date.parse(visit.at) - begin)) / span;
  const lanes = Object.keys(SHAPES);
  const middle = (outcome) => LANE * (lanes.indexOf(outcome) + 0.5);
  const floor = LANE * lanes.length;

  const lines = lanes.map((outcome) => [
    svg("line", { class: "lane", x1: LEFT, x2: WIDTH - RIGHT, y1: middle(outcome), y2: middle(outcome) }),
    svg("text", { x: LEFT - 12, y: middle(outcome) + 4, "text-anchor": "end" }, OUTCOMES[outcome]),
  ]);
  const marks = visits.map((visit) => {
    const shape = SHAPES[visit.outcome](at(visit).toFixed(1), middle(visit.outcome));
    return svg("g", { class: `mark ${visit.outcome}` }, svg("title", {}, `${visit.at} – ${inWords(visit)}`), shape);
  });
  const label = `${visits.length} visits in the last ${duration(span)}; the table tells the same in words`;
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${floor + 24}`, role: "img", "aria-label": label, class: "plot" },
    lines.flat(),
    marks,
    svg("text", { x: LEFT, y: floor + 16 }, `${duration(span)} ago`),
    svg("text", { x: WIDTH - RIGHT, y: floor + 16, "text-anchor": "end" }, "now"),
  );
}
