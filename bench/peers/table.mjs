// Bursts to figures, figures to Markdown.
import { median } from './ort_burst.mjs';

/// The median with a percentile-bootstrap 95 % interval.
export function summary(values) {
  let seed = 1;
  const below = (n) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * n);
  };
  const medians = Array.from({ length: 2000 }, () =>
      median(values.map(() => values[below(values.length)]))).sort((a, b) => a - b);
  return { median: median(values), ci95: [medians[49], medians[1950]] };
}

const pairwise = (a, b) => a.map((x, i) => x / b[i]);

/// Adds figures to each row; rows come in pairs, float before INT8.
export function evaluate(rows) {
  return rows.map((row, i) => {
    const float = rows[i - (i % 2)];
    return {
      ...row,
      octet: { ...summary(row.octetMs), speedup: summary(pairwise(float.octetMs, row.octetMs)) },
      ort: { ...summary(row.ortMs), speedup: summary(pairwise(float.ortMs, row.ortMs)) },
      ratio: summary(pairwise(row.octetMs, row.ortMs)),
    };
  });
}

const withInterval = ({ median: m, ci95 }, digits) =>
    `${m.toPrecision(digits)} [${ci95.map((x) => x.toPrecision(digits)).join(', ')}]`;

export function toMarkdown(rows, machine) {
  const lines = [
    '# octet and ONNX Runtime on the same files', '',
    `${machine.cpu}, ${machine.isa}, ${machine.clock_ghz.toFixed(2)} GHz, ${machine.threads} thread(s); ` +
        `octet ${machine.commit ?? ''} (${machine.compiler}), ONNX Runtime ${machine.ort}. ` +
        `Load average ${machine.load.join(' before, ')} after.`, '',
    `Medians of ${machine.bursts} bursts of ${machine.rounds} rounds each, octet and ONNX Runtime in turn, ` +
        'with 95 % intervals; ratios are paired burst by burst. Below 1, octet is faster. An empty call ' +
        `of ONNX Runtime through Node.js takes ${machine.emptyCallMs.toPrecision(2)} ms, which is included.`, '',
    '| model | batch | precision | octet ms | ONNX Runtime ms | octet / ONNX Runtime | octet INT8 speedup | ONNX Runtime INT8 speedup |',
    '|---|---:|---|---:|---:|---:|---:|---:|',
  ];
  for (const row of rows) {
    const speedup = (who) => (row.precision === 'FP32' ? '' : withInterval(who.speedup, 3));
    lines.push(`| ${row.name} | ${row.batch} | ${row.precision} | ${withInterval(row.octet, 3)} | ${
        withInterval(row.ort, 3)} | ${withInterval(row.ratio, 3)} | ${speedup(row.octet)} | ${speedup(row.ort)} |`);
  }
  return lines.join('\n') + '\n';
}
