// Where the time of the models goes: Markdown, a table per model with a row per kind of kernel.
//   node bench/peers/roofline.mjs [ONLY]
import path from 'node:path';

import { octetJson } from '../../tests/interop/octet.mjs';
import { makeModels } from './models.mjs';

/// Layers of one kernel, together.
export function byKernel(layers) {
  const total = layers.reduce((sum, { ms }) => sum + ms, 0);
  const rows = new Map();
  for (const { kernel, ms, macs, peak_gmacs_per_s: peak } of layers) {
    const row = rows.get(kernel) ?? { kernel, layers: 0, ms: 0, macs: 0, peak };
    row.layers++;
    row.ms += ms;
    row.macs += macs;
    rows.set(kernel, row);
  }
  return [...rows.values()].sort((a, b) => b.ms - a.ms).map((row) => {
    const rate = row.macs / row.ms / 1e6;
    return { ...row, time: row.ms / total, rate: row.macs ? rate : undefined,
             ofPeak: row.macs && row.peak ? rate / row.peak : undefined };
  });
}

const kLeast = 0.01;  // of the time; what is less is one row

export function toMarkdown(name, layers) {
  const rows = byKernel(layers);
  const shown = rows.filter(({ time }) => time >= kLeast);
  const rest = rows.filter(({ time }) => time < kLeast);
  const sum = (key) => rest.reduce((total, row) => total + row[key], 0);
  const percent = (share) => (share === undefined ? '' : `${(100 * share).toFixed(0)} %`);
  const lines = [`#### ${name}: ${layers.reduce((t, { ms }) => t + ms, 0).toPrecision(3)} ms`, '',
                 '| kernel | layers | time | GMAC/s | of peak |', '|---|--:|--:|--:|--:|'];
  for (const row of shown) {
    lines.push(`| \`${row.kernel}\` | ${row.layers} | ${percent(row.time)} | ${
        row.rate?.toFixed(0) ?? ''} | ${percent(row.ofPeak)} |`);
  }
  if (rest.length) lines.push(`| others | ${sum('layers')} | ${percent(sum('time'))} | | |`);
  return lines.join('\n') + '\n';
}

if (import.meta.url === `file://${path.resolve(process.argv[1])}`) {
  for (const { name, precision, file } of makeModels(new RegExp(process.argv[2] ?? '.'))) {
    const measured = octetJson('--threads', '1', 'bench', file, '--batch', '1', '--rounds', '50',
                               '--no-memory', '--roofline');
    console.log(toMarkdown(`${name}, ${precision}`, measured.roofline[0].layers));
  }
}
