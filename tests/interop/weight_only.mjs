// Weights of 4 and 8 bits under float activations. ONNX Runtime must make MatMulNBits of the linear
// layers: that is why octet writes them as MatMul with the weight [k, n] and blocks along k. It does
// so for every layer but those that a Relu or Clip follows at once (1.30 and before): these it
// computes with the dequantized weight.
import fs from 'node:fs';
import path from 'node:path';

import { Skip, require_, test } from './checks.mjs';
import { difference, magnitude } from './compare.mjs';
import { judge } from './judge.mjs';
import { normals } from './normals.mjs';
import { dataDir, octet, runOctet, work } from './octet.mjs';
import { readModel } from './onnx.mjs';
import { openSession, runOrt } from './ort.mjs';

const kBound = 1e-4;  // of the largest output: float sums in another order, nothing else
const kBatch = 32;
const kConfigs = ['weight_only_w8', 'weight_only_w4', 'weight_only_w4_g32', 'weight_only_w4_g128'];

/// By default ONNX Runtime rounds the activations of MatMulNBits to 8 bits; 1 is float32.
const kFloatActivations = { session: { qdq_matmulnbits_accuracy_level: '1' } };

/// The products by a dequantized matrix that no clamp follows, behind their Add.
function fusable(model) {
  const nodes = model.graph.node;
  const readers = (name) => nodes.filter(({ input }) => input.includes(name));
  const clamps = (node) => ['Relu', 'Clip'].includes(node?.opType);
  return nodes.filter(({ opType }) => opType === 'MatMul').filter(({ output }) => {
    const [next] = readers(output[0]);
    return !clamps(next) && !(next?.opType === 'Add' && clamps(readers(next.output[0])[0]));
  }).length;
}

async function compare(file, sample) {
  const optimized = `${file}.ort.onnx`;
  const session = await openSession(file, {
    optimizedModelFilePath: optimized, extra: kFloatActivations, logSeverityLevel: 3,
  });
  const fused = readModel(optimized).graph.node.filter((n) => n.opType === 'MatMulNBits').length;
  const expected = fusable(readModel(file));
  require_(expected > 0 && fused === expected, `${fused} of ${expected} became MatMulNBits`);
  const [name] = session.inputNames, [output] = session.outputNames;
  const dims = [kBatch, ...sample];
  const input = { data: normals(dims.reduce((a, b) => a * b), 5), dims };
  const ours = runOctet(file, name, input, [output])[output];
  const theirs = (await runOrt(session, input))[output];
  return judge(ours, theirs, (a, b) => {
    const scale = magnitude(b);
    const { largest } = difference(a, b);
    return {
      holds: largest <= kBound * scale,
      text: `${fused} MatMulNBits, largest difference ${largest.toExponential(1)}, outputs up to ${
          scale.toPrecision(3)}`,
    };
  });
}

for (const config of kConfigs) {
  test(`small_cnn ${config}`, async () => {
    const source = dataDir && path.join(dataDir, 'models/small_cnn_cifar10_fp32.onnx');
    if (!source || !fs.existsSync(source)) throw new Skip('no small_cnn_cifar10_fp32.onnx');
    const file = path.join(work, `small_cnn_${config}.onnx`);
    octet('quantize', source, '--config', config, '-o', file);
    return compare(file, [3, 32, 32]);
  });
  test(`mnist_mlp ${config}`, async () => {
    const dir = path.join(work, 'weight_only');
    octet('pipeline', '--grid', 'mnist_mlp', '--configs', config, '--rounds', '10', '-o', dir);
    return compare(path.join(dir, `mnist_mlp.${config}.onnx`), [1, 28, 28]);
  });
}
