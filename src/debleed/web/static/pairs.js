// Stereo pairs: the two channels of a file, or two files of one source that differ in L and R.

const SIDE = /^(.+?)(?:[ ._-]+(?:[lr]|left|right|[LR]|Left|Right)|(?<=[a-z0-9])(?:[LR]|Left|Right))$/; // "ohR", not "guitar"

const LEAST = 12; // letters that are worth leaving out

function side(name) {
  const stem = name.match(SIDE)?.[1];
  return stem ? { stem: stem.toLowerCase(), left: /(l|left)$/i.test(name) } : null;
}

// Indices of the microphones, in pairs where they are one: [[0], [1, 2], [3]], left before right.
export function paired(names, sources) {
  const sides = names.map(side), found = [], done = new Set();
  names.forEach((_, mic) => {
    if (done.has(mic)) return;
    const other = sides[mic] ? names.findIndex((__, k) => k > mic && !done.has(k) && sides[k]?.stem === sides[mic].stem
      && sides[k].left !== sides[mic].left && sources[k] === sources[mic]) : -1;
    const pair = other < 0 ? [mic] : sides[mic].left ? [mic, other] : [other, mic];
    pair.forEach((k) => done.add(k));
    found.push(pair);
  });
  return found;
}

// The two sides of a pair start left and right, all others in the middle.
export function usualPans(names, sources) {
  const pans = names.map(() => 0);
  for (const [left, right] of paired(names, sources)) if (right !== undefined) { pans[left] = -1; pans[right] = 1; }
  return pans;
}

// Names where room is short: what a recorder wrote in front of all of them is left out; no line ends after the dots.
export function brief(names) {
  const [first, ...others] = names, alike = [...first].findIndex((letter, k) => others.some((name) => name[k] !== letter));
  const shared = others.length ? first.slice(0, alike < 0 ? first.length : alike).search(/[^\p{L}\p{N}][\p{L}\p{N}]*$/u) + 1 : 0;
  return shared < LEAST ? names : names.map((name) => `…\u2060${name.slice(shared)}`);
}

// What a pair is called: OH for OH.L and OH.R.
export const nameOf = (pair, names) => (pair.length === 1 ? names[pair[0]] : names[pair[0]].replace(SIDE, "$1"));
