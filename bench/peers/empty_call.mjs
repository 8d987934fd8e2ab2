// What a call costs that computes nothing: Identity on one number.
import fs from 'node:fs';
import path from 'node:path';

import { field } from '../../tests/interop/protobuf.mjs';
import { work } from './models.mjs';
import { ortBurst, prepareOrt } from './ort_burst.mjs';

const text = (number, value) => field(number, Buffer.from(value));
const join = (...parts) => Buffer.concat(parts);

function identityModel() {
  const shape = field(2, field(1, Buffer.from([0x08, 1])));         // one dimension of 1
  const type = field(2, field(1, join(Buffer.from([0x08, 1]), shape)));  // float32
  const node = join(text(1, 'x'), text(2, 'y'), text(4, 'Identity'));
  const graph = join(field(1, node), text(2, 'identity'), field(11, join(text(1, 'x'), type)),
                     field(12, join(text(1, 'y'), type)));
  const opset = Buffer.from([0x10, 13]);
  return join(Buffer.from([0x08, 8]), field(7, graph), field(8, opset));  // IR version 8
}

export function emptyCallMs(threads) {
  const file = path.join(work, 'identity.onnx');
  fs.writeFileSync(file, identityModel());
  return ortBurst([prepareOrt(file, [1], threads)], 51, 100)[0];
}
