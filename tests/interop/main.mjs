import os from 'node:os';

import { runAll } from './checks.mjs';
import { ortVersion, precision } from './ort.mjs';

import './floats.mjs';
import './foreign.mjs';
import './networks.mjs';
import './quantized.mjs';
import './strangers.mjs';
import './tensors.mjs';
import './weight_only.mjs';
import './zoo.mjs';

console.log(`ONNX Runtime ${ortVersion} on ${os.cpus()[0].model}, integer precision: ${precision}`);
const pattern = process.argv.slice(2).find((argument) => !argument.startsWith('--'));
process.exitCode = (await runAll(pattern && new RegExp(pattern))) ? 0 : 1;
