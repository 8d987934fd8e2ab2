import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { difference, magnitude } from '../../tests/interop/compare.mjs';
import { normals } from '../../tests/interop/normals.mjs';
import { octetJson, runOctet } from '../../tests/interop/octet.mjs';
import { openSession, ortVersion, runOrt } from '../../tests/interop/ort.mjs';
import { emptyCallMs } from './empty_call.mjs';
import { makeModels, work } from './models.mjs';
import { ortBurst, prepareOrt } from './ort_burst.mjs';
import { evaluate, toMarkdown } from './table.mjs';

const defaults = { bursts: '12', rounds: '11', batch: '1', threads: '1', only: '.' };
const options = { ...defaults };
for (let i = 2; i < process.argv.length; i += 2) {
  const name = process.argv[i].replace(/^--/, '');
  if (!(name in defaults) || process.argv[i + 1] === undefined) {
    console.error(`bench/peers: ${process.argv[i]}: accepted: ${
        Object.entries(defaults).map(([key, value]) => `--${key} ${value}`).join(' ')}`);
    process.exit(64);
  }
  options[name] = process.argv[i + 1];
}
const kWarmup = 3;
const bursts = Number(options.bursts), rounds = Number(options.rounds), threads = Number(options.threads);

/// A wrong answer has no speed.
async function requireSameAnswer({ name, precision, file, size }) {
  const session = await openSession(file);
  const input = { data: normals(3 * size * size, 9), dims: [1, 3, size, size] };
  const [output] = session.outputNames;
  const ours = runOctet(file, session.inputNames[0], input, [output])[output];
  const theirs = (await runOrt(session, input))[output];
  const bound = (precision === 'FP32' ? 1e-3 : 0.03) * magnitude(theirs);
  const { largest } = difference(ours, theirs);
  if (!(largest <= bound)) throw new Error(`${name} ${precision}: answers differ by ${largest}`);
}

function octetBurst(models, batch) {
  const files = models.map(({ file }) => file);
  return octetJson('--threads', `${threads}`, 'bench', ...files, '--batch', `${batch}`, '--rounds',
                   `${rounds}`, '--warmup', `${kWarmup}`, '--no-memory');
}

const models = makeModels(new RegExp(options.only));
for (const model of models) await requireSameAnswer(model);

const rows = [];
const load = [os.loadavg()[0].toFixed(1)];
let machine;
for (const batch of options.batch.split(',').map(Number)) {
  const sessions = models.map(({ file, size }) => prepareOrt(file, [batch, 3, size, size], threads));
  const batchRows = models.map(({ name, precision }) => (
      { name, precision, batch, octetMs: [], ortMs: [] }));
  for (let burst = 0; burst < bursts; burst++) {
    const measured = octetBurst(models, batch);
    machine = measured.machine;
    const theirs = ortBurst(sessions, rounds, kWarmup);
    batchRows.forEach((row, i) => {
      row.octetMs.push(measured.results[i].p50_ms);
      row.ortMs.push(theirs[i]);
    });
    process.stderr.write(`batch ${batch}, burst ${burst + 1} of ${bursts}\n`);
  }
  rows.push(...batchRows);
}
load.push(os.loadavg()[0].toFixed(1));

const results = evaluate(rows);
Object.assign(machine, { ort: ortVersion, load, bursts, rounds, emptyCallMs: emptyCallMs(threads) });
const markdown = toMarkdown(results, machine);
fs.writeFileSync(path.join(work, 'peers.md'), markdown);
fs.writeFileSync(path.join(work, 'peers.json'), JSON.stringify({ machine, results }, null, 1));
console.log(markdown);
