// Every network of the zoo in every configuration that needs no training, weights drawn at random:
// whole in float and with dynamic ranges, layer by layer where activations are quantized. (Codes
// that differ by one step may grow to two in the layers behind; a layer with equal inputs may not.)
import path from 'node:path';

import { test } from './checks.mjs';
import { difference, magnitude } from './compare.mjs';
import { judge } from './judge.mjs';
import { compareLayers, inputOf } from './layers.mjs';
import { octet, runOctet, work } from './octet.mjs';
import { openSession, runOrt } from './ort.mjs';

const kFloatBound = 1e-4;    // of the largest output
const kDynamicBound = 0.01;  // of the largest output: a code of one layer may differ by a step

const networks = [
  { model: 'traffic_net', dims: [32, 7] },
  { model: 'mnist_mlp', dims: [32, 1, 28, 28] },
  { model: 'small_cnn', dims: [8, 3, 32, 32] },
  { model: 'resnet20', dims: [8, 3, 32, 32] },
  { model: 'mobilenet_v2', dims: [1, 3, 224, 224] },
  { model: 'mobilenet_v3_large', dims: [1, 3, 224, 224] },
  { model: 'resnet18', dims: [1, 3, 224, 224] },
  { model: 'vgg11_bn', dims: [1, 3, 224, 224] },
];
const wholeConfigs = { fp32_baseline: kFloatBound, dynamic_int8: kDynamicBound };
const layerConfigs = ['static_int8_per_tensor', 'static_int8_per_channel', 'static_w6a8'];

const folders = new Map();
/// One run of the grid writes all files of a network.
function fileOf(model, config) {
  if (!folders.has(model)) {
    const folder = path.join(work, `grid_${model}`);
    const configs = [...Object.keys(wholeConfigs), ...layerConfigs].join(',');
    try {
      octet('pipeline', '--grid', model, '--configs', configs, '--rounds', '10', '-o', folder);
    } catch (error) {
      // 1: a gate is broken. The scales of a tiny network weigh too much, its files are all there.
      if (error.status !== 1) throw error;
    }
    folders.set(model, folder);
  }
  return path.join(folders.get(model), `${model}.${config}.onnx`);
}

for (const { model, dims } of networks) {
  for (const [config, bound] of Object.entries(wholeConfigs)) {
    test(`${model} ${config}`, async () => {
      const file = fileOf(model, config);
      const session = await openSession(file);
      const [output] = session.outputNames;
      const ours = runOctet(file, session.inputNames[0], inputOf(dims), [output])[output];
      const theirs = (await runOrt(session, inputOf(dims)))[output];
      return judge(ours, theirs, (a, b) => {
        const part = difference(a, b).largest / magnitude(b);
        return { holds: part <= bound, text: `${part.toExponential(1)} of the largest output` };
      });
    });
  }
  for (const config of layerConfigs) {
    test(`${model} ${config}, layer by layer`, () => compareLayers(fileOf(model, config), dims));
  }
}
