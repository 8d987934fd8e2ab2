// Every quantized tensor of one network, not only its logits.
import fs from 'node:fs';

import { require_, test } from './checks.mjs';
import { loadCifar10Test } from './cifar10.mjs';
import { difference } from './compare.mjs';
import { judge } from './judge.mjs';
import { octet, runOctet } from './octet.mjs';
import { openSession, runOrt } from './ort.mjs';
import { field } from './protobuf.mjs';
import { quantized, trainedModels } from './quantized.mjs';

const kUInt8 = 2;  // TensorProto.DataType

/// Appends uint8 graph outputs to a model. Protobuf merges what is appended into the message, so
/// the file's own bytes stay as they are.
function withOutputs(model, names) {
  const type = field(2, field(1, Buffer.from([1 << 3, kUInt8])));  // ValueInfoProto.type
  const outputs = names.map((name) => field(12, Buffer.concat([field(1, Buffer.from(name)), type])));
  return Buffer.concat([model, field(7, Buffer.concat(outputs))]);  // ModelProto.graph
}

test('small_cnn static_int8_per_channel, every quantized tensor', async () => {
  const cnn = trainedModels[0];
  const source = quantized(cnn, 'static_int8_per_channel');
  const graph = octet('info', source, '--graph');
  const names = [...graph.matchAll(/: QuantizeLinear\(.* -> (\S+) uint8 /g)].map((m) => m[1]);
  require_(names.length >= 9, `${names.length} quantized tensors`);
  const file = source.replace('.onnx', '_tapped.onnx');
  fs.writeFileSync(file, withOutputs(fs.readFileSync(source), names));

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
