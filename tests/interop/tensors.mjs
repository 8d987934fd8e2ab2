// Every quantized tensor of one network, not only its logits.
import { require_, test } from './checks.mjs';
import { loadCifar10Test } from './cifar10.mjs';
import { difference } from './compare.mjs';
import { judge } from './judge.mjs';
import { runOctet } from './octet.mjs';
import { quantizedTensors, readModel, withOutputs, writeModel } from './onnx.mjs';
import { openSession, runOrt } from './ort.mjs';
import { quantized, trainedModels } from './quantized.mjs';

test('small_cnn static_int8_per_channel, every quantized tensor', async () => {
  const cnn = trainedModels[0];
  const source = quantized(cnn, 'static_int8_per_channel');
  const network = readModel(source);
  const tensors = quantizedTensors(network);
  const names = tensors.map(({ name }) => name);
  require_(names.length >= 9, `${names.length} quantized tensors`);
  const file = source.replace('.onnx', '_tapped.onnx');
  writeModel(withOutputs(network, tensors), file);

  const images = loadCifar10Test(16, cnn);
  const session = await openSession(file);
  const ours = runOctet(file, session.inputNames[0], images, names);
  const theirs = await runOrt(session, images);
  let elements = 0, different = 0, largest = 0;
  for (const name of names) {
    judge(ours[name], theirs[name], (a, b) => {
      const { largest, different, percent } = difference(a, b);
      return {
        holds: largest <= 1 && percent <= 0.1,
        text: `${name}: ${different} of ${a.data.length} codes differ, by up to ${largest}`,
      };
    });
    const d = difference(ours[name], theirs[name]);
    elements += ours[name].data.length;
    different += d.different;
    largest = Math.max(largest, d.largest);
  }
  return `${names.length} tensors, ${different} of ${elements} codes differ, by up to ${largest}`;
});
