// The test part of CIFAR-10 as network input, in the float32 arithmetic of octet's preprocessing.
import fs from 'node:fs';
import path from 'node:path';

import { Skip } from './checks.mjs';
import { dataDir } from './octet.mjs';

export const kPixels = 3 * 32 * 32;
const kRecordBytes = 1 + kPixels;

/// Images [count, 3, 32, 32] and their labels.
export function loadCifar10Test(count, { mean, std }) {
  const file = dataDir && path.join(dataDir, 'cifar10/cifar-10-batches-bin/test_batch.bin');
  if (!file || !fs.existsSync(file)) throw new Skip('no CIFAR-10 in $OCTET_DATA_DIR or ../shared/data');
  const bytes = fs.readFileSync(file);
  const data = new Float32Array(count * kPixels);
  const labels = [];
  for (let image = 0; image < count; image++) {
    const record = bytes.subarray(image * kRecordBytes, (image + 1) * kRecordBytes);
    labels.push(record[0]);
    for (let i = 0; i < kPixels; i++) {
      const channel = Math.floor(i / 1024);
      const x = Math.fround(record[1 + i] / 255);
      data[image * kPixels + i] =
          Math.fround(x - Math.fround(mean[channel])) / Math.fround(std[channel]);
    }
  }
  return { data, dims: [count, 3, 32, 32], labels };
}

/// Samples [first, first + count) of a batch.
export function part({ data, dims }, first, count) {
  const size = data.length / dims[0];
  return { data: data.slice(first * size, (first + count) * size), dims: [count, ...dims.slice(1)] };
}
