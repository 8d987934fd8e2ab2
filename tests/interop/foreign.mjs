// Quantized models in the forms of other tools: every code that ONNX Runtime gives, or its neighbour.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import { require_, test } from './checks.mjs';
import { difference } from './compare.mjs';
import { judge } from './judge.mjs';
import { normals } from './normals.mjs';
import { octetJson, root, runOctet, work } from './octet.mjs';
import { openSession, runOrt } from './ort.mjs';

// ONNX Runtime fuses an Add between scales of shape [1], as PyTorch writes them, to an operator that
// it then refuses for its scales; without that fusion it computes what the file says, in float.
const asWritten = { graphOptimizationLevel: 'basic' };
const kOf = {
  torch_qat_per_channel: {
    dims: [2, 3, 12, 12], step: 0.01, float: ['gap', 'fc'], options: asWritten,
  },
  torch_qat_per_tensor: { dims: [2, 3, 12, 12], step: 0.01, options: asWritten },
  torch_qat_conv_bn: { dims: [2, 3, 8, 8], step: 0.012 },
  ort_qdq_u8s8_per_channel: { dims: [2, 3, 12, 12], step: 0.012 },
  ort_qdq_s8s8_per_channel: { dims: [2, 3, 12, 12], step: 0.012 },
  ort_qdq_u8u8_per_tensor: { dims: [2, 3, 12, 12], step: 0.012 },
  ort_qdq_u8u8_per_channel: { dims: [2, 3, 12, 12], step: 0.012 },
  ort_qdq_conv1d: { dims: [2, 4, 20], step: 0.015 },
  ort_qdq_u8s8_constant_nodes: { dims: [2, 3, 12, 12], step: 0.012 },
  ort_qoperator_u8s8: { dims: [2, 3, 12, 12], step: 0.012 },
  ort_qoperator_s8s8: { dims: [2, 3, 12, 12], step: 0.012 },
  ort_qoperator_u8u8: { dims: [2, 3, 12, 12], step: 0.012 },
};

const folder = path.join(work, 'foreign');
function model(name) {
  if (!fs.existsSync(folder)) {
    fs.mkdirSync(folder);
    execFileSync(path.join(root, 'build/release/tests/foreign/octet_foreign_models'), [folder]);
  }
  return path.join(folder, `${name}.onnx`);
}
fs.rmSync(folder, { recursive: true, force: true });

for (const [name, { dims, step, float = [], options = {} }] of Object.entries(kOf)) {
  test(`${name}, one step`, async () => {
    const file = model(name);
    const layers = octetJson('info', file, '--layers').layers;
    const inFloat = layers.filter((layer) => layer.why_float || !layer.kernel);
    require_(layers.length >= 1, 'no layers');
    require_(`${inFloat.map((layer) => layer.name)}` === `${float}`,
             `in float: ${inFloat.map(({ name, why_float }) => `${name} (${why_float})`)}`);
    const input = { data: normals(dims.reduce((a, b) => a * b, 1), 3), dims };
    const session = await openSession(file, { logSeverityLevel: 3, ...options });
    const theirs = (await runOrt(session, input)).y;
    const ours = runOctet(file, 'x', input, ['y']).y;
    return judge(ours, theirs, (a, b) => {
      const { largest, different } = difference(a, b, step);
      return {
        holds: largest <= 1.001 * step && different <= a.data.length / 20,
        text: `${layers.length - float.length} of ${layers.length} layers on integers, ` +
            `${different} of ${a.data.length} outputs differ, by up to ` +
            `${Math.round(largest / step)} steps`,
      };
    });
  });
}
