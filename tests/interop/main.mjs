import os from 'node:os';

import { runAll } from './checks.mjs';
import { ortVersion, precision } from './ort.mjs';

import './floats.mjs';
import './quantized.mjs';
import './strangers.mjs';
import './tensors.mjs';

console.log(`ONNX Runtime ${ortVersion} on ${os.cpus()[0].model}, integer precision: ${precision}`);
process.exitCode = (await runAll()) ? 0 : 1;
