// The models to time, made by octet itself: a float network and its static INT8 form. One short
// epoch makes the weights of a small network, those of a large one are drawn: time does not depend
// on how good they are.
import fs from 'node:fs';
import path from 'node:path';

import { normals } from '../../tests/interop/normals.mjs';
import { writeNpy } from '../../tests/interop/npy.mjs';
import { octet, root } from '../../tests/interop/octet.mjs';

export const work = path.join(root, 'build/peers');

const networks = [
  { name: 'small_cnn', model: 'small_cnn', size: 32 },
  { name: 'mobilenet_v2@32', model: 'mobilenet_v2', size: 32 },
  { name: 'mobilenet_v2@224', model: 'mobilenet_v2', size: 224 },
  { name: 'mobilenet_v3_large', model: 'mobilenet_v3_large', size: 224, drawn: true },
  { name: 'resnet18', model: 'resnet18', size: 224, drawn: true },
  { name: 'vgg11_bn', model: 'vgg11_bn', size: 224, drawn: true },
];

/// Noise with labels as `npy:` data, for sizes that no generated set has.
function noiseImages(size) {
  const count = 16;
  const [images, labels] = ['x', 'y'].map((part) => path.join(work, `noise${size}_${part}.npy`));
  const data = Uint8Array.from(normals(count * 3 * size * size, 5),
                               (x) => Math.min(255, Math.max(0, 128 + 50 * x)));
  writeNpy(images, { data, dims: [count, 3, size, size] });
  writeNpy(labels, { data: Int32Array.from({ length: count }, (_, i) => i % 2), dims: [count] });
  return `npy:${images},${labels}`;
}

function train(model, size, fp32, int8) {
  const data = size === 32 ? 'shapes10' : noiseImages(size);
  octet('train', '--model', model, '--input-size', `${size}`, '--data', data, '--epochs', '1',
        '--limit', '64', '--batch', '8', '--no-augment', '-o', fp32);
  octet('quantize', fp32, '--config', 'static_int8_per_channel', '--data', data,
        '--calib-samples', '16', '-o', int8);
}

function draw(model, fp32, int8) {
  const folder = path.join(work, `grid_${model}`);
  octet('pipeline', '--grid', model, '--configs', 'fp32_baseline,static_int8_per_channel',
        '--rounds', '10', '-o', folder);
  fs.renameSync(path.join(folder, `${model}.fp32_baseline.onnx`), fp32);
  fs.renameSync(path.join(folder, `${model}.static_int8_per_channel.onnx`), int8);
}

/// {name, precision, file, size}, float before INT8.
export function makeModels(only) {
  fs.mkdirSync(work, { recursive: true });
  return networks.filter(({ name }) => only.test(name)).flatMap(({ name, model, size, drawn }) => {
    const [fp32, int8] = ['fp32', 'int8'].map((type) => path.join(work, `${model}_${size}_${type}.onnx`));
    if (!fs.existsSync(int8)) {
      if (drawn) draw(model, fp32, int8);
      else train(model, size, fp32, int8);
    }
    return [{ name, precision: 'FP32', file: fp32, size }, { name, precision: 'INT8', file: int8, size }];
  });
}
