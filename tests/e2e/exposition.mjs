// Reads what /metrics says, strictly: everything that the two formats forbid fails the test that asked.

import assert from "node:assert/strict";

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const NUMBER = /^(?:-?\d+(?:\.\d+)?|\+Inf)$/;
const ENDS = { counter: ["_total"], gauge: [""], histogram: ["_bucket", "_sum", "_count"] };

function readLabels(text, line) {
  const labels = {};
  let rest = text;
  while (rest !== "") {
    const match = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,(?=.)|$)/.exec(rest);
    assert.ok(match, `labels of ${line}`);
    assert.ok(!(match[1] in labels), `a label stands twice in ${line}`);
    labels[match[1]] = match[2].replace(/\\(.)/g, (_, c) => (c === "n" ? "\n" : c));
    rest = rest.slice(match[0].length);
  }
  return labels;
}

function readSample(line) {
  const match = /^([^{ ]+)(?:\{(.*)\})? (\S+)$/.exec(line);
  assert.ok(match && NAME.test(match[1]) && NUMBER.test(match[3]), `no sample: ${line}`);
  return { name: match[1], labels: readLabels(match[2] ?? "", line), value: Number(match[3].replace("+Inf", "Infinity")) };
}

function checkHistogram(family) {
  const groups = new Map();
  for (const sample of family.samples) {
    const { le, ...labels } = sample.labels;
    const key = JSON.stringify(labels);
    if (!groups.has(key)) groups.set(key, { buckets: [] });
    const group = groups.get(key);
    if (sample.name.endsWith("_bucket")) group.buckets.push([Number(le.replace("+Inf", "Infinity")), sample.value]);
    else group[sample.name.slice(family.name.length)] = sample.value;
  }
  for (const { buckets, _sum: sum, _count: count } of groups.values()) {
    for (let i = 1; i < buckets.length; i++) {
      assert.ok(buckets[i][0] > buckets[i - 1][0], `bounds of ${family.name} rise`);
      assert.ok(buckets[i][1] >= buckets[i - 1][1], `buckets of ${family.name} add up`);
    }
    assert.equal(buckets.at(-1)[0], Infinity, family.name);
    assert.equal(buckets.at(-1)[1], count, family.name);
    assert.ok(sum >= 0, family.name);
  }
}

/** { families: Map of name to { type, help, samples }, value(name, labels), total(name, labels) }. */
export function readExposition(text, { openMetrics = false } = {}) {
  const families = new Map();
  const seen = new Set();
  let family;
  assert.ok(text.endsWith("\n"), "the last line ends");
  const lines = text.slice(0, -1).split("\n");
  if (openMetrics) assert.equal(lines.pop(), "# EOF");
  for (const line of lines) {
    const head = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line);
    if (head?.[1] === "HELP") {
      assert.ok(!families.has(head[2]), `${head[2]} stands twice`);
      families.set(head[2], (family = { name: head[2], help: head[3], samples: [] }));
    } else if (head) {
      assert.ok(family?.name === head[2] && !family.type && ENDS[head[3]], line);
      family.type = head[3];
    } else {
      const sample = readSample(line);
      const ends = openMetrics || family.type !== "counter" ? ENDS[family.type] : [""];
      assert.ok(ends.some((end) => family.name + end === sample.name), `${sample.name} stands under ${family.name}`);
      const key = `${sample.name}${JSON.stringify(Object.entries(sample.labels).sort())}`;
      assert.ok(!seen.has(key), `twice: ${line}`);
      seen.add(key);
      family.samples.push(sample);
    }
  }
  for (const each of families.values()) {
    assert.ok(each.type, `${each.name} has a type`);
    if (each.type === "histogram") checkHistogram(each);
    if (each.type === "counter") each.samples.forEach((s) => assert.ok(s.value >= 0, `${s.name} is no count`));
    if (each.type === "counter" && !openMetrics) assert.match(each.name, /_total$/);
  }
  const samples = [...families.values()].flatMap((each) => each.samples);
  const matching = (name, labels = {}) =>
    samples.filter((s) => s.name === name && Object.entries(labels).every(([k, v]) => s.labels[k] === v));
  return {
    families,
    samples,
    names: new Set([...families.values()].flatMap((f) =>
      f.type === "histogram" ? ENDS.histogram.map((end) => f.name + end) : [f.type === "counter" && openMetrics ? `${f.name}_total` : f.name])),
    total: (name, labels) => matching(name, labels).reduce((sum, s) => sum + s.value, 0),
  };
}
