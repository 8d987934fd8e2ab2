// Quantized classifiers: same top-1 as ONNX Runtime on the images of CIFAR-10's test set.
import fs from 'node:fs';
import path from 'node:path';

import { Skip, require_, test } from './checks.mjs';
import { loadCifar10Test, part } from './cifar10.mjs';
import { agreement, difference, magnitude, topOne } from './compare.mjs';
import { judge } from './judge.mjs';
import { dataDir, octet, octetJson, runOctet, work } from './octet.mjs';
import { openSession, runOrt } from './ort.mjs';

const kImages = 10000;
const kImagesOneByOne = 2000;
const kLeastAgreement = 99.9;

export const trainedModels = [
  { name: 'small_cnn', mean: [0.4914, 0.4822, 0.4465], std: [0.2470, 0.2435, 0.2616] },
  { name: 'resnet20', mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
];

export function quantized(model, config) {
  const source = dataDir && path.join(dataDir, `models/${model.name}_cifar10_fp32.onnx`);
  if (!source || !fs.existsSync(source)) throw new Skip(`no ${model.name}_cifar10_fp32.onnx`);
  loadCifar10Test(1, model);  // skips before octet fails to calibrate
  const file = path.join(work, `${model.name}_${config}.onnx`);
  octet('quantize', source, '--config', config, '--data', 'cifar10', '-o', file);
  return file;
}

/// All logits of both runtimes, in calls of `batch` images.
async function logitsOfBoth(file, images, batch) {
  const session = await openSession(file);
  const ours = new Float32Array(images.dims[0] * 10), theirs = new Float32Array(ours.length);
  const [input] = session.inputNames, [output] = session.outputNames;
  for (let first = 0; first < images.dims[0]; first += batch) {
    const chunk = part(images, first, batch);
    ours.set(runOctet(file, input, chunk, [output])[output].data, first * 10);
    theirs.set((await runOrt(session, chunk))[output].data, first * 10);
  }
  const dims = [images.dims[0], 10];
  return [{ data: ours, dims }, { data: theirs, dims }];
}

function sameTopOne(step) {
  return (ours, theirs) => {
    const percent = agreement(ours, theirs);
    const { largest, different } = difference(ours, theirs, step);
    const size = step ? `${Math.round(largest / step)} output steps, ${different} of ${
                            ours.data.length} logits differ`
                      : `${(100 * largest / magnitude(theirs)).toFixed(3)} % of the largest logit`;
    return {
      holds: percent >= kLeastAgreement,
      text: `same top-1 on ${percent.toFixed(2)} % of ${ours.dims[0]}, largest difference ${size}`,
    };
  };
}

for (const model of trainedModels) {
  for (const config of ['static_int8_per_channel', 'static_int8_per_tensor']) {
    test(`${model.name} ${config}`, async () => {
      const file = quantized(model, config);
      const step = octetJson('info', file, '--layers').layers.at(-1).output_scale;
      const [ours, theirs] = await logitsOfBoth(file, loadCifar10Test(kImages, model), 500);
      return judge(ours, theirs, sameTopOne(step));
    });
  }
}

// A dynamic range is that of the whole call, so both runtimes get the same calls.
const cnn = trainedModels[0];
test('small_cnn dynamic_int8, calls of 50', async () => {
  const file = quantized(cnn, 'dynamic_int8');
  const [ours, theirs] = await logitsOfBoth(file, loadCifar10Test(kImages, cnn), 50);
  return judge(ours, theirs, sameTopOne(0));
});

// One process per image would take minutes; `octet eval` makes calls of one image for such models.
test('small_cnn dynamic_int8, calls of 1', async () => {
  const file = quantized(cnn, 'dynamic_int8');
  const images = loadCifar10Test(kImagesOneByOne, cnn);
  const session = await openSession(file);
  const correct = new Float32Array(10), samples = new Float32Array(10);
  for (let i = 0; i < kImagesOneByOne; i++) {
    const logits = (await runOrt(session, part(images, i, 1)))[session.outputNames[0]];
    samples[images.labels[i]]++;
    correct[images.labels[i]] += topOne(logits)[0] === images.labels[i];
  }
  const evaluated = octetJson('eval', file, '--data', 'cifar10', '--limit', `${kImagesOneByOne}`);
  require_(evaluated.samples === kImagesOneByOne, `${evaluated.samples} samples evaluated`);
  const ours = Object.values(evaluated.per_class).map(
      (percent, label) => Math.round(percent * samples[label] / 100));
  const perClass = (data) => ({ data, dims: [1, 10] });
  return judge(perClass(Float32Array.from(ours)), perClass(correct), (a, b) => {
    const apart = a.data.reduce((sum, count, label) => sum + Math.abs(count - b.data[label]), 0);
    const [x, y] = [a, b].map(({ data }) => data.reduce((m, n) => m + n));
    return {
      holds: apart <= kImagesOneByOne * (100 - kLeastAgreement) / 100,
      text: `${x} and ${y} of ${kImagesOneByOne} correct, ${apart} apart by class`,
    };
  });
});
