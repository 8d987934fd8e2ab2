// What training makes. A short run: the layers have to agree whatever their weights are.
import path from 'node:path';

import { test } from './checks.mjs';
import { compareLayers } from './layers.mjs';
import { octet, work } from './octet.mjs';

const trainable = [
  { model: 'traffic_net', data: 'roads', dims: [32, 7] },
  { model: 'small_cnn', data: 'shapes10', dims: [8, 3, 32, 32] },
  { model: 'resnet20', data: 'shapes10', dims: [8, 3, 32, 32] },
  { model: 'mobilenet_v2', data: 'shapes10', dims: [8, 3, 32, 32], options: ['--input-size', '32'] },
];
for (const { model, data, dims, options = [] } of trainable) {
  test(`${model} qat_int8, layer by layer`, () => {
    const [fp32, int8] = ['trained', 'qat_int8'].map((what) => path.join(work, `${model}_${what}.onnx`));
    const short = ['--data', data, '--limit', '64', '--epochs', '1', '--batch', '16', '--no-augment'];
    octet('train', '--model', model, ...options, ...short, '-o', fp32);
    octet('qat', fp32, ...short, '-o', int8);
    return compareLayers(int8, dims);
  });
}
