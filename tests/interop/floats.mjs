// Float networks that octet built, trained and exported.
import path from 'node:path';

import { Skip, test } from './checks.mjs';
import { difference, magnitude } from './compare.mjs';
import { judge } from './judge.mjs';
import { normals } from './normals.mjs';
import { dataDir, octet, runOctet, work } from './octet.mjs';
import { openSession, runOrt } from './ort.mjs';

const kBound = 1e-4;  // of the largest output
const kBatch = 32;

const networks = [
  { model: 'traffic_net', data: 'roads', sample: [7] },
  { model: 'mnist_mlp', data: 'mnist', sample: [1, 28, 28] },
  { model: 'small_cnn', data: 'shapes10', sample: [3, 32, 32] },
  { model: 'resnet20', data: 'shapes10', sample: [3, 32, 32] },
  { model: 'mobilenet_v2', data: 'shapes10', sample: [3, 32, 32], options: ['--input-size', '32'] },
];

for (const { model, data, sample, options = [] } of networks) {
  test(`${model} in float`, async () => {
    if (data === 'mnist' && !dataDir) throw new Skip('no MNIST in $OCTET_DATA_DIR or ../shared/data');
    const file = path.join(work, `${model}_fp32.onnx`);
    octet('train', '--model', model, '--data', data, '--epochs', '1', '--limit', '128', '--batch',
          '32', ...options, '-o', file);
    const session = await openSession(file);
    const [name] = session.inputNames, [output] = session.outputNames;
    const dims = [kBatch, ...sample];
    const input = { data: normals(dims.reduce((a, b) => a * b), 3), dims };
    const ours = runOctet(file, name, input, [output])[output];
    const theirs = (await runOrt(session, input))[output];
    return judge(ours, theirs, (a, b) => {
      const scale = magnitude(b);
      const { largest } = difference(a, b);
      return {
        holds: largest <= kBound * scale,
        text: `largest difference ${largest.toExponential(1)}, outputs up to ${scale.toPrecision(3)}`,
      };
    });
  });
}
