import { require_ } from './checks.mjs';
import { perturbed } from './compare.mjs';

const perturbs = process.argv.includes('--perturb');

/// `verdict(ours, theirs)` returns {holds, text}. It must hold, and must not hold for results that
/// are wrong in one sample of a hundred: a judge that accepts those proves nothing.
export function judge(ours, theirs, verdict) {
  const { holds, text } = verdict(perturbs ? perturbed(ours) : ours, theirs);
  require_(holds, text);
  require_(!verdict(perturbed(ours), theirs).holds, `accepts perturbed results; ${text}`);
  return text;
}
