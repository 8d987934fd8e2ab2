// What narrow weights gain on AVX2 without VNNI: Markdown.
import fs from 'node:fs';
import path from 'node:path';

import { octet, octetJson } from '../../tests/interop/octet.mjs';
import { makeModels, work } from './models.mjs';

const [fp32, int8] = makeModels(/^resnet18$/).map(({ file }) => file);
const files = { '8 bits': int8 };
for (const bits of [7, 6, 4]) {
  const file = path.join(work, `resnet18_w${bits}a8.onnx`);
  if (!fs.existsSync(file)) {
    octet('quantize', fp32, '--config', `static_w${bits}a8`, '--calib-inputs', 'normal',
          '--calib-samples', '4', '-o', file);
  }
  files[`${bits} bits`] = file;
}
files.float = fp32;
const { results } = octetJson('--threads', '1', '--isa', 'avx2', 'bench', ...Object.values(files),
                              '--batch', '1', '--rounds', '50', '--no-memory');
console.log('| resnet18, weights of | ms | times as fast |\n|---|--:|--:|');
Object.keys(files).forEach((name, i) => {
  const { p50_ms: ms, ci95_ms: ci, speedup } = results[i];
  const text = (x) => x.toPrecision(3);
  console.log(`| ${name} | ${text(ms)} [${ci.map(text).join(', ')}] | ${text(speedup)} |`);
});
