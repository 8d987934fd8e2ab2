// The program under test.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { readNpy, writeNpy } from './npy.mjs';

export const root = fileURLToPath(new URL('../..', import.meta.url));
/// Which part of the tests this process runs (main.mjs), if any; parts share no file.
export const part = process.argv.find((option) => option.startsWith('--part='))?.slice(7);
export const work = path.join(root, 'build/interop', part ?? '');
export const dataDir = [process.env.OCTET_DATA_DIR, path.join(root, '../shared/data')]
    .find((dir) => dir && fs.existsSync(dir));
fs.mkdirSync(work, { recursive: true });

export function octet(...args) {
  const options = dataDir ? ['--data-dir', dataDir] : [];
  if (!args.includes('--threads')) options.push('--threads', '1');
  try {
    return execFileSync(path.join(root, 'build/release/octet'), [...options, ...args], {
      encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 28,
    });
  } catch (error) {
    const why = error.stderr?.trim() ?? error.message;
    const failure = new Error(`octet ${args.join(' ')}: exit ${error.status}: ${why}`);
    throw Object.assign(failure, { status: error.status });
  }
}

export const octetJson = (...args) => JSON.parse(octet('--json', ...args));

/// The outputs by name of one call on `input` {data, dims}.
export function runOctet(model, inputName, input, outputNames) {
  return runOctetOn(model, { [inputName]: input }, outputNames);
}

/// The outputs by name of one call on inputs by name.
export function runOctetOn(model, inputs, outputNames) {
  const dir = path.join(work, 'run');
  fs.rmSync(dir, { recursive: true, force: true });
  fs.mkdirSync(dir);
  const options = Object.entries(inputs).flatMap(([name, input], i) => {
    writeNpy(path.join(dir, `in${i}.npy`), input);
    return ['--input', `${name}=${dir}/in${i}.npy`];
  });
  octet('run', model, ...options, '--output-dir', `${dir}/out`);
  const file = (name) => path.join(dir, 'out', name.replace(/[^A-Za-z0-9_-]/g, '_') + '.npy');
  return Object.fromEntries(outputNames.map((name) => [name, readNpy(file(name))]));
}
