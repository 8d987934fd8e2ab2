import { spawn } from 'node:child_process';
import os from 'node:os';
import { fileURLToPath } from 'node:url';

import { countLine, countOf, runAll } from './checks.mjs';
import { part } from './octet.mjs';
import { ortVersion, precision } from './ort.mjs';

// Run beside each other: each is one process that waits, where a small machine has two cores.
const parts = {
  networks: ['./zoo.mjs'],
  files: ['./floats.mjs', './foreign.mjs', './networks.mjs', './peers.mjs', './quantized.mjs',
          './strangers.mjs', './tensors.mjs', './trained.mjs', './weight_only.mjs'],
};
const options = process.argv.slice(2);

/// Runs a part in a process of its own; its whole output, whose last line counts.
function runPart(name) {
  const child = spawn(process.execPath,
                      [fileURLToPath(import.meta.url), `--part=${name}`, ...options],
                      { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (more) => (text += more));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => resolve(text));
  });
}

if (part) {
  for (const module of parts[part]) await import(module);
  const pattern = options.find((option) => !option.startsWith('--'));
  process.exitCode = (await runAll(pattern && new RegExp(pattern))) ? 0 : 1;
} else {
  console.log(`ONNX Runtime ${ortVersion} on ${os.cpus()[0].model}, integer precision: ${precision}`);
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const text of await Promise.all(Object.keys(parts).map(runPart))) {
    const lines = text.trimEnd().split('\n');
    // A part that ended without a count has crashed.
    const count = countOf(lines.at(-1)) ?? { passed: 0, failed: 1, skipped: 0 };
    console.log(lines.join('\n'));
    for (const key of Object.keys(sum)) sum[key] += count[key];
  }
  console.log(countLine(sum));
  process.exitCode = sum.failed ? 1 : 0;
}
