// Attention and decoders (tests/models), quantized: every kind of unit that ONNX Runtime fuses.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import { require_, test } from './checks.mjs';
import { difference } from './compare.mjs';
import { judge } from './judge.mjs';
import { normals } from './normals.mjs';
import { octet, octetJson, root, runOctet, work } from './octet.mjs';
import { openSession, runOrt } from './ort.mjs';

const kBatch = 64;
const kPercent = 0.5;  // of the elements may be one step apart: Softmax, Erf and means are float

const dir = path.join(work, 'networks');
fs.mkdirSync(dir, { recursive: true });

function written(name) {
  execFileSync(path.join(root, 'build/release/tests/models/octet_write_test_models'), [dir]);
  return path.join(dir, `${name}.onnx`);
}

/// How often each operator name occurs in a model that ONNX Runtime has optimized.
function operators(file, names) {
  const text = fs.readFileSync(file).toString('latin1');
  return Object.fromEntries(names.map((name) => [name,
    text.split(String.fromCharCode(0x22, name.length) + name).length - 1]));  // NodeProto.op_type
}

const networks = [
  {
    name: 'vision_transformer', sample: [3, 12, 20],
    // Products of two activations; linear layers, whose float bias follows; the residual sums and
    // the places; what carries codes has lost its pairs.
    fused: { QLinearMatMul: 2, MatMulIntegerToFloat: 4, QLinearAdd: 3, QLinearConv: 1 },
  },
  {
    name: 'masked_transformer', sample: [12, 32],
    fused: { QLinearMatMul: 2, MatMulIntegerToFloat: 6, QLinearAdd: 2 },
  },
  {
    name: 'segmentation_decoder', sample: [3, 16, 16],
    fused: { QLinearConv: 6, QLinearConcat: 2, QLinearSigmoid: 1, QLinearLeakyRelu: 1 },
  },
];

for (const { name, sample, fused } of networks) {
  test(`${name} static_int8_per_channel`, async () => {
    const file = path.join(dir, `int8_${name}.onnx`);
    octet('quantize', written(name), '--config', 'static_int8_per_channel', '--calib-inputs',
          'normal', '--calib-samples', '64', '-o', file);
    const optimized = path.join(dir, `optimized_${name}.onnx`);
    const session = await openSession(file, {
      logSeverityLevel: 3, optimizedModelFilePath: optimized,
    });
    const found = operators(optimized, Object.keys(fused));
    require_(JSON.stringify(found) === JSON.stringify(fused),
             `ONNX Runtime has fused ${JSON.stringify(found)}, not ${JSON.stringify(fused)}`);
    const step = octetJson('info', file, '--layers').layers.at(-1).output_scale;
    const dims = [kBatch, ...sample];
    const input = { data: normals(dims.reduce((a, b) => a * b), 7), dims };
    const [output] = session.outputNames;
    const ours = runOctet(file, session.inputNames[0], input, [output])[output];
    const theirs = (await runOrt(session, input))[output];
    return judge(ours, theirs, (a, b) => {
      const { largest, different, percent } = difference(a, b, step);
      return {
        holds: largest <= 1.01 * step && percent <= kPercent,
        text: `largest difference ${(largest / step).toFixed(1)} output steps, ${different} of ` +
            `${a.data.length} elements differ; fused: ${JSON.stringify(fused)}`,
      };
    });
  });
}
